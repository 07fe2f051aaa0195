/**
 * A file of a segment of the journal (segment-writer.ts), as it is read: its blocks in order, until
 * its end, or until bytes that make no sense. What the latter mean is for the caller to decide: the
 * tail of the newest segment may be torn. `isTorn` tells it from damage.
 */
import { Region } from '../../base/region.js';
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

const BUFFER_BYTES = 4 * BLOCK_BYTES_MAX;
const NO_BLOCK = 'the bytes of a block are damaged';

/** Bytes that are no block. */
export interface SegmentBreak {
  readonly offset: number;
  readonly reason: string;
}

export class SegmentReader {
  readonly region = new Region(new SharedArrayBuffer((BUFFER_BYTES + 7) & ~7), 0);
  /** The block that `next` found, in `region`. */
  readonly block = new Block();
  /** Where in the file it begins, and where in the region. */
  blockOffset = 0;
  blockStart = 0;
  /** Where the file makes no sense any more; null at its proper end. */
  broken: SegmentBreak | null = null;
  private start = 0;
  private end = 0;

  private constructor(private readonly file: FlowFileReader) {}

  /** @throws DamagedFile when its header is wrong; Error of the system */
  static async open(disk: Disk, path: string): Promise<SegmentReader> {
    return new SegmentReader(await FlowFileReader.open(disk, path));
  }

  get path(): string {
    return this.file.path;
  }

  get header(): FlowFileHeader {
    return this.file.header;
  }

  get isFinished(): boolean {
    return this.file.end !== null;
  }

  /** Offset in the file of what lies at an offset of the region. */
  private offsetOf(at: number): number {
    return this.file.offset - (this.end - at);
  }

  /** Finds the next JOURNAL block. @returns false at the end, or where the file is broken */
  async next(): Promise<boolean> {
    while (await this.nextOfAny()) {
      const { type } = this.block;
      if (type === BLOCK_JOURNAL) return true;
      if (type === BLOCK_CUT || type === BLOCK_HEARTBEAT) continue;
      this.breakOff(this.blockOffset, `a block of type ${type}`);
      return false;
    }
    return false;
  }

  /** Reads where the streams begin, in the order of the file. Before `next`; null when torn. */
  async starts(count: number): Promise<Map<number, number> | null> {
    const starts = new Map<number, number>();
    while (starts.size < count) {
      if (!(await this.nextOfAny()) || this.block.type !== BLOCK_CUT) return null;
      starts.set(this.block.shard, this.block.to);
    }
    return starts;
  }

  private async nextOfAny(): Promise<boolean> {
    const { region, block } = this;
    if (this.broken !== null) return false;
    for (;;) {
      const state = readBlock(region, this.start, this.end, block);
      if (state === BLOCK_READY) {
        this.blockStart = this.start;
        this.blockOffset = this.offsetOf(this.start);
        this.start = block.end;
        return true;
      }
      if (state !== BLOCK_INCOMPLETE) {
        this.breakOff(this.offsetOf(this.start), NO_BLOCK);
        return false;
      }
      if (await this.readMore()) continue;
      const isWhole = this.start === this.end;
      if (!isWhole) this.breakOff(this.offsetOf(this.start), 'it ends within a block');
      return false;
    }
  }

  private async readMore(): Promise<boolean> {
    const { region } = this;
    if (this.start > 0) {
      region.bytes.copyWithin(0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
    }
    const got = await this.file.read(region.bytes.subarray(this.end, BUFFER_BYTES & ~7));
    this.end += got;
    return got > 0;
  }

  private breakOff(offset: number, reason: string): void {
    this.broken = { offset, reason };
  }

  /**
   * Whether what follows the break was never said to be on the disk: no mark behind it tells of bytes
   * beyond it. Reads the rest of the file.
   */
  async isTorn(): Promise<boolean> {
    const { region, block, broken } = this;
    if (broken === null || this.isFinished) return broken === null;
    let at = this.start + 8;
    for (;;) {
      for (; this.end - at >= BLOCK_HEADER_BYTES; at += 8) {
        if (readBlock(region, at, this.end, block) !== BLOCK_READY) continue;
        const isMark = block.type === BLOCK_HEARTBEAT && block.to === this.offsetOf(at);
        if (isMark && block.from > broken.offset) return false;
      }
      this.start = Math.min(at, this.end);
      at = 0;
      if (!(await this.readMore())) return true;
    }
  }

  /** Reads a block again that was found at an offset of the file. It becomes `block`. */
  async reread(disk: Disk, offset: number, bytes: number): Promise<void> {
    const file = await disk.open(this.path);
    try {
      const got = await file.read(offset, this.region.bytes.subarray(0, bytes));
      if (got < bytes || readBlock(this.region, 0, bytes, this.block) !== BLOCK_READY) {
        throw new DamagedFile(this.path, offset, NO_BLOCK);
      }
      this.blockStart = 0;
      this.blockOffset = offset;
    } finally {
      await file.close();
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
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
 * Reads how a file begins. Its beginning is on the disk before anything else is written to it.
 * @param streamsOf how many streams the flow has
 * @returns null when it was torn while it was created: it holds nothing
 * @throws DamagedFile
 */
export async function readBeginning(
  disk: Disk,
  path: string,
  streamsOf: (header: FlowFileHeader) => number,
): Promise<SegmentBeginning | null> {
  const file = await disk.open(path);
  const bytes = await file.length().finally(() => file.close());
  let reader: SegmentReader | null = null;
  try {
    reader = await SegmentReader.open(disk, path);
    const count = streamsOf(reader.header);
    const moreBytes = bytes - FLOW_HEADER_BYTES - count * BLOCK_HEADER_BYTES;
    const starts = await reader.starts(count);
    if (starts !== null) return { header: reader.header, starts, moreBytes };
    const { offset, reason } = reader.broken ?? { offset: bytes, reason: NO_BLOCK };
    if (moreBytes <= 0) return null;
    throw new DamagedFile(path, offset, reason);
  } catch (error) {
    const isShort = bytes <= FLOW_HEADER_BYTES;
    if (reader === null && error instanceof DamagedFile && isShort) return null;
    throw error;
  } finally {
    await reader?.close();
  }
}
