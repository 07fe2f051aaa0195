/**
 * A text that all threads of the process share, and may replace: the configuration.
 *
 *   word 0   lock (memory/lock.ts)
 *   word 1   version, one more at each replacement
 *   word 2   length of the text in bytes
 *   byte 16  the text, UTF-8
 *
 * Between changes a thread reads only the version: one load. It is stored after the text,
 * under the lock, and read by `read` under the lock too, so that both belong together.
 */
import { lockBlocking, unlock } from './lock.js';

const WORD_LOCK = 0;
const WORD_VERSION = 1;
const WORD_LENGTH = 2;
const TEXT_OFFSET = 16;
export const DEFAULT_BYTES = 4 * 1024 * 1024;
/** All threads use one owner number: nothing asks who holds this lock. */
const OWNER = 1;

/** A new text is longer than the memory that was made for it. */
export class SharedTextFullError extends RangeError {
  constructor() {
    super('The shared text is too long');
  }
}

export class SharedText {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, TEXT_OFFSET / 4);
    this.bytes = new Uint8Array(buffer, TEXT_OFFSET);
  }

  static create(text: string, bytes = DEFAULT_BYTES): SharedText {
    const shared = new SharedText(new SharedArrayBuffer(bytes));
    shared.update(() => text);
    return shared;
  }

  /** Any thread, without the lock. */
  get version(): number {
    return Atomics.load(this.words, WORD_VERSION);
  }

  /** Any thread. */
  read(): { readonly text: string; readonly version: number } {
    lockBlocking(this.words, WORD_LOCK, OWNER);
    try {
      return { text: this.current(), version: this.version };
    } finally {
      unlock(this.words, WORD_LOCK);
    }
  }

  /**
   * Replaces the text by what `change` makes of it, or not at all when that returns null or throws.
   * Any thread; nobody else reads or changes meanwhile, so `change` must not use this object.
   *
   * @throws SharedTextFullError
   */
  update(change: (text: string) => string | null): void {
    lockBlocking(this.words, WORD_LOCK, OWNER);
    try {
      const text = change(this.current());
      if (text === null) return;
      const encoded = Buffer.from(text, 'utf8');
      if (encoded.length > this.bytes.length) throw new SharedTextFullError();
      this.bytes.set(encoded);
      this.words[WORD_LENGTH] = encoded.length;
      // After the text: whoever sees the new version and takes the lock finds at least this text.
      Atomics.add(this.words, WORD_VERSION, 1);
    } finally {
      unlock(this.words, WORD_LOCK);
    }
  }

  private current(): string {
    return Buffer.from(this.bytes.slice(0, this.words[WORD_LENGTH])).toString('utf8');
  }
}
