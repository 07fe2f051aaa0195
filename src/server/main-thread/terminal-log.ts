/**
 * A log on a terminal: lines go up, and below them stands the bar of what takes long. Of several the one that
 * was told of last is shown.
 */
import type { ProgressBar } from '../../base/log.js';

/** To the line's begin, and erased from there on. */
const ERASE = '\r\x1b[K';

export class TerminalLog implements ProgressBar {
  /** By what shows them, the newest last. */
  private readonly bars = new Map<object, string>();
  private isDrawn = false;

  /** @param columns of the terminal at this moment; a longer line would wrap and could not be erased */
  constructor(
    private readonly write: (text: string) => void,
    private readonly columns: () => number,
  ) {}

  line(text: string): void {
    this.write(`${this.erased()}${text}\n${this.drawn()}`);
  }

  show(owner: object, text: string | null): void {
    this.bars.delete(owner);
    if (text !== null) this.bars.set(owner, text);
    const output = `${this.erased()}${this.drawn()}`;
    if (output !== '') this.write(output);
  }

  private erased(): string {
    return this.isDrawn ? ERASE : '';
  }

  private drawn(): string {
    const newest = [...this.bars.values()].at(-1);
    this.isDrawn = newest !== undefined;
    return newest === undefined ? '' : newest.slice(0, Math.max(this.columns() - 1, 0));
  }
}
