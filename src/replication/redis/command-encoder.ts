/**
 * Records of the journal as the commands that a Redis gets: the vector of an effect is a command's words
 * already. SELECT is derived from the records' databases, as the stream has one database at a time.
 *
 * What Redis 7.0 does not know is refused, by name and key: the replica would skip it, and have other
 * data from there on. Commands follow each other in a region, which grows as it must.
 */

import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { shownFromPeer } from '../../base/peer-text.js';
import { copyBytes, prefixBinary, type Region } from '../../base/region.js';
import {
  KIND_KEYLESS,
  RECORD_DATABASE,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  VECTOR_HEADER_BYTES,
} from '../../journal/record.js';
import { EFFECT_MARK } from './merge-mark.js';
import type { MergeSink } from './merged-stream.js';

const INITIAL_BYTES = 64 * 1024;
const KEPT_BYTES = 2 << 20;
const NAME_BYTES_MAX = 64;
const SHOWN_KEY_BYTES_MAX = 64;
/** More than a count or a length takes, with its sign and CRLF. */
const NUMBER_BYTES_MAX = 16;

const CR = 13;
const LF = 10;
const ZERO = 48;
const ASTERISK = 42;
const DOLLAR = 36;
const MINUS = 45;
const LETTER_A = 97;
const LETTER_Z = 122;
/** Longer than zset-max-listpack-value, and no member that anybody else has. */
const LONG_MEMBER = 'darter: this member makes the set a skiplist, and goes again'.padEnd(256, '.');

export interface EncoderOptions {
  /** The number of the stream without keys. */
  readonly keyless: number;
  /** Upper case: commands whose effects Redis 7.0 does not know. */
  readonly unknown: ReadonlySet<string>;
  /** The effect of the stream without keys that has the sources of all libraries of functions. */
  readonly libraries: string;
  /** The effects that add members to a sorted set, and remove some. */
  readonly scored: { readonly add: string; readonly remove: string };
}

export class CommandEncoder implements MergeSink {
  region = newRegion(INITIAL_BYTES);
  /** Bytes of commands in the region. */
  length = 0;
  /** The database that the stream has selected; -1: none yet. */
  database = -1;
  /** What a Redis does not know, '' when there is nothing. */
  refused = '';

  private isInTransaction = false;

  constructor(private readonly options: EncoderOptions) {}

  begin(): void {
    this.isInTransaction = true;
    this.words('MULTI');
  }

  end(): void {
    this.isInTransaction = false;
    this.words('EXEC');
  }

  record(stream: number, region: Region, offset: number): void {
    if (stream === this.options.keyless) {
      this.keyless(region, offset + RECORD_HEADER_BYTES);
      return;
    }
    const isOfDatabases = region.bytes[offset + RECORD_KIND] === KIND_KEYLESS;
    const vector = offset + RECORD_HEADER_BYTES;
    if (!isOfDatabases && this.isRefused(region, vector)) return;
    this.select(region.view.getUint16(offset + RECORD_DATABASE, true));
    if (isOfDatabases || !hasNegativeZero(region, vector)) this.vector(region, vector);
    else this.keepingZeros(region, vector);
  }

  /**
   * Members with scores of -0, which only a set that is a skiplist here has. A Redis to which the set comes in
   * parts begins it as a listpack, which has no -0: a long member makes it a skiplist before, and goes again.
   */
  private keepingZeros(region: Region, vector: number): void {
    const { add, remove } = this.options.scored;
    const isAlone = !this.isInTransaction;
    if (isAlone) this.words('MULTI');
    this.longMember(region, vector, add, '0');
    this.vector(region, vector);
    this.longMember(region, vector, remove);
    if (isAlone) this.words('EXEC');
  }

  /** A command on the key of a vector, with the long member as its last argument. */
  private longMember(region: Region, vector: number, name: string, ...words: string[]): void {
    const { view } = region;
    const at = vector + VECTOR_HEADER_BYTES;
    const key = at + 4 + view.getUint32(at, true);
    this.count(ASTERISK, 3 + words.length);
    this.word(name);
    this.bytes(region, key + 4, view.getUint32(key, true));
    for (const word of words) this.word(word);
    this.word(LONG_MEMBER);
  }

  select(database: number): void {
    if (database === this.database) return;
    this.database = database;
    this.words('SELECT', String(database));
  }

  words(...words: readonly string[]): void {
    this.count(ASTERISK, words.length);
    for (const word of words) this.word(word);
  }

  /** One char per byte. */
  private word(word: string): void {
    const { length } = word;
    this.count(DOLLAR, length);
    this.reserve(length + 2);
    const { bytes } = this.region;
    for (let i = 0; i < length; i++) bytes[this.length + i] = word.charCodeAt(i);
    this.length += length;
    this.endLine();
  }

  /** After the commands were taken away. */
  clear(): void {
    this.length = 0;
    if (this.region.length <= KEPT_BYTES) return;
    giveBack(this.region);
    this.region = newRegion(INITIAL_BYTES);
  }

  close(): void {
    giveBack(this.region);
  }

  private isRefused(region: Region, vector: number): boolean {
    const { unknown } = this.options;
    const at = vector + VECTOR_HEADER_BYTES;
    const length = region.view.getUint32(at, true);
    const name = prefixBinary(region, at + 4, length, NAME_BYTES_MAX).toUpperCase();
    if (!unknown.has(name)) return false;
    const key = at + 4 + length;
    const bytes = Math.min(region.view.getUint32(key, true), SHOWN_KEY_BYTES_MAX);
    const shown = shownFromPeer(prefixBinary(region, key + 4, bytes, bytes));
    this.refused ||= `Redis 7.0 does not know ${name}, which changed the key ${shown}`;
    return true;
  }

  private keyless(region: Region, vector: number): void {
    const at = vector + VECTOR_HEADER_BYTES;
    const length = region.view.getUint32(at, true);
    const name = prefixBinary(region, at + 4, length, NAME_BYTES_MAX);
    if (name === EFFECT_MARK) return;
    if (name === this.options.libraries) this.libraries(region, vector);
    else this.vector(region, vector);
  }

  /** The effect says which libraries there are from now on: those of before go. */
  private libraries(region: Region, vector: number): void {
    const { view } = region;
    const count = view.getUint32(vector, true);
    let at = vector + VECTOR_HEADER_BYTES;
    at += 4 + view.getUint32(at, true);
    this.words('MULTI');
    this.words('FUNCTION', 'FLUSH');
    for (let i = 1; i < count; i++) {
      const length = view.getUint32(at, true);
      this.count(ASTERISK, 3);
      this.word('FUNCTION');
      this.word('LOAD');
      this.bytes(region, at + 4, length);
      at += 4 + length;
    }
    this.words('EXEC');
  }

  private vector(region: Region, vector: number): void {
    const { view } = region;
    const count = view.getUint32(vector, true);
    this.count(ASTERISK, count);
    let at = vector + VECTOR_HEADER_BYTES;
    for (let i = 0; i < count; i++) {
      const length = view.getUint32(at, true);
      this.bytes(region, at + 4, length);
      at += 4 + length;
    }
  }

  private bytes(source: Region, offset: number, length: number): void {
    this.count(DOLLAR, length);
    this.reserve(length + 2);
    copyBytes(this.region, this.length, source, offset, length);
    this.length += length;
    this.endLine();
  }

  /** A sign and a number on a line of their own. */
  private count(sign: number, value: number): void {
    this.reserve(NUMBER_BYTES_MAX);
    const { bytes } = this.region;
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    bytes[this.length] = sign;
    let rest = value;
    for (let i = digits; i > 0; i--) {
      bytes[this.length + i] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.length += 1 + digits;
    this.endLine();
  }

  /** There is room for it. */
  private endLine(): void {
    const { bytes } = this.region;
    bytes[this.length++] = CR;
    bytes[this.length++] = LF;
  }

  private reserve(bytes: number): void {
    this.region = withRoom(this.region, this.length, this.length + bytes);
  }
}

/** Whether a vector adds a member with the score -0 to a sorted set, as effects write it. */
function hasNegativeZero({ bytes, view }: Region, vector: number): boolean {
  const name = vector + VECTOR_HEADER_BYTES;
  if (view.getUint32(name, true) !== 4 || (bytes[name + 4]! | 32) !== LETTER_Z) return false;
  if ((bytes[name + 5]! | 32) !== LETTER_A) return false;
  const count = view.getUint32(vector, true);
  let at = name + 8;
  for (let i = 1; i < count; i++) {
    const length = view.getUint32(at, true);
    const isScore = i > 1 && (count - i) % 2 === 0;
    if (isScore && length === 2 && bytes[at + 4] === MINUS && bytes[at + 5] === ZERO) return true;
    at += 4 + length;
  }
  return false;
}
