/**
 * Exceptions in the log, with their stacks, at a bounded rate: what throws once may throw for every
 * command after it.
 */

/** At most this many are written in a period; the next period tells how many were left out. */
const LINES_MAX = 10;
const PERIOD_MS = 10_000;

export class FailureLog {
  private periodEndMs = 0;
  private written = 0;
  private left = 0;

  /** @param nowMs any clock of milliseconds */
  constructor(
    private readonly write: (text: string) => void,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  note(what: string, error: unknown): void {
    const nowMs = this.nowMs();
    if (nowMs >= this.periodEndMs) this.beginPeriod(nowMs);
    if (this.written === LINES_MAX) {
      this.left++;
      return;
    }
    this.written++;
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.write(`${what}: ${stack}`);
  }

  private beginPeriod(nowMs: number): void {
    this.periodEndMs = nowMs + PERIOD_MS;
    this.written = 0;
    if (this.left > 0) this.write(`${this.left} more exceptions were not logged`);
    this.left = 0;
  }
}
