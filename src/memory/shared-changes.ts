/**
 * Changes to a state that every thread has a copy of, in shared memory: records in the order in which
 * they were made. A record has a head, which all threads read, and a text, of which a thread may keep
 * the place and read it when that is needed. A change costs as much as its records, however large the
 * state is.
 *
 *   word 0   lock (memory/lock.ts)
 *   word 1   version: how many changes there were, modulo 2^32
 *   word 2   generation: one more whenever the records begin anew
 *   word 3   bytes in use
 *   word 4   bytes of the records that say what the state is now: the others are waste
 *   byte 32  a bit for each hash of a name: it is watched
 *   then     for each record: kind as u8, bytes of its head and of its text as u32, head, text; one
 *            byte a char
 *
 * The memory is for twice the state. When there is no room for another change, or most is waste, all
 * records give way to those that hold the whole state; a thread that has not read them all begins with
 * these, and places of before tell nothing any more. Between changes a thread reads only the version:
 * one load.
 *
 * A thread that has to hear of a change at once, not at its next look, watches the name. It does so
 * before it looks whether it is behind, and whoever makes a change looks for watched names after the
 * version has changed: one of the two sees the other.
 */
import { lockBlocking, unlock } from './lock.js';
import { SharedTextFullError } from './shared-text.js';

const WORD_LOCK = 0;
const WORD_VERSION = 1;
const WORD_GENERATION = 2;
const WORD_BYTES = 3;
const WORD_LIVE = 4;
const WATCHED_WORD = 8;
const WATCHED_WORDS = 1024;
const RECORDS_OFFSET = (WATCHED_WORD + WATCHED_WORDS) * 4;
const HEAD_AT = 9;
/** All threads use one owner number: nothing asks who holds this lock. */
const OWNER = 1;
/** A place is generation (modulo GENERATIONS) × this + offset, so that each text has another one. */
const PLACES = 2 ** 27;
const GENERATIONS = 2 ** 26;
/** Records begin anew when more than the state and this is waste. */
const WASTE_MIN_BYTES = 1 << 20;

/** One char a byte. */
export interface ChangeRecord {
  /** 0 to 255, for whoever reads it. */
  readonly kind: number;
  readonly head: string;
  /** Empty in a record that is not part of the state once everybody has read it. */
  readonly text: string;
}

/** How a thread makes a change. It runs under the lock and must not use this object, but for `at`. */
export interface ChangeMaker {
  /** Takes what a thread has changed: another one, or this one when its records are in their places. */
  takeOver: TakeOver;
  /** @param number of the change, which no other has. @returns its records, or null: nothing changes */
  change(number: number): readonly ChangeRecord[] | null;
  /** Places of the texts that are no longer part of the state with this change. */
  replaced(): Iterable<number>;
  /** Records of the whole state, this change included. */
  whole(): readonly ChangeRecord[];
}

/** @param place of the record's text, for `at` */
export type TakeOver = (kind: number, head: string, place: number) => void;

/** One thread's view of the changes. */
export class SharedChanges {
  private readonly words: Int32Array;
  private readonly bytes: Buffer;
  private readonly stateBytesMax: number;
  private version = 0;
  private generation = 0;
  private position = 0;
  private holdsLock = false;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, RECORDS_OFFSET / 4);
    if (buffer.byteLength > PLACES) throw new Error('places of texts have 27 bits');
    this.bytes = Buffer.from(buffer, RECORDS_OFFSET);
    this.stateBytesMax = this.bytes.length / 2;
  }

  /** @param stateBytesMax of all records that make up the state; only what is in use is resident */
  static create(stateBytesMax: number): SharedChanges {
    return new SharedChanges(new SharedArrayBuffer(RECORDS_OFFSET + 2 * stateBytesMax));
  }

  /** Whether this thread has not taken over everything. Without the lock. */
  get isBehind(): boolean {
    return Atomics.load(this.words, WORD_VERSION) !== this.version;
  }

  /** From now on changes to this name are told at once. @returns whether they were not yet */
  watch(name: string): boolean {
    const hash = hashOf(name);
    const bit = 1 << (hash & 31);
    return (Atomics.or(this.words, wordOf(hash), bit) & bit) === 0;
  }

  /** Whether some thread watches this name, or one with its hash. */
  isWatched(name: string): boolean {
    const hash = hashOf(name);
    return (Atomics.load(this.words, wordOf(hash)) & (1 << (hash & 31))) !== 0;
  }

  /** Takes over what other threads have changed. */
  read(takeOver: TakeOver): void {
    this.locked(() => this.catchUp(takeOver));
  }

  /**
   * Makes a change, after taking over those of others.
   *
   * @throws SharedTextFullError when the whole state has no room: nothing was changed
   */
  update(maker: ChangeMaker): void {
    this.locked(() => {
      const { words } = this;
      this.catchUp(maker.takeOver);
      const records = maker.change((words[WORD_VERSION]! + 1) >>> 0);
      if (records === null) return;
      const added = bytesOf(records);
      const live = words[WORD_LIVE]! + stateBytesOf(records) - this.bytesAt(maker.replaced());
      if (live > this.stateBytesMax) throw new SharedTextFullError();
      const waste = words[WORD_BYTES]! + added - live;
      const hasRoom = words[WORD_BYTES]! + added <= this.bytes.length;
      if (hasRoom && waste <= live + WASTE_MIN_BYTES) this.append(records);
      else this.beginAnew(maker.whole());
      words[WORD_LIVE] = live;
      // After the records: whoever sees the new version and takes the lock finds them.
      Atomics.add(words, WORD_VERSION, 1);
      this.catchUp(maker.takeOver);
    });
  }

  /** The text at a place; null when all records have begun anew since, which `read` tells. */
  at(place: number): string | null {
    let text: string | null = null;
    this.locked(() => {
      const position = place % PLACES;
      if (this.placeOf(position) === place) text = this.textAt(position);
    });
    return text;
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
    const { words, bytes } = this;
    if (this.generation !== words[WORD_GENERATION]) this.position = 0;
    this.generation = words[WORD_GENERATION]!;
    while (this.position < words[WORD_BYTES]!) {
      const { position } = this;
      const start = position + HEAD_AT;
      const head = bytes.toString('latin1', start, start + this.headBytes(position));
      takeOver(bytes[position]!, head, this.placeOf(position));
      this.position += this.recordBytes(position);
    }
    this.version = words[WORD_VERSION]!;
  }

  private placeOf(position: number): number {
    return ((this.words[WORD_GENERATION]! >>> 0) % GENERATIONS) * PLACES + position;
  }

  private headBytes(position: number): number {
    return this.bytes.readUInt32LE(position + 1);
  }

  private textBytes(position: number): number {
    return this.bytes.readUInt32LE(position + 5);
  }

  private recordBytes(position: number): number {
    return HEAD_AT + this.headBytes(position) + this.textBytes(position);
  }

  private textAt(position: number): string {
    const start = position + HEAD_AT + this.headBytes(position);
    return this.bytes.toString('latin1', start, start + this.textBytes(position));
  }

  /** Of this generation's records at these places. */
  private bytesAt(places: Iterable<number>): number {
    let bytes = 0;
    for (const place of places) bytes += this.recordBytes(place % PLACES);
    return bytes;
  }

  private append(records: readonly ChangeRecord[]): void {
    const { words, bytes } = this;
    let at = words[WORD_BYTES]!;
    for (const { kind, head, text } of records) {
      bytes[at] = kind;
      bytes.writeUInt32LE(head.length, at + 1);
      bytes.writeUInt32LE(text.length, at + 5);
      at += HEAD_AT;
      at += bytes.write(head, at, 'latin1');
      at += bytes.write(text, at, 'latin1');
    }
    words[WORD_BYTES] = at;
  }

  private beginAnew(whole: readonly ChangeRecord[]): void {
    const { words } = this;
    if (bytesOf(whole) > this.bytes.length) throw new SharedTextFullError();
    words[WORD_BYTES] = 0;
    words[WORD_GENERATION] = words[WORD_GENERATION]! + 1;
    this.append(whole);
  }
}

function bytesOf(records: readonly ChangeRecord[]): number {
  let bytes = 0;
  for (const { head, text } of records) bytes += HEAD_AT + head.length + text.length;
  return bytes;
}

function stateBytesOf(records: readonly ChangeRecord[]): number {
  return bytesOf(records.filter(({ text }) => text !== ''));
}

/** FNV-1a; few names share a bit. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 15);
}

function wordOf(hash: number): number {
  return WATCHED_WORD + ((hash >>> 5) & (WATCHED_WORDS - 1));
}
