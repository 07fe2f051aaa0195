/**
 * Named texts that all threads share: the sources of scripts. A record is appended and never moves
 * until all are dropped together, so that a thread keeps an index of its own and reads only what is
 * new.
 *
 *   word 0   lock (memory/lock.ts)
 *   word 1   version, one more with each change
 *   word 2   generation, one more each time that all were dropped
 *   word 3   bytes of records
 *   word 4   number of records
 *   byte 64  the records, each at a multiple of 4:
 *
 *   | name length u32 | text length u32 | tag u32 | name | text |     one byte per char
 *
 * Between changes a look-up loads one word and asks the thread's own index.
 */
import { lockBlocking, unlock } from './lock.js';

const WORD_LOCK = 0;
const WORD_VERSION = 1;
const WORD_GENERATION = 2;
const WORD_BYTES = 3;
const WORD_COUNT = 4;
const RECORDS_OFFSET = 64;
const HEADER_BYTES = 12;
/** All threads use one owner number: nothing asks who holds this lock. */
const OWNER = 1;

/** Where the text of a record lies. */
export interface RecordPlace {
  readonly offset: number;
  readonly length: number;
  /** Index of the word with the tag. */
  readonly tagWord: number;
}

export class SharedRecords {
  private readonly words: Int32Array;
  private readonly bytes: Buffer;
  /** Of the records that this thread has seen. */
  private readonly index = new Map<string, RecordPlace>();
  private seenVersion = 0;
  private seenGeneration = 0;
  private seenBytes = 0;

  /** @param buffer RECORDS_OFFSET bytes and the room for records; fresh memory is an empty one */
  constructor(readonly buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
    this.bytes = Buffer.from(buffer);
  }

  static create(bytes: number): SharedRecords {
    return new SharedRecords(new SharedArrayBuffer(RECORDS_OFFSET + bytes));
  }

  /** Another one after all records were dropped. As of the last look-up of this thread. */
  get generation(): number {
    return this.seenGeneration;
  }

  /** How many records there are, and the bytes that they take. Any thread, without the lock. */
  get count(): number {
    return Atomics.load(this.words, WORD_COUNT);
  }

  get usedBytes(): number {
    return Atomics.load(this.words, WORD_BYTES);
  }

  /** The record of a name, or undefined. Any thread; without the lock when nothing is new. */
  find(name: string): RecordPlace | undefined {
    this.refresh();
    return this.index.get(name);
  }

  /** Takes over what other threads have changed. Any thread; without the lock when nothing is new. */
  refresh(): void {
    // Changed after all else, under the lock: an equal version means that nothing is new.
    if (Atomics.load(this.words, WORD_VERSION) !== this.seenVersion) this.locked(() => undefined);
  }

  /** The text of a place that `find` gave in this generation. */
  text({ offset, length }: RecordPlace): string {
    return this.bytes.toString('latin1', offset, offset + length);
  }

  /**
   * Adds a record, or gives the one of that name a higher tag. When there is no room, first drops
   * all whose tag is 0. Any thread.
   * @returns false when there is no room all the same
   */
  add(name: string, text: string, tag: number): boolean {
    return this.locked(() => {
      const known = this.index.get(name);
      if (known !== undefined) {
        if (this.words[known.tagWord]! < tag) this.words[known.tagWord] = tag;
        return true;
      }
      const bytes = recordBytes(name, text);
      if (this.usedBytes + bytes > this.room) this.dropUntagged();
      if (this.usedBytes + bytes > this.room) return false;
      this.append(name, text, tag);
      this.readNew();
      return true;
    });
  }

  /** Drops all records. Any thread. */
  clear(): void {
    this.locked(() => this.startOver());
  }

  private get room(): number {
    return this.bytes.length - RECORDS_OFFSET;
  }

  /** Runs `work` under the lock, with this thread's index as new as the records. */
  private locked<Result>(work: () => Result): Result {
    lockBlocking(this.words, WORD_LOCK, OWNER);
    try {
      this.readNew();
      return work();
    } finally {
      this.seenVersion = Atomics.load(this.words, WORD_VERSION);
      unlock(this.words, WORD_LOCK);
    }
  }

  private readNew(): void {
    const { words, bytes, index } = this;
    if (words[WORD_GENERATION] !== this.seenGeneration) {
      this.seenGeneration = words[WORD_GENERATION]!;
      this.seenBytes = 0;
      index.clear();
    }
    const end = RECORDS_OFFSET + this.usedBytes;
    let at = RECORDS_OFFSET + this.seenBytes;
    while (at < end) {
      const word = at >>> 2;
      const nameEnd = at + HEADER_BYTES + words[word]!;
      const length = words[word + 1]!;
      const name = bytes.toString('latin1', at + HEADER_BYTES, nameEnd);
      index.set(name, { offset: nameEnd, length, tagWord: word + 2 });
      at = (nameEnd + length + 3) & ~3;
    }
    this.seenBytes = at - RECORDS_OFFSET;
  }

  private append(name: string, text: string, tag: number): void {
    const { words, bytes } = this;
    const at = RECORDS_OFFSET + this.usedBytes;
    const word = at >>> 2;
    words[word] = name.length;
    words[word + 1] = text.length;
    words[word + 2] = tag;
    bytes.write(name, at + HEADER_BYTES, 'latin1');
    bytes.write(text, at + HEADER_BYTES + name.length, 'latin1');
    Atomics.add(words, WORD_BYTES, recordBytes(name, text));
    Atomics.add(words, WORD_COUNT, 1);
    Atomics.add(words, WORD_VERSION, 1);
  }

  private startOver(): void {
    const { words } = this;
    Atomics.store(words, WORD_BYTES, 0);
    Atomics.store(words, WORD_COUNT, 0);
    Atomics.add(words, WORD_GENERATION, 1);
    Atomics.add(words, WORD_VERSION, 1);
    this.readNew();
  }

  private dropUntagged(): void {
    const kept = [...this.index]
      .filter(([, { tagWord }]) => this.words[tagWord] !== 0)
      .map(([name, place]) => [name, this.text(place), this.words[place.tagWord]!] as const);
    this.startOver();
    for (const [name, text, tag] of kept) this.append(name, text, tag);
    this.readNew();
  }
}

function recordBytes(name: string, text: string): number {
  return (HEADER_BYTES + name.length + text.length + 3) & ~3;
}
