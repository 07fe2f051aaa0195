/**
 * The keyspace as one thread uses it: finds keys (those past their time count as absent) and is the
 * one door for writes. A write through the door counts as a change, marks the key for those who
 * WATCH it and tells its event; no command can forget it. All calls need the key's shard locked,
 * which the dispatcher has done.
 *
 * `seek` describes the key in the fields below; offsets into `region` are valid until the next write
 * to the same shard's table (put, resize, setExpiry) or the end of the command.
 */
import type { ArgumentVector } from '../base/arguments.js';
import { copyBytes, Region } from '../base/region.js';
import { HashState, hashBytes } from '../structures/hash.js';
import type { Table } from '../structures/table.js';
import { EffectBuilder } from './effects.js';
import { EVENT_EXPIRED, type KeyspaceEvent } from './events.js';
import { WORD_WATCHED } from './shard-words.js';
import type { Shards } from './shards.js';
import { touchAllWatched, touchWatched } from './watch.js';

/** Thrown when a shard's space has no room; the dispatcher answers OOM. Nothing has changed then. */
export class StoreFullError extends Error {
  constructor() {
    super('no room in the shard');
    this.name = 'StoreFullError';
  }
}

const storeFull = new StoreFullError();

/** Bytes of scratch memory kept for good. */
const SCRATCH_BYTES = 64 * 1024;

function newScratch(bytes: number): Region {
  return new Region(new SharedArrayBuffer(bytes), 0);
}

/** Arguments beyond this index have their shard computed again. */
const MARKS_MAX = 1024;

/** Which keys an emptied database has. */
const nothing = () => false;

export type EventListener = (event: KeyspaceEvent, database: number, key: string) => void;

export class Keyspace {
  /** Milliseconds since 1970: what counts as now for expiry. Set once a turn. */
  now = 0;
  /** The database that `seek` looks in: the client's. */
  database = 0;
  /** False on a replica: keys past their time are hidden, but their end comes from the primary. */
  expiresKeys = true;
  /** Whether the command under way is a write: it needs keys past their time out of its way. */
  writing = false;
  /**
   * Whether keys past their time in a shard had better be left where they are for now: each end is
   * an effect, and a replica is behind. They are hidden all the same. Under the shard's lock.
   */
  spares: (shard: number) => boolean = () => false;
  /** Changes since the last reset by the dispatcher; not 0 means the command wrote something. */
  changes = 0;
  /** Changes since the start. */
  totalChanges = 0;
  hits = 0;
  misses = 0;
  expired = 0;
  readonly effects: EffectBuilder;
  listener: EventListener | null = null;

  private readonly hash = new HashState();
  // A key hashed by the dispatcher before the command runs, to find its shard:
  preparedShard = 0;
  private preparedOffset = -1;
  private preparedRegion: Region;
  private preparedH1 = 0;
  private preparedH2 = 0;
  /** Shards found by `mark`, by argument index; -1 for an argument that was not marked. */
  private readonly marks = new Int32Array(MARKS_MAX);
  private marksEnd = 0;

  // The key last sought:
  shard = 0;
  h1 = 0;
  h2 = 0;
  private keyRegion: Region;
  private keyOffset = 0;
  private keyLength = 0;
  private soughtDatabase = 0;
  private table: Table;
  // ... and its entry, when there is one:
  /** The shard's memory, in which `valueOffset` counts. */
  region: Region;
  kind = 0;
  /** Absolute milliseconds, 0 = none. */
  expiry = 0;
  valueOffset = 0;
  valueLength = 0;

  private scratchRegion = newScratch(SCRATCH_BYTES);

  constructor(readonly shards: Shards) {
    this.effects = new EffectBuilder(shards);
    this.table = shards.table(0, 0);
    this.region = shards.spaces[0]!.region;
    this.keyRegion = this.region;
    this.preparedRegion = this.region;
  }

  /** Hashes argument `index`, so that `seek` need not do it again during this command. */
  prepare(args: ArgumentVector, index: number): void {
    const region = args.region;
    const offset = args.offset[index]!;
    this.preparedRegion = region;
    this.preparedOffset = offset;
    this.marksEnd = 0;
    const length = args.length[index]!;
    const { shards, hash } = this;
    this.preparedShard = shards.shardOf(region, offset, length);
    hashBytes(hash, region, offset, length, shards.hashKey0, shards.hashKey1);
    this.preparedH1 = hash.h1;
    this.preparedH2 = hash.h2;
  }

  /**
   * The shard of argument `index`, which `seek` need not compute again for the same command: until
   * `forget` or `prepare`, all calls mean the same vector.
   */
  mark(args: ArgumentVector, index: number): number {
    const shard = this.shards.shardOf(args.region, args.offset[index]!, args.length[index]!);
    if (index >= MARKS_MAX) return shard;
    const { marks } = this;
    while (this.marksEnd <= index) marks[this.marksEnd++] = -1;
    marks[index] = shard;
    return shard;
  }

  /** Forgets the keys prepared and marked: the bytes at their places are another command's now. */
  forget(): void {
    this.preparedOffset = -1;
    this.marksEnd = 0;
  }

  /** Finds argument `index` as a key of the client's database. */
  seek(args: ArgumentVector, index: number): boolean {
    const shard = index < this.marksEnd ? this.marks[index]! : -1;
    const { region } = args;
    return this.seekIn(shard, this.database, region, args.offset[index]!, args.length[index]!);
  }

  /** The same for commands that only read: counts a hit or a miss. */
  seekForRead(args: ArgumentVector, index: number): boolean {
    if (this.seek(args, index)) {
      this.hits++;
      return true;
    }
    this.misses++;
    return false;
  }

  /** Finds a key of any database. Its bytes must stay in place while the door is used for it. */
  seekKey(database: number, region: Region, offset: number, length: number): boolean {
    return this.seekIn(-1, database, region, offset, length);
  }

  /** @param shard the key's, or -1 when it is not known */
  private seekIn(
    shard: number,
    database: number,
    region: Region,
    offset: number,
    length: number,
  ): boolean {
    if (offset === this.preparedOffset && region === this.preparedRegion) {
      this.shard = this.preparedShard;
      this.h1 = this.preparedH1;
      this.h2 = this.preparedH2;
    } else {
      const { shards, hash } = this;
      this.shard = shard >= 0 ? shard : shards.shardOf(region, offset, length);
      hashBytes(hash, region, offset, length, shards.hashKey0, shards.hashKey1);
      this.h1 = hash.h1;
      this.h2 = hash.h2;
    }
    const table = this.shards.table(this.shard, database);
    this.keyRegion = region;
    this.keyOffset = offset;
    this.keyLength = length;
    this.soughtDatabase = database;
    this.table = table;
    this.region = table.region;
    if (!table.find(region, offset, length, this.h1, this.h2)) return false;
    const expiry = table.expiry;
    if (expiry !== 0 && expiry < this.now) {
      if (this.expiresKeys && (this.writing || !this.spares(this.shard))) this.expire();
      return false;
    }
    this.kind = table.kind;
    this.expiry = expiry;
    this.valueOffset = table.valueOffset;
    this.valueLength = table.valueLength;
    return true;
  }

  /** Removes the key last sought because its time has come (also used by the active cycle). */
  expire(): void {
    this.table.remove();
    this.expired++;
    this.effects
      .begin('DEL')
      .bytes(this.keyRegion, this.keyOffset, this.keyLength)
      .end(this.shard, this.soughtDatabase);
    this.tell(EVENT_EXPIRED, false);
  }

  /**
   * Creates or replaces the key last sought.
   *
   * @param expiry absolute milliseconds, 0 for none
   * @param event null when the caller announces it later
   * @returns the offset in `region` where the caller now writes `length` bytes of value
   * @throws StoreFullError
   */
  put(kind: number, length: number, expiry: number, event: KeyspaceEvent | null): number {
    const offset = this.table.put(kind, length, expiry);
    if (offset < 0) throw storeFull;
    this.changed(event);
    return offset;
  }

  /**
   * Gives the value of the key found another length, keeping its beginning; new bytes are 0.
   *
   * @returns the value's (new) offset
   * @throws StoreFullError
   */
  resize(length: number, event: KeyspaceEvent): number {
    const offset = this.table.resize(length);
    if (offset < 0) throw storeFull;
    this.changed(event);
    return offset;
  }

  /** The bytes of the value found were, or are about to be, changed in place. */
  changed(event: KeyspaceEvent | null): void {
    this.changes++;
    this.tell(event, true);
  }

  /** Sets the kind of the entry found; part of a change, not one by itself. */
  setKind(kind: number): void {
    this.table.setKind(kind);
  }

  /** Sets or (0) removes the expiry of the key found. @throws StoreFullError */
  setExpiry(expiry: number, event: KeyspaceEvent): void {
    if (!this.table.setExpiry(expiry)) throw storeFull;
    this.changed(event);
  }

  /** Takes the end of the key found away; part of a change, not one by itself. May move the value. */
  dropExpiry(): void {
    if (!this.table.setExpiry(0)) throw storeFull;
  }

  /** Removes the key found. */
  remove(event: KeyspaceEvent): void {
    this.table.remove();
    this.changes++;
    this.tell(event, false);
  }

  /** Empties one database of a shard. */
  clear(shard: number, database: number): number {
    const table = this.shards.table(shard, database);
    const size = table.size;
    touchAllWatched(this.shards.spaces[shard]!, database, nothing);
    table.clear();
    this.changes += size;
    return size;
  }

  /** Exchanges two databases in all shards, which are locked. */
  swapDatabases(first: number, second: number): void {
    const { shards, effects } = this;
    for (let shard = 0; shard < shards.count; shard++) {
      const space = shards.spaces[shard]!;
      touchAllWatched(space, first, (h1, h2) => this.holds(shard, second, h1, h2));
      touchAllWatched(space, second, (h1, h2) => this.holds(shard, first, h1, h2));
      shards.swap(shard, first, second);
      effects.begin('SWAPDB').word(first).word(second).end(shard, 0);
    }
    this.changes++;
  }

  /** Whether a database of a shard has a living key with this hash. Slower than seeking a key. */
  private holds(shard: number, database: number, h1: number, h2: number): boolean {
    const { shards, hash } = this;
    const table = shards.table(shard, database);
    table.scan(h1 >>> 0);
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      const { region, keyOffset, keyLength, expiry } = table;
      if (expiry !== 0 && expiry < this.now) continue;
      hashBytes(hash, region, keyOffset, keyLength, shards.hashKey0, shards.hashKey1);
      if (hash.h1 === h1 && hash.h2 === h2) return true;
    }
    return false;
  }

  private tell(event: KeyspaceEvent | null, exists: boolean): void {
    if (this.region.words[WORD_WATCHED] !== 0) {
      const space = this.shards.spaces[this.shard]!;
      touchWatched(space, this.h1, this.h2, this.soughtDatabase, exists);
    }
    if (event !== null) this.announce(event);
  }

  /** Tells an event of the key last sought, for a change whose event had to wait. */
  announce(event: KeyspaceEvent): void {
    if (this.listener === null) return;
    const key = Buffer.from(
      this.keyRegion.bytes.slice(this.keyOffset, this.keyOffset + this.keyLength),
    ).toString('latin1');
    this.listener(event, this.soughtDatabase, key);
  }

  /** Copies the value found into this thread's scratch memory (valid until the next call). */
  copyToScratch(): Region {
    const scratch = this.scratch(this.valueLength);
    copyBytes(scratch, 0, this.region, this.valueOffset, this.valueLength);
    return scratch;
  }

  /** Scratch memory of this thread of at least `length` bytes, its content undefined. */
  scratch(length: number): Region {
    if (this.scratchRegion.length < length) {
      this.scratchRegion = newScratch((length + 4095) & ~4095);
    }
    return this.scratchRegion;
  }

  /** Between commands: gives back what a large value has made the scratch memory grow by. */
  trimScratch(): void {
    if (this.scratchRegion.length > SCRATCH_BYTES) this.scratchRegion = newScratch(SCRATCH_BYTES);
  }
}
