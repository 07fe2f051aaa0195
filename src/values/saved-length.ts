/**
 * Bytes that things take in an RDB file of Redis, without compression: DEBUG OBJECT tells how long a
 * value would be. An integer is NaN where the text is that of none.
 */

/** A listpack's header and its end. */
export const LISTPACK_BYTES = 7;
/** Longer numbers are saved as text. */
const SAVED_INTEGER_BYTES_MAX = 11;

/** Bytes of a length. */
export function savedLengthBytes(length: number): number {
  if (length < 64) return 1;
  return length < 16_384 ? 2 : 5;
}

/** Bytes of a string with its length; short integers have a form of their own. */
export function savedStringBytes(length: number, integer: number): number {
  if (length <= SAVED_INTEGER_BYTES_MAX) {
    if (integer >= -128 && integer < 128) return 2;
    if (integer >= -32_768 && integer < 32_768) return 3;
    if (integer >= -(2 ** 31) && integer < 2 ** 31) return 5;
  }
  return savedLengthBytes(length) + length;
}

/** Bytes of an element of a listpack, with its own length behind it. */
export function listpackElementBytes(length: number, integer: number): number {
  return withBackLength(Number.isNaN(integer) ? textBytes(length) : integerBytes(integer));
}

function textBytes(length: number): number {
  if (length < 64) return 1 + length;
  return (length < 4096 ? 2 : 5) + length;
}

function integerBytes(integer: number): number {
  if (integer >= 0 && integer < 128) return 1;
  if (integer >= -4096 && integer < 4096) return 2;
  if (integer >= -32_768 && integer < 32_768) return 3;
  if (integer >= -(2 ** 23) && integer < 2 ** 23) return 4;
  return integer >= -(2 ** 31) && integer < 2 ** 31 ? 5 : 9;
}

function withBackLength(bytes: number): number {
  if (bytes < 128) return bytes + 1;
  if (bytes < 16_384) return bytes + 2;
  if (bytes < 2_097_152) return bytes + 3;
  return bytes + (bytes < 268_435_456 ? 4 : 5);
}
