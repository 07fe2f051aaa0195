/** Times of keys between the store (base/expiry-time.ts) and files, where they are signed integers. */
import { expiryOf, millisecondsOf } from '../../../base/expiry-time.js';

export const NEVER_MS = -1;
/** The largest double below 2^63: later times are not exact. */
const FILE_TIME_MAX = 2 ** 63 - 1024;

/** @param expiryMs as RdbKey has it */
export function expiryFromFile(expiryMs: number): number {
  if (expiryMs === NEVER_MS) return 0;
  // A time before 1970 has passed, as the first millisecond has.
  if (expiryMs <= 0) return 1;
  return Number.isSafeInteger(expiryMs) ? expiryMs : expiryOf(BigInt(expiryMs));
}

export function expiryToFile(expiry: number): number {
  if (expiry === 0) return NEVER_MS;
  return expiry > 0 ? expiry : Math.min(FILE_TIME_MAX, Number(millisecondsOf(expiry)));
}
