/**
 * The scripts that a thread can run, by SHA1. Sources live once, in memory of all threads
 * (memory/shared-records.ts), so that a script that one thread was given is known to all. What is
 * compiled is the thread's own and bounded: the oldest goes first, and is compiled again when needed.
 */
import { createHash } from 'node:crypto';
import type { SharedRecords } from '../../memory/shared-records.js';
import { isClosed } from '../../scripting/closedness.js';
import type { Environment } from '../../scripting/environment.js';
import type { LuaFunction } from '../../scripting/runtime/values.js';
import type { Registry } from '../registry.js';
import { keyPositions } from './key-positions.js';
import { scriptFlags, withoutShebang } from './shebang.js';

/** Compiled scripts of a thread, and the bytes of their sources. */
export const COMPILED_SCRIPTS_MAX = 2048;
export const COMPILED_BYTES_MAX = 16 * 1024 * 1024;
/** Room for the sources of all scripts. */
export const SOURCES_BYTES_MAX = 64 * 1024 * 1024;
const TAG_EVALUATED = 0;
const TAG_LOADED = 1;
const SHA_LENGTH = 40;

/** A script as it can be run. */
export interface Script {
  readonly sha: string;
  readonly source: string;
  readonly flags: number;
  readonly run: LuaFunction;
  /** All keys that it can touch are among those that it is given. */
  readonly isClosed: boolean;
  /** Its source is in the memory of all threads: EVALSHA finds it. */
  isShared: boolean;
  /** It is open, and has written: from now on it begins with the order lock. */
  writesOpen: boolean;
}

/** There is no room for one more source. */
export class ScriptsFullError extends Error {}

export function sha1(source: string): string {
  return createHash('sha1').update(source, 'latin1').digest('hex');
}

export class ScriptCache {
  private readonly bySha = new Map<string, Script>();
  /** The same, so that EVAL need not hash a source again. */
  private readonly bySource = new Map<string, Script>();
  private bytes = 0;
  private generation = 0;

  constructor(
    private readonly records: SharedRecords,
    private readonly environment: Environment,
    private readonly registry: Registry,
  ) {}

  get count(): number {
    return this.records.count;
  }

  get sourceBytes(): number {
    return this.records.usedBytes;
  }

  has(sha: string): boolean {
    return this.records.find(sha.toLowerCase()) !== undefined;
  }

  /** The script of a SHA1 in any case, or undefined. */
  find(sha: string): Script | undefined {
    if (sha.length !== SHA_LENGTH) return undefined;
    this.refresh();
    // Most clients send it in lower case, as SCRIPT LOAD tells it.
    const known = this.bySha.get(sha);
    return known?.isShared === true ? known : this.findShared(sha.toLowerCase());
  }

  private findShared(sha: string): Script | undefined {
    const place = this.records.find(sha);
    if (place === undefined) return undefined;
    const script = this.bySha.get(sha) ?? this.compile(sha, this.records.text(place));
    script.isShared = true;
    return script;
  }

  /**
   * The script of a source, kept from now on as long as there is room.
   * @throws LuaSyntaxError, ShebangError
   */
  evaluated(source: string): Script {
    this.refresh();
    const known = this.bySource.get(source);
    if (known !== undefined) return known;
    const sha = sha1(source);
    const script = this.bySha.get(sha) ?? this.compile(sha, source);
    // Without room it runs all the same; EVALSHA does not find it.
    script.isShared = this.records.add(sha, source, TAG_EVALUATED);
    return script;
  }

  /** Keeps a source until SCRIPT FLUSH. @throws LuaSyntaxError, ShebangError, ScriptsFullError */
  load(source: string): string {
    const { sha } = this.evaluated(source);
    if (!this.records.add(sha, source, TAG_LOADED)) throw new ScriptsFullError();
    return sha;
  }

  clear(): void {
    this.records.clear();
    this.followGeneration();
  }

  /** Forgets all scripts when another thread has dropped them. */
  private refresh(): void {
    this.records.refresh();
    this.followGeneration();
  }

  private followGeneration(): void {
    const { generation } = this.records;
    if (generation === this.generation) return;
    this.generation = generation;
    this.bySha.clear();
    this.bySource.clear();
    this.bytes = 0;
  }

  private compile(sha: string, source: string): Script {
    const flags = scriptFlags(source);
    const body = withoutShebang(source);
    const { run, closedness } = this.environment.compileAnalyzed(body);
    const script: Script = {
      sha,
      source,
      flags,
      run,
      isClosed: isClosed(closedness, (call) => keyPositions(this.registry, call)),
      isShared: false,
      writesOpen: false,
    };
    this.keep(script);
    return script;
  }

  private keep(script: Script): void {
    this.bySha.set(script.sha, script);
    this.bySource.set(script.source, script);
    this.bytes += script.source.length;
    for (const oldest of this.bySha.values()) {
      const isFull = this.bySha.size > COMPILED_SCRIPTS_MAX || this.bytes > COMPILED_BYTES_MAX;
      if (!isFull || oldest === script) return;
      this.bySha.delete(oldest.sha);
      this.bySource.delete(oldest.source);
      this.bytes -= oldest.source.length;
    }
  }
}
