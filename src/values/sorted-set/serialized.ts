/** How long a sorted set is in an RDB file of Redis, without compression: DEBUG OBJECT tells it. */
import { formatDouble } from '../../base/double-text.js';
import type { SortedSetReader } from './reader.js';

const LISTPACK_HEADER_BYTES = 7;
const DOUBLE_BYTES = 8;

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

function memberBytes({ memberRegion, memberOffset, memberLength }: SortedSetReader): number {
  if (memberLength > 20) return listpackBytes(memberLength);
  const bytes = memberRegion.bytes.slice(memberOffset, memberOffset + memberLength);
  const text = Buffer.from(bytes).toString('latin1');
  return isIntegerText(text) ? integerBytes(Number(text)) : listpackBytes(memberLength);
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
    const { memberLength: length } = reader;
    if (reader.isListpack) bytes += memberBytes(reader) + scoreBytes(reader.score);
    else bytes += lengthBytes(length) + length + DOUBLE_BYTES;
  }
  if (!reader.isListpack) return lengthBytes(reader.count) + bytes;
  bytes += LISTPACK_HEADER_BYTES;
  return lengthBytes(bytes) + bytes;
}
