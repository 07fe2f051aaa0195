/**
 * An entry: one key with its value, in a frame's log.
 *
 *   0      flags: bit 0 expires, bit 1 key in a run, bit 2 value in a run, bits 3-7 kind
 *   1      key length, varint (LEB128, 1-5 bytes)
 *          value length, varint
 *          [expires] expiry, f64, as base/expiry-time.ts has it
 *          key bytes                       or, in a run: u32 page
 *          value bytes                     or, in a run: u32 page, u32 pages
 *
 * Little endian, unaligned, without gaps: a key of 11 and a value of 100 bytes take 114. A value's
 * run may be longer than its value, so that appending does not move it each time. Nothing walks the
 * log: the slots of the buckets refer to entries, so an entry can shrink in place.
 */
import type { Region } from '../base/region.js';
import { PAGE_BYTES, PAGE_SHIFT } from '../memory/space-layout.js';

export const ENTRY_EXPIRES = 1;
export const ENTRY_KEY_RUN = 2;
export const ENTRY_VALUE_RUN = 4;
export const KIND_SHIFT = 3;
export const KIND_MAX = 31;

/** An entry longer than this keeps its value in a run of its own. */
export const INLINE_LIMIT = 8192;
/** A key longer than this lies in a run of its own. */
export const KEY_INLINE_LIMIT = 1024;
export const KEY_RUN_BYTES = 4;
export const VALUE_RUN_BYTES = 8;
export const EXPIRY_BYTES = 8;

/** A length in a run as pages. */
export function pagesFor(bytes: number): number {
  return (bytes + (PAGE_BYTES - 1)) >>> PAGE_SHIFT;
}

export function varintBytes(value: number): number {
  if (value < 128) return 1;
  if (value < 16384) return 2;
  if (value < 2097152) return 3;
  return value < 268435456 ? 4 : 5;
}

/** @returns the offset after it */
function writeVarint(region: Region, offset: number, value: number): number {
  const bytes = region.bytes;
  let at = offset;
  let rest = value;
  while (rest >= 128) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

export function readVarint(region: Region, offset: number): number {
  const bytes = region.bytes;
  let byte = bytes[offset]!;
  if (byte < 128) return byte;
  let value = byte & 127;
  let at = offset + 1;
  for (let shift = 7; ; shift += 7) {
    byte = bytes[at++]!;
    value |= (byte & 127) << shift;
    if (byte < 128) return value;
  }
}

/** Bytes before the key. */
export function headerBytes(keyLength: number, valueLength: number, expires: boolean): number {
  return 1 + varintBytes(keyLength) + varintBytes(valueLength) + (expires ? EXPIRY_BYTES : 0);
}

/** Writes flags, lengths and expiry (0: none); returns where the key goes. */
export function writeHeader(
  region: Region,
  offset: number,
  flags: number,
  keyLength: number,
  valueLength: number,
  expiry: number,
): number {
  region.bytes[offset] = expiry !== 0 ? flags | ENTRY_EXPIRES : flags;
  let at = writeVarint(region, offset + 1, keyLength);
  at = writeVarint(region, at, valueLength);
  if (expiry !== 0) {
    region.view.setFloat64(at, expiry, true);
    at += EXPIRY_BYTES;
  }
  return at;
}

/** The decoded parts of one entry. Its frame lies in the region given; runs lie in the space. */
export class Entry {
  offset = 0;
  flags = 0;
  kind = 0;
  /** As base/expiry-time.ts has it, 0 for none. Starts as NaN, so that V8 makes the field a double. */
  expiry = Number.NaN;
  keyLength = 0;
  valueLength = 0;
  /** Bytes before the key or its reference. */
  header = 0;
  /** Where the key's and value's bytes are: in the entry, or in a run of the space. */
  keyOffset = 0;
  valueOffset = 0;
  /** Bytes that the key, and the value, take inside the entry. */
  keyPart = 0;
  valuePart = 0;
  /** Pages of the value's run, 0 when it has none. */
  valuePages = 0;
  /** Bytes of the entry in the log. */
  size = 0;

  decode(region: Region, offset: number): void {
    const view = region.view;
    const flags = view.getUint8(offset);
    const keyLength = readVarint(region, offset + 1);
    const valueAt = offset + 1 + varintBytes(keyLength);
    const valueLength = readVarint(region, valueAt);
    let at = valueAt + varintBytes(valueLength);
    if ((flags & ENTRY_EXPIRES) !== 0) {
      this.expiry = view.getFloat64(at, true);
      at += EXPIRY_BYTES;
    } else {
      this.expiry = 0;
    }
    this.offset = offset;
    this.flags = flags;
    this.kind = flags >>> KIND_SHIFT;
    this.keyLength = keyLength;
    this.valueLength = valueLength;
    this.header = at - offset;
    if ((flags & ENTRY_KEY_RUN) !== 0) {
      this.keyOffset = view.getInt32(at, true) << PAGE_SHIFT;
      this.keyPart = KEY_RUN_BYTES;
    } else {
      this.keyOffset = at;
      this.keyPart = keyLength;
    }
    at += this.keyPart;
    if ((flags & ENTRY_VALUE_RUN) !== 0) {
      this.valueOffset = view.getInt32(at, true) << PAGE_SHIFT;
      this.valuePages = view.getInt32(at + 4, true);
      this.valuePart = VALUE_RUN_BYTES;
    } else {
      this.valueOffset = at;
      this.valuePages = 0;
      this.valuePart = valueLength;
    }
    this.size = at + this.valuePart - offset;
  }
}
