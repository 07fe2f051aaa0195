/** Writes the blocks of a stream: see block.ts for what is in them. */
import type { ArgumentVector } from '../../base/arguments.js';
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes, equalBytes, moveBytes, type Region } from '../../base/region.js';
import { INTEGER_TEXT_MAX, Int64 } from '../../structures/packed/integer.js';
import {
  BLOCK_ENTRIES,
  BLOCK_HEADER_BYTES,
  BLOCK_LAST_ID,
  BLOCK_USED,
  type BlockReader,
  DIFFERENCE_FOLLOWS,
  DIFFERENCE_SHIFT,
  FLAG_COMMON,
  FLAG_SAME_TIME,
} from './block.js';
import { NumberCodec } from './number-codec.js';
import { StreamId } from './stream-id.js';

const NUMBER_BYTES_MAX = 10;
const KEPT_BYTES = 1 << 20;
const FIRST_BYTES = 8192;

const integer = new Int64();
const codec = new NumberCodec();
const probe = new StreamId();

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
