/**
 * A mark of the merged stream: a place that it was at, with all that its bytes depend on from there on.
 * Marks are records of the stream without keys. So every Darter of a chain has them, at the same LSNs as
 * the server that makes the stream, and makes the same bytes between two of them from its own journals.
 *
 *   mark ──── records of the journals up to the positions ──── a filler (padding.ts) ──── mark
 *
 * It is an effect of two words, the name and the body. Numbers of the body are little-endian:
 *
 *   0      u8   version, 1
 *   1      u8   flags: bit 0 FULL
 *   2      u8   kind of the filler before the mark's offset
 *   3      u8   0
 *   4      i32  the database that the merged stream has selected; -1: none yet
 *   8      f64  LSN of this record
 *   16     f64  LSN of the mark before; -1: where the bytes before come from is not told
 *   24     f64  offset of the mark in the merged stream
 *   32     u32  bytes of the filler
 *   36     u16  streams n that are told
 *   38     u16  catch-ups m (catch-ups.ts) that are told
 *   40     n × (u16 stream, f64 LSN up to which it was merged), ascending; this record counts as merged
 *          if all before it are
 *   ...    m × (f64 from, f64 to; Infinity while it lasts)
 *   ...    FULL: id, second id (40 bytes each), f64 offset up to which the second id counts; -1
 *
 * Streams that are not told are where they were at the mark before; a FULL mark tells all. What comes
 * from another server is checked in its form here, and against the bytes by who makes them again.
 */
import { prefixBinary, type Region } from '../../base/region.js';
import {
  KIND_EFFECT,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  VECTOR_HEADER_BYTES,
} from '../../journal/record.js';
import { NO_ID } from '../primary/primary-state.js';
import { isFiller } from './padding.js';

export const EFFECT_MARK = 'MERGED';
const VERSION = 1;
const FLAG_FULL = 1;
const HEAD_BYTES = 40;
const STREAM_BYTES = 10;
const RANGE_BYTES = 16;
const ID_BYTES = 40;
const FULL_BYTES = 2 * ID_BYTES + 8;
const LENGTH_BYTES = 4;
const WORDS = 2;
/** Offset of the body in the vector. */
const BODY_OFFSET = VECTOR_HEADER_BYTES + LENGTH_BYTES + EFFECT_MARK.length + LENGTH_BYTES;
/** More catch-ups are told as one that contains them. */
export const RANGES_MAX = 16;
const DATABASE_MAX = 0xffff;
const FILLER_BYTES_MAX = 4 << 20;

/** Offsets at which a replica may have other data than the stream. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/** Bytes of the longest mark's vector. */
export function markBytesMax(streams: number): number {
  return (
    BODY_OFFSET + HEAD_BYTES + streams * STREAM_BYTES + RANGES_MAX * RANGE_BYTES + FULL_BYTES + 3
  );
}

function isLsn(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value % 4 === 0;
}

export class MergeMark {
  lsn = -1;
  previous = -1;
  isFull = false;
  offset = 0;
  database = -1;
  fillerKind = 0;
  fillerBytes = 0;
  ranges: readonly OffsetRange[] = [];
  id = NO_ID;
  secondId = NO_ID;
  secondOffset = -1;
  readonly positions: Float64Array;

  constructor(streams: number) {
    this.positions = new Float64Array(streams);
  }

  /**
   * Writes the effect's vector.
   * @param before positions of the mark before; not looked at in a full one
   * @returns its length
   */
  encode(region: Region, offset: number, before: Float64Array): number {
    const { view } = region;
    const body = offset + BODY_OFFSET;
    const told: number[] = [];
    this.positions.forEach((lsn, stream) => {
      if (this.isFull || lsn !== before[stream]) told.push(stream);
    });
    this.encodeHead(region, body, told.length);
    let at = body + HEAD_BYTES;
    for (const stream of told) {
      view.setUint16(at, stream, true);
      view.setFloat64(at + 2, this.positions[stream]!, true);
      at += STREAM_BYTES;
    }
    for (const { from, to } of this.ranges) {
      view.setFloat64(at, from, true);
      view.setFloat64(at + 8, to, true);
      at += RANGE_BYTES;
    }
    if (this.isFull) {
      putText(region, at, this.id);
      putText(region, at + ID_BYTES, this.secondId);
      view.setFloat64(at + 2 * ID_BYTES, this.secondOffset, true);
      at += FULL_BYTES;
    }
    view.setUint32(offset, WORDS, true);
    view.setUint32(offset + VECTOR_HEADER_BYTES, EFFECT_MARK.length, true);
    putText(region, offset + VECTOR_HEADER_BYTES + LENGTH_BYTES, EFFECT_MARK);
    view.setUint32(body - LENGTH_BYTES, at - body, true);
    return at - offset;
  }

  private encodeHead({ view }: Region, body: number, told: number): void {
    view.setUint8(body, VERSION);
    view.setUint8(body + 1, this.isFull ? FLAG_FULL : 0);
    view.setUint8(body + 2, this.fillerKind);
    view.setUint8(body + 3, 0);
    view.setInt32(body + 4, this.database, true);
    view.setFloat64(body + 8, this.lsn, true);
    view.setFloat64(body + 16, this.previous, true);
    view.setFloat64(body + 24, this.offset, true);
    view.setUint32(body + 32, this.fillerBytes, true);
    view.setUint16(body + 36, told, true);
    view.setUint16(body + 38, this.ranges.length, true);
  }

  /**
   * Reads a record of the stream without keys. What a mark does not tell stays as it is.
   * @param lsn of the record
   * @returns false when it is no mark, or not one of this form
   */
  decode(region: Region, offset: number, lsn: number): boolean {
    const bytes = bodyBytes(region, offset);
    const body = offset + RECORD_HEADER_BYTES + BODY_OFFSET;
    if (bytes < HEAD_BYTES || !this.decodeHead(region, body) || this.lsn !== lsn) return false;
    const { view } = region;
    const told = view.getUint16(body + 36, true);
    const ranges = view.getUint16(body + 38, true);
    const full = this.isFull ? FULL_BYTES : 0;
    if (bytes !== HEAD_BYTES + told * STREAM_BYTES + ranges * RANGE_BYTES + full) return false;
    if (ranges > RANGES_MAX || (this.isFull && told !== this.positions.length)) return false;
    const at = body + HEAD_BYTES;
    if (!this.decodePositions(region, at, told)) return false;
    if (!this.decodeRanges(region, at + told * STREAM_BYTES, ranges)) return false;
    if (this.isFull) this.decodeIds(region, body + bytes - FULL_BYTES);
    return true;
  }

  private decodeHead({ view }: Region, body: number): boolean {
    if (view.getUint8(body) !== VERSION) return false;
    this.isFull = view.getUint8(body + 1) === FLAG_FULL;
    this.fillerKind = view.getUint8(body + 2);
    this.database = view.getInt32(body + 4, true);
    this.lsn = view.getFloat64(body + 8, true);
    this.previous = view.getFloat64(body + 16, true);
    this.offset = view.getFloat64(body + 24, true);
    this.fillerBytes = view.getUint32(body + 32, true);
    const isBefore = this.previous === -1 || (isLsn(this.previous) && this.previous < this.lsn);
    const isOfStream = Number.isSafeInteger(this.offset) && this.offset >= 0 && isBefore;
    const isDatabase = this.database >= -1 && this.database <= DATABASE_MAX;
    if (!isOfStream || !isDatabase || this.fillerBytes > FILLER_BYTES_MAX) return false;
    return isFiller(this.fillerKind, this.fillerBytes);
  }

  private decodePositions({ view }: Region, from: number, told: number): boolean {
    let last = -1;
    for (let i = 0, at = from; i < told; i++, at += STREAM_BYTES) {
      const stream = view.getUint16(at, true);
      const lsn = view.getFloat64(at + 2, true);
      if (stream <= last || stream >= this.positions.length || !isLsn(lsn)) return false;
      this.positions[stream] = lsn;
      last = stream;
    }
    return true;
  }

  private decodeRanges({ view }: Region, from: number, count: number): boolean {
    const ranges: OffsetRange[] = [];
    for (let i = 0, at = from; i < count; i++, at += RANGE_BYTES) {
      const range = { from: view.getFloat64(at, true), to: view.getFloat64(at + 8, true) };
      if (!(range.from >= 0 && range.to > range.from)) return false;
      ranges.push(range);
    }
    this.ranges = ranges;
    return true;
  }

  private decodeIds(region: Region, at: number): void {
    this.id = prefixBinary(region, at, ID_BYTES, ID_BYTES);
    this.secondId = prefixBinary(region, at + ID_BYTES, ID_BYTES, ID_BYTES);
    this.secondOffset = region.view.getFloat64(at + 2 * ID_BYTES, true);
  }
}

/** Bytes of the body of a mark in a whole record; -1 when the record is none. */
function bodyBytes(region: Region, offset: number): number {
  const { view } = region;
  const length = view.getUint32(offset, true);
  const vector = offset + RECORD_HEADER_BYTES;
  if (length < RECORD_HEADER_BYTES + BODY_OFFSET) return -1;
  if (region.bytes[offset + RECORD_KIND] !== KIND_EFFECT) return -1;
  if (view.getUint32(vector, true) !== WORDS) return -1;
  const name = vector + VECTOR_HEADER_BYTES;
  if (view.getUint32(name, true) !== EFFECT_MARK.length) return -1;
  const text = prefixBinary(region, name + LENGTH_BYTES, EFFECT_MARK.length, EFFECT_MARK.length);
  if (text !== EFFECT_MARK) return -1;
  const bytes = view.getUint32(vector + BODY_OFFSET - LENGTH_BYTES, true);
  const padding = length - RECORD_HEADER_BYTES - BODY_OFFSET - bytes;
  return padding >= 0 && padding < 4 ? bytes : -1;
}

/** @returns the LSN of a mark that is applied, of its two words the body; -1 when it is none */
export function lsnOfMark({ view }: Region, body: number, bytes: number): number {
  if (bytes < HEAD_BYTES) return -1;
  const lsn = view.getFloat64(body + 8, true);
  return isLsn(lsn) ? lsn : -1;
}

function putText({ bytes }: Region, offset: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
}
