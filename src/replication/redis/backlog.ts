/**
 * The latest bytes of the merged stream, for all replicas at once: each reads from its own offset, and
 * one whose link was cut goes on from there. An offset is the number of bytes before it.
 *
 *     start                    a replica                          end
 *       ├──────────┬──────────────●───────────┬────────────┤────────┤
 *        block      block                      block        block (open)
 *
 * Blocks before what is kept are dropped whole. How long a slow replica keeps them is not decided here
 * (`client-output-buffer-limit replica`).
 */
const BLOCK_BYTES = 64 * 1024;

interface Block {
  readonly start: number;
  readonly bytes: Buffer;
  used: number;
}

export class Backlog {
  private blocks: Block[] = [];

  /** @param end the offset at which the stream begins */
  constructor(
    /** How much is kept when no replica needs it. */
    public keptBytes: number,
    public end: number,
  ) {}

  /** The oldest offset from which a replica can go on. */
  get start(): number {
    return this.blocks[0]?.start ?? this.end;
  }

  append(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      const block = this.open(bytes.length - from);
      const count = Math.min(bytes.length - from, block.bytes.length - block.used);
      block.bytes.set(bytes.subarray(from, from + count), block.used);
      block.used += count;
      this.end += count;
      from += count;
    }
  }

  private open(wanted: number): Block {
    const last = this.blocks.at(-1);
    if (last !== undefined && last.used < last.bytes.length) return last;
    const bytes = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, Math.min(wanted, 1 << 20)));
    const block = { start: this.end, bytes, used: 0 };
    this.blocks.push(block);
    return block;
  }

  /** The stream goes on at a later offset. Nobody continues from before it. */
  jump(end: number): void {
    if (end < this.end) throw new Error(`backlog: from offset ${this.end} back to ${end}`);
    this.blocks = [];
    this.end = end;
  }

  holds(offset: number): boolean {
    return offset >= this.start && offset <= this.end;
  }

  /**
   * Some of the bytes from an offset on, which is held: `most` at most. They stay as they are. Empty at the
   * end only.
   */
  read(offset: number, most: number): Buffer {
    const index = this.indexOf(offset);
    const block = this.blocks[index];
    if (block === undefined) return Buffer.alloc(0);
    const from = offset - block.start;
    return block.bytes.subarray(from, Math.min(block.used, from + most));
  }

  private indexOf(offset: number): number {
    let low = 0;
    let high = this.blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.blocks[middle]!.start <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Drops what is neither to be kept nor needed by a replica, the slowest of which is at `needed`. */
  trim(needed: number): void {
    const keep = Math.min(needed, this.end - this.keptBytes);
    let drop = 0;
    while (
      drop < this.blocks.length &&
      this.blocks[drop]!.start + this.blocks[drop]!.used <= keep
    ) {
      drop++;
    }
    if (drop > 0) this.blocks.splice(0, drop);
  }
}
