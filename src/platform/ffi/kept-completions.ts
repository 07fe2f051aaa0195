/**
 * Completions of receives that are for a later turn, in the order in which they came. Their buffers
 * stay taken, so that nothing is copied, and the kernel receives no more than there are buffers.
 *
 *   entry   0 slot, ~slot when it was handed out   1 high   2 result   3 flags
 *
 * What is handed out may have the transport take another turn (`attend`), in which more of them are
 * handed out and added: entries stay in their places until the outermost `serve` is over.
 */
const ENTRY_WORDS = 4;
const FIRST_ENTRIES = 256;

export class KeptCompletions {
  private words = new Int32Array(FIRST_ENTRIES * ENTRY_WORDS);
  private used = 0;
  private depth = 0;

  get isEmpty(): boolean {
    return this.used === 0;
  }

  add(slot: number, high: number, result: number, flags: number): void {
    if (this.used === this.words.length) {
      const wider = new Int32Array(this.used * 2);
      wider.set(this.words);
      this.words = wider;
    }
    const { words, used } = this;
    words[used] = slot;
    words[used + 1] = high;
    words[used + 2] = result;
    words[used + 3] = flags;
    this.used = used + ENTRY_WORDS;
  }

  /**
   * Hands out what is due, each once.
   * @param mark told of slots that have none here any more, and then of those that have
   */
  serve(
    isDue: (slot: number, high: number) => boolean,
    take: (slot: number, high: number, result: number, flags: number) => void,
    mark: (slot: number, isKept: boolean) => void,
  ): void {
    this.depth++;
    try {
      for (let at = 0; at < this.used; at += ENTRY_WORDS) {
        const { words } = this;
        const slot = words[at]!;
        if (slot < 0 || !isDue(slot, words[at + 1]!)) continue;
        words[at] = ~slot;
        take(slot, words[at + 1]!, words[at + 2]!, words[at + 3]!);
      }
    } finally {
      this.depth--;
    }
    if (this.depth === 0) this.forgetTaken(mark);
  }

  private forgetTaken(mark: (slot: number, isKept: boolean) => void): void {
    const { words } = this;
    let kept = 0;
    for (let at = 0; at < this.used; at += ENTRY_WORDS) {
      if (words[at]! < 0) {
        mark(~words[at]!, false);
        continue;
      }
      words.copyWithin(kept, at, at + ENTRY_WORDS);
      kept += ENTRY_WORDS;
    }
    this.used = kept;
    for (let at = 0; at < kept; at += ENTRY_WORDS) mark(words[at]!, true);
  }
}
