/**
 * The commands that rebuild a collection under a key, as a replica and the journal take them: DEL, so
 * that nothing of what was there is left; the elements, in commands of bounded size; the time at
 * which the key expires.
 */
import type { StoredValue, ValueEffects } from './value-type.js';

export const EFFECT_REMOVE = 'DEL';
export const EFFECT_EXPIRE_AT = 'PEXPIREAT';
/** One effect has so many elements, and about so many bytes, at most: a replica applies it in one go. */
export const EFFECT_ELEMENTS_MAX = 512;
export const EFFECT_BYTES_MAX = 64 * 1024;

type EmitElements = (value: StoredValue, effects: ValueEffects) => void;

/** Makes ValueType.effects of a collection from what emits its elements. */
export function rebuilding(emitElements: EmitElements): EmitElements {
  return (value, effects) => {
    effects.begin(EFFECT_REMOVE).end();
    emitElements(value, effects);
    if (value.expiry !== 0) effects.begin(EFFECT_EXPIRE_AT).time(value.expiry).end();
  };
}
