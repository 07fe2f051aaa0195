/**
 * What threads tell each other of spreading clients (io-thread/spread-trial.ts): whose are to come back,
 * and until when it is not tried again. A few words of shared memory.
 */

const HOLD_MS = 10_000;
const HOLD_MS_MAX = 320_000;

const HELD_UNTIL = 0;
const HOLD = 1;

/** What threads share of it. */
export class SpreadVerdicts {
  /**
   * @param recalls by thread: who is to get its clients, and 1; 0 for nobody
   * @param holds until when nothing is tried, in milliseconds since 1970, and for how long that was
   */
  constructor(
    private readonly recalls: Int32Array,
    private readonly holds: Float64Array,
  ) {}

  static create(threads: number): { recalls: Int32Array; holds: Float64Array } {
    return {
      recalls: new Int32Array(new SharedArrayBuffer(4 * threads)),
      holds: new Float64Array(new SharedArrayBuffer(16)),
    };
  }

  mayTry(nowMs: number): boolean {
    return nowMs >= this.holds[HELD_UNTIL]!;
  }

  /** It was of no use: not again for a while. */
  hold(nowMs: number): void {
    const { holds } = this;
    const ms = Math.min(Math.max(HOLD_MS, holds[HOLD]! * 2), HOLD_MS_MAX);
    holds[HOLD] = ms;
    holds[HELD_UNTIL] = nowMs + ms;
  }

  wasOfUse(): void {
    this.holds[HOLD] = 0;
  }

  /** The clients of a thread are to go to another one. */
  recall(thread: number, to: number): void {
    this.recalls[thread] = to + 1;
  }

  /** Where a thread's clients are to go, -1 for nowhere. */
  recalledTo(thread: number): number {
    return this.recalls[thread]! - 1;
  }

  recalled(thread: number): void {
    this.recalls[thread] = 0;
  }
}
