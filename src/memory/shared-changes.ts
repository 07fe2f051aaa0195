/**
 * Changes to a state that every thread has a copy of, in shared memory: a text for each, in the
 * order in which they were made. A change costs as much as its text, however large the state is.
 *
 *   word 0   lock (memory/lock.ts)
 *   word 1   version: how many texts were ever added, modulo 2^32
 *   word 2   generation: one more whenever the texts begin anew
 *   word 3   bytes in use
 *   byte 16  for each text: its length as u32, then one byte a char
 *
 * When there is no room for another text, all of them give way to one that holds the whole state; a
 * thread that has not read them all begins with that one. Between changes a thread reads only the
 * version: one load.
 */
import { lockBlocking, unlock } from './lock.js';
import { SharedTextFullError } from './shared-text.js';

const WORD_LOCK = 0;
const WORD_VERSION = 1;
const WORD_GENERATION = 2;
const WORD_BYTES = 3;
const TEXTS_OFFSET = 16;
const LENGTH_BYTES = 4;
/** All threads use one owner number: nothing asks who holds this lock. */
const OWNER = 1;

/** How a thread makes a change. It runs under the lock and must not use this object. */
export interface ChangeMaker {
  /** Takes what others have changed. */
  takeOver(text: string): void;
  /** @param number of the change, which no other has. @returns its text, or null: nothing changes */
  change(number: number): string | null;
  /** The whole state, this change included, as one text. */
  whole(): string;
}

/** One thread's view of the changes. */
export class SharedChanges {
  private readonly words: Int32Array;
  private readonly bytes: Buffer;
  private version = 0;
  private generation = 0;
  private position = 0;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, TEXTS_OFFSET / 4);
    this.bytes = Buffer.from(buffer, TEXTS_OFFSET);
  }

  /** @param bytes of memory; only what is in use becomes resident */
  static create(bytes: number): SharedChanges {
    return new SharedChanges(new SharedArrayBuffer(bytes));
  }

  /** Whether this thread has not taken over everything. Without the lock. */
  get isBehind(): boolean {
    return Atomics.load(this.words, WORD_VERSION) !== this.version;
  }

  /** Takes over what other threads have changed. */
  read(takeOver: (text: string) => void): void {
    this.locked(() => this.catchUp(takeOver));
  }

  /**
   * Makes a change, after taking over those of others.
   *
   * @throws SharedTextFullError when the whole state has no room: nothing was changed for others,
   *   and this thread has to read everything again (`reread`)
   */
  update(maker: ChangeMaker): void {
    this.locked(() => {
      this.catchUp((text) => maker.takeOver(text));
      const text = maker.change((this.words[WORD_VERSION]! + 1) >>> 0);
      if (text === null) return;
      if (!this.append(text)) this.beginAnew(maker.whole());
      this.position = this.words[WORD_BYTES]!;
      this.generation = this.words[WORD_GENERATION]!;
      // After the text: whoever sees the new version and takes the lock finds it.
      this.version = (Atomics.add(this.words, WORD_VERSION, 1) + 1) | 0;
    });
  }

  /** Takes over everything from the beginning. */
  reread(takeOver: (text: string) => void): void {
    this.locked(() => {
      this.position = 0;
      this.catchUp(takeOver);
    });
  }

  private locked(work: () => void): void {
    lockBlocking(this.words, WORD_LOCK, OWNER);
    try {
      work();
    } finally {
      unlock(this.words, WORD_LOCK);
    }
  }

  private catchUp(takeOver: (text: string) => void): void {
    const { words, bytes } = this;
    if (this.generation !== words[WORD_GENERATION]) this.position = 0;
    this.generation = words[WORD_GENERATION]!;
    while (this.position < words[WORD_BYTES]!) {
      const start = this.position + LENGTH_BYTES;
      const end = start + bytes.readUInt32LE(this.position);
      takeOver(bytes.toString('latin1', start, end));
      this.position = end;
    }
    this.version = words[WORD_VERSION]!;
  }

  /** @returns false when there is no room */
  private append(text: string): boolean {
    const { words, bytes } = this;
    const at = words[WORD_BYTES]!;
    const end = at + LENGTH_BYTES + text.length;
    if (end > bytes.length) return false;
    bytes.writeUInt32LE(text.length, at);
    bytes.write(text, at + LENGTH_BYTES, 'latin1');
    words[WORD_BYTES] = end;
    return true;
  }

  private beginAnew(whole: string): void {
    const { words, bytes } = this;
    if (LENGTH_BYTES + whole.length > bytes.length) throw new SharedTextFullError();
    words[WORD_BYTES] = 0;
    words[WORD_GENERATION] = words[WORD_GENERATION]! + 1;
    this.append(whole);
  }
}
