/**
 * Finds where records of an RDB file end without reading their values: a value is as long as the
 * lengths in it say. So a file is cut into ranges of whole records, which several threads load.
 *
 * It judges nothing. What it does not know, and what ends too early or makes no sense, is left to the
 * reader, which says what is wrong: `find` ends its range before it.
 *
 *     window    | ......... at ......... end |    a part of the file, read again and again
 */
import { newRegion } from './input.js';
import {
  OPCODE_AUXILIARY,
  OPCODE_EXPIRY_MS,
  OPCODE_EXPIRY_SECONDS,
  OPCODE_FREQUENCY,
  OPCODE_FUNCTION_2,
  OPCODE_IDLE,
  OPCODE_MIN,
  OPCODE_RESIZE_DATABASE,
  OPCODE_SELECT_DATABASE,
  OPCODE_SLOT_INFO,
  SCORE_NAN,
  STRING_INT32,
  STRING_LZF,
  TWO_32,
  TYPE_HASH,
  TYPE_HASH_LISTPACK_EX,
  TYPE_HASH_METADATA,
  TYPE_LIST,
  TYPE_LIST_QUICKLIST,
  TYPE_LIST_QUICKLIST_2,
  TYPE_SET,
  TYPE_SET_LISTPACK,
  TYPE_SORTED_SET,
  TYPE_SORTED_SET_2,
  TYPE_STREAM_LISTPACKS,
  TYPE_STREAM_LISTPACKS_2,
  TYPE_STREAM_LISTPACKS_3,
  TYPE_STRING,
} from './format.js';
import { isPackedType } from './packs.js';

const WINDOW_BYTES = 64 * 1024;
/** The longest part that has to be in the window at once. */
const PART_BYTES_MAX = 16;
const STREAM_ID_BYTES = 16;

/** Reads bytes of a file from an offset on. @returns how many there are: 0 at its end */
export type ReadAt = (offset: number, into: Uint8Array) => number;

export class RecordScanner {
  /** Where the range found last ends, and the database that is selected there. */
  foundEnd = 0;
  foundDatabase = 0;
  private readonly window = newRegion(WINDOW_BYTES);
  /** Offset of the window's first byte in the file, and how many bytes it holds. */
  private base = 0;
  private length = 0;
  /** The next byte in the file. */
  private at = 0;
  private database = 0;
  /** The length read last. */
  private count = 0;

  /** @param isStopped whether a long search is to be given up */
  constructor(
    private readonly readAt: ReadAt,
    private readonly isStopped: () => boolean,
  ) {}

  /**
   * Finds a range of whole records.
   * @param bytes how long it shall be; it ends with the record that reaches this
   * @returns whether there is a record at `from`
   */
  find(from: number, database: number, bytes: number): boolean {
    this.at = from;
    this.database = database;
    this.foundEnd = from;
    this.foundDatabase = database;
    while (this.at - from < bytes && this.skipRecord()) {
      this.foundEnd = this.at;
      this.foundDatabase = this.database;
    }
    return this.foundEnd > from;
  }

  /** Skips what is said about a key, the key and its value, or something else at the top level. */
  private skipRecord(): boolean {
    for (let isOfKey = false; ; ) {
      if (!this.has(1)) return false;
      const type = this.takeByte();
      if (type < OPCODE_MIN) return this.skipString() && this.skipValue(type);
      if (!this.skipSpecial(type)) return false;
      // What is said of a key is said of the next one, whatever stands between.
      isOfKey ||= type === OPCODE_EXPIRY_MS || type === OPCODE_EXPIRY_SECONDS;
      isOfKey ||= type === OPCODE_IDLE || type === OPCODE_FREQUENCY;
      if (!isOfKey) return true;
    }
  }

  private skipSpecial(opcode: number): boolean {
    switch (opcode) {
      case OPCODE_EXPIRY_MS:
        this.at += 8;
        return true;
      case OPCODE_EXPIRY_SECONDS:
        this.at += 4;
        return true;
      case OPCODE_FREQUENCY:
        this.at += 1;
        return true;
      case OPCODE_IDLE:
        return this.readCount();
      case OPCODE_SELECT_DATABASE:
        if (!this.readCount()) return false;
        this.database = this.count;
        return true;
      case OPCODE_RESIZE_DATABASE:
        return this.skipCounts(2);
      case OPCODE_SLOT_INFO:
        return this.skipCounts(3);
      case OPCODE_AUXILIARY:
        return this.skipStrings(2);
      case OPCODE_FUNCTION_2:
        return this.skipString();
      default:
        return false;
    }
  }

  private skipValue(type: number): boolean {
    switch (type) {
      case TYPE_STRING:
        return this.skipString();
      case TYPE_LIST:
      case TYPE_SET:
      case TYPE_LIST_QUICKLIST:
        return this.readCount() && this.skipStrings(this.count);
      case TYPE_HASH:
        return this.readCount() && this.skipStrings(this.count * 2);
      case TYPE_SORTED_SET:
      case TYPE_SORTED_SET_2:
        return this.skipScored(type);
      case TYPE_LIST_QUICKLIST_2:
        return this.skipNodes();
      case TYPE_STREAM_LISTPACKS:
      case TYPE_STREAM_LISTPACKS_2:
      case TYPE_STREAM_LISTPACKS_3:
        return this.skipStream(type);
      case TYPE_HASH_METADATA:
        return this.skipExpiringFields();
      case TYPE_HASH_LISTPACK_EX:
        this.at += 8;
        return this.skipString();
      default:
        return type <= TYPE_SET_LISTPACK && isPackedType(type) && this.skipString();
    }
  }

  private skipScored(type: number): boolean {
    if (!this.readCount()) return false;
    for (let left = this.count; left > 0; left--) {
      if (!this.skipString()) return false;
      if (type === TYPE_SORTED_SET_2) this.at += 8;
      else if (!this.has(1)) return false;
      else {
        const length = this.takeByte();
        if (length < SCORE_NAN) this.at += length;
      }
    }
    return true;
  }

  private skipExpiringFields(): boolean {
    this.at += 8;
    if (!this.readCount()) return false;
    for (let left = this.count; left > 0; left--) {
      if (!this.readCount() || !this.skipStrings(2)) return false;
    }
    return true;
  }

  private skipNodes(): boolean {
    if (!this.readCount()) return false;
    for (let left = this.count; left > 0; left--) {
      if (!this.readCount() || !this.skipString()) return false;
    }
    return true;
  }

  private skipStream(type: number): boolean {
    const isFirst = type === TYPE_STREAM_LISTPACKS;
    if (!this.readCount() || !this.skipStrings(this.count * 2)) return false;
    if (!this.skipCounts(isFirst ? 3 : 8) || !this.readCount()) return false;
    for (let groups = this.count; groups > 0; groups--) {
      if (!this.skipString() || !this.skipCounts(isFirst ? 2 : 3)) return false;
      if (!this.skipPending() || !this.readCount()) return false;
      for (let consumers = this.count; consumers > 0; consumers--) {
        if (!this.skipString()) return false;
        this.at += type === TYPE_STREAM_LISTPACKS_3 ? 16 : 8;
        if (!this.readCount()) return false;
        this.at += this.count * STREAM_ID_BYTES;
      }
    }
    return true;
  }

  private skipPending(): boolean {
    if (!this.readCount()) return false;
    for (let left = this.count; left > 0; left--) {
      this.at += STREAM_ID_BYTES + 8;
      if (!this.readCount()) return false;
    }
    return true;
  }

  private skipCounts(count: number): boolean {
    for (let i = 0; i < count; i++) if (!this.readCount()) return false;
    return true;
  }

  private skipStrings(count: number): boolean {
    for (let i = 0; i < count; i++) if (!this.skipString()) return false;
    return true;
  }

  private skipString(): boolean {
    // Nearly all are plain, below 16 KiB, and begin in the window.
    const place = this.at - this.base;
    if (place >= 0 && place + 1 < this.length) {
      const { bytes } = this.window;
      const first = bytes[place]!;
      if (first < 0x40) {
        this.at += 1 + first;
        return true;
      }
      if (first < 0x80) {
        this.at += 2 + (((first & 63) << 8) | bytes[place + 1]!);
        return true;
      }
    }
    return this.skipAnyString();
  }

  private skipAnyString(): boolean {
    if (!this.has(1)) return false;
    const first = this.window.bytes[this.at - this.base]!;
    if (first < 0xc0) {
      if (!this.readCount()) return false;
      this.at += this.count;
      return true;
    }
    this.at++;
    const encoding = first & 63;
    if (encoding <= STRING_INT32) {
      this.at += 1 << encoding;
      return true;
    }
    if (encoding !== STRING_LZF || !this.readCount()) return false;
    const compressed = this.count;
    if (!this.readCount()) return false;
    this.at += compressed;
    return true;
  }

  /** Reads a length. @returns whether there is one */
  private readCount(): boolean {
    if (!this.has(1)) return false;
    const first = this.takeByte();
    if (first < 0x40) {
      this.count = first;
      return true;
    }
    if (first < 0x80) {
      if (!this.has(1)) return false;
      this.count = ((first & 63) << 8) | this.takeByte();
      return true;
    }
    if (first !== 0x80 && first !== 0x81) return false;
    if (!this.has(first === 0x80 ? 4 : 8)) return false;
    if (first === 0x80) this.count = this.takeWord();
    else this.count = this.takeWord() * TWO_32 + this.takeWord();
    return true;
  }

  private takeByte(): number {
    return this.window.bytes[this.at++ - this.base]!;
  }

  private takeWord(): number {
    const word = this.window.view.getUint32(this.at - this.base, false);
    this.at += 4;
    return word;
  }

  /** Whether so many bytes are in the window from `at` on, after reading them if need be. */
  private has(count: number): boolean {
    const place = this.at - this.base;
    if (place >= 0 && place + count <= this.length) return true;
    return this.refill(count);
  }

  private refill(count: number): boolean {
    this.base = this.at;
    this.length = 0;
    if (count > PART_BYTES_MAX || this.at > Number.MAX_SAFE_INTEGER || this.isStopped())
      return false;
    this.length = this.readAt(this.at, this.window.bytes);
    return count <= this.length;
  }
}
