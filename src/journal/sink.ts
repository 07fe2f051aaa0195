/**
 * Writes a thread's effects into the rings of their shards. It is the EffectSink of the keyspace,
 * installed in `keys.effects.sink` while there is a journal. Without a journal no sink is
 * installed, and a write costs one load.
 *
 * The effects of a transaction, or of a command with several, stay in a region of this thread until
 * it ends. Then each shard gets one record with its part while the transaction holds all its locks.
 * So the LSNs of all parts are known before the first is written, and transactions have the same
 * order on all shards.
 *
 * No effect is dropped silently. Where a change cannot get its record (memory is refused, a record
 * would be too long, a command failed), its shards' streams are lost: they jump to a new LSN, and
 * replicas need a full sync of them. A stream never continues over a missing record.
 */
import { giveBack, newRegion, withRoom } from '../base/owned-region.js';
import { copyBytes, Region } from '../base/region.js';
import {
  BODY_BYTES_MAX,
  type JournalEffect,
  KIND_PART,
  kindWord,
  PARTICIPANT_BYTES,
  partHeaderBytes,
  RECORD_BYTES_MAX,
  RECORD_HEADER_BYTES,
  recordBytes,
} from './record.js';
import type { JournalRing } from './ring.js';

const INITIAL_BYTES = 64 * 1024;
/** A transaction's region beyond this is released after its end. */
const KEPT_BYTES_MAX = 1 << 20;
const KEPT_WORDS_MAX = 1 << 16;
/** A region is not grown beyond this: further effects go to another one. */
const REGION_BYTES_MAX = 1 << 30;
/** All regions together: a few records of the longest kind. */
const TRANSACTION_BYTES_MAX = 8 * REGION_BYTES_MAX;

const EFFECT_WORDS = 4;

/** Told of shards whose journals have lost a change. The caller logs it. */
export type LossListener = (shards: readonly number[], why: string) => void;

export class JournalSink {
  /** Whether something was appended since a reader of this flag reset it. */
  wrote = false;
  /** Grows with every effect. */
  appended = 0;
  onLoss: LossListener = () => {};
  private readonly transaction: TransactionEffects;
  private inTransaction = false;
  /** The rest of the open transaction is dropped, as its beginning was. */
  private isAbandoned = false;

  constructor(private readonly rings: readonly JournalRing[]) {
    this.transaction = new TransactionEffects(rings.length);
  }

  /** Appends an effect to its shard's ring, or to the open transaction. Never throws. */
  append(effect: JournalEffect): void {
    this.wrote = true;
    this.appended++;
    if (this.isAbandoned) return;
    if (this.inTransaction) {
      this.transaction.add(effect);
    } else if (effect.length > BODY_BYTES_MAX) {
      this.lose([effect.shard], `an effect of ${effect.length} bytes does not fit a record`);
    } else {
      this.rings[effect.shard]!.append(effect);
    }
  }

  beginTransaction(): void {
    if (this.transaction.shardCount > 0) throw new Error('journal: a transaction was left open');
    this.inTransaction = true;
  }

  /** Appends the records of the transaction, all or none. Never throws. */
  endTransaction(): void {
    if (!this.inTransaction) return;
    this.inTransaction = false;
    this.isAbandoned = false;
    const { transaction, rings } = this;
    if (transaction.refused !== '') this.lose(transaction.shards(), transaction.refused);
    else if (transaction.shardCount > 0) transaction.appendTo(rings);
    transaction.clear();
  }

  /** The open transaction is cut short by the end of the server: it leaves no record. Never throws. */
  abandonTransaction(): void {
    if (!this.inTransaction) return;
    this.transaction.clear();
    this.isAbandoned = true;
  }

  /**
   * Gives up the streams of these shards, and of all shards of the open transaction, because they
   * have changes without a record: a command failed after it had changed something. The transaction
   * ends. The caller holds the locks of all these shards.
   */
  lost(shards: readonly number[]): void {
    const affected = new Set([...shards, ...this.transaction.shards()]);
    this.inTransaction = false;
    this.isAbandoned = false;
    this.transaction.clear();
    this.lose([...affected], 'a command failed after it had begun to change data');
  }

  private lose(shards: readonly number[], why: string): void {
    if (shards.length === 0) return;
    for (const shard of shards) this.rings[shard]!.loseHistory();
    this.wrote = true;
    this.onLoss(shards, why);
  }
}

/**
 * The effects of the open transaction, as records in regions of this thread, and the number of
 * bytes for each shard. Whatever cannot be kept is remembered as `refused`: the transaction then
 * has no records at all.
 */
class TransactionEffects {
  /** Why the transaction cannot be written to the journal; empty when it can. */
  refused = '';
  /** Number of shards with effects. */
  shardCount = 0;
  private readonly small = new Region(new SharedArrayBuffer(INITIAL_BYTES), 0);
  /** The last one is written to. */
  private readonly regions = [this.small];
  private region = this.small;
  /** Bytes in the last region, and in all. */
  private used = 0;
  private usedInAll = 0;
  /** Per effect: shard, region, offset, length. */
  private readonly effects: number[] = [];
  private effectWords = 0;
  private readonly shardBytes: Float64Array;
  /** The shards with effects, in ascending order. */
  private readonly shardList: Int32Array;
  /** Body of a part before its records. */
  private readonly participants: Region;

  constructor(shards: number) {
    this.shardBytes = new Float64Array(shards);
    this.shardList = new Int32Array(shards);
    const bytes = (partHeaderBytes(shards) + 15) & ~7;
    this.participants = new Region(new SharedArrayBuffer(bytes), 0);
  }

  add(effect: JournalEffect): void {
    const { shard, length } = effect;
    const total = recordBytes(Math.min(length, BODY_BYTES_MAX));
    if (this.shardBytes[shard] === 0) this.addShard(shard);
    this.shardBytes[shard]! += total;
    if (this.refused !== '' || !this.reserve(shard, length, total)) return;
    const { region, used } = this;
    const at = used >> 2;
    region.words[at] = total;
    region.words[at + 1] = kindWord(effect);
    region.words[at + 2] = effect.h1;
    // Zeroes the padding, so that equal records have equal bytes.
    if (length > 0) region.words[(used + total - 4) >> 2] = 0;
    copyBytes(region, used + RECORD_HEADER_BYTES, effect.region, effect.offset, length);
    const { effects } = this;
    effects[this.effectWords++] = shard;
    effects[this.effectWords++] = this.regions.length - 1;
    effects[this.effectWords++] = used;
    effects[this.effectWords++] = total;
    this.used += total;
    this.usedInAll += total;
  }

  private addShard(shard: number): void {
    const { shardList } = this;
    let at = this.shardCount++;
    for (; at > 0 && shardList[at - 1]! > shard; at--) shardList[at] = shardList[at - 1]!;
    shardList[at] = shard;
  }

  /** Ensures room for a record. @returns false when the transaction cannot be kept */
  private reserve(shard: number, length: number, total: number): boolean {
    const part = partHeaderBytes(this.shardBytes.length) + this.shardBytes[shard]!;
    if (length > BODY_BYTES_MAX || part > RECORD_BYTES_MAX) {
      this.refused = `a transaction changes more than ${RECORD_BYTES_MAX} bytes in shard ${shard}`;
    } else if (this.usedInAll + total > TRANSACTION_BYTES_MAX) {
      this.refused = `a transaction changes more than ${TRANSACTION_BYTES_MAX} bytes`;
    } else if (this.used + total > this.region.length) {
      this.makeRoom(total);
    }
    return this.refused === '';
  }

  /** Grows the last region, or begins another one. */
  private makeRoom(total: number): void {
    const { regions, used } = this;
    try {
      if (used + total <= REGION_BYTES_MAX) {
        this.region = withRoom(this.region, used, used + total);
        regions[regions.length - 1] = this.region;
      } else {
        const bytes = Math.max(INITIAL_BYTES, (total + 7) & ~7);
        this.region = newRegion(bytes);
        regions.push(this.region);
        this.used = 0;
      }
    } catch {
      this.refused = `the system refuses ${this.usedInAll + total} bytes for a transaction`;
    }
  }

  /** The shards with effects, in ascending order. */
  shards(): number[] {
    return Array.from(this.shardList.subarray(0, this.shardCount));
  }

  /**
   * Appends one record for each shard. The sizes of all parts are known before, so that nothing can
   * fail between the first part and the last.
   */
  appendTo(rings: readonly JournalRing[]): void {
    const { effects, shardList, shardCount } = this;
    if (this.effectWords === EFFECT_WORDS) {
      const region = this.regions[effects[1]!]!;
      rings[effects[0]!]!.appendRaw(region, effects[2]!, effects[3]!);
      return;
    }
    const headerBytes = partHeaderBytes(shardCount);
    this.writeParticipants(rings, headerBytes - RECORD_HEADER_BYTES);
    for (let i = 0; i < shardCount; i++) {
      this.appendPart(rings[shardList[i]!]!, shardList[i]!, headerBytes);
    }
  }

  private writeParticipants(rings: readonly JournalRing[], bodyBytes: number): void {
    const { shardList, shardCount } = this;
    const { bytes, view } = this.participants;
    bytes.fill(0, 0, bodyBytes);
    view.setUint16(0, shardCount, true);
    for (let i = 0; i < shardCount; i++) {
      const shard = shardList[i]!;
      view.setUint16(2 + i * PARTICIPANT_BYTES, shard, true);
      view.setFloat64(4 + i * PARTICIPANT_BYTES, rings[shard]!.head, true);
    }
  }

  private appendPart(ring: JournalRing, shard: number, headerBytes: number): void {
    const { effects, regions } = this;
    const total = headerBytes + this.shardBytes[shard]!;
    if (!ring.beginRecord(total)) return;
    ring.putWord(total);
    ring.putWord(KIND_PART);
    ring.putWord(0);
    ring.putBytes(this.participants, 0, headerBytes - RECORD_HEADER_BYTES);
    for (let i = 0; i < this.effectWords; i += EFFECT_WORDS) {
      if (effects[i] !== shard) continue;
      ring.putBytes(regions[effects[i + 1]!]!, effects[i + 2]!, effects[i + 3]!);
    }
    ring.endRecord(total);
  }

  clear(): void {
    for (let i = 0; i < this.shardCount; i++) this.shardBytes[this.shardList[i]!] = 0;
    this.shardCount = 0;
    this.used = 0;
    this.usedInAll = 0;
    this.refused = '';
    this.effectWords = 0;
    if (this.effects.length > KEPT_WORDS_MAX) this.effects.length = 0;
    if (this.regions.length === 1 && this.region.length <= KEPT_BYTES_MAX) return;
    for (const region of this.regions) if (region !== this.small) giveBack(region);
    this.region = this.small;
    this.regions.length = 0;
    this.regions.push(this.small);
  }
}
