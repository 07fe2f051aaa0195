/**
 * Writes a thread's effects into the rings of their shards. It is the EffectSink of the keyspace,
 * installed in `keys.effects.sink` while there is a journal. Without a journal no sink is
 * installed, and a write costs one load.
 *
 * The effects of a transaction stay in a region of this thread until it ends. Then each shard gets
 * one record with its part while the transaction holds all its locks. So the LSNs of all parts are
 * known before the first is written, and transactions have the same order on all shards.
 */
import { copyBytes, Region, withRoom } from '../base/region.js';
import {
  align4,
  KIND_EFFECT,
  KIND_KEYLESS,
  KIND_PART,
  partHeaderBytes,
  RECORD_HEADER_BYTES,
  writeRecordHeader,
} from './record.js';
import type { JournalRing } from './ring.js';

const INITIAL_BYTES = 64 * 1024;

export class JournalSink {
  /** Whether something was appended since a reader of this flag reset it. */
  wrote = false;
  private kept = new Region(new SharedArrayBuffer(INITIAL_BYTES), 0);
  private readonly head = new Region(new SharedArrayBuffer(1024), 0);
  private readonly participantsRegion: Region;
  private used = 0;
  private inTransaction = false;
  /** Per effect of the transaction: shard, offset, length. */
  private readonly effects: number[] = [];

  constructor(private readonly rings: readonly JournalRing[]) {
    this.participantsRegion = new Region(
      new SharedArrayBuffer((partHeaderBytes(rings.length) + 15) & ~7),
      0,
    );
  }

  append(
    shard: number,
    database: number,
    region: Region,
    offset: number,
    length: number,
    h1: number,
    keyless: boolean,
  ): void {
    const kind = keyless ? KIND_KEYLESS : KIND_EFFECT;
    this.wrote = true;
    if (!this.inTransaction) {
      this.rings[shard]!.append(kind, database, h1, region, offset, length);
      return;
    }
    const total = align4(RECORD_HEADER_BYTES + length);
    this.reserve(total);
    writeRecordHeader(this.kept, this.used, total, kind, database, h1);
    // The padding is whatever was there: no reader looks at it, but it should not differ in tests.
    this.kept.words[(this.used + total - 4) >> 2] = 0;
    if (total - 4 < RECORD_HEADER_BYTES) throw new Error('an effect without words');
    copyBytes(this.kept, this.used + RECORD_HEADER_BYTES, region, offset, length);
    this.effects.push(shard, this.used, total);
    this.used += total;
  }

  beginTransaction(): void {
    this.inTransaction = true;
    this.used = 0;
    this.effects.length = 0;
  }

  endTransaction(): void {
    if (!this.inTransaction) return;
    this.inTransaction = false;
    const { effects } = this;
    if (effects.length === 0) return;
    if (effects.length === 3) {
      this.rings[effects[0]!]!.appendRaw(this.kept, effects[1]!, effects[2]!);
    } else {
      this.appendParts();
    }
    effects.length = 0;
    if (this.kept.length > INITIAL_BYTES * 16) {
      this.kept = new Region(new SharedArrayBuffer(INITIAL_BYTES), 0);
    }
  }

  private appendParts(): void {
    const { effects, rings, participantsRegion: list } = this;
    const bytes = new Map<number, number>();
    for (let i = 0; i < effects.length; i += 3) {
      const shard = effects[i]!;
      bytes.set(shard, (bytes.get(shard) ?? 0) + effects[i + 2]!);
    }
    const shards = [...bytes.keys()].sort((a, b) => a - b);
    const headerBytes = partHeaderBytes(shards.length);
    const body = headerBytes - RECORD_HEADER_BYTES;
    list.bytes.fill(0, 0, body);
    list.view.setUint16(0, shards.length, true);
    shards.forEach((shard, i) => {
      list.view.setUint16(2 + i * 10, shard, true);
      list.view.setFloat64(4 + i * 10, rings[shard]!.head, true);
    });
    for (const shard of shards) {
      const ring = rings[shard]!;
      const total = headerBytes + bytes.get(shard)!;
      if (!ring.beginRecord(total)) continue;
      writeRecordHeader(this.head, 0, total, KIND_PART, 0, 0);
      ring.putBytes(this.head, 0, RECORD_HEADER_BYTES);
      ring.putBytes(list, 0, body);
      for (let i = 0; i < effects.length; i += 3) {
        if (effects[i] === shard) ring.putBytes(this.kept, effects[i + 1]!, effects[i + 2]!);
      }
      ring.endRecord(total);
    }
  }

  private reserve(length: number): void {
    this.kept = withRoom(this.kept, this.used, this.used + length);
  }
}
