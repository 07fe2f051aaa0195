/**
 * The listening sockets of all I/O threads, so that one can accept for another that is in a long
 * command. Descriptors are the process's, so any thread may use them; what must not happen is that
 * one is closed, and its number used again, while another thread accepts from it. A thread changes
 * its row under the row's lock, and whoever visits it holds that lock.
 *
 *   row     i32  lock
 *           i32  how many there are
 *           i32 × LISTENERS_MAX  descriptors
 */
import { lockBlocking, tryLock, unlock } from './lock.js';

/** All addresses of `bind`, the Unix socket, and those of before while `bind` changes. */
const LISTENERS_MAX = 62;
const COUNT = 1;
const FIRST = 2;
const ROW = FIRST + LISTENERS_MAX;

export class SharedListeners {
  /** @param owner this thread's number in locks, from 1 */
  constructor(
    private readonly words: Int32Array,
    private readonly owner: number,
  ) {}

  static createBuffer(threads: number): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * ROW * threads);
  }

  /** A listener has opened. By the thread of the row. */
  add(thread: number, descriptor: number): void {
    const row = thread * ROW;
    lockBlocking(this.words, row, this.owner);
    const count = this.words[row + COUNT]!;
    // One more has no helpers, and is its thread's alone.
    if (count < LISTENERS_MAX) {
      this.words[row + FIRST + count] = descriptor;
      this.words[row + COUNT] = count + 1;
    }
    unlock(this.words, row);
  }

  /** A listener is about to close: from now on no other thread uses it. By the thread of the row. */
  remove(thread: number, descriptor: number): void {
    const row = thread * ROW;
    lockBlocking(this.words, row, this.owner);
    const count = this.words[row + COUNT]!;
    const at = this.words.indexOf(descriptor, row + FIRST);
    if (at >= 0 && at < row + FIRST + count) {
      this.words[at] = this.words[row + FIRST + count - 1]!;
      this.words[row + COUNT] = count - 1;
    }
    unlock(this.words, row);
  }

  /** Calls `visit` with each listener of a thread, unless another one does so now. */
  visit(thread: number, visit: (descriptor: number) => void): void {
    const row = thread * ROW;
    if (!tryLock(this.words, row, this.owner)) return;
    try {
      const count = this.words[row + COUNT]!;
      for (let i = 0; i < count; i++) visit(this.words[row + FIRST + i]!);
    } finally {
      unlock(this.words, row);
    }
  }
}
