/**
 * How long the operations of a file take, as an average that new ones move by an eighth: while it is low,
 * to do them costs less than to hand them to another thread. One that takes long moves it by no more than
 * NOTED_MS_MAX, so that a disk that was stuck is quick again after some forty quick operations.
 */
const QUICK_MS = 2;
const NOTED_MS_MAX = 400;

export class DiskPace {
  private averageMs = 0;

  get isQuick(): boolean {
    return this.averageMs < QUICK_MS;
  }

  note(tookMs: number): void {
    this.averageMs += (Math.min(tookMs, NOTED_MS_MAX) - this.averageMs) / 8;
  }
}
