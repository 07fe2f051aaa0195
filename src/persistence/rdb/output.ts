/**
 * Bytes of an RDB stream on their way out: lengths and strings, written into a buffer that goes to a
 * sink when it is full. The sink takes the bytes during the call. Memory is the buffer and, for a
 * string that is compressed, as much again as the string.
 */
import { copyBytes, type Region } from '../../base/region.js';
import { INTEGER_OK, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import { Crc64 } from './crc64.js';
import { STRING_INT8, STRING_INT16, STRING_INT32, STRING_LZF, TWO_32 } from './format.js';
import { newRegion } from './input.js';
import { writeInt64 } from './integers.js';
import { LzfCompressor, LzfJob } from './lzf.js';

export type RdbSink = (region: Region, offset: number, length: number) => void;

const BUFFER_BYTES = 64 * 1024;
/** No length, and nothing else that is written at once, takes more. */
const PART_BYTES_MAX = 16;
/** Shorter strings are not worth compressing; Redis draws the line here too. */
const COMPRESS_BYTES_MIN = 21;
/** Longer ones would need as much memory again. */
const COMPRESS_BYTES_MAX = 16 * 1024 * 1024;
const SCRATCH_BYTES = 16 * 1024;
/** The longest text of an integer of 32 bits. */
const INTEGER_TEXT_BYTES_MAX = 11;
const ENCODED = 0xc0;

export class RdbOutput {
  /** Whether strings are compressed where it makes them shorter. */
  compression = true;
  withChecksum = true;
  readonly checksum = new Crc64();
  /** Bytes written so far. */
  offset = 0;
  private readonly buffer = newRegion(BUFFER_BYTES);
  private used = 0;
  private readonly compressor = new LzfCompressor();
  private readonly job = new LzfJob();
  private scratch = newRegion(SCRATCH_BYTES);
  private readonly parsed = new ParsedInteger();

  constructor(private readonly sink: RdbSink) {}

  /** Hands everything that was written to the sink. */
  flush(): void {
    const length = this.used;
    if (length === 0) return;
    this.used = 0;
    this.put(this.buffer, 0, length);
  }

  private put(region: Region, offset: number, length: number): void {
    if (this.withChecksum) this.checksum.update(region, offset, length);
    this.sink(region, offset, length);
  }

  private reserve(): number {
    if (this.used + PART_BYTES_MAX > BUFFER_BYTES) this.flush();
    return this.used;
  }

  private advance(bytes: number): void {
    this.used += bytes;
    this.offset += bytes;
  }

  byte(value: number): void {
    this.buffer.bytes[this.reserve()] = value;
    this.advance(1);
  }

  bytes(region: Region, offset: number, length: number): void {
    if (this.used + length > BUFFER_BYTES) this.flush();
    if (length > BUFFER_BYTES) {
      this.put(region, offset, length);
      this.offset += length;
      return;
    }
    copyBytes(this.buffer, this.used, region, offset, length);
    this.advance(length);
  }

  /** An integral number as 64 bits. */
  int64(value: number): void {
    writeInt64(this.buffer.view, this.reserve(), value);
    this.advance(8);
  }

  double(value: number): void {
    this.buffer.view.setFloat64(this.reserve(), value, true);
    this.advance(8);
  }

  /** A length: an integer from 0 to 2^53. */
  length(value: number): void {
    const at = this.reserve();
    const { view } = this.buffer;
    if (value < 0x40) {
      view.setUint8(at, value);
      this.advance(1);
    } else if (value < 0x4000) {
      view.setUint16(at, 0x4000 | value, false);
      this.advance(2);
    } else if (value < TWO_32) {
      view.setUint8(at, 0x80);
      view.setUint32(at + 1, value, false);
      this.advance(5);
    } else {
      view.setUint8(at, 0x81);
      view.setUint32(at + 1, Math.floor(value / TWO_32), false);
      view.setUint32(at + 5, value % TWO_32, false);
      this.advance(9);
    }
  }

  /** A length of up to 64 bits, modulo 2^64. */
  bigLength(value: bigint): void {
    const unsigned = BigInt.asUintN(64, value);
    if (unsigned <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.length(Number(unsigned));
      return;
    }
    const at = this.reserve();
    this.buffer.view.setUint8(at, 0x81);
    this.buffer.view.setBigUint64(at + 1, unsigned, false);
    this.advance(9);
  }

  /** A string in its shortest form: an integer, compressed, or as it is. */
  string(region: Region, offset: number, length: number): void {
    if (length <= INTEGER_TEXT_BYTES_MAX && this.integer(region, offset, length)) return;
    this.rawString(region, offset, length);
  }

  /** A string that is no text of an integer. */
  rawString(region: Region, offset: number, length: number): void {
    if (this.compression && length >= COMPRESS_BYTES_MIN && length <= COMPRESS_BYTES_MAX) {
      if (this.compressed(region, offset, length)) return;
    }
    this.length(length);
    this.bytes(region, offset, length);
  }

  private integer(region: Region, offset: number, length: number): boolean {
    if (length === 0 || parseInteger(region, offset, length, this.parsed) !== INTEGER_OK)
      return false;
    const { value } = this.parsed;
    if (value < -0x8000_0000 || value > 0x7fff_ffff) return false;
    const at = this.reserve();
    const { view } = this.buffer;
    if (value >= -0x80 && value <= 0x7f) {
      view.setUint8(at, ENCODED | STRING_INT8);
      view.setInt8(at + 1, value);
      this.advance(2);
    } else if (value >= -0x8000 && value <= 0x7fff) {
      view.setUint8(at, ENCODED | STRING_INT16);
      view.setInt16(at + 1, value, true);
      this.advance(3);
    } else {
      view.setUint8(at, ENCODED | STRING_INT32);
      view.setInt32(at + 1, value, true);
      this.advance(5);
    }
    return true;
  }

  private compressed(region: Region, offset: number, length: number): boolean {
    if (length > this.scratch.length) this.scratch = newRegion(length);
    const { job } = this;
    job.from = region;
    job.fromOffset = offset;
    job.fromLength = length;
    job.to = this.scratch;
    job.toOffset = 0;
    job.toLength = length - 4;
    const compressed = this.compressor.compress(job);
    if (compressed > 0) {
      this.byte(ENCODED | STRING_LZF);
      this.length(compressed);
      this.length(length);
      this.bytes(this.scratch, 0, compressed);
    }
    if (this.scratch.length > 64 * SCRATCH_BYTES) this.scratch = newRegion(SCRATCH_BYTES);
    return compressed > 0;
  }

  /** A string that is known here, one byte per char. */
  text(text: string): void {
    const region = newRegion(text.length);
    for (let i = 0; i < text.length; i++) region.bytes[i] = text.charCodeAt(i);
    this.string(region, 0, text.length);
  }

  /** The checksum of all that was written, or 0 when there is none; it is not part of itself. */
  footer(): void {
    this.flush();
    if (this.withChecksum) this.checksum.store(this.buffer, 0);
    else this.buffer.bytes.fill(0, 0, 8);
    this.sink(this.buffer, 0, 8);
    this.offset += 8;
  }
}
