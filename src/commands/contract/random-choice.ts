/**
 * What SRANDMEMBER, HRANDFIELD, ZRANDMEMBER and SPOP share: the count argument, and the choice of k
 * elements out of n without an object for each.
 *
 *     elements have indexes, in order   RandomSelection: one pass, no memory
 *     elements are hit at random        DistinctNumbers: remembers those that were hit
 *
 * With a negative count an element may be chosen again: randomIndex, as often as wished.
 */
import { partOf, randomBits } from '../../base/random.js';
import { ErrorReply, NOT_INTEGER, OUT_OF_RANGE } from '../../protocol/errors.js';
import {
  INTEGER_BIG,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../protocol/numbers.js';
import { REPLY_BYTES_MAX, ReplyTooLongError } from '../../protocol/reply.js';
import type { Context } from './context.js';

const COUNT_MAX = 2n ** 63n - 1n;
const PAIRS_MAX = COUNT_MAX / 2n;
const COUNT_RANGE = new ErrorReply(
  `ERR value is out of range, value must between -${COUNT_MAX} and ${COUNT_MAX}`,
);
/** The shortest element of a reply: an empty string. */
const ELEMENT_BYTES_MIN = 6;
/** A set of numbers that has grown beyond this many slots is not kept. */
const KEPT_SLOTS = 1 << 16;
const FIRST_SLOTS = 64;
/** Slots for each number: a table half full. */
const SLOTS_PER_NUMBER = 2;
/** Below this share of all elements, hitting distinct ones at random is less work than a pass. */
const FEW_SHARE = 3;

const parsed = new ParsedInteger();

/** The count as it was given. Owned by its caller, reused. */
export class RandomCount {
  /** How many elements, at least 0; beyond 2^53 the nearest number. */
  count = 0.5;
  /** Whether an element may be chosen several times: the count was negative. */
  repeats = false;
}

/**
 * Reads the count that is argument `index`.
 * @param pairs whether each element brings a value (WITHVALUES, WITHSCORES): half as many, then
 * @returns false when an error was answered
 */
export function readRandomCount(
  context: Context,
  index: number,
  pairs: boolean,
  into: RandomCount,
): boolean {
  const { args, reply } = context;
  const kind = parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed);
  if (kind === NOT_AN_INTEGER) {
    reply.error(NOT_INTEGER);
    return false;
  }
  if (kind === INTEGER_BIG) {
    const magnitude = parsed.big < 0n ? -parsed.big : parsed.big;
    if (magnitude > COUNT_MAX || (pairs && magnitude > PAIRS_MAX)) {
      reply.error(magnitude > COUNT_MAX ? COUNT_RANGE : OUT_OF_RANGE);
      return false;
    }
  }
  into.repeats = parsed.value < 0;
  into.count = Math.abs(parsed.value);
  return true;
}

/**
 * Before so many elements are written one by one: what no reply can hold is refused at once.
 * @throws ReplyTooLongError
 */
function checkElementCount(count: number): void {
  if (count > REPLY_BYTES_MAX / ELEMENT_BYTES_MIN) throw new ReplyTooLongError();
}

/** So many elements are written before the length of the whole reply is judged by them. */
const JUDGED_ELEMENTS = 1000;
/** What share of all elements is at least as long as the shortest of those judged: all but certain. */
const JUDGED_SHARE = 0.98;

/**
 * The least length of a reply of elements chosen again and again, judged by the first of them. A count
 * of -300,000,000 is otherwise an error only after 2 GiB were written, with the shard taken.
 *
 * The shortest of 1,000 elements is beaten by less than 2 % of the others, but once in 500 million.
 * Owned by its caller, reused.
 */
export class RepeatedReply {
  /** How many elements to write, and to report with `wrote`, before `check`. */
  judged = 0;
  private count = 0.5;
  private least = 0.5;

  /** @throws ReplyTooLongError when no reply can hold so many elements */
  begin(count: number): void {
    checkElementCount(count);
    this.count = count;
    this.judged = Math.min(count, JUDGED_ELEMENTS);
    this.least = REPLY_BYTES_MAX;
  }

  /** @param bytes of the reply that an element took */
  wrote(bytes: number): void {
    if (bytes < this.least) this.least = bytes;
  }

  /** @throws ReplyTooLongError */
  check(): void {
    if (this.judged < JUDGED_ELEMENTS) return;
    if (this.least * JUDGED_SHARE > REPLY_BYTES_MAX / this.count) throw new ReplyTooLongError();
  }
}

/** An index below `count`, each as likely. */
export function randomIndex(count: number): number {
  return partOf(count, randomBits());
}

/** Whether `wanted` of `count` elements are so few that they are found by hitting at random. */
export function areFew(wanted: number, count: number): boolean {
  return wanted * FEW_SHARE <= count;
}

/**
 * Chooses among elements that pass one by one (selection sampling: Knuth, TAOCP 3.4.2, algorithm
 * S). Each subset is as likely, and those chosen keep their order. Owned by its caller, reused.
 */
export class RandomSelection {
  private wanted = 0;
  private left = 0;

  /** @param wanted elements to choose of `count`, at most all */
  begin(wanted: number, count: number): void {
    this.wanted = wanted;
    this.left = count;
  }

  /** Whether all are chosen. */
  get isDone(): boolean {
    return this.wanted === 0;
  }

  /** Whether the next element is chosen. */
  takes(): boolean {
    const taken = partOf(this.left, randomBits()) < this.wanted;
    this.left--;
    if (taken) this.wanted--;
    return taken;
  }
}

/**
 * A set of numbers from 1 to 2^31 - 1 (offsets of entries, indexes plus 1) that keeps the order in
 * which they came. Open addressing in one array. Owned by its caller, reused.
 */
export class DistinctNumbers {
  count = 0;
  /** The first `count` of them are the numbers. */
  list = new Int32Array(FIRST_SLOTS / SLOTS_PER_NUMBER);
  private slots = new Int32Array(FIRST_SLOTS);
  /** Slots in use, less one: as many as the numbers to come need. */
  private mask = FIRST_SLOTS - 1;

  /** Empties it. @param capacity how many numbers will come at most */
  begin(capacity: number): void {
    this.count = 0;
    let size = FIRST_SLOTS;
    while (size < capacity * SLOTS_PER_NUMBER) size *= 2;
    this.mask = size - 1;
    if (size <= this.slots.length) {
      this.slots.fill(0, 0, size);
      return;
    }
    this.slots = new Int32Array(size);
    this.list = new Int32Array(size / SLOTS_PER_NUMBER);
  }

  /** @returns false when the number is in already */
  add(number: number): boolean {
    const { slots, mask } = this;
    // Multiplied by the golden ratio, as offsets that lie close differ in few bits.
    let at = (Math.imul(number, 0x9e3779b1) >>> 1) & mask;
    while (slots[at] !== 0) {
      if (slots[at] === number) return false;
      at = (at + 1) & mask;
    }
    slots[at] = number;
    this.list[this.count++] = number;
    return true;
  }

  /** Appends a number that is known not to be in; `add` must not be called after that. */
  append(number: number): void {
    this.list[this.count++] = number;
  }

  /** Afterwards: gives memory back that was for many numbers. */
  release(): void {
    this.count = 0;
    if (this.slots.length <= KEPT_SLOTS) return;
    this.slots = new Int32Array(FIRST_SLOTS);
    this.list = new Int32Array(FIRST_SLOTS / SLOTS_PER_NUMBER);
  }
}
