/**
 * Reads an RDB file or stream: fed with bytes in pieces of any size, it tells a visitor what is in
 * them. Its state between pieces is what comes next; its memory is bounded by the longest string, the
 * largest node of a list or stream, or the pending entries of a consumer group that have come.
 *
 *     const reader = new RdbReader(visitor);
 *     while (more) reader.feed(bytes, 0, bytes.length);
 *     reader.finish();
 *
 * A caller that can read straight into memory (a file, a socket) uses makeRoom and received.
 *
 * Most keys are strings and come whole: key and value are told where they stand, without a copy.
 */

import { STRING_LIMIT_BYTES } from '../../base/limits.js';
import { type Region, toBinary } from '../../base/region.js';
import { Crc64 } from './crc64.js';
import { type ReadOptions, Value } from './decoder.js';
import { RdbError } from './error.js';
import {
  OPCODE_AUXILIARY,
  OPCODE_END,
  OPCODE_EXPIRY_MS,
  OPCODE_EXPIRY_SECONDS,
  OPCODE_FREQUENCY,
  OPCODE_FUNCTION_2,
  OPCODE_FUNCTION_PRE_RELEASE,
  OPCODE_IDLE,
  OPCODE_MIN,
  OPCODE_MODULE_AUXILIARY,
  OPCODE_RESIZE_DATABASE,
  OPCODE_SELECT_DATABASE,
  OPCODE_SLOT_IMPORT,
  OPCODE_SLOT_INFO,
  REDIS_VERSION_MAX,
  TYPE_STRING,
  VALKEY_VERSION,
  VERSION_WITH_CHECKSUM,
} from './format.js';
import { RdbInput, WINDOW_BYTES } from './input.js';
import { readInt64 } from './integers.js';
import { ValueReader } from './value-reader.js';
import { KIND_STRING, type RdbVisitor } from './visitor.js';

/** What comes next. */
const HEADER = 0;
const OPCODE = 1;
const VALUE = 2;
const CHECKSUM = 3;
/** The value of a setting, after its name. */
const SETTING = 4;
const DONE = 5;
const FAILED = 6;

export const HEADER_BYTES = 9;
const CHECKSUM_BYTES = 8;
/** Settings longer than this are not told: they would become long JavaScript strings. */
const SETTING_BYTES_MAX = 1024;
const DATABASE_MAX = 0x7fff_ffff;

export const READ_OPTIONS: ReadOptions = {
  stringBytesMax: STRING_LIMIT_BYTES,
  checkDuplicates: true,
  skipModules: false,
  checksum: true,
  windowBytes: WINDOW_BYTES,
};

/** The version in a header. @throws RdbError when it cannot be read */
export function versionOf(region: Region, offset: number, length: number): number {
  const match = /^(REDIS|VALKEY)(\d+)$/.exec(toBinary(region, offset, length));
  if (match === null) throw new RdbError('Not an RDB file: wrong signature', 0);
  const version = Number(match[2]);
  const readable =
    match[1] === 'VALKEY'
      ? version === VALKEY_VERSION
      : version >= 1 && version <= REDIS_VERSION_MAX;
  if (readable) return version;
  throw new RdbError(`Can't handle RDB format version ${match[1]} ${version}`, 0);
}

/** What there is to say about a part of a file. */
class FilePart {
  /** When the file's end was read: the checksum of the part before the one that stands there. */
  end: Crc64 | null = null;
  /** What stands there. */
  claimed: Crc64 | null = null;

  endWith(checksum: Crc64, claimed: Crc64): void {
    this.end = new Crc64();
    this.end.low = checksum.low;
    this.end.high = checksum.high;
    this.claimed = claimed;
  }
}

export const WRONG_CHECKSUM = 'Wrong checksum';

type Halves = Pick<Crc64, 'low' | 'high'>;

/** Whether a file may have this checksum at its end: 0 says that none was made. */
export function agrees(checksum: Halves, claimed: Halves): boolean {
  if (claimed.low === 0 && claimed.high === 0) return true;
  return claimed.low === checksum.low && claimed.high === checksum.high;
}

export class RdbReader {
  /** When it has begun in the midst of a file. */
  part: FilePart | null = null;
  private next = HEADER;
  private readonly input: RdbInput;
  private readonly value: Value;
  private readonly values: ValueReader;

  constructor(visitor: RdbVisitor, options: Partial<ReadOptions> = {}) {
    const all = { ...READ_OPTIONS, ...options };
    this.input = new RdbInput(all.stringBytesMax, all.windowBytes);
    this.input.withChecksum = all.checksum;
    this.value = new Value(this.input, visitor, all);
    this.values = new ValueReader(this.value);
  }

  /**
   * Begins in the midst of a file, at a record, instead of at its beginning. The checksum that is at the
   * file's end is not compared then: see `part`.
   */
  resume(version: number, database: number, offset: number): void {
    this.input.restart(offset);
    this.value.version = version;
    this.value.key.database = database;
    this.part = new FilePart();
    this.next = OPCODE;
  }

  /** Whether all that has come was whole records. */
  get isBetweenRecords(): boolean {
    return this.next === OPCODE && this.input.unread === 0;
  }

  /** The checksum of what was read since `resume`, without that at the file's end. */
  get checksum(): Crc64 {
    return this.part!.end ?? this.input.checksum;
  }

  /** Whether the file's end and checksum have been read. */
  get done(): boolean {
    return this.next === DONE;
  }

  /** The file's version; 0 before it is known. */
  get version(): number {
    return this.value.version;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.input.offset;
  }

  /**
   * Reads the next bytes.
   *
   * @returns how many belong to the file: fewer than `length` when it ends among them
   * @throws RdbError, after which the reader is of no more use
   */
  feed(bytes: Uint8Array, offset: number, length: number): number {
    let taken = 0;
    while (taken < length && this.next !== DONE) {
      taken += this.feedPart(bytes, offset + taken, length - taken);
    }
    return taken;
  }

  /** The same with as many of them as there is room for: what was told before may go then. */
  feedPart(bytes: Uint8Array, offset: number, length: number): number {
    return this.read(this.input.push(bytes, offset, length));
  }

  /**
   * Instead of `feed`, without a copy: the caller puts bytes into `region` from `start` on, as many as
   * `makeRoom` allows, and then says how many they are.
   */
  makeRoom(): number {
    return this.input.makeRoom();
  }

  get region(): Region {
    return this.input.window;
  }

  get start(): number {
    return this.input.end;
  }

  /** @returns and throws as `feed` does */
  received(count: number): number {
    this.input.end += count;
    return this.read(count);
  }

  /** Reads what has come last. @returns how much of it belongs to the file */
  private read(count: number): number {
    if (this.next === FAILED) throw new RdbError('The file was refused before');
    this.run();
    if (this.next !== DONE) return count;
    const { input } = this;
    const rest = input.unread;
    input.end -= rest;
    return count - rest;
  }

  /** There are no more bytes. @throws RdbError when the file is not whole */
  finish(): void {
    if (this.next === DONE) return;
    this.fail(new RdbError('The file ends too early'), this.input.offset + this.input.unread);
  }

  private run(): void {
    try {
      while (this.advance());
      this.input.sum();
    } catch (error) {
      if (error instanceof RdbError) this.fail(error, this.input.offset);
      this.next = FAILED;
      throw error;
    }
  }

  private fail(error: RdbError, offset: number): never {
    this.next = FAILED;
    throw error.at(offset, this.value.shownKey);
  }

  /** One step. @returns false when more bytes are needed, or none any more */
  private advance(): boolean {
    if (this.next === OPCODE) return this.readOpcode();
    if (this.next === VALUE) return this.readValue();
    if (this.next === HEADER) return this.readHeader();
    if (this.next === SETTING) return this.readSetting();
    if (this.next === CHECKSUM) return this.readChecksum();
    return false;
  }

  private readHeader(): boolean {
    const { input } = this;
    if (!input.has(HEADER_BYTES)) return false;
    this.value.version = versionOf(input.window, input.position, HEADER_BYTES);
    input.position += HEADER_BYTES;
    this.next = OPCODE;
    return true;
  }

  private readOpcode(): boolean {
    const { input } = this;
    if (input.position === input.end) return input.has(1);
    const start = input.position;
    const type = input.window.bytes[start]!;
    input.position = start + 1;
    const read = type < OPCODE_MIN ? this.readKey(type) : this.readSpecial(type);
    if (!read) input.position = start;
    return read;
  }

  /** Reads a key and, if it is a string that is there as a whole, its value. */
  private readKey(type: number): boolean {
    const { input, value } = this;
    const { name, string, key } = value;
    if (!input.readString(name)) return false;
    value.hasKey = true;
    value.start(KIND_STRING);
    if (type === TYPE_STRING && input.readString(string)) {
      value.visitor.string(key, string.region, string.offset, string.length);
      this.endKey();
      return true;
    }
    name.keep();
    value.start(KIND_STRING);
    this.values.begin(type);
    this.next = VALUE;
    return true;
  }

  private readValue(): boolean {
    if (!this.values.step()) return false;
    if (!this.values.active) {
      this.endKey();
      this.next = OPCODE;
    }
    return true;
  }

  /** What was said about the key holds for no other. */
  private endKey(): void {
    const { key } = this.value;
    key.expiryMs = -1;
    key.idleSeconds = -1;
    key.frequency = -1;
    this.value.hasKey = false;
    this.value.name.release();
    this.value.string.release();
  }

  private readSpecial(opcode: number): boolean {
    switch (opcode) {
      case OPCODE_EXPIRY_MS:
      case OPCODE_EXPIRY_SECONDS:
        return this.readExpiry(opcode);
      case OPCODE_IDLE:
      case OPCODE_FREQUENCY:
        return this.readAccess(opcode);
      case OPCODE_SELECT_DATABASE:
        return this.readDatabase();
      case OPCODE_RESIZE_DATABASE:
        return this.readDatabaseSize();
      case OPCODE_AUXILIARY:
        return this.readSettingName();
      case OPCODE_FUNCTION_2:
        return this.readFunction();
      case OPCODE_SLOT_INFO:
        return this.input.readCount() && this.input.readCount() && this.input.readCount();
      case OPCODE_MODULE_AUXILIARY:
        this.values.begin(opcode);
        this.next = VALUE;
        return true;
      case OPCODE_END:
        this.next = CHECKSUM;
        return true;
      default:
        return this.refuse(opcode);
    }
  }

  private refuse(opcode: number): never {
    if (opcode === OPCODE_FUNCTION_PRE_RELEASE) {
      throw new RdbError("Can't load functions of a Redis before 7.0.0");
    }
    if (opcode === OPCODE_SLOT_IMPORT && this.value.version >= VALKEY_VERSION) {
      throw new RdbError("Can't load a file that was saved while a slot was imported");
    }
    throw new RdbError(`Unknown opcode, ${opcode}`);
  }

  private readExpiry(opcode: number): boolean {
    const { input, value } = this;
    const bytes = opcode === OPCODE_EXPIRY_MS ? 8 : 4;
    if (!input.has(bytes)) return false;
    const view = input.window.view;
    value.key.expiryMs =
      bytes === 8 ? readInt64(view, input.position) : view.getInt32(input.position, true) * 1000;
    input.position += bytes;
    return true;
  }

  private readAccess(opcode: number): boolean {
    const { input, value } = this;
    if (opcode === OPCODE_IDLE) {
      if (!input.readCount()) return false;
      value.key.idleSeconds = input.length;
      return true;
    }
    if (!input.has(1)) return false;
    value.key.frequency = input.window.bytes[input.position++]!;
    return true;
  }

  private readDatabase(): boolean {
    const { input, value } = this;
    if (!input.readCount()) return false;
    if (input.length > DATABASE_MAX) throw new RdbError(`No such database, ${input.length}`);
    value.key.database = input.length;
    return true;
  }

  private readDatabaseSize(): boolean {
    const { input, value } = this;
    if (!input.readCount()) return false;
    const keys = input.length;
    if (!input.readCount()) return false;
    value.visitor.databaseSize(value.key.database, keys, input.length);
    return true;
  }

  private readSettingName(): boolean {
    const { name } = this.value;
    if (!this.input.readString(name)) return false;
    // Both are strings of any length: starting over with the name would decompress it again.
    name.keep();
    this.next = SETTING;
    return true;
  }

  private readSetting(): boolean {
    const { input, value } = this;
    const { name, string, visitor } = value;
    if (!input.readString(string)) return false;
    this.next = OPCODE;
    if (name.length <= SETTING_BYTES_MAX && string.length <= SETTING_BYTES_MAX) {
      visitor.auxiliary(
        toBinary(name.region, name.offset, name.length),
        toBinary(string.region, string.offset, string.length),
      );
    }
    name.release();
    string.release();
    return true;
  }

  private readFunction(): boolean {
    const { input, value } = this;
    const { string, visitor } = value;
    if (!input.readString(string)) return false;
    visitor.functionLibrary(string.region, string.offset, string.length);
    return true;
  }

  private readChecksum(): boolean {
    const { input, value } = this;
    if (value.version < VERSION_WITH_CHECKSUM) {
      this.next = DONE;
      return false;
    }
    if (!input.has(CHECKSUM_BYTES)) return false;
    input.sum();
    const { window, position } = input;
    const claimed = new Crc64();
    claimed.load(window, position);
    if (this.part !== null) this.part.endWith(input.checksum, claimed);
    else if (input.withChecksum && !agrees(input.checksum, claimed)) {
      throw new RdbError(WRONG_CHECKSUM);
    }
    input.position += CHECKSUM_BYTES;
    this.next = DONE;
    return false;
  }
}
