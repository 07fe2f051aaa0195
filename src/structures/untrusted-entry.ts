/**
 * Reads entries and slots that came from another process, without trust: the bounds of an entry are
 * checked before it is decoded.
 */
import type { Region } from '../base/region.js';
import {
  ENTRY_EXPIRES,
  ENTRY_KEY_RUN,
  ENTRY_VALUE_RUN,
  EXPIRY_BYTES,
  KEY_RUN_BYTES,
  KIND_SHIFT,
  readVarint,
  VALUE_RUN_BYTES,
  varintBytes,
} from './entry.js';
import { SLOTS } from './frame.js';

/** The flags of an unusual form: an expiry or a run. */
const FORMS = ENTRY_EXPIRES | ENTRY_KEY_RUN | ENTRY_VALUE_RUN;

/** Frame-relative offset of a slot's entry: two of them are one word. */
export function referenceIn(words: Int32Array, bucket: number, slot: number): number {
  return (words[((bucket + SLOTS) >> 2) + (slot >> 1)]! >>> ((slot & 1) << 4)) & 0xffff;
}

export function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/**
 * The size of an entry of the form that nearly all have: no expiry, no run, a key below 128 bytes.
 * 0 for others. Reads four bytes.
 */
export function plainSize(bytes: Uint8Array, at: number, kinds: number): number {
  const flags = bytes[at]!;
  const keyLength = bytes[at + 1]!;
  const low = bytes[at + 2]!;
  if ((flags & FORMS) !== 0 || keyLength >= 128) return 0;
  if (((kinds >>> (flags >>> KIND_SHIFT)) & 1) === 0) return 0;
  if (low < 128) return 3 + keyLength + low;
  const high = bytes[at + 3]!;
  if (high === 0 || high >= 63) return 0;
  return 4 + keyLength + (low & 127) + (high << 7);
}

/** The longest key or value. */
export const LENGTH_MAX = 0x2000_0000;

/**
 * Whether the entry at `offset` ends before `end`, as its lengths tell; reads nothing beyond.
 * Lengths must have their shortest form: readers differ on others, and a key could be hidden.
 */
export function sizeInside(region: Region, offset: number, end: number): boolean {
  const flags = region.bytes[offset]!;
  const keyLength = lengthInside(region, offset + 1, end);
  if (keyLength < 0) return false;
  const valueAt = offset + 1 + varintBytes(keyLength);
  const valueLength = lengthInside(region, valueAt, end);
  if (valueLength < 0) return false;
  let at = valueAt + varintBytes(valueLength);
  if ((flags & ENTRY_EXPIRES) !== 0) at += EXPIRY_BYTES;
  at += (flags & ENTRY_KEY_RUN) !== 0 ? KEY_RUN_BYTES : keyLength;
  at += (flags & ENTRY_VALUE_RUN) !== 0 ? VALUE_RUN_BYTES : valueLength;
  return at <= end;
}

/** The length at `offset`, or -1 when it is cut off, too large or not in its shortest form. */
function lengthInside(region: Region, offset: number, end: number): number {
  let last = offset;
  while (last < end && region.bytes[last]! >= 128) last++;
  if (last >= end || last - offset > 4) return -1;
  const length = readVarint(region, offset);
  if (length < 0 || length > LENGTH_MAX) return -1;
  return varintBytes(length) === last - offset + 1 ? length : -1;
}
