/**
 * Verification of a block (block.ts) whose sender cannot be trusted: it reads nothing outside of the
 * block, and ends. What passes is a block that BlockWriter might have written: every number inside its
 * bounds, the ids ascending, no byte left over.
 */
import type { Region } from '../../base/region.js';
import { Int64 } from '../../structures/packed/integer.js';
import {
  BLOCK_ENTRIES,
  BLOCK_ENTRIES_MAX,
  BLOCK_HEADER_BYTES,
  BLOCK_LAST_ID,
  BLOCK_USED,
  BlockReader,
  DIFFERENCE_FOLLOWS,
  DIFFERENCE_SHIFT,
  FLAG_COMMON,
  FLAG_SAME_TIME,
} from './block.js';
import { StreamId } from './stream-id.js';

/** A number of 32 bits has so many bytes at most, and one of 64. */
const NUMBER_BYTES = 5;
const LONG_BYTES = 10;
const INTEGER_BYTES_MAX = 8;

const block = new BlockReader();
const before = new StreamId();
const id = new StreamId();
const last = new StreamId();
const integer = new Int64();

/** Reads numbers up to a bound. `at` is -1 after one that makes no sense. */
class BoundedReader {
  region!: Region;
  at = 0;
  end = 0;

  number(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < NUMBER_BYTES && this.at >= 0 && this.at < this.end; i++) {
      const byte = this.region.bytes[this.at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    this.at = -1;
    return 0;
  }

  skipLong(): void {
    for (let i = 0; i < LONG_BYTES && this.at >= 0 && this.at < this.end; i++) {
      if (this.region.bytes[this.at++]! < 128) return;
    }
    this.at = -1;
  }

  skip(bytes: number): void {
    if (this.at < 0 || bytes > this.end - this.at) this.at = -1;
    else this.at += bytes;
  }
}

const reader = new BoundedReader();

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
  const end = offset + length;
  reader.region = region;
  reader.at = offset + BLOCK_HEADER_BYTES;
  reader.end = end;
  const common = reader.number();
  for (let i = 0; i < common && reader.at >= 0; i++) reader.skip(reader.number());
  for (let i = 0; i < count && reader.at >= 0; i++) skipEntry(i, common, end);
  return reader.at === end && areIdsAscending(region, idOffset, offset, above);
}

/** Leaves the reader behind the entry. */
function skipEntry(index: number, common: number, blockEnd: number): void {
  if (reader.at >= blockEnd) {
    reader.at = -1;
    return;
  }
  const flags = reader.region.bytes[reader.at++]!;
  const rest = reader.number();
  if (reader.at < 0 || rest > blockEnd - reader.at) {
    reader.at = -1;
    return;
  }
  const end = reader.at + rest;
  reader.end = end;
  if (index > 0) {
    if (flags >>> DIFFERENCE_SHIFT === DIFFERENCE_FOLLOWS) reader.skipLong();
    if ((flags & FLAG_SAME_TIME) === 0) reader.skipLong();
  }
  const isCommon = (flags & FLAG_COMMON) !== 0;
  const fields = isCommon ? common : reader.number();
  for (let i = 0; i < fields && reader.at >= 0; i++) {
    if (!isCommon) reader.skip(reader.number());
    skipValue();
  }
  if (reader.at !== end || fields === 0) reader.at = -1;
  reader.end = blockEnd;
}

function skipValue(): void {
  const head = reader.number();
  if (reader.at < 0) return;
  const bytes = Math.floor(head / 2);
  const from = reader.at;
  reader.skip(bytes);
  if ((head & 1) === 0 || reader.at < 0) return;
  // Of an integer one form is right.
  if (bytes < 1 || bytes > INTEGER_BYTES_MAX) reader.at = -1;
  else {
    integer.read(reader.region, from, bytes);
    if (integer.width !== bytes) reader.at = -1;
  }
}

/** The structure is right, so that a reader may read it. */
function areIdsAscending(
  region: Region,
  idOffset: number,
  offset: number,
  above: StreamId,
): boolean {
  block.load(region, idOffset, offset);
  before.copyFrom(above);
  for (let i = 0; i < block.count; i++) {
    if (block.idAt(i, id).compare(before) <= 0) return false;
    before.copyFrom(id);
  }
  return last.read(region, offset + BLOCK_LAST_ID).compare(before) === 0;
}
