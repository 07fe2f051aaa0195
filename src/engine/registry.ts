/**
 * The command table: built once a thread from the definitions, looked up per command without
 * allocating. The hot lookup hashes the name's letters (case folded) into an open-addressing table
 * of entry indexes and compares packed words; subcommands are looked up by string, off the data
 * path.
 */

import type { ArgumentVector } from '../base/arguments.js';
import type { Region } from '../base/region.js';
import type { CommandEntry, CommandRegistry } from '../commands/contract/context.js';
import type {
  CommandDefinition,
  ContainerDefinition,
  KeySpecification,
} from '../commands/contract/definition.js';
import { KEY_WRITTEN, type KeyPlaces, keyFlagBits } from '../commands/contract/key-flags.js';
import { categoriesOf } from './categories.js';
import { type CompiledKeys, compileKeys, findKeys } from './key-places.js';

/** How the dispatcher treats a command, as bits derived from its definition. */
export const TRAIT_WRITE = 1;
export const TRAIT_DENY_OOM = 2;
export const TRAIT_NO_AUTH = 4;
export const TRAIT_LOCK_ALL = 8;
export const TRAIT_LOCK_NONE = 16;
export const TRAIT_NO_MULTI = 32;
export const TRAIT_FAST = 128;
export const TRAIT_LOADING = 256;
export const TRAIT_STALE = 512;
export const TRAIT_MAY_REPLICATE = 2048;
/** All keys are given by firstKey, lastKey, keyStep. */
export const TRAIT_SIMPLE_KEYS = 4096;
/** Not O(1): every call is timed. */
export const TRAIT_TIMED = 8192;
/** Runs at once between MULTI and EXEC, instead of being queued. */
export const TRAIT_TRANSACTION_CONTROL = 16384;
/** Runs what was queued since MULTI; whatever forbids a queued command forbids this one. */
export const TRAIT_RUNS_QUEUE = 32768;

export type AnyDefinition = CommandDefinition | ContainerDefinition;

export class RegisteredCommand implements CommandEntry {
  readonly subcommands = new Map<string, RegisteredCommand>();
  hasSubcommands = false;
  readonly categories: readonly string[];
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
  readonly arity: number;
  readonly traits: number;
  readonly fullName: string;
  readonly run: CommandDefinition['run'];
  readonly keys: readonly CompiledKeys[];
  readonly readsAnyKey: CommandDefinition['readsAnyKey'];
  /** Type of the values that it waits for, '' when it does not block. */
  readonly waitsFor: string;
  /** Whether it runs also when the key that it waits for is gone, or of another type. */
  readonly seesRemoval: boolean;
  /** A write whose keys are all marked as read, as in Redis: it writes to any of them. */
  readonly writesUnmarked: boolean;
  /** Keys that firstKey, lastKey and keyStep cannot describe. */
  readonly hasMovableKeys: boolean;

  constructor(
    readonly definition: AnyDefinition,
    readonly index: number,
    readonly parent: RegisteredCommand | null,
  ) {
    this.fullName = definition.name;
    this.arity = definition.arity;
    this.categories = categoriesOf(definition);
    const triple = legacyTriple(isContainer(definition) ? undefined : definition.keys);
    this.firstKey = triple.firstKey;
    this.lastKey = triple.lastKey;
    this.keyStep = triple.keyStep;
    this.traits = traitsOf(definition);
    this.run = isContainer(definition) ? notRunnable : definition.run;
    this.readsAnyKey = isContainer(definition) ? undefined : definition.readsAnyKey;
    this.waitsFor = isContainer(definition) ? '' : (definition.waitsFor ?? '');
    this.seesRemoval = !isContainer(definition) && definition.seesRemoval === true;
    const specifications = (isContainer(definition) ? undefined : definition.keys) ?? [];
    this.writesUnmarked =
      (this.traits & TRAIT_WRITE) !== 0 &&
      specifications.every(({ flags }) => (keyFlagBits(flags) & KEY_WRITTEN) === 0);
    this.keys = compileKeys(specifications);
    this.hasMovableKeys = specifications.length > 0 && this.firstKey === 0;
  }
}

function notRunnable(): void {
  throw new Error('a container command has no handler of its own');
}

export function isContainer(definition: AnyDefinition): definition is ContainerDefinition {
  return 'container' in definition;
}

function legacyTriple(keys: readonly KeySpecification[] | undefined) {
  let firstKey = 0;
  let lastKey = 0;
  let keyStep = 0;
  for (const { begin, find } of keys ?? []) {
    if (!('index' in begin) || !('last' in find) || find.limit > 1) continue;
    const last = find.last >= 0 ? begin.index + find.last : find.last;
    if (firstKey === 0) {
      firstKey = begin.index;
      lastKey = last;
      keyStep = find.step;
    } else if (begin.index === lastKey + keyStep) {
      // Two specifications side by side (RENAME's two keys) read as one range.
      lastKey = last;
    }
  }
  return { firstKey, lastKey, keyStep };
}

function traitsOf(definition: AnyDefinition): number {
  const flags = definition.flags;
  let traits = 0;
  if (flags.includes('write')) traits |= TRAIT_WRITE;
  if (flags.includes('denyoom')) traits |= TRAIT_DENY_OOM;
  if (flags.includes('no_auth')) traits |= TRAIT_NO_AUTH;
  if (flags.includes('no_multi')) traits |= TRAIT_NO_MULTI;
  if (flags.includes('fast')) traits |= TRAIT_FAST;
  if (flags.includes('loading')) traits |= TRAIT_LOADING;
  if (flags.includes('stale')) traits |= TRAIT_STALE;
  if (flags.includes('may_replicate')) traits |= TRAIT_MAY_REPLICATE;
  if (!definition.complexity.startsWith('O(1)')) traits |= TRAIT_TIMED;
  if (isContainer(definition)) return traits;
  if (definition.transaction !== undefined) traits |= TRAIT_TRANSACTION_CONTROL;
  if (definition.transaction === 'execute') traits |= TRAIT_RUNS_QUEUE;
  if (definition.whileLoading === true) traits |= TRAIT_LOADING;
  if (definition.locks === 'all') traits |= TRAIT_LOCK_ALL;
  if (definition.locks === 'none') traits |= TRAIT_LOCK_NONE;
  if (keysAreOneRange(definition.keys ?? [])) traits |= TRAIT_SIMPLE_KEYS;
  return traits;
}

/** Whether firstKey, lastKey and keyStep tell all keys (no keyword, no count, no gaps). */
function keysAreOneRange(keys: readonly KeySpecification[]): boolean {
  const plain = keys.every(
    ({ begin, find }) => 'index' in begin && 'last' in find && find.limit <= 1,
  );
  if (!plain || keys.length <= 1) return plain;
  const { firstKey, lastKey, keyStep } = legacyTriple(keys);
  const last = keys[keys.length - 1]!;
  if (!('index' in last.begin) || !('last' in last.find)) return false;
  const end = last.find.last >= 0 ? last.begin.index + last.find.last : last.find.last;
  return firstKey > 0 && keyStep === 1 && end === lastKey;
}

const NAME_LIMIT_BYTES = 24;

export class Registry implements CommandRegistry {
  readonly commands = new Map<string, RegisteredCommand>();
  /** Every command and subcommand by its index. */
  readonly all: RegisteredCommand[] = [];
  private readonly buckets: Int32Array;
  private readonly mask: number;
  private readonly topLevel: RegisteredCommand[] = [];
  /** Names of topLevel commands, NAME_LIMIT_BYTES each, lower case, zero padded. */
  private readonly names: Uint8Array;

  constructor(definitions: readonly AnyDefinition[]) {
    const sorted = [...definitions].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const definition of sorted) this.add(definition);
    let size = 64;
    while (size < this.topLevel.length * 4) size *= 2;
    this.mask = size - 1;
    this.buckets = new Int32Array(size).fill(-1);
    this.names = new Uint8Array(this.topLevel.length * NAME_LIMIT_BYTES);
    for (const [index, command] of this.topLevel.entries()) this.place(command.fullName, index);
  }

  private add(definition: AnyDefinition): void {
    const bar = definition.name.indexOf('|');
    const parent = bar < 0 ? null : this.commands.get(definition.name.slice(0, bar));
    if (parent === undefined) throw new Error(`no container command for ${definition.name}`);
    const known = parent === null ? this.commands : parent.subcommands;
    const key = bar < 0 ? definition.name : definition.name.slice(bar + 1);
    if (known.has(key)) throw new Error(`command ${definition.name} is defined twice`);
    if (key.length > NAME_LIMIT_BYTES) throw new Error(`command name too long: ${definition.name}`);
    const command = new RegisteredCommand(definition, this.all.length, parent);
    this.all.push(command);
    known.set(key, command);
    if (parent !== null) parent.hasSubcommands = true;
    if (parent === null) this.topLevel.push(command);
  }

  private place(name: string, index: number): void {
    for (let i = 0; i < name.length; i++) {
      this.names[index * NAME_LIMIT_BYTES + i] = name.charCodeAt(i);
    }
    let bucket = hashName(this.names, index * NAME_LIMIT_BYTES, name.length) & this.mask;
    while (this.buckets[bucket] !== -1) bucket = (bucket + 1) & this.mask;
    this.buckets[bucket] = index;
  }

  /** The command that the bytes name, in any case, or null. Allocates nothing. */
  find(region: Region, offset: number, length: number): RegisteredCommand | null {
    if (length > NAME_LIMIT_BYTES) return null;
    const bytes = region.bytes;
    let bucket = hashName(bytes, offset, length) & this.mask;
    for (;;) {
      const index = this.buckets[bucket]!;
      if (index < 0) return null;
      const command = this.topLevel[index]!;
      if (
        command.fullName.length === length &&
        sameName(this.names, index * NAME_LIMIT_BYTES, bytes, offset, length)
      ) {
        return command;
      }
      bucket = (bucket + 1) & this.mask;
    }
  }

  lookup(name: string): RegisteredCommand | undefined {
    const bar = name.indexOf('|');
    if (bar < 0) return this.commands.get(name);
    return this.commands.get(name.slice(0, bar))?.subcommands.get(name.slice(bar + 1));
  }

  findKeys(entry: CommandEntry, args: ArgumentVector, into: KeyPlaces): boolean {
    return findKeys(this.all[entry.index]!.keys, args, into);
  }
}

function hashName(bytes: Uint8Array, offset: number, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + (bytes[offset + i]! | 0x20)) | 0;
  return hash ^ (hash >>> 15);
}

function sameName(
  names: Uint8Array,
  nameOffset: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) {
    const byte = bytes[offset + i]!;
    const folded = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (folded !== names[nameOffset + i]) return false;
  }
  return true;
}
