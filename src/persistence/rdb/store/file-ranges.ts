/**
 * The ranges of one RDB file that several threads load at the same time. Each claims the next range of
 * whole records (record-scanner.ts) under a lock, loads it without, and comes back.
 *
 *   0     i32   lock: whoever claims
 *   4     i32   database that is selected where the next range begins
 *   8     f64   where the next range begins
 *   16    i32   1: the last range is claimed
 *   24    f64   bytes loaded
 *   32    f64   keys loaded
 *   40    f64   nothing behind this matters: a thread has failed there, or the load is given up. Infinity at first
 *
 * The range that ends the file, with its checksum, or begins at what makes no sense is the last: one reader
 * has all that is behind. All ranges before one that was claimed are claimed too, and who has one before a
 * failure goes on with it. So of several failures the first in the file is found, as by one reader.
 */
import { lockBlocking, unlock } from '../../../memory/lock.js';
import type { RecordScanner } from '../record-scanner.js';

const BYTES = 48;
const LOCK = 0;
const DATABASE = 1;
const IS_LAST = 4;
/** In f64. */
const NEXT = 1;
const BYTES_DONE = 3;
const KEYS_DONE = 4;
const FAILED_AT = 5;

/** A range that was claimed. */
export class FileRange {
  from = 0;
  /** Infinity: all that follows. */
  end = 0;
  database = 0;
}

export class FileRanges {
  private readonly words: Int32Array;
  private readonly numbers: Float64Array;

  /** @param owner of the lock: no other thread's number */
  constructor(
    readonly buffer: SharedArrayBuffer,
    private readonly owner: number,
  ) {
    this.words = new Int32Array(buffer);
    this.numbers = new Float64Array(buffer);
  }

  /** @param from where the first record is */
  static create(from: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(BYTES);
    const numbers = new Float64Array(buffer);
    numbers[NEXT] = from;
    numbers[FAILED_AT] = Number.POSITIVE_INFINITY;
    return buffer;
  }

  get isStopped(): boolean {
    return this.numbers[FAILED_AT] !== Number.POSITIVE_INFINITY;
  }

  /** Whether what such a range holds does not matter any more. */
  isNeedless(range: FileRange): boolean {
    return range.from > this.numbers[FAILED_AT]!;
  }

  get bytesDone(): number {
    return this.numbers[BYTES_DONE]!;
  }

  get keysDone(): number {
    return this.numbers[KEYS_DONE]!;
  }

  /** Claims the next range. @returns false when there is none */
  claim(scanner: RecordScanner, bytes: number, range: FileRange): boolean {
    this.lock();
    try {
      if (this.words[IS_LAST] !== 0 || this.isStopped) return false;
      range.from = this.numbers[NEXT]!;
      range.database = this.words[DATABASE]!;
      const isFound = scanner.find(range.from, range.database, bytes);
      // It gives up at once when the load is stopped.
      if (this.isStopped) return false;
      range.end = isFound ? scanner.foundEnd : Number.POSITIVE_INFINITY;
      this.numbers[NEXT] = range.end;
      this.words[DATABASE] = scanner.foundDatabase;
      if (!isFound) this.words[IS_LAST] = 1;
      return true;
    } finally {
      this.unlock();
    }
  }

  /** The load is given up. Without the lock: who claims may be at it for long. */
  stop(): void {
    this.numbers[FAILED_AT] = -1;
  }

  get isGivenUp(): boolean {
    return this.numbers[FAILED_AT]! < 0;
  }

  /** What is at a place cannot be loaded: nothing is claimed any more. */
  fail(from: number): void {
    this.lock();
    this.numbers[FAILED_AT] = Math.min(this.numbers[FAILED_AT]!, from);
    this.unlock();
  }

  /** Tells what was loaded since the last time. */
  note(bytes: number, keys: number): void {
    this.lock();
    this.numbers[BYTES_DONE]! += bytes;
    this.numbers[KEYS_DONE]! += keys;
    this.unlock();
  }

  private lock(): void {
    lockBlocking(this.words, LOCK, this.owner);
  }

  private unlock(): void {
    unlock(this.words, LOCK);
  }
}
