/**
 * A file of a segment of the journal (segment-writer.ts), as it is read: its blocks in order, until
 * its end, or until bytes that make no sense. What the latter mean is for the caller to decide: the
 * tail of the newest segment may be torn. `isTorn` tells it from damage.
 *
 * Two buffers take turns: while the blocks of one are taken, the next piece of the file is read into the
 * other, behind the room for the block that lies in both.
 *
 *   | ........ rest of the last piece | piece of the file |
 */
import { align8 } from '../../base/align.js';
import { copyBytes, Region } from '../../base/region.js';
import { DamagedFile } from '../../persistence/files/damaged-file.js';
import type { Disk } from '../../persistence/files/disk.js';
import {
  FLOW_HEADER_BYTES,
  type FlowFileHeader,
  FlowFileReader,
} from '../../persistence/files/flow-file.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_CUT,
  BLOCK_HEADER_BYTES,
  BLOCK_HEARTBEAT,
  BLOCK_INCOMPLETE,
  BLOCK_JOURNAL,
  BLOCK_READY,
  Block,
  readBlock,
} from '../wire.js';

/** Few enough to be in the processor's cache when they are applied. */
const PIECE_BYTES = 1 << 19;
/** Room for what is left of a piece: less than a block. */
const REST_BYTES = align8(BLOCK_BYTES_MAX);
const NO_BLOCK = 'the bytes of a block are damaged';
const NO_BEGINNING = 'it ends within its beginning';

/** Bytes that are no block. */
export interface SegmentBreak {
  readonly offset: number;
  readonly reason: string;
}

export class SegmentReader {
  /** The block that `advance` or `next` found, in `region`. */
  readonly block = new Block();
  /** Where in the file it begins. */
  blockOffset = 0;
  /** Where the file makes no sense any more; null at its proper end. */
  broken: SegmentBreak | null = null;
  private readonly buffers = [createBuffer(), createBuffer()] as const;
  private turn = 0;
  /** What is not taken yet, and the offset in the file of its end. */
  private start = REST_BYTES;
  private end = REST_BYTES;
  private endOffset = FLOW_HEADER_BYTES;
  /** The read into the other buffer that is under way. */
  private ahead: Promise<number> | null = null;

  private constructor(private readonly file: FlowFileReader) {}

  /** @throws DamagedFile when its header is wrong; Error of the system */
  static async open(disk: Disk, path: string): Promise<SegmentReader> {
    return new SegmentReader(await FlowFileReader.open(disk, path));
  }

  get path(): string {
    return this.file.path;
  }

  get region(): Region {
    return this.buffers[this.turn]!;
  }

  get header(): FlowFileHeader {
    return this.file.header;
  }

  /** Bytes of the file up to where its blocks end. */
  get bytes(): number {
    return this.file.blocksEnd;
  }

  get isFinished(): boolean {
    return this.file.end !== null;
  }

  /** Offset in the file of what lies at an offset of the region. */
  private offsetOf(at: number): number {
    return this.endOffset - (this.end - at);
  }

  /** Finds the next JOURNAL block. @returns false at the end, or where the file is broken */
  async next(): Promise<boolean> {
    while (!this.advance()) {
      if (this.broken !== null || !(await this.readMore())) return false;
    }
    return true;
  }

  /** Finds the next JOURNAL block in what is read already. @returns false when `next` has to look */
  advance(): boolean {
    while (this.advanceAny()) {
      const { type } = this.block;
      if (type === BLOCK_JOURNAL) return true;
      if (type === BLOCK_CUT || type === BLOCK_HEARTBEAT) continue;
      this.breakOff(this.blockOffset, `a block of type ${type}`);
    }
    return false;
  }

  /** Reads where the streams begin, in the order of the file. Before `next`; null when torn. */
  async starts(count: number): Promise<Map<number, number> | null> {
    const starts = new Map<number, number>();
    while (starts.size < count) {
      while (!this.advanceAny()) {
        if (this.broken !== null || !(await this.readMore())) return null;
      }
      if (this.block.type !== BLOCK_CUT) return null;
      starts.set(this.block.shard, this.block.to);
    }
    return starts;
  }

  private advanceAny(): boolean {
    const { region, block } = this;
    if (this.broken !== null) return false;
    const state = readBlock(region, this.start, this.end, block);
    if (state === BLOCK_READY) {
      this.blockOffset = this.offsetOf(this.start);
      this.start = block.end;
      return true;
    }
    if (state !== BLOCK_INCOMPLETE) this.breakOff(this.offsetOf(this.start), NO_BLOCK);
    return false;
  }

  /** @returns false at the end of the file: it is broken when that is within a block */
  private async readMore(): Promise<boolean> {
    const got = await (this.ahead ?? this.readPiece());
    this.ahead = null;
    if (got === 0) {
      if (this.start < this.end) this.breakOff(this.offsetOf(this.start), 'it ends within a block');
      return false;
    }
    const rest = this.end - this.start;
    const other = this.buffers[this.turn ^ 1]!;
    copyBytes(other, REST_BYTES - rest, this.region, this.start, rest);
    this.turn ^= 1;
    this.start = REST_BYTES - rest;
    this.end = REST_BYTES + got;
    this.endOffset += got;
    if (this.endOffset < this.file.blocksEnd) {
      this.ahead = this.readPiece();
      // Whoever waits for it gets the error.
      this.ahead.catch(() => {});
    }
    return true;
  }

  /** Reads the next piece into the buffer that is not in use. */
  private readPiece(): Promise<number> {
    const { bytes } = this.buffers[this.turn ^ 1]!;
    return this.file.read(bytes.subarray(REST_BYTES, REST_BYTES + PIECE_BYTES));
  }

  private breakOff(offset: number, reason: string): void {
    this.broken ??= { offset, reason };
  }

  /**
   * Whether what follows the break was never said to be on the disk: no mark behind it tells of bytes
   * beyond it. Reads the rest of the file.
   */
  async isTorn(): Promise<boolean> {
    const { block, broken } = this;
    if (broken === null || this.isFinished) return broken === null;
    this.start += 8;
    do {
      for (; this.end - this.start >= BLOCK_HEADER_BYTES; this.start += 8) {
        if (readBlock(this.region, this.start, this.end, block) !== BLOCK_READY) continue;
        const isMark = block.type === BLOCK_HEARTBEAT && block.to === this.offsetOf(this.start);
        if (isMark && block.from > broken.offset) return false;
      }
      this.start = Math.min(this.start, this.end);
    } while (await this.readMore());
    return true;
  }

  /** A read that is under way, and that nobody has waited for, may have met an error of the disk. */
  async close(): Promise<void> {
    try {
      await this.ahead;
    } finally {
      await this.file.close();
    }
  }
}

function createBuffer(): Region {
  return new Region(new SharedArrayBuffer(REST_BYTES + PIECE_BYTES), 0);
}

/** How a file of a segment begins. */
export interface SegmentBeginning {
  readonly header: FlowFileHeader;
  /** By stream. */
  readonly starts: ReadonlyMap<number, number>;
  /** Bytes behind the beginning. */
  readonly moreBytes: number;
}

/**
 * Reads how a file begins.
 * @param streamsOf how many streams the flow has; throws when the header is that of another journal
 * @returns what is wrong when the beginning is not whole
 */
export async function readBeginning(
  disk: Disk,
  path: string,
  streamsOf: (header: FlowFileHeader) => number,
): Promise<SegmentBeginning | DamagedFile> {
  const file = await disk.open(path);
  const bytes = await file.length().finally(() => file.close());
  let reader: SegmentReader;
  try {
    reader = await SegmentReader.open(disk, path);
  } catch (error) {
    if (error instanceof DamagedFile) return error;
    throw error;
  }
  try {
    const count = streamsOf(reader.header);
    const starts = await reader.starts(count);
    if (starts !== null) {
      const moreBytes = bytes - FLOW_HEADER_BYTES - count * BLOCK_HEADER_BYTES;
      return { header: reader.header, starts, moreBytes };
    }
    const { offset, reason } = reader.broken ?? { offset: bytes, reason: NO_BEGINNING };
    return new DamagedFile(path, offset, reason);
  } finally {
    await reader.close();
  }
}
