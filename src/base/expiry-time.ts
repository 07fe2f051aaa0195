/**
 * The time when a key expires, as one number: what entries hold and what travels between servers.
 *
 *     0            the key does not expire
 *     positive     milliseconds since 1970, up to 2^53 - 1: what clocks are compared with
 *     negative     a time from 2^53 to 2^63 - 1 (from the year 287396 on), which no clock reaches
 *
 * Redis accepts times of 63 bits and tells each of them exactly, but a double holds integers of 53
 * bits. There are enough negative doubles for the rest: the bits of such a number, without the sign,
 * are the time minus 2^53 - 1. So the later of two far times is the smaller number. The largest
 * code is -(2^1023): none is infinite or not a number. Such codes are only stored and compared.
 */
const FAR_BASE = 2n ** 53n - 1n;
const SIGN = 2n ** 63n;
const CODE_MIN = -(2 ** 1023);

export const TIME_MAX = 2n ** 63n - 1n;

const bits = new DataView(new ArrayBuffer(8));

/** @param milliseconds since 1970, from 1 to 2^63 - 1 */
export function expiryOf(milliseconds: bigint): number {
  if (milliseconds <= FAR_BASE) return Number(milliseconds);
  bits.setBigUint64(0, SIGN | (milliseconds - FAR_BASE));
  return bits.getFloat64(0);
}

/** The milliseconds since 1970 that an expiry stands for. */
export function millisecondsOf(expiry: number): bigint {
  if (expiry >= 0) return BigInt(expiry);
  bits.setFloat64(0, expiry);
  return (bits.getBigUint64(0) ^ SIGN) + FAR_BASE;
}

/** Whether a key with this expiry has expired. */
export function hasExpired(expiry: number, nowMs: number): boolean {
  return expiry > 0 && expiry < nowMs;
}

/** Whether the first of two times comes before the second; 0 stands for any time that is past. */
export function isEarlier(first: number, second: number): boolean {
  if (first < 0) return second < first;
  return second < 0 || first < second;
}

/** Whether a number from elsewhere is the expiry of a key that expires. */
export function isExpiry(expiry: number): boolean {
  return expiry > 0 ? Number.isSafeInteger(expiry) : expiry < 0 && expiry >= CODE_MIN;
}
