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
import type { ArgumentVector } from '../../base/arguments.js';
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes, equalBytes, moveBytes, type Region } from '../../base/region.js';
import { INTEGER_TEXT_MAX, Int64 } from '../../structures/packed/integer.js';
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
const NUMBER_BYTES_MAX = 10;
const KEPT_BYTES = 1 << 20;
const FIRST_BYTES = 8192;
const WORDS = 4;

const integer = new Int64();

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
    while (low < this.count && this.idAt(low, probe).compare(id) < 0) low++;
    return low;
  }

  startFields(index: number, fields: FieldReader): void {
    fields.start(this.region, this.common, this.bodyAt(index), this.isCommonAt(index));
  }
}

const probe = new StreamId();

function skipCommon(region: Region, common: number): number {
  codec.at = common;
  const count = codec.read(region);
  for (let i = 0; i < count; i++) {
    const length = codec.read(region);
    codec.at += length;
  }
  return codec.at;
}

/** Writes blocks into a region of its own. One for each thread. */
export class BlockWriter {
  region = newRegion(FIRST_BYTES);
  /** Bytes of the block written. */
  length = 0;
  private readonly body = { region: newRegion(FIRST_BYTES), length: 0 };
  private readonly last = new StreamId();

  /** Gives back what a large entry needed. */
  release(): void {
    if (this.region.length > KEPT_BYTES) {
      giveBack(this.region);
      this.region = newRegion(FIRST_BYTES);
    }
    if (this.body.region.length <= KEPT_BYTES) return;
    giveBack(this.body.region);
    this.body.region = newRegion(FIRST_BYTES);
  }

  /** Begins an empty block whose common fields are those of the arguments from `first` on. */
  begin(args: ArgumentVector, first: number): void {
    let bytes = BLOCK_HEADER_BYTES + NUMBER_BYTES_MAX;
    for (let i = first; i < args.count; i += 2) bytes += args.length[i]! + NUMBER_BYTES_MAX;
    this.region = withRoom(this.region, 0, bytes);
    const { region } = this;
    region.view.setUint16(BLOCK_ENTRIES, 0, true);
    codec.at = BLOCK_HEADER_BYTES;
    codec.write(region, (args.count - first) >> 1);
    for (let i = first; i < args.count; i += 2) {
      codec.write(region, args.length[i]!);
      copyBytes(region, codec.at, args.region, args.offset[i]!, args.length[i]!);
      codec.at += args.length[i]!;
    }
    this.length = codec.at;
  }

  /** Appends an entry of the arguments from `first` on; its id is above the last one. */
  append(id: StreamId, args: ArgumentVector, first: number): void {
    const isCommon = hasCommonFields(this.region, BLOCK_HEADER_BYTES, args, first);
    this.writeBody(args, first, isCommon);
    this.appendBody(id, isCommon, this.body.region, 0, this.body.length);
  }

  /** Writes just the entry that is to follow those of a block; `putBehind` puts it there. */
  follow(block: Region, offset: number, id: StreamId, args: ArgumentVector, first: number): void {
    const isCommon = hasCommonFields(block, offset + BLOCK_HEADER_BYTES, args, first);
    this.writeBody(args, first, isCommon);
    this.last.read(block, offset + BLOCK_LAST_ID);
    this.length = 0;
    this.writeEntry(id, false, isCommon, this.body.region, 0, this.body.length);
  }

  /** Puts the entry behind those of a block, which has room for it. */
  putBehind(block: Region, offset: number, id: StreamId): void {
    const { view } = block;
    const used = view.getUint32(offset + BLOCK_USED, true);
    copyBytes(block, offset + used, this.region, 0, this.length);
    view.setUint32(offset + BLOCK_USED, used + this.length, true);
    view.setUint16(offset + BLOCK_ENTRIES, view.getUint16(offset + BLOCK_ENTRIES, true) + 1, true);
    id.write(block, offset + BLOCK_LAST_ID);
  }

  /** Appends an entry whose fields are written already. */
  appendBody(id: StreamId, isCommon: boolean, body: Region, offset: number, length: number): void {
    const count = this.region.view.getUint16(BLOCK_ENTRIES, true);
    this.writeEntry(id, count === 0, isCommon, body, offset, length);
    this.region.view.setUint16(BLOCK_ENTRIES, count + 1, true);
    this.close(id);
  }

  private close(last: StreamId): void {
    const { region } = this;
    last.write(region, BLOCK_LAST_ID);
    region.view.setUint32(BLOCK_USED, this.length, true);
  }

  private writeEntry(
    id: StreamId,
    isFirst: boolean,
    isCommon: boolean,
    body: Region,
    offset: number,
    length: number,
  ): void {
    this.region = withRoom(this.region, this.length, this.length + length + 4 * NUMBER_BYTES_MAX);
    const { region } = this;
    const flagsAt = this.length;
    // The length comes before the id: it is known when the id was written once, behind the block.
    const idAt = flagsAt + 1 + NUMBER_BYTES_MAX;
    codec.at = idAt;
    region.bytes[flagsAt] = (isCommon ? FLAG_COMMON : 0) | (isFirst ? 0 : this.writeId(id));
    const idBytes = codec.at - idAt;
    codec.at = flagsAt + 1;
    codec.write(region, idBytes + length);
    moveBytes(region, codec.at, idAt, idBytes);
    codec.at += idBytes;
    copyBytes(region, codec.at, body, offset, length);
    this.length = codec.at + length;
    this.last.copyFrom(id);
  }

  /** @returns the flags for the id */
  private writeId(id: StreamId): number {
    const { last, region } = this;
    const isSame = id.hasSameTime(last);
    const lowFrom = isSame ? last.seqLow : last.msLow;
    const highFrom = isSame ? last.seqHigh : last.msHigh;
    const lowTo = isSame ? id.seqLow : id.msLow;
    const highTo = isSame ? id.seqHigh : id.msHigh;
    const less = (lowFrom >>> 0) + (isSame ? 1 : 0);
    const difference = (lowTo >>> 0) - less;
    const low = difference | 0;
    const high = (highTo - highFrom - (difference < 0 ? 1 : 0)) | 0;
    const isShort = high === 0 && low >= 0 && low < DIFFERENCE_FOLLOWS;
    if (!isShort) codec.writeLong(region, high, low);
    if (!isSame) codec.writeLong(region, id.seqHigh, id.seqLow);
    const shown = isShort ? low : DIFFERENCE_FOLLOWS;
    return (isSame ? FLAG_SAME_TIME : 0) | (shown << DIFFERENCE_SHIFT);
  }

  private writeBody(args: ArgumentVector, first: number, isCommon: boolean): void {
    let bytes = NUMBER_BYTES_MAX;
    for (let i = first; i < args.count; i++) bytes += args.length[i]! + NUMBER_BYTES_MAX;
    const { body } = this;
    body.region = withRoom(body.region, 0, bytes);
    const { region } = body;
    codec.at = 0;
    if (!isCommon) codec.write(region, (args.count - first) >> 1);
    for (let i = first; i < args.count; i += 2) {
      if (!isCommon) {
        codec.write(region, args.length[i]!);
        copyBytes(region, codec.at, args.region, args.offset[i]!, args.length[i]!);
        codec.at += args.length[i]!;
      }
      writeValue(region, args.region, args.offset[i + 1]!, args.length[i + 1]!);
    }
    body.length = codec.at;
  }

  /**
   * The block without the entries `from` to before `to`, of which some are left.
   * @param firstId takes the id of the first entry that is left
   */
  without(block: BlockReader, from: number, to: number, firstId: StreamId): void {
    const { region, offset, count } = block;
    const head = block.startAt(from) - offset;
    this.region = withRoom(this.region, 0, block.length + NUMBER_BYTES_MAX);
    copyBytes(this.region, 0, region, offset, head);
    this.length = head;
    this.region.view.setUint16(BLOCK_ENTRIES, from, true);
    if (from > 0) {
      this.close(block.idAt(from - 1, this.last));
      block.idAt(0, firstId);
    } else block.idAt(to, firstId);
    if (to === count) return;
    const body = block.bodyAt(to);
    const end = block.startAt(to + 1);
    block.idAt(to, probe);
    this.appendBody(probe, block.isCommonAt(to), region, body, end - body);
    const rest = block.startAt(count) - end;
    this.region = withRoom(this.region, this.length, this.length + rest);
    copyBytes(this.region, this.length, region, end, rest);
    this.length += rest;
    this.region.view.setUint16(BLOCK_ENTRIES, count - (to - from), true);
    this.close(block.idAt(count - 1, this.last));
  }
}

/** @param common where the common fields are */
function hasCommonFields(
  region: Region,
  common: number,
  args: ArgumentVector,
  first: number,
): boolean {
  codec.at = common;
  if (codec.read(region) !== (args.count - first) >> 1) return false;
  for (let i = first; i < args.count; i += 2) {
    const length = codec.read(region);
    if (length !== args.length[i]) return false;
    if (!equalBytes(region, codec.at, args.region, args.offset[i]!, length)) return false;
    codec.at += length;
  }
  return true;
}

function writeValue(target: Region, source: Region, offset: number, length: number): void {
  if (length <= INTEGER_TEXT_MAX && integer.parse(source, offset, length)) {
    const { width } = integer;
    codec.write(target, width * 2 + 1);
    integer.write(target, codec.at, width);
    codec.at += width;
    return;
  }
  codec.write(target, length * 2);
  copyBytes(target, codec.at, source, offset, length);
  codec.at += length;
}
