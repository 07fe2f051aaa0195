/**
 * Integers of 1 to 64 bits at any bit of a byte range, most significant bit first, and what becomes
 * of a result that does not fit them.
 *
 *     bits   0        8        16
 *            |....xxxx|xxxxxxxx|xx......|      a field of 14 bits at bit 4
 *                 ^ sign when signed  ^ lowest bit
 *
 * Fields of up to 32 bits are computed with numbers: what the field's bytes hold together with up
 * to 7 bits before and behind stays below 2^46. Wider ones are bigints. Bits beyond the end of the
 * bytes read as 0.
 */
import type { Region } from '../../base/region.js';

/** The widest field that goes through the functions on numbers. */
export const NUMBER_BITS_MAX = 32;

export const OVERFLOW_WRAP = 0;
export const OVERFLOW_SATURATE = 1;
export const OVERFLOW_FAIL = 2;

/** Reads a field of at most 32 bits from the bytes of `[offset, offset + length)`. */
export function readField(
  region: Region,
  offset: number,
  length: number,
  bit: number,
  bits: number,
  signed: boolean,
): number {
  const first = Math.floor(bit / 8);
  const last = Math.floor((bit + bits - 1) / 8);
  let value = 0;
  for (let i = first; i <= last; i++) value = value * 256 + byteAt(region, offset, length, i);
  const behind = last * 8 + 7 - (bit + bits - 1);
  const size = 2 ** bits;
  const field = Math.floor(value / 2 ** behind) % size;
  return signed && field >= size / 2 ? field - size : field;
}

function byteAt(region: Region, offset: number, length: number, index: number): number {
  return index < length ? region.bytes[offset + index]! : 0;
}

/** Writes a field of at most 32 bits; all its bytes are there. Negative values wrap. */
export function writeField(
  region: Region,
  offset: number,
  bit: number,
  bits: number,
  value: number,
): void {
  let rest = value;
  // Byte by byte from the last, each taking as many of the lowest bits as fall into it.
  for (let end = bit + bits; end > bit; ) {
    const index = Math.floor((end - 1) / 8);
    const from = Math.max(bit, index * 8);
    const width = end - from;
    const behind = index * 8 + 8 - end;
    const mask = ((1 << width) - 1) << behind;
    const low = modulo(rest, 2 ** width);
    const old = region.bytes[offset + index]!;
    region.bytes[offset + index] = (old & ~mask) | (low << behind);
    rest = Math.floor(rest / 2 ** width);
    end = from;
  }
}

function modulo(value: number, size: number): number {
  const rest = value % size;
  // Adding 0 makes -0 an ordinary one.
  return rest < 0 ? rest + size : rest + 0;
}

/** The outcome of `fit`: whether the value was out of the field's range. */
class Fitted {
  overflowed = false;
}

export const fitted = new Fitted();

/** What a field of at most 32 bits holds when `value` (exact) is to go in. */
export function fitField(value: number, bits: number, signed: boolean, overflow: number): number {
  const size = 2 ** bits;
  const least = signed ? -size / 2 : 0;
  const most = least + size - 1;
  fitted.overflowed = value > most || value < least;
  if (!fitted.overflowed) return value;
  if (overflow === OVERFLOW_SATURATE) return value > most ? most : least;
  const wrapped = modulo(value, size);
  return wrapped > most ? wrapped - size : wrapped;
}

/** Like readField, for any width. */
export function readWideField(
  region: Region,
  offset: number,
  length: number,
  bit: number,
  bits: number,
  signed: boolean,
): bigint {
  let field = 0n;
  for (let done = 0; done < bits; ) {
    const width = Math.min(NUMBER_BITS_MAX, bits - done);
    const part = readField(region, offset, length, bit + done, width, false);
    field = (field << BigInt(width)) | BigInt(part);
    done += width;
  }
  return signed ? BigInt.asIntN(bits, field) : field;
}

/** Like writeField, for any width. */
export function writeWideField(
  region: Region,
  offset: number,
  bit: number,
  bits: number,
  value: bigint,
): void {
  let rest = BigInt.asUintN(bits, value);
  for (let end = bits; end > 0; ) {
    const width = Math.min(NUMBER_BITS_MAX, end);
    const part = Number(BigInt.asUintN(width, rest));
    writeField(region, offset, bit + end - width, width, part);
    rest >>= BigInt(width);
    end -= width;
  }
}

/** Like fitField, for any width. */
export function fitWideField(
  value: bigint,
  bits: number,
  signed: boolean,
  overflow: number,
): bigint {
  const size = 1n << BigInt(bits);
  const least = signed ? -size / 2n : 0n;
  const most = least + size - 1n;
  fitted.overflowed = value > most || value < least;
  if (!fitted.overflowed) return value;
  if (overflow === OVERFLOW_SATURATE) return value > most ? most : least;
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}
