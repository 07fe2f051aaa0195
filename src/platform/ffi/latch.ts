/**
 * Opens once, in one thread, and lets go whoever waits for it in another, with its thread blocked.
 *
 *   word 0   0 closed, 1 open
 */
export class Latch {
  private readonly words: Int32Array;

  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.words = new Int32Array(buffer);
  }

  /** From any thread. What was written before is visible to who has waited. */
  open(): void {
    Atomics.store(this.words, 0, 1);
    Atomics.notify(this.words, 0);
  }

  /** @returns whether it is open; false after `timeoutMs` */
  wait(timeoutMs: number): boolean {
    return Atomics.wait(this.words, 0, 0, timeoutMs) !== 'timed-out';
  }
}
