/**
 * The verbs of effects that are about keys and databases of any type: commands that a replica and the
 * journal replay. A type declares the verbs of its values in `values/<type>/type.ts`.
 */

export { EFFECT_EXPIRE_AT, EFFECT_REMOVE } from '../values/rebuilding.js';
export const EFFECT_PERSIST = 'PERSIST';

/** Without a key: one database of the shard becomes empty, or two exchange their contents. */
export const EFFECT_CLEAR = 'FLUSHDB';
export const EFFECT_SWAP = 'SWAPDB';
