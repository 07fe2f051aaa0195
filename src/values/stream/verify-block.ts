/**
 * Verification of a block (block.ts) whose sender cannot be trusted: it reads nothing outside of the
 * block, and ends. What passes is a block that BlockWriter might have written: every number inside its
 * bounds, the ids ascending, no byte left over.
 *
 * Nearly all entries are plain: they have the common fields, and each of their numbers is a byte. Those
 * are passed in one loop of local variables, the others one by one.
 */
import type { Region } from '../../base/region.js';
import {
  BLOCK_ENTRIES,
  BLOCK_ENTRIES_MAX,
  BLOCK_HEADER_BYTES,
  BLOCK_LAST_ID,
  BLOCK_USED,
  DIFFERENCE_FOLLOWS,
  DIFFERENCE_SHIFT,
  FLAG_COMMON,
  FLAG_SAME_TIME,
} from './block.js';
import { NumberCodec } from './number-codec.js';
import { StreamId } from './stream-id.js';

/** A number of 32 bits has so many bytes at most, and one of 64. */
const NUMBER_BYTES = 5;
const LONG_BYTES = 10;
const INTEGER_BYTES_MAX = 8;
/** From here on a number goes on in the next byte. */
const MORE = 128;

/** A walk over a block. `at` is -1 after something that makes no sense. */
class BlockWalk {
  region!: Region;
  at = 0;
  /** Where the block ends, or the entry. */
  end = 0;
  /** Fields that its entries have in common. */
  common = 0;
  /** Id of the entry that was passed last. */
  readonly id = new StreamId();
  private readonly before = new StreamId();
  private readonly codec = new NumberCodec();

  number(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < NUMBER_BYTES && this.at >= 0 && this.at < this.end; i++) {
      const byte = this.region.bytes[this.at++]!;
      value += (byte & 127) * scale;
      if (byte < MORE) return value;
      scale *= 128;
    }
    this.at = -1;
    return 0;
  }

  skip(bytes: number): void {
    if (this.at < 0 || bytes > this.end - this.at) this.at = -1;
    else this.at += bytes;
  }

  /** Passes entries as long as they are plain. @returns how many: the next one is none, or is wrong */
  passPlain(count: number): number {
    const { common, id, end } = this;
    const { bytes } = this.region;
    let { msHigh, msLow, seqHigh, seqLow } = id;
    let at = this.at;
    let passed = 0;
    for (; passed < count && end - at > 3; passed++) {
      const flags = bytes[at]!;
      const entryEnd = at + 2 + bytes[at + 1]!;
      const difference = flags >>> DIFFERENCE_SHIFT;
      const isPlain = (flags & FLAG_COMMON) !== 0 && difference < DIFFERENCE_FOLLOWS;
      if (!isPlain || bytes[at + 1]! >= MORE || entryEnd > end) break;
      const isSame = (flags & FLAG_SAME_TIME) !== 0;
      const low = isSame ? (seqLow + difference + 1) | 0 : (msLow + difference) | 0;
      const sequence = isSame ? 0 : bytes[at + 2]!;
      // Neither the highest number of 32 bits is passed, nor is there the same time in another form.
      const isAbove = low >>> 0 > (isSame ? seqLow : msLow) >>> 0;
      const body = isSame ? at + 2 : at + 3;
      if (!isAbove || sequence >= MORE || !arePlain(bytes, body, entryEnd, common)) break;
      if (isSame) seqLow = low;
      else {
        msLow = low;
        seqHigh = 0;
        seqLow = sequence;
      }
      at = entryEnd;
    }
    this.at = at;
    id.set(msHigh, msLow, seqHigh, seqLow);
    return passed;
  }

  /** Passes an entry of any form. @param isFirst whether its id is known */
  passAny(isFirst: boolean): void {
    const blockEnd = this.end;
    if (this.at >= blockEnd) {
      this.at = -1;
      return;
    }
    const flags = this.region.bytes[this.at++]!;
    const rest = this.number();
    if (this.at < 0 || rest > blockEnd - this.at) {
      this.at = -1;
      return;
    }
    const end = this.at + rest;
    this.end = end;
    if (!isFirst) this.passId(flags);
    const isCommon = (flags & FLAG_COMMON) !== 0;
    const fields = isCommon ? this.common : this.number();
    for (let i = 0; i < fields && this.at >= 0; i++) {
      if (!isCommon) this.skip(this.number());
      this.passValue();
    }
    if (this.at !== end || fields === 0) this.at = -1;
    this.end = blockEnd;
  }

  /** Takes the id of an entry, which has to be above the one before. */
  private passId(flags: number): void {
    const { id, before, codec } = this;
    before.copyFrom(id);
    codec.high = 0;
    codec.low = flags >>> DIFFERENCE_SHIFT;
    if (codec.low === DIFFERENCE_FOLLOWS) this.long();
    if ((flags & FLAG_SAME_TIME) !== 0) {
      const low = (before.seqLow >>> 0) + (codec.low >>> 0) + 1;
      const high = before.seqHigh + codec.high + (low >= 2 ** 32 ? 1 : 0);
      id.set(before.msHigh, before.msLow, high, low);
    } else {
      const low = (before.msLow >>> 0) + (codec.low >>> 0);
      const high = before.msHigh + codec.high + (low >= 2 ** 32 ? 1 : 0);
      this.long();
      id.set(high, low, codec.high, codec.low);
    }
    if (id.compare(before) <= 0) this.at = -1;
  }

  /** Reads a number of 64 bits into the codec. */
  private long(): void {
    const from = this.at;
    for (let i = 0; i < LONG_BYTES && this.at >= 0 && this.at < this.end; i++) {
      if (this.region.bytes[this.at++]! >= MORE) continue;
      this.codec.at = from;
      this.codec.readLong(this.region);
      return;
    }
    this.at = -1;
  }

  private passValue(): void {
    const head = this.number();
    if (this.at < 0) return;
    const bytes = Math.floor(head / 2);
    const from = this.at;
    this.skip(bytes);
    if ((head & 1) === 0 || this.at < 0) return;
    if (!isInteger(this.region.bytes, from, bytes)) this.at = -1;
  }
}

/** Whether these are the values of an entry, the length of each in a byte. */
function arePlain(bytes: Uint8Array, from: number, end: number, fields: number): boolean {
  let at = from;
  for (let left = fields; left > 0; left--) {
    if (at >= end) return false;
    const head = bytes[at]!;
    const size = head >>> 1;
    at += 1 + size;
    if (head >= MORE || at > end) return false;
    if ((head & 1) !== 0 && !isInteger(bytes, at - size, size)) return false;
  }
  return at === end && fields > 0;
}

/** Of an integer one form is right: it has no byte that only repeats the sign. */
function isInteger(bytes: Uint8Array, at: number, width: number): boolean {
  if (width < 1 || width > INTEGER_BYTES_MAX) return false;
  if (width === 1) return true;
  const top = bytes[at + width - 1]!;
  const isNegative = bytes[at + width - 2]! >= 128;
  return top !== (isNegative ? 255 : 0);
}

const walk = new BlockWalk();
const last = new StreamId();

/**
 * @param idOffset where the id of its first entry is, which has to be above `above`
 * @returns whether these bytes are a block
 */
export function isBlock(
  region: Region,
  idOffset: number,
  offset: number,
  length: number,
  above: StreamId,
): boolean {
  if (length <= BLOCK_HEADER_BYTES) return false;
  const { view } = region;
  const count = view.getUint16(offset + BLOCK_ENTRIES, true);
  if (count < 1 || count > BLOCK_ENTRIES_MAX) return false;
  if (view.getUint32(offset + BLOCK_USED, true) !== length) return false;
  if (walk.id.read(region, idOffset).compare(above) <= 0) return false;
  walk.region = region;
  walk.at = offset + BLOCK_HEADER_BYTES;
  walk.end = offset + length;
  walk.common = walk.number();
  for (let i = 0; i < walk.common && walk.at >= 0; i++) walk.skip(walk.number());
  if (walk.at >= 0) walk.passAny(true);
  for (let passed = 1; passed < count && walk.at >= 0; ) {
    passed += walk.passPlain(count - passed);
    if (passed < count) {
      walk.passAny(false);
      passed++;
    }
  }
  return (
    walk.at === offset + length && last.read(region, offset + BLOCK_LAST_ID).compare(walk.id) === 0
  );
}
