/**
 * Finding keys, as one thread does it. `seek` finds a key and describes it in the fields below;
 * keys that have expired count as absent. All calls need the key's shard locked, which the
 * dispatcher has done.
 *
 * A key of a command is hashed once, however often the command seeks it: the thread remembers the
 * shard and the hash of each argument until the dispatcher calls `prepare` or `forget`. Until then
 * all calls refer to the same vector. Keys are hashed before their shards are locked; the dispatcher
 * starts over when the hash key changed in between (key-hash.ts). Long keys: long-keys.ts.
 *
 * Offsets into `region` are valid until the next change of the same shard's table, or the end of
 * the command. Removing another key moves nothing.
 */
import type { ArgumentVector } from '../base/arguments.js';
import { hasExpired } from '../base/expiry-time.js';
import type { Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { HashState } from '../structures/hash.js';
import { ORDER_FREQUENCY, ORDER_NONE, type SlotOrder } from '../structures/slot-order.js';
import type { Table } from '../structures/table.js';
import type { StoredValue } from '../values/value-type.js';
import type { SoughtKey } from './effects.js';
import { LONG_KEY_BYTES, LongKeyHashes } from './long-keys.js';
import type { Shards } from './shards.js';

/** Arguments beyond this index are hashed each time. */
const MARKS_MAX = 1024;
const NO_SHARD = -1;

export abstract class KeyLookup implements StoredValue, SoughtKey {
  /** The time that expiry compares with, in milliseconds since 1970. Set once a turn. */
  now = 0;
  /** The database that `seek` looks in: the client's. */
  database = 0;
  /** False on a replica: expired keys are hidden, but the primary removes them. */
  expiresKeys = true;
  /** Whether the command under way writes: then it removes the expired keys that it meets. */
  writing = false;
  /** How the order of slots tells which keys are used: as maxmemory-policy needs it. */
  order: SlotOrder = ORDER_NONE;
  /** The same, or ORDER_NONE while keys are found without being used. Set anew for each command. */
  noting: SlotOrder = ORDER_NONE;
  /**
   * Whether a shard's expired keys are only hidden for now, and removed later: each removal is an
   * effect, and a replica is behind. Called under the shard's lock.
   */
  defersExpiry: (shard: number) => boolean = () => false;
  hits = 0;
  misses = 0;

  /** The shard of the argument that was prepared. */
  preparedShard = 0;
  private preparedOffset = -1;
  private preparedRegion: Region;
  preparedH1 = 0;
  private preparedH2 = 0;
  // By argument index: the shard, NO_SHARD when it is not known, and the hash.
  private readonly markedShard = new Int32Array(MARKS_MAX);
  private readonly markedH1 = new Int32Array(MARKS_MAX);
  private readonly markedH2 = new Int32Array(MARKS_MAX);
  private marksEnd = 0;
  private readonly hash = new HashState();
  readonly longKeys: LongKeyHashes;

  /** Whether a script runs: the key last found is recalled. */
  private recalls = false;
  /** As `shards.releases` was when it was found: no other thread has come to its shard while that is the same. */
  private foundAt = 0;

  // The key last sought:
  shard = 0;
  h1 = 0;
  h2 = 0;
  keyRegion: Region;
  keyOffset = 0;
  keyLength = 0;
  soughtDatabase = 0;
  protected table: Table;
  /** Whether the table has an entry for it, even an expired one. */
  exists = false;
  // ... and its entry, when it was found:
  /** The shard's memory, in which `valueOffset` counts. */
  region: Region;
  kind = 0;
  /** As base/expiry-time.ts has it; 0 for none. A double from the start. */
  expiry = Number.NaN;
  valueOffset = 0;
  valueLength = 0;

  constructor(readonly shards: Shards) {
    this.table = shards.table(0, 0);
    this.region = shards.spaces[0]!.region;
    this.keyRegion = this.region;
    this.preparedRegion = this.region;
    this.longKeys = new LongKeyHashes(shards.keyHash);
  }

  /** The space of the key last sought. */
  get space(): Space {
    return this.shards.spaces[this.shard]!;
  }

  /** Hashes argument `index`, the only key of a command, to find its shard. */
  prepare(args: ArgumentVector, index: number): void {
    const { region } = args;
    const offset = args.offset[index]!;
    this.preparedRegion = region;
    this.preparedOffset = offset;
    this.marksEnd = 0;
    const { shards, hash } = this;
    const shardHash = this.hashArgument(region, offset, args.length[index]!);
    this.preparedShard = shardHash & (shards.count - 1);
    this.preparedH1 = hash.h1;
    this.preparedH2 = hash.h2;
  }

  /** The shard of argument `index`, one of several keys of a command. */
  mark(args: ArgumentVector, index: number): number {
    const { shards, hash } = this;
    const shardHash = this.hashArgument(args.region, args.offset[index]!, args.length[index]!);
    const shard = shardHash & (shards.count - 1);
    if (index < MARKS_MAX) {
      while (this.marksEnd <= index) this.markedShard[this.marksEnd++] = NO_SHARD;
      this.markedShard[index] = shard;
      this.markedH1[index] = hash.h1;
      this.markedH2[index] = hash.h2;
    }
    return shard;
  }

  private hashArgument(region: Region, offset: number, length: number): number {
    const { hash } = this;
    if (length > LONG_KEY_BYTES) return this.longKeys.hash(hash, region, offset, length);
    return this.shards.keyHash.hash(hash, region, offset, length);
  }

  /** Forgets the keys prepared and marked: their bytes belong to another command now. */
  forget(): void {
    this.preparedOffset = -1;
    this.marksEnd = 0;
  }

  /** Finds argument `index` as a key of the client's database. */
  seek(args: ArgumentVector, index: number): boolean {
    return this.seekIn(this.database, args, index);
  }

  /** The same for commands that only read: counts a hit or a miss. */
  seekForRead(args: ArgumentVector, index: number): boolean {
    if (this.seekCounting(args, index)) return true;
    this.missed();
    return false;
  }

  /** The same without an event for a key that does not exist. */
  seekCounting(args: ArgumentVector, index: number): boolean {
    if (this.seekIn(this.database, args, index)) {
      this.hits++;
      return true;
    }
    this.misses++;
    return false;
  }

  /** Finds argument `index` as a key of any database. */
  seekIn(database: number, args: ArgumentVector, index: number): boolean {
    const { region } = args;
    const offset = args.offset[index]!;
    const length = args.length[index]!;
    if (this.recalls && this.recall(database, region, offset, length)) return true;
    if (offset === this.preparedOffset && region === this.preparedRegion) {
      this.shard = this.preparedShard;
      this.h1 = this.preparedH1;
      this.h2 = this.preparedH2;
    } else if (index < MARKS_MAX) {
      this.useMark(args, index);
    } else {
      this.hashKey(region, offset, length);
    }
    return this.find(database, region, offset, length);
  }

  /** Finds a key that is no argument. Its bytes must stay in place while it is the one sought. */
  seekKey(database: number, region: Region, offset: number, length: number): boolean {
    this.hashKey(region, offset, length);
    return this.find(database, region, offset, length);
  }

  /** Says what the hash is of the key that `seekHashed` finds, under the present hash key. */
  useHash(shard: number, h1: number, h2: number): void {
    this.shard = shard;
    this.h1 = h1;
    this.h2 = h2;
  }

  /** Finds a key that the caller has hashed (`useHash`). As `seekKey`. */
  seekHashed(database: number, region: Region, offset: number, length: number): boolean {
    return this.find(database, region, offset, length);
  }

  /** The shard of argument `index`. */
  shardOfArgument(args: ArgumentVector, index: number): number {
    const marked = index < this.marksEnd ? this.markedShard[index]! : NO_SHARD;
    return marked !== NO_SHARD ? marked : this.mark(args, index);
  }

  private hashKey(region: Region, offset: number, length: number): void {
    const { shards, hash } = this;
    this.shard = shards.keyHash.hash(hash, region, offset, length) & (shards.count - 1);
    this.h1 = hash.h1;
    this.h2 = hash.h2;
  }

  private useMark(args: ArgumentVector, index: number): void {
    const { markedShard } = this;
    if (index >= this.marksEnd || markedShard[index] === NO_SHARD) this.mark(args, index);
    this.shard = markedShard[index]!;
    this.h1 = this.markedH1[index]!;
    this.h2 = this.markedH2[index]!;
  }

  /**
   * From here on most commands are about the key that the one before was about, as in a script: it need not be
   * hashed and looked up again while the locks stay. Its table says whether the entry is where it was.
   */
  beginRecalling(): void {
    this.recalls = true;
    this.forgetFound();
  }

  endRecalling(): void {
    this.recalls = false;
  }

  /** For what changes tables by another way than by finding entries. */
  protected forgetFound(): void {
    this.foundAt = (this.shards.releases - 1) | 0;
  }

  /** Finds the key that was last found. False: it is to be looked up. */
  private recall(database: number, region: Region, offset: number, length: number): boolean {
    const { table } = this;
    if (this.foundAt !== this.shards.releases || database !== this.soughtDatabase) return false;
    // Where uses are noted, this one is too.
    if (this.noting !== ORDER_NONE) return false;
    if (!table.findAgain(region, offset, length) || hasExpired(table.expiry, this.now))
      return false;
    this.keyRegion = region;
    this.keyOffset = offset;
    this.keyLength = length;
    this.exists = true;
    this.describe(table);
    return true;
  }

  private describe(table: Table): void {
    this.kind = table.kind;
    this.expiry = table.expiry;
    this.valueOffset = table.valueOffset;
    this.valueLength = table.valueLength;
  }

  private find(database: number, region: Region, offset: number, length: number): boolean {
    const table = this.shards.table(this.shard, database);
    this.keyRegion = region;
    this.keyOffset = offset;
    this.keyLength = length;
    this.soughtDatabase = database;
    this.table = table;
    this.region = table.region;
    this.foundAt = this.shards.releases;
    this.exists = table.find(region, offset, length, this.h1, this.h2);
    if (!this.exists) return false;
    this.describe(table);
    if (!hasExpired(table.expiry, this.now)) {
      if (this.noting !== ORDER_NONE) table.noteUse(this.noting);
      return true;
    }
    if (this.expiresKeys && (this.writing || !this.defersExpiry(this.shard))) this.expire();
    return false;
  }

  /** Whether it matters which keys are used. */
  get tracksUse(): boolean {
    return this.order !== ORDER_NONE;
  }

  /** Whether the place of a key's slot tells how often it is used, rather than how recently. */
  get tracksFrequency(): boolean {
    return this.order === ORDER_FREQUENCY;
  }

  /** The keys that the command under way finds are not used by that, as Redis's NOTOUCH has it. */
  findWithoutUse(): void {
    this.noting = ORDER_NONE;
  }

  /** They are, whatever the client has asked for. */
  findWithUse(): void {
    this.noting = this.order;
  }

  /** How useful the key found seems to be, from 0 to `most`: see structures/slot-order.ts. */
  usefulness(most: number): number {
    return this.table.usefulness(most);
  }

  /**
   * Says how useful the key just stored is, from 0 to `most`. Without effect while no order is kept.
   */
  setUsefulness(useful: number, most: number): void {
    if (this.order !== ORDER_NONE) this.table.placeByUsefulness(useful, most);
  }

  /** Removes the key last sought, which has expired. */
  protected abstract expire(): void;

  /** A command that only reads has not found the key last sought. */
  abstract missed(): void;
}
