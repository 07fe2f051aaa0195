/** What a key takes in memory, computed from its lengths as the tables lay it out. */
import { PAGE_BYTES } from '../base/limits.js';
import {
  headerBytes,
  INLINE_LIMIT,
  KEY_INLINE_LIMIT,
  KEY_RUN_BYTES,
  pagesFor,
  VALUE_RUN_BYTES,
} from '../structures/entry.js';

/** A bucket's share of an entry, at the usual load: fingerprint, reference and what stays empty. */
const SLOT_BYTES = 4;

/** Bytes of an entry, and of the runs of a long key or value (without room to grow). */
export function storedBytes(keyLength: number, valueLength: number, expires: boolean): number {
  const keyInRun = keyLength > KEY_INLINE_LIMIT;
  const keyPart = keyInRun ? KEY_RUN_BYTES : keyLength;
  const header = headerBytes(keyLength, valueLength, expires);
  const valueInRun = header + keyPart + valueLength > INLINE_LIMIT;
  const valuePart = valueInRun ? VALUE_RUN_BYTES : valueLength;
  const pages = (keyInRun ? pagesFor(keyLength) : 0) + (valueInRun ? pagesFor(valueLength) : 0);
  return header + keyPart + valuePart + SLOT_BYTES + pages * PAGE_BYTES;
}
