/**
 * One word for each thread, in which it says what it does and others ask it to stop: one number at a
 * time, changed by exchange, so that two who decide at once never both succeed.
 */
export class SharedStates {
  constructor(private readonly words: Int32Array) {}

  static create(threads: number): SharedStates {
    return new SharedStates(new Int32Array(new SharedArrayBuffer(4 * threads)));
  }

  get buffer(): SharedArrayBuffer {
    return this.words.buffer as SharedArrayBuffer;
  }

  get threads(): number {
    return this.words.length;
  }

  /** Any thread. */
  load(thread: number): number {
    return Atomics.load(this.words, thread);
  }

  /** By the thread itself only. */
  store(thread: number, state: number): void {
    Atomics.store(this.words, thread, state);
  }

  /** Any thread. @returns false when the state was another one */
  exchange(thread: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.words, thread, from, to) === from;
  }
}
