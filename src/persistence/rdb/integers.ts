/**
 * Integers of 64 bits as two words, as the packed encodings hold them, to decimal text. Nearly all
 * of them fit a JavaScript number; the rest goes through bigint.
 */
import type { Region } from '../../base/region.js';
import { formatInteger } from '../../protocol/numbers.js';
import { TWO_32 } from './format.js';

/** Bytes that `formatInt64` writes at most. */
export const INT64_TEXT_BYTES_MAX = 20;

const TWO_53 = 2 ** 53;
const TWO_63 = 2 ** 63;

/** The high word of safe integers is in -2^21 to 2^21 - 1. */
const SAFE_HIGH = 1 << 21;

export function isSafeInt64(high: number): boolean {
  return high >= -SAFE_HIGH && high < SAFE_HIGH;
}

/** The nearest number; exact when `isSafeInt64`. */
export function int64ToNumber(high: number, low: number): number {
  return high * TWO_32 + (low >>> 0);
}

export function int64ToBigint(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

/** Writes a signed integer as decimal text; returns the position after it. */
export function formatInt64(region: Region, position: number, high: number, low: number): number {
  const value = int64ToNumber(high, low);
  // -2^53 itself has more digits than the short form knows.
  if (isSafeInt64(high) && value > -TWO_53) return formatInteger(region, position, value);
  const text = int64ToBigint(high, low).toString();
  for (let i = 0; i < text.length; i++) region.bytes[position + i] = text.charCodeAt(i);
  return position + text.length;
}

/** The integer of eight little-endian bytes, exactly or as near as a number gets. */
export function readInt64(view: DataView, offset: number): number {
  return int64ToNumber(view.getInt32(offset + 4, true), view.getInt32(offset, true));
}

/** Writes an integral number as eight little-endian bytes, two's complement; clamped at 2^63 - 1. */
export function writeInt64(view: DataView, offset: number, value: number): void {
  if (value >= TWO_63) {
    view.setInt32(offset, -1, true);
    view.setInt32(offset + 4, 0x7fff_ffff, true);
    return;
  }
  view.setInt32(offset, (value % TWO_32) | 0, true);
  view.setInt32(offset + 4, Math.floor(value / TWO_32) | 0, true);
}
