/** The commands that rebuild a list, and its length in an RDB file. */
import { Region } from '../../base/region.js';
import type { StoredValue, ValueEffects } from '../value-type.js';
import { ListReader } from './reader.js';

/** One effect has about so many bytes and elements at most: a replica applies it in one go. */
const EFFECT_BYTES_MAX = 64 * 1024;
const EFFECT_ELEMENTS_MAX = 512;
const INTEGER_TEXT_BYTES = 24;

const reader = new ListReader();
const text = new Region(new SharedArrayBuffer(INTEGER_TEXT_BYTES), 0);

export function emitList(value: StoredValue, effects: ValueEffects): void {
  effects.begin('DEL').end();
  reader.open(value);
  for (let more = reader.seek(0); more; ) {
    effects.begin('RPUSH');
    let bytes = 0;
    for (let i = 0; more && i < EFFECT_ELEMENTS_MAX && bytes < EFFECT_BYTES_MAX; i++) {
      reader.read();
      bytes += reader.length;
      if (reader.isInteger) {
        reader.copyTo(text, 0);
        effects.bytes(text, 0, reader.length);
      } else effects.bytes(reader.region, reader.offset, reader.length);
      more = reader.next();
    }
    effects.end();
  }
  if (value.expiry !== 0) effects.begin('PEXPIREAT').time(value.expiry).end();
}
