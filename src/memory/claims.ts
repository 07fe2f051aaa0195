/**
 * Claims: who ends a wait that several threads may end. Each I/O thread has a word for each of its
 * clients that wait:
 *
 *     (sequence << 1) | WAITING      open: it may be claimed, once
 *     (sequence << 1)                claimed or ended
 *
 * The sequence tells the waits of one slot apart, so that who has an old ticket claims nothing.
 */

/** Clients of one thread that wait at the same time. */
export const CLAIM_SLOTS = 1 << 18;
const WAITING = 1;
const SEQUENCE_MASK = 0x3fff_ffff;

export class Claims {
  private readonly words: Int32Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
  }

  static createBuffer(threads: number): SharedArrayBuffer {
    return new SharedArrayBuffer(threads * CLAIM_SLOTS * 4);
  }

  /** The slot's owner begins a wait. @returns its sequence */
  open(thread: number, slot: number): number {
    const index = thread * CLAIM_SLOTS + slot;
    const sequence = ((Atomics.load(this.words, index) >>> 1) + 1) & SEQUENCE_MASK;
    Atomics.store(this.words, index, (sequence << 1) | WAITING);
    return sequence;
  }

  /** Ends the wait for everybody else. Any thread. @returns false when it has ended already */
  claim(thread: number, slot: number, sequence: number): boolean {
    const index = thread * CLAIM_SLOTS + slot;
    const open = (sequence << 1) | WAITING;
    return Atomics.compareExchange(this.words, index, open, sequence << 1) === open;
  }

  /** Who has claimed a wait gives it back. */
  reopen(thread: number, slot: number, sequence: number): void {
    Atomics.store(this.words, thread * CLAIM_SLOTS + slot, (sequence << 1) | WAITING);
  }
}
