/** How long a sorted set is in an RDB file of Redis, without compression: DEBUG OBJECT tells it. */
import { formatDouble } from '../../base/double-text.js';
import { toBinary } from '../../base/region.js';
import { INTEGER_TEXT_MAX } from '../../structures/packed/integer.js';
import type { SortedSetReader } from './reader.js';

const LISTPACK_HEADER_BYTES = 7;
const DOUBLE_BYTES = 8;
/** Longer numbers are saved as text. */
const SAVED_INTEGER_BYTES_MAX = 11;

/** Bytes of a length before a string. */
function lengthBytes(length: number): number {
  if (length < 64) return 1;
  return length < 16384 ? 2 : 5;
}

/** Bytes of a string in a listpack, with the length behind it. */
function listpackBytes(length: number): number {
  const header = length < 64 ? 1 : length < 4096 ? 2 : 5;
  return withBackLength(header + length);
}

function withBackLength(bytes: number): number {
  if (bytes < 128) return bytes + 1;
  if (bytes < 16384) return bytes + 2;
  return bytes + (bytes < 2097152 ? 3 : bytes < 268435456 ? 4 : 5);
}

/** Bytes of an integer in a listpack. */
function integerBytes(value: number): number {
  if (value >= 0 && value < 128) return 2;
  if (value >= -4096 && value < 4096) return 3;
  if (value >= -32768 && value < 32768) return 4;
  if (value >= -(2 ** 23) && value < 2 ** 23) return 5;
  return value >= -(2 ** 31) && value < 2 ** 31 ? 6 : 10;
}

function isIntegerText(text: string): boolean {
  return /^(?:0|-?[1-9]\d{0,18})$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}

/** The member read, when it is the text of an integer; else NaN. */
function integerOf({ memberRegion, memberOffset, memberLength }: SortedSetReader): number {
  if (memberLength > INTEGER_TEXT_MAX) return Number.NaN;
  const text = toBinary(memberRegion, memberOffset, memberLength);
  return isIntegerText(text) ? Number(text) : Number.NaN;
}

/** Bytes of the member read in a listpack. */
function memberBytes(reader: SortedSetReader): number {
  const integer = integerOf(reader);
  return Number.isNaN(integer) ? listpackBytes(reader.memberLength) : integerBytes(integer);
}

/** Bytes of the member read as a string of its own, where short integers have a form of theirs. */
function savedBytes(reader: SortedSetReader): number {
  const { memberLength } = reader;
  if (memberLength <= SAVED_INTEGER_BYTES_MAX) {
    const integer = integerOf(reader);
    if (integer >= -128 && integer < 128) return 2;
    if (integer >= -32768 && integer < 32768) return 3;
    if (integer >= -(2 ** 31) && integer < 2 ** 31) return 5;
  }
  return lengthBytes(memberLength) + memberLength;
}

/** The score as a listpack has it: an integer or text. */
function scoreBytes(score: number): number {
  if (Number.isInteger(score) && Math.abs(score) <= 2 ** 62) return integerBytes(score);
  return listpackBytes(formatDouble(score).length);
}

/** @param reader attached to the set */
export function serializedBytes(reader: SortedSetReader): number {
  let bytes = 0;
  for (let more = reader.seekRank(0); more; more = reader.next()) {
    if (reader.isListpack) bytes += memberBytes(reader) + scoreBytes(reader.score);
    else bytes += savedBytes(reader) + DOUBLE_BYTES;
  }
  if (!reader.isListpack) return lengthBytes(reader.count) + bytes;
  bytes += LISTPACK_HEADER_BYTES;
  return lengthBytes(bytes) + bytes;
}
