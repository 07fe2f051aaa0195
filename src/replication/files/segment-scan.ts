/**
 * What a file of the newest segment holds, before any of it is applied: where its streams end, and the
 * parts of transactions over several streams. From the scans of all files whole-transactions.ts finds how
 * far each stream can be applied. Everything before that is whole, so each part is applied alone, and no
 * flow waits for another.
 *
 * Parts are listed in the order of the file. Only the newest are kept, so that memory is bounded: of
 * those before, how far the streams of their other parts have to be there. Where that does not do, the
 * file is scanned again, with limits.
 */
import { copyBytes, Region } from '../../base/region.js';
import {
  KIND_PART,
  PARTICIPANT_BYTES,
  participantAt,
  participants,
  partHeaderBytes,
  RECORD_BYTES_MAX,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
} from '../../journal/record.js';
import type { Block } from '../wire.js';

/** Numbers kept of the newest parts: 4 MiB. */
const PARTS_LENGTH_MAX = 1 << 19;
const PARTS_LENGTH_FIRST = 1 << 12;
/** Numbers of a part before its participants, and of each participant. */
export const PART_HEAD = 3;
export const PART_STEP = 2;
/** A part up to the number of its participants. */
const PART_LEAD_BYTES = RECORD_HEADER_BYTES + 4;
const WORD_BYTES = 4;

export interface ScannedStreams {
  /** By stream: LSN after the last whole record, or the limit if that is less; -1 for another flow's. */
  readonly ends: Float64Array;
  /** By stream: LSN after the last byte. */
  readonly received: Float64Array;
  /** Of each part: stream, LSN, number of participants, then stream and LSN of each. */
  readonly parts: Float64Array;
  /** By stream of the flow: LSNs by stream behind which that has to be for its parts that are not listed. */
  readonly needs: ReadonlyMap<number, Float64Array>;
}

/** The stream of one shard, record by record. */
class ScannedStream {
  received: number;
  /** LSN of the record that is being read, or comes next. */
  lsn: number;
  /** Bytes of that record that are still to come; 0: its head comes. */
  missing = 0;
  /** The beginning of a head that was cut by a block's end. */
  readonly head: Region;
  headBytes = 0;

  constructor(
    readonly stream: number,
    start: number,
    streams: number,
  ) {
    this.received = start;
    this.lsn = start;
    this.head = new Region(new SharedArrayBuffer((partHeaderBytes(streams) + 7) & ~7), 0);
  }
}

export class SegmentScan {
  private readonly byStream: (ScannedStream | undefined)[] = [];
  private readonly limits: Float64Array;
  private readonly needs = new Map<number, Float64Array>();
  private parts = new Float64Array(PARTS_LENGTH_FIRST);
  private used = 0;

  /**
   * @param mine the flow's streams
   * @param starts by stream: where the segment begins
   * @param limits by stream: what lies there or behind is known to be of no use
   * @param lengthMax numbers kept of the newest parts
   */
  constructor(
    mine: readonly number[],
    starts: readonly number[],
    limits: readonly number[],
    private readonly lengthMax = PARTS_LENGTH_MAX,
  ) {
    this.limits = Float64Array.from(limits);
    const streams = starts.length;
    for (const stream of mine) {
      this.byStream[stream] = new ScannedStream(stream, starts[stream]!, streams);
    }
  }

  get result(): ScannedStreams {
    const streams = this.limits.length;
    const ends = new Float64Array(streams).fill(-1);
    const received = new Float64Array(streams).fill(-1);
    for (const scanned of this.byStream) {
      if (scanned === undefined) continue;
      ends[scanned.stream] = Math.min(scanned.lsn, this.limits[scanned.stream]!);
      received[scanned.stream] = scanned.received;
    }
    return { ends, received, parts: this.parts.slice(0, this.used), needs: this.needs };
  }

  /** Takes a JOURNAL block. @returns what is wrong, or null */
  take(region: Region, { shard, from, to, payload, length }: Block): string | null {
    const scanned = this.byStream[shard];
    if (scanned === undefined) return `a block of shard ${shard}, which is not of this flow`;
    const { received } = scanned;
    if (from !== received || to - from !== length) {
      return `shard ${shard} continues at ${from}, but was received up to ${received}`;
    }
    if (length % 4 !== 0) return 'a stream cut within a word';
    scanned.received = to;
    return this.walk(scanned, region, payload, payload + length);
  }

  private walk(scanned: ScannedStream, region: Region, offset: number, end: number): string | null {
    let at = offset;
    let wrong: string | null = null;
    while (at < end && wrong === null) {
      if (scanned.missing > 0) {
        const part = Math.min(scanned.missing, end - at);
        scanned.missing -= part;
        at += part;
        if (scanned.missing === 0) scanned.lsn = scanned.received - (end - at);
      } else if (scanned.headBytes > 0 || this.headBytes(region, at, end - at) > end - at) {
        const { head, headBytes } = scanned;
        copyBytes(head, headBytes, region, at, WORD_BYTES);
        scanned.headBytes += WORD_BYTES;
        at += WORD_BYTES;
        if (this.headBytes(head, 0, scanned.headBytes) > scanned.headBytes) continue;
        wrong = this.record(scanned, head, 0, scanned.headBytes);
        scanned.headBytes = 0;
      } else {
        wrong = this.record(scanned, region, at, 0);
      }
    }
    return wrong;
  }

  /** Bytes that have to be there to read a record's head, or to see that it is wrong. */
  private headBytes(region: Region, at: number, available: number): number {
    if (available < RECORD_HEADER_BYTES) return RECORD_HEADER_BYTES;
    if (region.bytes[at + RECORD_KIND] !== KIND_PART) return RECORD_HEADER_BYTES;
    if (available < PART_LEAD_BYTES) return PART_LEAD_BYTES;
    return partHeaderBytes(Math.min(participants(region, at), this.limits.length));
  }

  /**
   * Takes the head of a record.
   * @param taken bytes of it that were passed
   */
  private record(scanned: ScannedStream, region: Region, at: number, taken: number): string | null {
    const length = region.view.getUint32(at, true);
    if (length < RECORD_HEADER_BYTES || length % 4 !== 0 || length > RECORD_BYTES_MAX) {
      return `a record of ${length} bytes`;
    }
    if (region.bytes[at + RECORD_KIND] === KIND_PART) {
      const wrong = this.part(scanned, region, at, length);
      if (wrong !== null) return wrong;
    }
    scanned.missing = length - taken;
    if (scanned.missing === 0) scanned.lsn += length;
    return null;
  }

  private part(
    { stream, lsn }: ScannedStream,
    region: Region,
    at: number,
    length: number,
  ): string | null {
    const { limits } = this;
    const count = participants(region, at);
    if (count < 1 || count > limits.length || partHeaderBytes(count) > length) {
      return `a transaction of ${count} shards`;
    }
    if (count === 1 || lsn >= limits[stream]!) return null;
    this.makeRoom(PART_HEAD + count * PART_STEP);
    const { parts, used } = this;
    parts[used] = stream;
    parts[used + 1] = lsn;
    parts[used + 2] = count;
    let to = used + PART_HEAD;
    for (let i = 0, from = participantAt(at, 0); i < count; i++, from += PARTICIPANT_BYTES) {
      const other = region.view.getUint16(from, true);
      const otherLsn = region.view.getFloat64(from + 2, true);
      if (other >= limits.length) return `a transaction of shard ${other}`;
      if (otherLsn >= limits[other]!) {
        limits[stream] = lsn;
        return null;
      }
      parts[to++] = other;
      parts[to++] = otherLsn;
    }
    this.used = to;
    return null;
  }

  private makeRoom(length: number): void {
    if (this.used + length > this.lengthMax) this.dropOldest();
    if (this.used + length <= this.parts.length) return;
    const parts = new Float64Array(Math.max(this.parts.length * 2, this.used + length));
    parts.set(this.parts);
    this.parts = parts;
  }

  /** Drops half of the parts. */
  private dropOldest(): void {
    const { parts, used } = this;
    let at = 0;
    while (at < used / 2) {
      const needs = this.needsOf(parts[at]!);
      const end = at + PART_HEAD + parts[at + 2]! * PART_STEP;
      for (at += PART_HEAD; at < end; at += PART_STEP) {
        const other = parts[at]!;
        needs[other] = Math.max(needs[other]!, parts[at + 1]!);
      }
    }
    parts.copyWithin(0, at, used);
    this.used = used - at;
  }

  private needsOf(stream: number): Float64Array {
    const known = this.needs.get(stream);
    if (known !== undefined) return known;
    const needs = new Float64Array(this.limits.length).fill(-1);
    this.needs.set(stream, needs);
    return needs;
  }
}
