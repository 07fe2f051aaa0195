/** Applies journal records to a replica's shards and appends them to its own rings. */
import type { Region } from '../../base/region.js';
import {
  KIND_EFFECT,
  KIND_KEYLESS,
  KIND_PART,
  partHeaderBytes,
  participants,
  RECORD_DATABASE,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  RecordOrigin,
  recordError,
} from '../../journal/record.js';
import type { JournalRing } from '../../journal/ring.js';
import { EFFECT_SWAP } from '../../keyspace/effect-verbs.js';
import { keylessOf } from '../keyless.js';
import type { ShardWriter } from './shard-writer.js';
import type { SyncProgress } from './sync-progress.js';

/** Runs effects. The dispatcher implements it. */
export interface EffectTarget {
  /**
   * Runs the effect vector at `offset` on a database. The shard's lock is held.
   * @param shard that the effect's key must belong to, -1 for any
   * @returns what went wrong, or null
   */
  apply(shard: number, database: number, region: Region, offset: number): string | null;
  /**
   * Before a shard, which is locked, loses or exchanges a database: what was applied and is not in its
   * tables yet has to be there.
   * @returns what went wrong, or null
   */
  settle?(shard: number): string | null;
}

/** Takes the effects of the stream without keys. */
export interface KeylessTarget {
  /** Runs the effect vector at `offset`. The stream's lock is held. @returns what went wrong, or null */
  apply(region: Region, offset: number): string | null;
  /** Forgets what such effects have made: a full sync makes it anew. The stream's lock is held. */
  clear(): void;
}

/** Whether the record is a part of a transaction over several shards. */
export function isTransaction(region: Region, offset: number): boolean {
  return region.bytes[offset + RECORD_KIND] === KIND_PART && participants(region, offset) > 1;
}

export class RecordApplier {
  /** Records applied since the count was last taken. */
  records = 0;
  /** Whether the transaction has parts in all shards, and all are applied under the same locks. */
  together = false;
  /** The SWAPDBs that are still to come in a part and were done with an earlier one. */
  private readonly swaps: number[] = [];
  private readonly origin = new RecordOrigin();

  constructor(
    private readonly writer: ShardWriter,
    private readonly progress: SyncProgress,
    private readonly target: EffectTarget,
    private readonly rings: readonly JournalRing[] | null,
    private readonly primaryShards: number,
    private readonly keyless: KeylessTarget,
  ) {
    this.origin.shards = primaryShards;
    this.origin.databases = writer.shards.databases;
  }

  /** Checks the record at `offset`. @returns what is wrong, or null */
  check(shard: number, region: Region, offset: number, end: number, lsn: number): string | null {
    const { origin } = this;
    origin.shard = shard;
    origin.lsn = lsn;
    return recordError(region, offset, end, origin);
  }

  /** Applies a record and appends it to our own ring. The lock is held. */
  applyAndKeep(shard: number, region: Region, offset: number, length: number): string | null {
    const wrong = this.apply(shard, region, offset);
    if (wrong === null) this.keep(shard, region, offset, length);
    return wrong;
  }

  /** Applies a record that was checked; `keep` follows. The lock is held. */
  apply(shard: number, region: Region, offset: number): string | null {
    const wrong = this.applyRecord(shard, region, offset);
    // It may be half applied: the data no longer matches the LSNs.
    if (wrong !== null) this.progress.fail();
    return wrong;
  }

  /** Appends records that were applied to our own ring, and counts them. The lock is held. */
  keep(shard: number, region: Region, offset: number, length: number): void {
    this.writer.assertLocked(shard);
    if (this.rings !== null) this.rings[shard]!.appendRaw(region, offset, length);
    this.progress.applied[shard]! += length;
  }

  /** Applies a record that was checked; the lock is held. */
  applyRecord(shard: number, region: Region, offset: number): string | null {
    this.records++;
    if (shard === this.primaryShards) return this.applyKeyless(region, offset);
    if (region.bytes[offset + RECORD_KIND] !== KIND_PART) return this.effect(shard, region, offset);
    const end = offset + region.view.getUint32(offset, true);
    let at = offset + partHeaderBytes(participants(region, offset));
    if (this.swapsEarly(shard)) this.findSwaps(region, at, end);
    let wrong: string | null = null;
    for (; at < end && wrong === null; at += region.view.getUint32(at, true)) {
      wrong = this.effect(shard, region, at);
    }
    if (this.swaps.length > 0) this.swaps.length = 0;
    return wrong;
  }

  /** A record of the stream without keys, which is part of no transaction. */
  private applyKeyless(region: Region, offset: number): string | null {
    const kind = region.bytes[offset + RECORD_KIND]!;
    if (kind !== KIND_EFFECT) return `a record of kind ${kind} in the stream without keys`;
    return this.keyless.apply(region, offset + RECORD_HEADER_BYTES);
  }

  /**
   * Whether the databases of this shard's keys were exchanged with an earlier part of the
   * transaction: with fewer shards than the primary, one table has the keys of several of its
   * shards. SWAPDB exchanges it once, with the first of their parts.
   */
  private swapsEarly(shard: number): boolean {
    return this.together && shard >= this.writer.shards.count;
  }

  /** Lists the SWAPDBs of a part: two databases each. */
  private findSwaps(region: Region, from: number, end: number): void {
    for (let at = from; at < end; at += region.view.getUint32(at, true)) {
      if (region.bytes[at + RECORD_KIND] !== KIND_KEYLESS) continue;
      const keyless = keylessOf(region, at);
      if (keyless?.verb === EFFECT_SWAP) this.swaps.push(keyless.first, keyless.second);
    }
  }

  /** Where a database lies now that all SWAPDBs of the part are done already. */
  private databaseNow(database: number): number {
    const { swaps } = this;
    let now = database;
    for (let i = 0; i < swaps.length; i += 2) {
      if (now === swaps[i]) now = swaps[i + 1]!;
      else if (now === swaps[i + 1]) now = swaps[i]!;
    }
    return now;
  }

  private effect(shard: number, region: Region, offset: number): string | null {
    const named = region.view.getUint16(offset + RECORD_DATABASE, true);
    const database = this.swaps.length === 0 ? named : this.databaseNow(named);
    if (region.bytes[offset + RECORD_KIND] !== KIND_KEYLESS) {
      const own = this.writer.same ? shard : -1;
      return this.target.apply(own, database, region, offset + RECORD_HEADER_BYTES);
    }
    const keyless = keylessOf(region, offset);
    if (keyless === null) return 'an effect without a key that is not known';
    const wrong = this.writer.same ? (this.target.settle?.(shard) ?? null) : null;
    if (wrong !== null) return wrong;
    if (keyless.verb === EFFECT_SWAP) {
      // What follows comes after it.
      this.swaps.splice(0, 2);
      return this.writer.swap(shard, keyless.first, keyless.second, this.together);
    }
    this.writer.flush(shard, database);
    return null;
  }
}
