/**
 * Which I/O threads are away: in a command or a script that takes long, so that they take no turns.
 * A thread counts up about ten times a second, asleep or at work, so others see when it does not. Each
 * observer measures with a clock of its own; a thread is away only while its count has not changed
 * for long, so an observer that was away itself takes nobody for away.
 */

/** A thread that has not counted for so long is away. Three beats, so that a busy machine is none. */
const AWAY_AFTER_MS = 300;

export class ThreadBeats {
  private readonly seen: Int32Array;
  private readonly seenMs: Float64Array;

  /** @param beats by thread, in shared memory; each thread writes its own */
  constructor(private readonly beats: Int32Array) {
    this.seen = beats.slice();
    this.seenMs = new Float64Array(beats.length).fill(Number.POSITIVE_INFINITY);
  }

  static create(threads: number): Int32Array {
    return new Int32Array(new SharedArrayBuffer(4 * threads));
  }

  /** By the thread itself, about every 100 ms. */
  beat(thread: number): void {
    this.beats[thread] = (this.beats[thread]! + 1) | 0;
  }

  /** Looks at all threads, about every 100 ms. @param nowMs of a clock that is not set */
  look(nowMs: number): void {
    for (let thread = 0; thread < this.beats.length; thread++) {
      const count = this.beats[thread]!;
      if (count === this.seen[thread] && this.seenMs[thread]! <= nowMs) continue;
      this.seen[thread] = count;
      this.seenMs[thread] = nowMs;
    }
  }

  isAway(thread: number, nowMs: number): boolean {
    if (this.beats[thread] !== this.seen[thread]) return false;
    return nowMs - this.seenMs[thread]! > AWAY_AFTER_MS;
  }
}
