/**
 * Effects: what a write did, as a deterministic command vector on one key, in the form the journal
 * keeps and a replica replays through its ordinary dispatcher. A builder assembles the vector in a
 * region of its own and hands it to the sink. Without a sink (no replica, no journal) every call
 * returns at once. Only Mutation and Keyspace call it: commands change keys through those.
 *
 * Layout of a vector: count as u32 LE, then for each argument its length as u32 LE and its bytes.
 */

import type { ArgumentVector } from '../base/arguments.js';
import { millisecondsOf } from '../base/expiry-time.js';
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
import type { ValueEffects } from '../values/value-type.js';

/** One effect on its way to the sink. */
export interface Effect {
  shard: number;
  database: number;
  /** Hash position of the key; 0 for an effect without a key. */
  h1: number;
  /** FLUSHDB and SWAPDB, which concern the shard's databases. */
  keyless: boolean;
  /** The vector: `length` bytes at `offset`. */
  region: Region;
  offset: number;
  length: number;
}

export interface EffectSink {
  /**
   * Takes one effect. The object and the vector's bytes are only valid during the call. The calling
   * thread holds the shard's lock.
   */
  append(effect: Effect): void;
  /** The effects from here to `endTransaction` belong together; their shards are all locked. */
  beginTransaction?(): void;
  endTransaction?(): void;
  /**
   * These shards, and those of the open transaction, have changes without an effect: a command
   * failed half way. The caller holds their locks. Ends the transaction.
   */
  lost?(shards: readonly number[]): void;
  /** The open transaction leaves nothing, and nothing more of it comes: the server ends within it. */
  abandonTransaction?(): void;
}

/** The key that effects are about: the one last sought. */
export interface SoughtKey {
  readonly shard: number;
  readonly h1: number;
  readonly soughtDatabase: number;
  readonly keyRegion: Region;
  readonly keyOffset: number;
  readonly keyLength: number;
}

/** Bytes of a vector before its arguments. */
export const VECTOR_HEADER_BYTES = 4;
const INITIAL_BYTES = 4096;
/** A region that has grown beyond this is not kept after its effect. */
const KEPT_BYTES = 1 << 20;

export class EffectBuilder implements ValueEffects {
  sink: EffectSink | null = null;
  readonly takesParts = false;
  /** Effects handed over since the last `reset`. */
  made = 0;
  private region = newRegion(INITIAL_BYTES);
  private position = 0;
  private count = 0;
  /** Effects count as made and go nowhere: a script has asked for that (redis.set_repl). */
  isMuted = false;
  /** Whether a vector was begun and has not ended. */
  begun = false;
  /** Whether the next effect is held back, until it is known whether another one follows. */
  private isGroup = false;
  /** Whether the last effect is held back: `effect`, with its bytes in `region`. */
  private isHeld = false;
  /** Whether the group has several effects, which are a transaction of the sink. */
  private hasSeveral = false;
  private readonly effect: Effect = {
    shard: 0,
    database: 0,
    h1: 0,
    keyless: false,
    region: this.region,
    offset: 0,
    length: 0,
  };

  constructor(private readonly sought: SoughtKey) {}

  get active(): boolean {
    return this.sink !== null;
  }

  /** Before a command: forgets what the last one left. */
  reset(): void {
    this.made = 0;
    this.begun = false;
  }

  /** Begins a vector with a command's name (upper-case ASCII), its subcommand, and the key last sought. */
  begin(name: string, subcommand = ''): this {
    if (this.sink === null) return this;
    const { keyRegion, keyOffset, keyLength } = this.sought;
    this.open(this.sought.shard, this.sought.soughtDatabase, false);
    this.word(name);
    if (subcommand !== '') this.word(subcommand);
    return this.bytes(keyRegion, keyOffset, keyLength);
  }

  /** Begins a vector that speaks of a whole database. */
  beginKeyless(name: string, shard: number, database: number): this {
    if (this.sink === null) return this;
    this.open(shard, database, true);
    return this.word(name);
  }

  private open(shard: number, database: number, keyless: boolean): void {
    if (this.isHeld) this.handOverSeveral();
    this.begun = true;
    this.position = VECTOR_HEADER_BYTES;
    this.count = 0;
    const { effect } = this;
    effect.shard = shard;
    effect.database = database;
    effect.h1 = keyless ? 0 : this.sought.h1;
    effect.keyless = keyless;
  }

  /** Appends argument `index` of the running command. */
  argument(args: ArgumentVector, index: number): this {
    return this.bytes(args.region, args.offset[index]!, args.length[index]!);
  }

  bytes(source: Region, offset: number, length: number): this {
    if (this.sink === null) return this;
    this.reserve(length);
    this.region.view.setUint32(this.position, length, true);
    copyBytes(this.region, this.position + 4, source, offset, length);
    this.position += 4 + length;
    this.count++;
    return this;
  }

  /** Appends an ASCII word. */
  word(text: string): this {
    if (this.sink === null) return this;
    this.reserve(text.length);
    this.region.view.setUint32(this.position, text.length, true);
    for (let i = 0; i < text.length; i++) {
      this.region.bytes[this.position + 4 + i] = text.charCodeAt(i);
    }
    this.position += 4 + text.length;
    this.count++;
    return this;
  }

  /** Appends the milliseconds of an expiry. */
  time(expiry: number): this {
    if (this.sink === null) return this;
    return this.word(expiry >= 0 ? String(expiry) : millisecondsOf(expiry).toString());
  }

  /** Ends the vector and hands it over. */
  end(): void {
    if (this.sink === null) return;
    this.begun = false;
    this.made++;
    if (this.isMuted) return;
    this.region.view.setUint32(0, this.count, true);
    const { effect } = this;
    effect.region = this.region;
    effect.length = this.position;
    if (this.isGroup) this.isHeld = true;
    else this.handOver(this.sink);
  }

  private handOver(sink: EffectSink): void {
    sink.append(this.effect);
    if (this.region.length <= KEPT_BYTES) return;
    giveBack(this.region);
    this.region = newRegion(INITIAL_BYTES);
  }

  /** The whole command vector as it came, about the key last sought. */
  verbatim(args: ArgumentVector): void {
    if (this.sink === null) return;
    this.open(this.sought.shard, this.sought.soughtDatabase, false);
    for (let i = 0; i < args.count; i++) this.argument(args, i);
    this.end();
  }

  /**
   * The effects up to `endGroup` are one whole when they are several; their shard is locked until
   * then. The first is held back until there is a second one, so that a command with one effect, as
   * almost all have, costs no transaction. Not around or inside a transaction.
   */
  beginGroup(): void {
    this.isGroup = true;
  }

  /** Hands over what was held back. Without a group it does nothing. */
  endGroup(): void {
    const { sink } = this;
    if (this.isHeld && sink !== null) this.handOver(sink);
    else if (this.hasSeveral) sink?.endTransaction?.();
    this.forgetGroup();
  }

  /** A second effect comes: the group is a transaction from its first one on. */
  private handOverSeveral(): void {
    const { sink } = this;
    this.isGroup = false;
    this.isHeld = false;
    this.hasSeveral = true;
    if (sink === null) return;
    sink.beginTransaction?.();
    this.handOver(sink);
  }

  private forgetGroup(): void {
    this.isGroup = false;
    this.isHeld = false;
    this.hasSeveral = false;
  }

  /** The effects up to `endTransaction` are one whole; all their shards are locked until then. */
  beginTransaction(): void {
    this.sink?.beginTransaction?.();
  }

  endTransaction(): void {
    this.sink?.endTransaction?.();
  }

  /**
   * The server ends within a command: nobody replays a part of what it did, or of the transaction that it
   * is in. The data here is that of a server that is not to be saved any more.
   */
  abandon(): void {
    if (this.isGroup) this.forgetGroup();
    else this.sink?.abandonTransaction?.();
  }

  /** Tells the sink that these locked shards have changes without an effect. */
  lost(shards: readonly number[]): void {
    this.forgetGroup();
    this.sink?.lost?.(shards);
  }

  private reserve(length: number): void {
    this.region = withRoom(this.region, this.position, this.position + 4 + length);
  }
}
