/** Effects on databases, which have no key. They are rare, so they are read as text. */
import { type Region, toBinary } from '../base/region.js';
import { RECORD_HEADER_BYTES } from '../journal/record.js';
import { VECTOR_HEADER_BYTES } from '../keyspace/effects.js';

export interface Keyless {
  readonly name: 'FLUSHDB' | 'SWAPDB';
  /** The databases that SWAPDB exchanges. */
  readonly first: number;
  readonly second: number;
}

const WORDS_MAX = 3;
const WORD_BYTES_MAX = 16;

/** Reads a KEYLESS record that was checked. @returns null when the effect is unknown */
export function keylessOf(region: Region, offset: number): Keyless | null {
  const at = offset + RECORD_HEADER_BYTES;
  const count = region.view.getUint32(at, true);
  if (count > WORDS_MAX) return null;
  const words: string[] = [];
  let next = at + VECTOR_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const length = region.view.getUint32(next, true);
    if (length > WORD_BYTES_MAX) return null;
    words.push(toBinary(region, next + 4, length));
    next += 4 + length;
  }
  const [name, first, second] = words;
  if (name === 'FLUSHDB' && count === 1) return { name, first: 0, second: 0 };
  if (name !== 'SWAPDB' || count !== WORDS_MAX) return null;
  return { name, first: Number(first), second: Number(second) };
}
