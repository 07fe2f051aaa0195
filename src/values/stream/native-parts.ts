/**
 * The entries of a stream in its own form, for a replica (values/native-parts.ts): blocks, one after the
 * other. The groups before them, and what the root says beyond them, go as commands (effects.ts).
 *
 *   0      u32  length of a block
 *   4      16   id of its first entry
 *   20     the block (block.ts), without the room behind its last entry
 *   …      the next one
 */
import { newRegion } from '../../base/owned-region.js';
import type { Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { EFFECT_PART, EFFECT_PART_SUBCOMMAND, NO_ROOM, PART_BYTES_MAX } from '../native-parts.js';
import type { NativeParts, ValueEffects } from '../value-type.js';
import { BLOCK_BYTES_MAX } from './block.js';
import { STREAM_KIND, STREAM_ROOT_BYTES } from './layout.js';
import type { Stream } from './stream.js';
import { StreamId } from './stream-id.js';
import { isBlock } from './verify-block.js';
import { takenStream } from './views.js';

const BLOCK_AT = 20;
const ID_AT = 4;

/** Blocks on their way into a part. One for each thread. */
export class BlocksPart {
  private readonly out = newRegion(PART_BYTES_MAX);
  private bytes = 0;

  /**
   * Takes the block whose first entry the stream is at.
   * @returns the bytes that it takes, 0 when its entries have to go one by one
   */
  add(stream: Stream, effects: ValueEffects): number {
    if (!stream.isAtBlock || stream.blockBytes > BLOCK_BYTES_MAX) return 0;
    const { out } = this;
    const length = stream.blockBytes;
    if (this.bytes + BLOCK_AT + length > PART_BYTES_MAX) this.flush(effects);
    out.view.setUint32(this.bytes, length, true);
    stream.copyBlock(out, this.bytes + ID_AT, this.bytes + BLOCK_AT);
    this.bytes += BLOCK_AT + length;
    return BLOCK_AT + length;
  }

  /** Emits what was taken. Before any entry that follows. */
  flush(effects: ValueEffects): void {
    if (this.bytes === 0) return;
    effects.begin(EFFECT_PART, EFFECT_PART_SUBCOMMAND).word(String(STREAM_KIND));
    effects.bytes(this.out, 0, this.bytes).end();
    this.bytes = 0;
  }
}

export const blocksPart = new BlocksPart();

const above = new StreamId();

export const streamParts: NativeParts = {
  kinds: [STREAM_KIND],
  rootedKinds: [STREAM_KIND],
  rootBytes: STREAM_ROOT_BYTES,
  kindWith: () => STREAM_KIND,
  // There is no other kind.
  build: () => false,

  format(space: Space, root: number): void {
    takenStream(space).create(root, space.region);
  },

  take(space: Space, root: number, part: Region, length: number): string | null {
    const stream = takenStream(space).attach(root, space.region);
    stream.closeLast();
    space.populateAhead(Math.floor(length / PAGE_BYTES));
    let at = 0;
    while (at < length) {
      const rest = length - at - BLOCK_AT;
      const bytes = rest < 0 ? 0 : part.view.getUint32(at, true);
      if (bytes === 0 || bytes > rest) return 'blocks that are cut off';
      if (!isBlock(part, at + ID_AT, at + BLOCK_AT, bytes, stream.lastId(above))) {
        return 'a block that is none';
      }
      if (!stream.appendBlock(part, at + ID_AT, at + BLOCK_AT, bytes)) return NO_ROOM;
      at += BLOCK_AT + bytes;
    }
    return null;
  },
};
