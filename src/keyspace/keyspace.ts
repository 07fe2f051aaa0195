/**
 * The keyspace as one thread uses it: it finds keys (key-lookup.ts), changes them one at a time
 * (mutation.ts), and, here, moves values between keys and empties and exchanges databases. These
 * changes too count, raise versions and emit effects by themselves.
 */
import type { ArgumentVector } from '../base/arguments.js';
import { hasExpired } from '../base/expiry-time.js';
import { giveBack, newRegion } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
import { HashState } from '../structures/hash.js';
import type { CopiedValue, StoredValue } from '../values/value-type.js';
import { EFFECT_CLEAR, EFFECT_SWAP } from './effect-verbs.js';
import type { KeyspaceEvent } from './events.js';
import { Mutation } from './mutation.js';
import type { Shards } from './shards.js';
import {
  TICKET_DATABASE,
  ticketArguments,
  ticketField,
  ticketKey,
  visitTickets,
} from './tickets.js';
import { TYPES } from './types.js';
import { touchAllWatched } from './watch.js';

export { StoreFullError } from './store-full.js';

/** Bytes of scratch memory kept for good. */
const SCRATCH_BYTES = 64 * 1024;
/** Longer values lie in runs of pages, which do not move when another key changes. */
const MOVING_BYTES_MAX = 8192;

/** Which keys an emptied database has. */
const nothing = () => false;

export class Keyspace extends Mutation {
  private scratchRegion = newRegion(SCRATCH_BYTES);
  private readonly copied: CopiedValue;
  private readonly watchedHash = new HashState();
  private readonly waited = new WaitedCommand();

  /** @param types those of the database; a test may bring others */
  constructor(shards: Shards, types = TYPES) {
    super(shards, types);
    this.copied = { region: this.scratchRegion, offset: 0, length: 0 };
  }

  /**
   * Stores the value of the key found, with its kind and expiry, under another key too: argument
   * `target` in any database. That is the key last sought afterwards.
   * @throws StoreFullError
   */
  copyValue(
    args: ArgumentVector,
    target: number,
    database: number,
    event: KeyspaceEvent | null,
  ): void {
    const { kind, expiry, copied, types } = this;
    const owns = types.owns(kind);
    if (owns) this.copyPages(this.shardOfArgument(args, target));
    else this.keepBytes();
    this.seekIn(database, args, target);
    try {
      this.replacesKey = true;
      this.store(kind, copied.region, copied.offset, copied.length, expiry, event);
    } catch (error) {
      if (owns) types.free(storedCopy(copied, kind, this.space));
      throw error;
    } finally {
      this.replacesKey = false;
    }
  }

  /**
   * The same, and removes the key found: argument `source` of the client's database, which is the
   * key last sought afterwards. Within a shard no page is copied.
   * @throws StoreFullError
   */
  moveValue(
    args: ArgumentVector,
    source: number,
    target: number,
    database: number,
    event: KeyspaceEvent,
  ): void {
    const { kind, expiry, copied } = this;
    const movesPages = this.types.owns(kind) && this.shard === this.shardOfArgument(args, target);
    if (!movesPages) {
      this.copyValue(args, target, database, null);
      this.seek(args, source);
      this.remove(event);
      return;
    }
    this.keepBytes();
    this.seekIn(database, args, target);
    try {
      this.replacesKey = true;
      this.store(kind, copied.region, copied.offset, copied.length, expiry, null);
    } finally {
      this.replacesKey = false;
    }
    this.seek(args, source);
    this.removeMoved(event);
  }

  /** Has the value found copied into a shard. */
  private copyPages(shard: number): void {
    const space = this.shards.spaces[shard]!;
    if (!this.types.of(this.kind).copy(this, space, this.copied)) throw this.full(shard);
  }

  /** Makes sure that the bytes of the value found stay in place while another key changes. */
  private keepBytes(): void {
    const { copied, valueLength } = this;
    copied.length = valueLength;
    copied.offset = this.valueOffset;
    copied.region = this.region;
    if (valueLength > MOVING_BYTES_MAX) return;
    copied.region = this.scratch(valueLength);
    copied.offset = 0;
    copyBytes(copied.region, 0, this.region, this.valueOffset, valueLength);
  }

  /** What the key found takes, without the pages that a collection owns. */
  get storedBytes(): number {
    return this.table.storedBytes;
  }

  /**
   * Empties one database of a shard.
   * @param isRecorded whether it is told to who follows although it was empty: what empties a database has
   *   an effect in all shards or none, as it is one command for a Redis
   */
  clear(shard: number, database: number, isRecorded = false): void {
    this.forgetFound();
    const table = this.shards.table(shard, database);
    const size = table.size;
    touchAllWatched(this.shards.spaces[shard]!, database, nothing);
    this.types.clearTable(table);
    this.invalidations.forgetAll(this.shards, shard);
    this.changes += size;
    if (size > 0) this.noteWaited(shard, database);
    if (size > 0 || isRecorded) {
      this.effects.beginKeyless(EFFECT_CLEAR, shard, database).end();
    }
  }

  /** Exchanges two databases in all shards, which are locked. */
  swapDatabases(first: number, second: number): void {
    this.forgetFound();
    const { shards, effects } = this;
    for (let shard = 0; shard < shards.count; shard++) {
      const space = shards.spaces[shard]!;
      touchAllWatched(space, first, (h1, h2) => this.holds(shard, second, h1, h2));
      touchAllWatched(space, second, (h1, h2) => this.holds(shard, first, h1, h2));
      shards.swap(shard, first, second);
      this.invalidations.forgetAll(shards, shard);
      effects.beginKeyless(EFFECT_SWAP, shard, 0).word(`${first}`).word(`${second}`).end();
      this.noteWaited(shard, first);
      this.noteWaited(shard, second);
    }
    this.changes++;
  }

  /** Keys that clients wait for in this database may have come or gone. */
  private noteWaited(shard: number, database: number): void {
    const space = this.shards.spaces[shard]!;
    visitTickets(space, database, (ticket) => this.noteTicket(shard, ticket));
  }

  /** Has those served who wait for the same key as this ticket, if it is there. */
  noteTicket(shard: number, ticket: number): void {
    const { waited, ready, watchedHash: hash } = this;
    const space = this.shards.spaces[shard]!;
    ticketArguments(space, ticket, waited);
    const at = ticketKey(space, ticket);
    const keyRegion = space.region;
    const keyOffset = waited.offset[at]!;
    const keyLength = waited.length[at]!;
    this.shards.keyHash.hash(hash, keyRegion, keyOffset, keyLength);
    const database = ticketField(space, ticket, TICKET_DATABASE);
    ready.add(shard, database, hash.h1, hash.h2, { keyRegion, keyOffset, keyLength });
  }

  /** Whether a database of a shard has a key with this hash. Slower than seeking a key. */
  private holds(shard: number, database: number, h1: number, h2: number): boolean {
    const { shards, watchedHash: hash } = this;
    const table = shards.table(shard, database);
    table.scan(h1 >>> 0);
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      const { region, keyOffset, keyLength, expiry } = table;
      if (hasExpired(expiry, this.now)) continue;
      shards.keyHash.hash(hash, region, keyOffset, keyLength);
      if (hash.h1 === h1 && hash.h2 === h2) return true;
    }
    return false;
  }

  /**
   * Scratch memory of this thread of at least `length` bytes, its content undefined. What an earlier
   * call returned may be gone.
   */
  scratch(length: number): Region {
    if (this.scratchRegion.length < length) {
      giveBack(this.scratchRegion);
      this.scratchRegion = newRegion((length + 4095) & ~4095);
    }
    return this.scratchRegion;
  }

  /** Between commands: frees scratch memory that grew for a large value. */
  trimScratch(): void {
    if (this.scratchRegion.length <= SCRATCH_BYTES) return;
    giveBack(this.scratchRegion);
    this.scratchRegion = newRegion(SCRATCH_BYTES);
    this.copied.region = this.scratchRegion;
  }
}

/** A ticket's arguments. */
class WaitedCommand {
  region: Region = newRegion(8);
  count = 0;
  readonly offset: number[] = [];
  readonly length: number[] = [];

  push(offset: number, length: number): void {
    this.offset[this.count] = offset;
    this.length[this.count++] = length;
  }
}

/** Describes a copy that lies in no table. */
function storedCopy(copied: CopiedValue, kind: number, space: StoredValue['space']): StoredValue {
  const { region, offset, length } = copied;
  return { space, region, kind, expiry: 0, valueOffset: offset, valueLength: length };
}
