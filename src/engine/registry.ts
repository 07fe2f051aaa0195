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
  ChannelSpecification,
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
/** Neither O(1) nor O(log(N)) for each of its arguments: every call is timed that is not short. */
export const TRAIT_TIMED = 8192;
/** Runs at once between MULTI and EXEC, instead of being queued. */
export const TRAIT_TRANSACTION_CONTROL = 16384;
/** Runs what was queued since MULTI; whatever forbids a queued command forbids this one. */
export const TRAIT_RUNS_QUEUE = 32768;
/** Scripts may not run it. */
export const TRAIT_NO_SCRIPT = 65536;
/** Served while a script runs for too long. */
export const TRAIT_ALLOW_BUSY = 131072;
/** It runs a script: keys that it does not declare are locked while it runs. */
export const TRAIT_RUNS_SCRIPT = 262144;
/** RESP2 clients may send it while they are subscribed to channels. */
export const TRAIT_WHILE_SUBSCRIBED = 524288;
/** A client that tracks keys has the keys of this command in its cache. */
export const TRAIT_TRACKED = 4194304;
/** Refused as a write is when data cannot be saved. */
export const TRAIT_TELLS_SAVE_FAILURE = 8388608;

/** Commands that take microseconds, but for those with many arguments. */
const SHORT_COMPLEXITY = /^O\((1|log\(N\))\)/;

/** MONITOR does not show it. */
export const TRAIT_UNWATCHED = 1048576;
/** It only reads keys. */
export const TRAIT_READ = 2097152;

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
  readonly channels: ChannelSpecification | null;
  readonly readsAnyKey: CommandDefinition['readsAnyKey'];
  readonly isSecret: CommandDefinition['isSecret'];
  /** Type of the values that it waits for, '' when it does not block. */
  readonly waitsFor: string;
  readonly runsScript: CommandDefinition['runsScript'];
  readonly keepsCaching: boolean;
  /** A call of so many arguments, or fewer, is not timed. */
  readonly shortArguments: number;
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
    this.isSecret = isContainer(definition) ? undefined : definition.isSecret;
    this.keepsCaching = isContainer(definition) && definition.keepsCaching === true;
    this.shortArguments = isContainer(definition) ? 0 : (definition.shortArguments ?? 0);
    this.channels = isContainer(definition) ? null : (definition.channels ?? null);
    this.waitsFor = isContainer(definition) ? '' : (definition.waitsFor ?? '');
    this.runsScript = isContainer(definition) ? undefined : definition.runsScript;
    this.seesRemoval = !isContainer(definition) && definition.seesRemoval === true;
    const specifications = (isContainer(definition) ? undefined : definition.keys) ?? [];
    this.writesUnmarked =
      (this.traits & TRAIT_WRITE) !== 0 &&
      specifications.every(({ flags }) => (keyFlagBits(flags) & KEY_WRITTEN) === 0);
    this.keys = compileKeys(specifications);
    this.hasMovableKeys = specifications.length > 0 && this.firstKey === 0;
  }

  /**
   * Whether a vector of so many arguments has one key, at `firstKey`. A negative lastKey counts from the
   * end: DEL with one key has one shard like GET.
   */
  hasOneKey(count: number): boolean {
    const { firstKey, lastKey } = this;
    const last = lastKey < 0 ? count + lastKey : lastKey;
    return firstKey !== 0 && last === firstKey && (this.traits & TRAIT_SIMPLE_KEYS) !== 0;
  }

  /** Whether a vector may have so many arguments, the command's name included. */
  accepts(count: number): boolean {
    return this.arity > 0 ? count === this.arity : count >= -this.arity;
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
  if (flags.includes('readonly')) traits |= TRAIT_READ;
  if (flags.includes('skip_monitor') || flags.includes('admin')) traits |= TRAIT_UNWATCHED;
  if (flags.includes('noscript')) traits |= TRAIT_NO_SCRIPT;
  if (flags.includes('allow_busy')) traits |= TRAIT_ALLOW_BUSY;
  if (!SHORT_COMPLEXITY.test(definition.complexity)) traits |= TRAIT_TIMED;
  if (isContainer(definition)) return traits;
  if (definition.transaction !== undefined) traits |= TRAIT_TRANSACTION_CONTROL;
  if (definition.transaction === 'execute') traits |= TRAIT_RUNS_QUEUE;
  if (definition.runsScript !== undefined) traits |= TRAIT_RUNS_SCRIPT;
  else if (flags.includes('readonly')) traits |= TRAIT_TRACKED;
  if (definition.whileLoading === true) traits |= TRAIT_LOADING;
  if (definition.tellsSaveFailure === true) traits |= TRAIT_TELLS_SAVE_FAILURE;
  if (definition.whileSubscribed === true) traits |= TRAIT_WHILE_SUBSCRIBED;
  if (definition.locks === 'all') traits |= TRAIT_LOCK_ALL;
  if (definition.locks === 'none') traits |= TRAIT_LOCK_NONE;
  if (keysAreOneRange(definition.keys ?? [])) traits |= TRAIT_SIMPLE_KEYS;
  return traits;
}

/**
 * Whether firstKey, lastKey and keyStep tell all keys (no keyword, no count, no gaps, and nothing that
 * is no key: channels of SSUBSCRIBE).
 */
function keysAreOneRange(keys: readonly KeySpecification[]): boolean {
  if (keys.some(({ flags }) => flags.includes('not_key'))) return false;
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

/** The longest name that rename-command may give. */
export const COMMAND_NAME_BYTES_MAX = 128;

export class Registry implements CommandRegistry {
  /** By the names that clients use, which rename-command may have changed. */
  readonly commands = new Map<string, RegisteredCommand>();
  /** By their own names, also those that clients cannot call. */
  readonly originals = new Map<string, RegisteredCommand>();
  /** Every command and subcommand by its index. */
  readonly all: RegisteredCommand[] = [];
  private readonly buckets: Int32Array;
  private readonly mask: number;
  private readonly callable: RegisteredCommand[];
  /** Names of callable commands, nameBytes each, lower case, zero padded; and their lengths. */
  private readonly names: Uint8Array;
  private readonly nameLengths: Uint8Array;
  private readonly nameBytes: number;

  /** @param renames new names by the commands' own, one char a byte; '' for none: no one can call it */
  constructor(
    definitions: readonly AnyDefinition[],
    renames: ReadonlyMap<string, string> = new Map(),
  ) {
    const sorted = [...definitions].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const definition of sorted) this.add(definition);
    for (const [original, command] of this.originals) {
      const name = renames.get(original) ?? original;
      if (name !== '') this.commands.set(name, command);
    }
    let size = 64;
    while (size < this.commands.size * 4) size *= 2;
    this.mask = size - 1;
    this.buckets = new Int32Array(size).fill(-1);
    this.callable = [...this.commands.values()];
    const names = [...this.commands.keys()];
    this.nameBytes = Math.max(0, ...names.map((name) => name.length));
    this.names = new Uint8Array(names.length * this.nameBytes);
    this.nameLengths = Uint8Array.from(names, (name) => name.length);
    names.forEach((name, index) => {
      this.place(name, index);
    });
  }

  private add(definition: AnyDefinition): void {
    const bar = definition.name.indexOf('|');
    const parent = bar < 0 ? null : this.originals.get(definition.name.slice(0, bar));
    if (parent === undefined) throw new Error(`no container command for ${definition.name}`);
    const known = parent === null ? this.originals : parent.subcommands;
    const key = bar < 0 ? definition.name : definition.name.slice(bar + 1);
    if (known.has(key)) throw new Error(`command ${definition.name} is defined twice`);
    const command = new RegisteredCommand(definition, this.all.length, parent);
    this.all.push(command);
    known.set(key, command);
    if (parent !== null) parent.hasSubcommands = true;
  }

  private place(name: string, index: number): void {
    const offset = index * this.nameBytes;
    for (let i = 0; i < name.length; i++) this.names[offset + i] = name.charCodeAt(i);
    let bucket = hashName(this.names, offset, name.length) & this.mask;
    while (this.buckets[bucket] !== -1) bucket = (bucket + 1) & this.mask;
    this.buckets[bucket] = index;
  }

  /** The command that the bytes name, in any case, or null. Allocates nothing. */
  find(region: Region, offset: number, length: number): RegisteredCommand | null {
    if (length > this.nameBytes) return null;
    const bytes = region.bytes;
    let bucket = hashName(bytes, offset, length) & this.mask;
    for (;;) {
      const index = this.buckets[bucket]!;
      if (index < 0) return null;
      if (
        this.nameLengths[index] === length &&
        sameName(this.names, index * this.nameBytes, bytes, offset, length)
      ) {
        return this.callable[index]!;
      }
      bucket = (bucket + 1) & this.mask;
    }
  }

  lookup(name: string): RegisteredCommand | undefined {
    const bar = name.indexOf('|');
    if (bar < 0) return this.commands.get(name);
    return this.commands.get(name.slice(0, bar))?.subcommands.get(name.slice(bar + 1));
  }

  original(name: string): RegisteredCommand | undefined {
    const bar = name.indexOf('|');
    if (bar < 0) return this.originals.get(name);
    return this.originals.get(name.slice(0, bar))?.subcommands.get(name.slice(bar + 1));
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
