/** What the blocks of a walk say of it: the form of what was captured, and the cursor after it. */
import { SCAN_END } from '../../structures/table.js';
import { BLOCK_ENTRIES, BLOCK_FRAME, BLOCK_VALUES, type BlockHeader } from '../wire.js';
import { CAPTURED_FRAME, CAPTURED_VALUES, type WalkCursor } from './full-sync-walk.js';

export function blockTypeOf(captured: number): number {
  if (captured === CAPTURED_FRAME) return BLOCK_FRAME;
  return captured === CAPTURED_VALUES ? BLOCK_VALUES : BLOCK_ENTRIES;
}

/** Notes how far the walk is after a block. */
export function putCursor(header: BlockHeader, { database, position }: WalkCursor): void {
  const isAtEnd = position === SCAN_END;
  header.database = isAtEnd ? database + 1 : database;
  header.position = isAtEnd ? 0 : position;
}
