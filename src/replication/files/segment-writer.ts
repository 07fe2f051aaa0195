/**
 * A segment of the journal, as it is written: one file of each flow (persistence/files/flow-file.ts)
 * with what a replica in stable sync would get, from one cut of all streams on.
 *
 *   header | CUT of each of the flow's streams: where it begins | JOURNAL blocks and marks | end
 *
 * A *mark* is a HEARTBEAT block. `from`: how many bytes of the file were on the disk when it was
 * written; `to`: its own offset in the file. Marks are what tells a torn tail from damage: whatever
 * lies before the place that a later mark names was on the disk, and cannot be missing.
 *
 * A file whose name and beginning are not on the disk yet may be written to. But it has no mark before all
 * files of its segment are on the disk, and all of the segment before. So a mark in any of them is what proves a
 * segment: without one a crash may have left some of it and not the rest (segment-proof.ts).
 *
 * The end is there when the segment was finished: by the next one, or by a server that was stopped.
 * A segment ends at a cut at which no transaction is half written, so that each is loaded alone.
 */
import { Region } from '../../base/region.js';
import type { Disk } from '../../persistence/files/disk.js';
import { type FlowFileHeader, FlowFileWriter } from '../../persistence/files/flow-file.js';
import { BLOCK_CUT, BLOCK_HEADER_BYTES, BLOCK_HEARTBEAT, BlockHeader, sealBlock } from '../wire.js';

export interface SegmentPlace {
  readonly folder: string;
  readonly path: string;
  readonly header: FlowFileHeader;
  /** Where each of the flow's streams begins, in their order. */
  readonly starts: readonly number[];
}

/** Room for a mark in front of what is appended. */
export const MARK_BYTES = BLOCK_HEADER_BYTES;

/** Writes one file of a segment. One call at a time, but for `sync`. */
export class SegmentWriter {
  /** Bytes of the file that are on the disk. */
  synced = 0;
  /** Whether all of the segment is begun on the disk, and the one before is there. */
  mayMark = false;
  private marked = 0;
  private readonly block = new BlockHeader();

  private constructor(
    private readonly file: FlowFileWriter,
    private readonly stream: number,
  ) {}

  /** Creates the file. `syncBeginning` brings its name and its beginning to the disk. */
  static async create(disk: Disk, place: SegmentPlace, mine: readonly number[]) {
    const file = await FlowFileWriter.create(disk, place.path, place.header);
    try {
      await file.append(startBlocks(mine, place.starts));
      return new SegmentWriter(file, mine[0]!);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Brings its name, and what was written so far, to the disk. */
  async syncBeginning(disk: Disk, folder: string): Promise<void> {
    await this.sync();
    await disk.syncFolder(folder);
  }

  get bytes(): number {
    return this.file.bytes;
  }

  get isSynced(): boolean {
    return this.synced === this.bytes;
  }

  /** See DiskFile. */
  set mayHoldUp(mayHoldUp: boolean) {
    this.file.mayHoldUp = mayHoldUp;
  }

  /**
   * Writes blocks, behind a mark if more is on the disk than the last one says.
   * @param region has room for it: MARK_BYTES, then the blocks up to `end`
   */
  async append(region: Region, end: number): Promise<void> {
    const { synced } = this;
    const isMarked = this.mayMark && synced > this.marked;
    if (isMarked) this.sealMark(region, synced);
    await this.file.append(region.bytes.subarray(isMarked ? 0 : MARK_BYTES, end));
    if (isMarked) this.marked = synced;
  }

  /** Writes a mark alone. */
  async mark(): Promise<void> {
    const region = new Region(new SharedArrayBuffer(MARK_BYTES), 0);
    const { synced } = this;
    this.sealMark(region, synced);
    await this.file.append(region.bytes);
    this.marked = synced;
  }

  private sealMark(region: Region, synced: number): void {
    const { block } = this;
    block.type = BLOCK_HEARTBEAT;
    block.shard = this.stream;
    block.from = synced;
    block.to = this.bytes;
    sealBlock(region, 0, block);
  }

  /** After an append that failed: takes away what was written of it, so that it can be tried again. */
  cutBack(): Promise<void> {
    return this.file.cutBack();
  }

  /** Brings what was written to the disk. A failure is for good: what was written may be lost. */
  async sync(): Promise<void> {
    const { bytes } = this;
    await this.file.sync();
    this.synced = bytes;
  }

  /**
   * Nothing follows: brings all to the disk, then writes the end, and closes it. So the end is a mark:
   * all before it was on the disk.
   */
  async finish(): Promise<void> {
    await this.sync();
    await this.file.finish();
    this.synced = this.bytes;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

function startBlocks(mine: readonly number[], starts: readonly number[]): Uint8Array {
  const region = new Region(new SharedArrayBuffer(mine.length * BLOCK_HEADER_BYTES), 0);
  const block = new BlockHeader();
  let at = 0;
  mine.forEach((stream, i) => {
    block.type = BLOCK_CUT;
    block.shard = stream;
    block.from = starts[i]!;
    block.to = starts[i]!;
    at = sealBlock(region, at, block);
  });
  return region.bytes;
}
