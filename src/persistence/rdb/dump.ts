/**
 * Reading the payload of DUMP, RESTORE and MIGRATE: one value as in a file, with version and
 * checksum behind it.
 *
 *     type: u8 | value | version: u16 | crc64: u64          (little-endian)
 *
 * The checksum covers all before it. A checksum of 0 is as wrong as any other here.
 */
import type { Region } from '../../base/region.js';
import { Crc64 } from './crc64.js';
import { type ReadOptions, Value } from './decoder.js';
import { RdbError } from './error.js';
import { OPCODE_MIN, REDIS_VERSION_MAX, VALKEY_VERSION } from './format.js';
import { RdbInput } from './input.js';
import { READ_OPTIONS } from './reader.js';
import { ValueReader } from './value-reader.js';
import { KIND_STRING, type RdbVisitor } from './visitor.js';

/** Bytes of version and checksum. */
export const DUMP_FOOTER_BYTES = 10;

/** A payload stands in its command's region. */
const NO_WINDOW_BYTES = 8;

/** What became of a payload. */
export const DUMP_READ = 0;
/** RESTORE answers errors.DUMP_PAYLOAD. */
export const DUMP_WRONG_FOOTER = 1;
/** RESTORE answers errors.RESTORE_BAD_FORMAT; `error` says why. */
export const DUMP_BAD_DATA = 2;

export class DumpReader {
  /** Why the payload read last has bad data. */
  error: RdbError | null = null;
  private readonly input: RdbInput;
  private readonly value: Value;
  private readonly values: ValueReader;
  private readonly checksum = new Crc64();

  constructor(visitor: RdbVisitor, options: Partial<ReadOptions> = {}) {
    const all = { ...READ_OPTIONS, ...options };
    this.input = new RdbInput(all.stringBytesMax, NO_WINDOW_BYTES);
    this.input.withChecksum = false;
    this.value = new Value(this.input, visitor, all);
    this.value.allowsEmpty = false;
    this.values = new ValueReader(this.value);
  }

  /**
   * Reads a payload and tells its value, with an empty key. What was told before DUMP_BAD_DATA is
   * void.
   */
  read(region: Region, offset: number, length: number): number {
    this.error = null;
    if (!this.checkFooter(region, offset, length)) return DUMP_WRONG_FOOTER;
    try {
      this.readValue(region, offset, length - DUMP_FOOTER_BYTES);
      return DUMP_READ;
    } catch (error) {
      if (!(error instanceof RdbError)) throw error;
      this.error = error.at(this.input.offset, null);
      return DUMP_BAD_DATA;
    }
  }

  private checkFooter(region: Region, offset: number, length: number): boolean {
    if (length < DUMP_FOOTER_BYTES) return false;
    const footer = offset + length - DUMP_FOOTER_BYTES;
    const version = region.view.getUint16(footer, true);
    if (version > REDIS_VERSION_MAX && version !== VALKEY_VERSION) return false;
    this.value.version = version;
    this.checksum.reset();
    this.checksum.update(region, offset, length - 8);
    return this.checksum.matches(region, footer + 2);
  }

  private readValue(region: Region, offset: number, length: number): void {
    const { input, value, values } = this;
    input.attach(region, offset, length);
    if (!input.has(1)) throw new RdbError('The payload is empty');
    const type = region.bytes[input.position++]!;
    if (type >= OPCODE_MIN) throw new RdbError(`Unknown type of a value, ${type}`);
    // The key is the command's.
    value.name.set(region, offset, 0);
    value.start(KIND_STRING);
    values.begin(type);
    while (values.active) {
      if (!values.step()) throw new RdbError('The payload ends too early');
    }
    value.string.release();
  }
}
