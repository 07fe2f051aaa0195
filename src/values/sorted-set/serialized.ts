/** How long a sorted set is in an RDB file of Redis, without compression: DEBUG OBJECT tells it. */
import { formatDouble } from '../../base/double-text.js';
import { Int64 } from '../../structures/packed/integer.js';
import {
  LISTPACK_BYTES,
  listpackElementBytes,
  savedLengthBytes,
  savedStringBytes,
} from '../saved-length.js';
import type { SortedSetReader } from './reader.js';

const DOUBLE_BYTES = 8;

const integer = new Int64();

/** The member read, when it is the text of an integer; else NaN. */
function integerOf({ memberRegion, memberOffset, memberLength }: SortedSetReader): number {
  return integer.parse(memberRegion, memberOffset, memberLength) ? integer.number : Number.NaN;
}

/** The score as a listpack has it: an integer or text. */
function scoreBytes(score: number): number {
  if (Number.isInteger(score) && Math.abs(score) <= 2 ** 62) return listpackElementBytes(0, score);
  return listpackElementBytes(formatDouble(score).length, Number.NaN);
}

/** @param reader attached to the set */
export function serializedBytes(reader: SortedSetReader): number {
  let bytes = 0;
  for (let more = reader.seekRank(0); more; more = reader.next()) {
    const member = integerOf(reader);
    if (reader.isListpack) {
      bytes += listpackElementBytes(reader.memberLength, member) + scoreBytes(reader.score);
    } else bytes += savedStringBytes(reader.memberLength, member) + DOUBLE_BYTES;
  }
  if (!reader.isListpack) return savedLengthBytes(reader.count) + bytes;
  bytes += LISTPACK_BYTES;
  return savedLengthBytes(bytes) + bytes;
}
