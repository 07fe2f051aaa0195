/**
 * A block: neighbouring entries of a stream, which are one element of its sequence of blocks. The id of
 * the element is that of the first entry.
 *
 *   0    u16  entries
 *   2    16   id of the last entry
 *   18   u32  bytes used: the block that is appended to has room behind them
 *   22   the common fields: their number, and for each its length and bytes
 *   …    entries
 *
 *   entry    flags (1), length of what follows, id, fields
 *   flags    bit 0: the fields are the common ones, so that only values follow
 *            bit 1: the milliseconds are those of the entry before
 *            bits 2-7: the difference to the entry before, or 63: it follows
 *   id       nothing for the first entry. With the same milliseconds: how much more the sequence
 *            number is than the one before plus 1. Else: how many milliseconds more, then the
 *            sequence number
 *   fields   values of the common fields; or their number, then name and value of each
 *   value    length * 2 and bytes; or width * 2 + 1 and an integer of 1 to 8 bytes
 *
 * Numbers have 7 bits a byte, the lowest first, and bit 7 where another follows. An entry of three
 * common fields costs 6 bytes beyond its values.
 */
import { copyBytes, type Region } from '../../base/region.js';
import { Int64 } from '../../structures/packed/integer.js';
import { NumberCodec } from './number-codec.js';
import { StreamId } from './stream-id.js';

export const BLOCK_ENTRIES = 0;
export const BLOCK_LAST_ID = 2;
export const BLOCK_USED = 18;
export const BLOCK_HEADER_BYTES = 22;
/** Three blocks with their ids and slots fill a leaf. */
export const BLOCK_BYTES_MAX = 1344;
/** More entries of the smallest size than fit into a block. */
export const BLOCK_ENTRIES_MAX = 512;

export const FLAG_COMMON = 1;
export const FLAG_SAME_TIME = 2;
export const DIFFERENCE_SHIFT = 2;
export const DIFFERENCE_FOLLOWS = 63;
const WORDS = 4;

const codec = new NumberCodec();
/** Of the reader of entries, which parses in the midst of anything else. */
const entryCodec = new NumberCodec();

/** A place among the fields of an entry. Owned by its caller, reused. */
export class FieldReader {
  region!: Region;
  /** Fields that are left. */
  left = 0;
  nameOffset = 0;
  nameLength = 0;
  isInteger = false;
  readonly integer = new Int64();
  valueOffset = 0;
  valueLength = 0;
  private commonAt = 0;
  private bodyAt = 0;
  private isCommon = false;

  /** @param common where the common fields lie, `body` where those of the entry do */
  start(region: Region, common: number, body: number, isCommon: boolean): void {
    this.region = region;
    this.isCommon = isCommon;
    codec.at = isCommon ? common : body;
    this.left = codec.read(region);
    this.commonAt = codec.at;
    this.bodyAt = isCommon ? body : codec.at;
  }

  /** Goes to the next field; one must be left. */
  next(): void {
    const { region } = this;
    this.left--;
    codec.at = this.isCommon ? this.commonAt : this.bodyAt;
    this.nameLength = codec.read(region);
    this.nameOffset = codec.at;
    codec.at += this.nameLength;
    if (this.isCommon) {
      this.commonAt = codec.at;
      codec.at = this.bodyAt;
    }
    const head = codec.read(region);
    const bytes = Math.floor(head / 2);
    this.isInteger = (head & 1) === 1;
    this.valueOffset = codec.at;
    this.valueLength = bytes;
    if (this.isInteger) {
      this.integer.read(region, codec.at, bytes);
      this.valueLength = this.integer.textLength;
    }
    this.bodyAt = codec.at + bytes;
  }

  /** Where the fields end; none is left. */
  get end(): number {
    return this.bodyAt;
  }

  /** Writes the value's bytes, `valueLength` of them. */
  copyValue(target: Region, at: number): void {
    if (this.isInteger) this.integer.writeText(target, at, this.valueLength);
    else copyBytes(target, at, this.region, this.valueOffset, this.valueLength);
  }
}

/**
 * The entries of a block. Owned by its caller, reused; right until the stream changes. Entries are
 * parsed as far as somebody asks: a reader that takes the next few of a block needs no more.
 */
export class BlockReader {
  region!: Region;
  offset = 0;
  /** Bytes used. */
  length = 0;
  count = 0;
  /** Where the common fields are. */
  common = 0;
  /** Where the first entry is. */
  first = 0;
  /** Entries that were parsed. */
  private parsed = 0;
  /** For each entry, and for where the next one would be. */
  private readonly starts = new Int32Array(BLOCK_ENTRIES_MAX + 1);
  /** Where the fields of each are. */
  private readonly bodies = new Int32Array(BLOCK_ENTRIES_MAX);
  private readonly ids = new Int32Array(BLOCK_ENTRIES_MAX * WORDS);

  /** @param idOffset where the block's id is */
  load(region: Region, idOffset: number, offset: number): void {
    this.region = region;
    this.offset = offset;
    this.length = region.view.getUint32(offset + BLOCK_USED, true);
    this.count = region.view.getUint16(offset + BLOCK_ENTRIES, true);
    this.common = offset + BLOCK_HEADER_BYTES;
    this.first = skipCommon(region, this.common);
    this.parsed = 0;
    this.starts[0] = this.first;
    const { ids } = this;
    const { view } = region;
    for (let word = 0; word < WORDS; word++) ids[word] = view.getInt32(idOffset + word * 4, false);
  }

  /** Parses the next entry. */
  private parse(): void {
    const { starts, bodies, region, parsed } = this;
    const { bytes } = region;
    const at = starts[parsed]!;
    const flags = bytes[at]!;
    let body = at + 2;
    let rest = bytes[at + 1]!;
    if (rest >= 128) {
      entryCodec.at = at + 1;
      rest = entryCodec.read(region);
      body = entryCodec.at;
    }
    bodies[parsed] = parsed === 0 ? body : this.readId(parsed, flags, body);
    starts[parsed + 1] = body + rest;
    this.parsed = parsed + 1;
  }

  /** @param at where the id lies, if it does not follow from the flags. @returns where it ends */
  private readId(index: number, flags: number, at: number): number {
    const { ids, region } = this;
    const to = index * WORDS;
    const before = to - WORDS;
    const difference = flags >>> DIFFERENCE_SHIFT;
    const codec = entryCodec;
    codec.at = at;
    codec.high = 0;
    codec.low = difference;
    if (difference === DIFFERENCE_FOLLOWS) codec.readLong(region);
    if ((flags & FLAG_SAME_TIME) !== 0) {
      ids[to] = ids[before]!;
      ids[to + 1] = ids[before + 1]!;
      const low = (ids[before + 3]! >>> 0) + (codec.low >>> 0) + 1;
      ids[to + 2] = ids[before + 2]! + codec.high + (low >= 2 ** 32 ? 1 : 0);
      ids[to + 3] = low | 0;
      return codec.at;
    }
    const low = (ids[before + 1]! >>> 0) + (codec.low >>> 0);
    ids[to] = ids[before]! + codec.high + (low >= 2 ** 32 ? 1 : 0);
    ids[to + 1] = low | 0;
    codec.readLong(region);
    ids[to + 2] = codec.high;
    ids[to + 3] = codec.low;
    return codec.at;
  }

  private parseTo(end: number): void {
    while (this.parsed < end) this.parse();
  }

  idAt(index: number, into: StreamId): StreamId {
    this.parseTo(index + 1);
    const at = index * WORDS;
    const { ids } = this;
    return into.set(ids[at]!, ids[at + 1]!, ids[at + 2]!, ids[at + 3]!);
  }

  startAt(index: number): number {
    this.parseTo(index);
    return this.starts[index]!;
  }

  bodyAt(index: number): number {
    this.parseTo(index + 1);
    return this.bodies[index]!;
  }

  isCommonAt(index: number): boolean {
    return (this.region.bytes[this.startAt(index)]! & FLAG_COMMON) !== 0;
  }

  /** Index of the first entry whose id is not below this one; `count` when there is none. */
  search(id: StreamId): number {
    let low = 0;
    let high = this.parsed;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.idAt(middle, probe).compare(id) < 0) low = middle + 1;
      else high = middle;
    }
    if (low < this.parsed) return low;
    if (low === 0 && this.idAt(0, probe).compare(id) >= 0) return 0;
    while (this.parsed < this.count) {
      if (this.parseBelow(id)) return this.parsed - 1;
      // What is not of the common form, or the first one that is not below.
      if (this.parsed < this.count && this.idAt(this.parsed, probe).compare(id) >= 0) {
        return this.parsed - 1;
      }
    }
    return this.count;
  }

  /**
   * Parses on while entries have the common form: id and length are of a byte each. The same as `parse`
   * does, in one go, as a search may pass by a hundred entries.
   * @returns whether the last one parsed is the first whose id is not below this one
   */
  private parseBelow(id: StreamId): boolean {
    const { starts, bodies, ids, count } = this;
    const { bytes } = this.region;
    let index = this.parsed;
    let to = index * WORDS;
    let at = starts[index]!;
    let msHigh = ids[to - 4]!;
    let msLow = ids[to - 3]!;
    let seqHigh = ids[to - 2]!;
    let seqLow = ids[to - 1]!;
    let isBelow = true;
    for (; isBelow && index < count; index++) {
      const flags = bytes[at]!;
      const rest = bytes[at + 1]!;
      const sequence = bytes[at + 2]!;
      const isSame = (flags & FLAG_SAME_TIME) !== 0;
      const difference = flags >>> DIFFERENCE_SHIFT;
      if (rest >= 128 || difference === DIFFERENCE_FOLLOWS || (!isSame && sequence >= 128)) break;
      let body = at + 2;
      if (isSame) {
        seqLow = (seqLow + difference + 1) | 0;
        // It was less before, unless it has passed the highest number.
        if (seqLow >>> 0 <= difference) seqHigh = (seqHigh + 1) | 0;
      } else {
        msLow = (msLow + difference) | 0;
        if (msLow >>> 0 < difference) msHigh = (msHigh + 1) | 0;
        seqHigh = 0;
        seqLow = sequence;
        body++;
      }
      bodies[index] = body;
      ids[to] = msHigh;
      ids[to + 1] = msLow;
      ids[to + 2] = seqHigh;
      ids[to + 3] = seqLow;
      to += WORDS;
      at += 2 + rest;
      starts[index + 1] = at;
      isBelow = isLower(msHigh, msLow, seqHigh, seqLow, id);
    }
    this.parsed = index;
    return !isBelow;
  }

  startFields(index: number, fields: FieldReader): void {
    fields.start(this.region, this.common, this.bodyAt(index), this.isCommonAt(index));
  }
}

const probe = new StreamId();

function isLower(
  msHigh: number,
  msLow: number,
  seqHigh: number,
  seqLow: number,
  id: StreamId,
): boolean {
  if (msHigh !== id.msHigh) return msHigh >>> 0 < id.msHigh >>> 0;
  if (msLow !== id.msLow) return msLow >>> 0 < id.msLow >>> 0;
  if (seqHigh !== id.seqHigh) return seqHigh >>> 0 < id.seqHigh >>> 0;
  return seqLow >>> 0 < id.seqLow >>> 0;
}

function skipCommon(region: Region, common: number): number {
  codec.at = common;
  const count = codec.read(region);
  for (let i = 0; i < count; i++) {
    const length = codec.read(region);
    codec.at += length;
  }
  return codec.at;
}
