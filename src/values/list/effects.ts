/** The commands that rebuild a list, and its length in an RDB file. */
import { Region } from '../../base/region.js';
import { EFFECT_BYTES_MAX, EFFECT_ELEMENTS_MAX } from '../rebuilding.js';
import { PARTS_END, type StoredValue, type ValueEffects } from '../value-type.js';
import { ListReader } from './reader.js';

const INTEGER_TEXT_BYTES = 24;

const reader = new ListReader();
const text = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);

export function countOf(value: StoredValue): number {
  reader.open(value);
  return reader.count;
}

/**
 * Emits elements from one on, up to `elementsMax` of them.
 * @returns the index after them, or PARTS_END
 */
export function emitSome(
  value: StoredValue,
  index: number,
  elementsMax: number,
  budgetBytes: number,
  effects: ValueEffects,
): number {
  reader.open(value);
  if (!reader.seek(index)) return PARTS_END;
  effects.begin('RPUSH');
  let bytes = 0;
  let more = true;
  for (let i = 0; more && i < elementsMax && bytes < budgetBytes; i++) {
    reader.read();
    bytes += reader.length;
    if (reader.isInteger) {
      reader.copyTo(text, 0);
      effects.bytes(text, 0, reader.length);
    } else effects.bytes(reader.region, reader.offset, reader.length);
    more = reader.next();
  }
  effects.end();
  return more ? reader.index : PARTS_END;
}

export function emitElements(value: StoredValue, effects: ValueEffects): void {
  let index = 0;
  while (index !== PARTS_END) {
    index = emitSome(value, index, EFFECT_ELEMENTS_MAX, EFFECT_BYTES_MAX, effects);
  }
}
