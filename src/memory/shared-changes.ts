/**
 * Changes to a state that every thread has a copy of, in shared memory: texts in the order in which
 * they were made. A change costs as much as its texts, however large the state is. A thread may keep
 * the place of a text instead of what it says, and read it again when that is needed.
 *
 *   word 0   lock (memory/lock.ts)
 *   word 1   version: how many texts were ever added, modulo 2^32
 *   word 2   generation: one more whenever the texts begin anew
 *   word 3   bytes in use
 *   byte 16  for each text: its length as u32, then one byte a char
 *
 * When there is no room for another change, all texts give way to those that hold the whole state; a
 * thread that has not read them all begins with these, and places of before tell nothing any more.
 * Between changes a thread reads only the version: one load.
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
/** A place is generation (modulo this) × this + offset, so that each text has another one. */
const PLACES = 2 ** 26;

/** How a thread makes a change. It runs under the lock and must not use this object. */
export interface ChangeMaker {
  /** Takes what a thread has changed: another one, or this one when its texts are in their places. */
  takeOver: TakeOver;
  /** @param number of the change, which no other has. @returns its texts, or null: nothing changes */
  change(number: number): readonly string[] | null;
  /** Texts of the whole state, this change included. */
  whole(): readonly string[];
}

/** @param place of the text, for `at` */
export type TakeOver = (text: string, place: number) => void;

/** One thread's view of the changes. */
export class SharedChanges {
  private readonly words: Int32Array;
  private readonly bytes: Buffer;
  private version = 0;
  private generation = 0;
  private position = 0;
  private holdsLock = false;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, TEXTS_OFFSET / 4);
    if (buffer.byteLength > PLACES) throw new Error('places of texts have 26 bits');
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
  read(takeOver: TakeOver): void {
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
      this.catchUp(maker.takeOver);
      const texts = maker.change((this.words[WORD_VERSION]! + 1) >>> 0);
      if (texts === null) return;
      if (!this.append(texts)) this.beginAnew(maker.whole());
      // After the texts: whoever sees the new version and takes the lock finds them.
      Atomics.add(this.words, WORD_VERSION, 1);
      this.catchUp(maker.takeOver);
    });
  }

  /** The text at a place; null when all texts have begun anew since, which `read` tells. */
  at(place: number): string | null {
    let text: string | null = null;
    this.locked(() => {
      const position = place % PLACES;
      if (this.placeOf(position) === place) text = this.textAt(position);
    });
    return text;
  }

  /** Takes over everything from the beginning. */
  reread(takeOver: TakeOver): void {
    this.locked(() => {
      this.position = 0;
      this.catchUp(takeOver);
    });
  }

  private locked(work: () => void): void {
    // Whoever makes a change reads texts meanwhile.
    if (this.holdsLock) {
      work();
      return;
    }
    lockBlocking(this.words, WORD_LOCK, OWNER);
    this.holdsLock = true;
    try {
      work();
    } finally {
      this.holdsLock = false;
      unlock(this.words, WORD_LOCK);
    }
  }

  private catchUp(takeOver: TakeOver): void {
    const { words } = this;
    if (this.generation !== words[WORD_GENERATION]) this.position = 0;
    this.generation = words[WORD_GENERATION]!;
    while (this.position < words[WORD_BYTES]!) {
      const text = this.textAt(this.position);
      takeOver(text, this.placeOf(this.position));
      this.position += LENGTH_BYTES + text.length;
    }
    this.version = words[WORD_VERSION]!;
  }

  private placeOf(position: number): number {
    return ((this.words[WORD_GENERATION]! >>> 0) % PLACES) * PLACES + position;
  }

  private textAt(position: number): string {
    const start = position + LENGTH_BYTES;
    return this.bytes.toString('latin1', start, start + this.bytes.readUInt32LE(position));
  }

  /** @returns false when there is no room */
  private append(texts: readonly string[]): boolean {
    const { words, bytes } = this;
    let at = words[WORD_BYTES]!;
    if (at + bytesOf(texts) > bytes.length) return false;
    for (const text of texts) {
      bytes.writeUInt32LE(text.length, at);
      bytes.write(text, at + LENGTH_BYTES, 'latin1');
      at += LENGTH_BYTES + text.length;
    }
    words[WORD_BYTES] = at;
    return true;
  }

  private beginAnew(whole: readonly string[]): void {
    const { words, bytes } = this;
    if (bytesOf(whole) > bytes.length) throw new SharedTextFullError();
    words[WORD_BYTES] = 0;
    words[WORD_GENERATION] = words[WORD_GENERATION]! + 1;
    this.append(whole);
  }
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((bytes, text) => bytes + LENGTH_BYTES + text.length, 0);
}
