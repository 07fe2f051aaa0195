/**
 * Waiting for messages of other threads, and questions to all of them. The messages themselves go
 * through MessagePorts; the words here announce them.
 *
 * A question to all threads and something that passes from one thread's state to another's (a
 * client that moves) exclude each other: otherwise the answers may have it twice, or not at all.
 * Each side announces itself before it looks at the other, so at least one of them sees the other.
 */
export const MAIL_THREADS_MAX = 48;
const QUESTIONS = 0;
const CARRIED = 1;
/** One word a thread: how many announcements it has had. */
const ANNOUNCED = 2;
export const MAIL_WORDS = ANNOUNCED + MAIL_THREADS_MAX;

export class Mail {
  /** @param words MAIL_WORDS of them, from `first` on */
  constructor(
    private readonly words: Int32Array,
    private readonly first: number,
  ) {}

  /** Tells a thread that waits in `wait` that there is a message for it. */
  announce(thread: number): void {
    Atomics.add(this.words, this.first + ANNOUNCED + thread, 1);
    Atomics.notify(this.words, this.first + ANNOUNCED + thread);
  }

  /** How many announcements a thread has had: to be read before looking for messages. */
  announced(thread: number): number {
    return Atomics.load(this.words, this.first + ANNOUNCED + thread);
  }

  /** Sleeps until the thread has had more than `seen` announcements, or the time is up. */
  wait(thread: number, seen: number, timeoutMs: number): void {
    Atomics.wait(this.words, this.first + ANNOUNCED + thread, seen, timeoutMs);
  }

  /** Keeps new `carry`s from beginning; those under way are counted by `carried`. */
  beginQuestion(): void {
    Atomics.add(this.words, this.first + QUESTIONS, 1);
  }

  endQuestion(): void {
    Atomics.sub(this.words, this.first + QUESTIONS, 1);
  }

  /** @returns whether something may pass to another thread now, which then says `arrived` */
  carry(): boolean {
    Atomics.add(this.words, this.first + CARRIED, 1);
    if (Atomics.load(this.words, this.first + QUESTIONS) === 0) return true;
    this.arrived();
    return false;
  }

  arrived(): void {
    Atomics.sub(this.words, this.first + CARRIED, 1);
  }

  /** How many carries are under way between threads. */
  get carried(): number {
    return Atomics.load(this.words, this.first + CARRIED);
  }
}
