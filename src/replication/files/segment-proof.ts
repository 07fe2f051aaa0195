/**
 * Whether the newest segment of a journal is proven: all its files, and all of the segment before, were on the
 * disk before anything of it counted. A mark or an end in any of its files says so (segment-writer.ts). They are
 * looked for without their beginning, which a crash may not have left.
 */
import { Region } from '../../base/region.js';
import { codeOf, type Disk, type DiskFile } from '../../persistence/files/disk.js';
import { decodeEnd, FLOW_END_BYTES, FLOW_HEADER_BYTES } from '../../persistence/files/flow-file.js';
import { BLOCK_HEADER_BYTES, BLOCK_HEARTBEAT, BLOCK_READY, Block, readBlock } from '../wire.js';

const PIECE_BYTES = 1 << 19;
/** A block may begin at any of these. */
const STEP_BYTES = 8;

export async function isProven(disk: Disk, paths: Iterable<string>): Promise<boolean> {
  for (const path of paths) {
    let file: DiskFile;
    try {
      file = await disk.open(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') continue;
      throw error;
    }
    try {
      if ((await isFinished(file)) || (await isMarked(file))) return true;
    } finally {
      await file.close();
    }
  }
  return false;
}

/** Whether all files of a segment have their end: they were on the disk before. */
export async function areFinished(disk: Disk, paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    const file = await disk.open(path);
    const isWhole = await isFinished(file).finally(() => file.close());
    if (!isWhole) return false;
  }
  return true;
}

async function isFinished(file: DiskFile): Promise<boolean> {
  const length = await file.length();
  if (length < FLOW_HEADER_BYTES + FLOW_END_BYTES) return false;
  const tail = new Uint8Array(FLOW_END_BYTES);
  await file.read(length - FLOW_END_BYTES, tail);
  return decodeEnd(tail, length) !== null;
}

async function isMarked(file: DiskFile): Promise<boolean> {
  const region = new Region(new SharedArrayBuffer(PIECE_BYTES), 0);
  const block = new Block();
  // Pieces overlap by the head of a block, which a mark is no longer than.
  for (let offset = FLOW_HEADER_BYTES; ; offset += PIECE_BYTES - BLOCK_HEADER_BYTES) {
    const got = await file.read(offset, region.bytes);
    for (let at = 0; at + BLOCK_HEADER_BYTES <= got; at += STEP_BYTES) {
      const isBlock = readBlock(region, at, got, block) === BLOCK_READY;
      if (isBlock && block.type === BLOCK_HEARTBEAT && block.to === offset + at) return true;
    }
    if (got < PIECE_BYTES) return false;
  }
}
