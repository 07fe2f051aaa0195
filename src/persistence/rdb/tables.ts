/**
 * Values that stand element by element: a count, then strings, with scores or times among them.
 *
 *     LIST, SET            count | string ...
 *     HASH                 count | field | value ...
 *     ZSET                 count | member | score as text ...
 *     ZSET_2               count | member | double ...
 *     HASH_METADATA        least expiry (8) | count | time | field | value ...
 *     HASH_2 (Valkey)      count | field | value | expiry (8) ...
 *
 * A time of HASH_METADATA is a length: 0 for none, else milliseconds after the least expiry, plus 1.
 * Before the release of Redis 7.4 there was no least expiry and times were absolute.
 */
import { parseDouble } from '../../protocol/doubles.js';
import { NO_EXPIRY } from './batch.js';
import { FINISHED, GO_ON, INCOMPLETE, type Value, type ValueDecoder } from './decoder.js';
import {
  FIELD_EXPIRY_MAX_MS,
  SCORE_INFINITE,
  SCORE_NAN,
  TYPE_HASH,
  TYPE_HASH_METADATA,
  TYPE_HASH_METADATA_PRE_RELEASE,
  TYPE_LIST,
  TYPE_SET,
  TYPE_SORTED_SET,
  TYPE_SORTED_SET_2,
  VALKEY_VERSION,
} from './format.js';
import { readInt64 } from './integers.js';
import { KIND_HASH, KIND_LIST, KIND_SET, KIND_SORTED_SET } from './visitor.js';

/** What comes next. */
const LEAST_EXPIRY = 0;
const COUNT = 1;
/** The time of a field, before it. */
const TIME = 2;
/** An element, member or field. */
const ELEMENT = 3;
const VALUE = 4;
const SCORE = 5;
/** The expiry of a field, after its value. */
const EXPIRY = 6;

export class TableDecoder implements ValueDecoder {
  private type = TYPE_LIST;
  private next = COUNT;
  private remaining = 0;
  private leastExpiryMs = 0;
  private expiryMs = NO_EXPIRY;

  constructor(private readonly value: Value) {}

  begin(type: number): void {
    this.type = type;
    this.next = type === TYPE_HASH_METADATA ? LEAST_EXPIRY : COUNT;
    this.leastExpiryMs = 1;
    this.expiryMs = NO_EXPIRY;
    this.value.start(tableKind(type));
  }

  step(): number {
    if (this.next <= COUNT) {
      if (!this.readHead()) return INCOMPLETE;
      if (this.next <= COUNT) return GO_ON;
    }
    const { batch } = this.value;
    while (this.remaining > 0) {
      if (!this.readPart()) return INCOMPLETE;
      // A pair is delivered whole, and a member with its score.
      if (batch.isFull && this.next <= ELEMENT) this.value.deliver();
    }
    this.value.finish();
    return FINISHED;
  }

  private readHead(): boolean {
    const { input, key } = this.value;
    if (this.next === LEAST_EXPIRY) {
      if (!input.has(8)) return false;
      this.leastExpiryMs = readInt64(input.window.view, input.position);
      input.position += 8;
      if (this.leastExpiryMs < 0 || this.leastExpiryMs > FIELD_EXPIRY_MAX_MS + 1) {
        this.value.fail('Hash has an invalid least expiry');
      }
      this.next = COUNT;
      return true;
    }
    if (!input.readCount()) return false;
    this.remaining = input.length;
    key.claimedElements = input.length;
    this.next = this.first();
    return true;
  }

  /** What each element begins with. */
  private first(): number {
    const { type } = this;
    if (type === TYPE_HASH_METADATA) return TIME;
    if (type === TYPE_HASH_METADATA_PRE_RELEASE && !this.isValkey) return TIME;
    return ELEMENT;
  }

  private get isValkey(): boolean {
    return this.value.version >= VALKEY_VERSION;
  }

  /** Reads one part of an element. @returns false when its bytes have not all come */
  private readPart(): boolean {
    switch (this.next) {
      case ELEMENT:
        return this.readElement();
      case VALUE:
        return this.readValue();
      case SCORE:
        return this.type === TYPE_SORTED_SET_2 ? this.readScore() : this.readScoreText();
      case TIME:
        return this.readTime();
      default:
        return this.readExpiry();
    }
  }

  private readElement(): boolean {
    const { input, string, batch } = this.value;
    if (!input.readString(string)) return false;
    batch.add(string.region, string.offset, string.length);
    if (this.type === TYPE_LIST || this.type === TYPE_SET) this.remaining--;
    else if (this.type <= TYPE_SORTED_SET_2 && this.type !== TYPE_HASH) this.next = SCORE;
    else this.next = VALUE;
    return true;
  }

  private readValue(): boolean {
    const { input, string, batch } = this.value;
    if (!input.readString(string)) return false;
    const slot = batch.add(string.region, string.offset, string.length);
    batch.expiryMs[slot >>> 1] = this.expiryMs;
    if (this.type === TYPE_HASH_METADATA_PRE_RELEASE && this.isValkey) {
      this.next = EXPIRY;
    } else {
      this.next = this.first();
      this.remaining--;
    }
    return true;
  }

  private readExpiry(): boolean {
    const { input, batch } = this.value;
    if (!input.has(8)) return false;
    const expiryMs = readInt64(input.window.view, input.position);
    input.position += 8;
    if (expiryMs < NO_EXPIRY) this.value.fail('Hash has an invalid expiry of a field');
    batch.expiryMs[(batch.count >>> 1) - 1] = expiryMs;
    this.next = ELEMENT;
    this.remaining--;
    return true;
  }

  private readTime(): boolean {
    const { input } = this.value;
    if (!input.readCount()) return false;
    const time = input.length;
    const expiryMs = time === 0 ? NO_EXPIRY : time + this.leastExpiryMs - 1;
    if (expiryMs > FIELD_EXPIRY_MAX_MS) this.value.fail('Hash has an invalid expiry of a field');
    this.expiryMs = expiryMs;
    this.next = ELEMENT;
    return true;
  }

  private readScore(): boolean {
    const { input } = this.value;
    if (!input.has(8)) return false;
    this.setScore(input.window.view.getFloat64(input.position, true));
    input.position += 8;
    return true;
  }

  private readScoreText(): boolean {
    const { input } = this.value;
    if (!input.has(1)) return false;
    const length = input.window.bytes[input.position]!;
    if (length >= SCORE_NAN) {
      input.position++;
      if (length === SCORE_NAN) this.setScore(Number.NaN);
      else this.setScore(length === SCORE_INFINITE ? Infinity : -Infinity);
      return true;
    }
    if (!input.has(1 + length)) return false;
    this.setScore(parseDouble(input.window, input.position + 1, length));
    input.position += 1 + length;
    return true;
  }

  private setScore(score: number): void {
    const { batch } = this.value;
    if (Number.isNaN(score)) this.value.fail('Sorted set has a score that is not a number');
    batch.score[batch.count - 1] = score;
    this.next = ELEMENT;
    this.remaining--;
  }
}

export function tableKind(type: number): number {
  if (type === TYPE_LIST) return KIND_LIST;
  if (type === TYPE_SET) return KIND_SET;
  return type === TYPE_SORTED_SET || type === TYPE_SORTED_SET_2 ? KIND_SORTED_SET : KIND_HASH;
}

/** Whether values of this type stand element by element. */
export function isTableType(type: number): boolean {
  return (
    (type >= TYPE_LIST && type <= TYPE_SORTED_SET_2) ||
    type === TYPE_HASH_METADATA ||
    type === TYPE_HASH_METADATA_PRE_RELEASE
  );
}
