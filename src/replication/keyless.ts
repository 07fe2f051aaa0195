/** Effects on databases, which have no key. They are rare, so they are read as text. */
import { type Region, toBinary } from '../base/region.js';
import { RECORD_HEADER_BYTES } from '../journal/record.js';
import { EFFECT_CLEAR, EFFECT_SWAP } from '../keyspace/effect-verbs.js';
import { VECTOR_HEADER_BYTES } from '../keyspace/effects.js';

export interface Keyless {
  readonly verb: typeof EFFECT_CLEAR | typeof EFFECT_SWAP;
  /** The databases that EFFECT_SWAP exchanges. */
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
  const [verb, first, second] = words;
  if (verb === EFFECT_CLEAR && count === 1) return { verb, first: 0, second: 0 };
  if (verb !== EFFECT_SWAP || count !== WORDS_MAX) return null;
  return { verb, first: Number(first), second: Number(second) };
}
