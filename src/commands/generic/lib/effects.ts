/** Effects that several key commands have: a key went, or a key holds a value from now on. */
import type { Region } from '../../../base/region.js';
import type { Context } from '../../contract/context.js';

/** Emits `DEL key`, the key being argument `index` and the one last sought. */
export function emitDelete(context: Context, index: number): void {
  const { args, keys } = context;
  if (!keys.effects.active) return;
  keys.effects.begin('DEL').argument(args, index).end(keys.shard, keys.database);
}

/** Emits `SET key value [PXAT expiry]`, the key being argument `index`. */
export function emitValue(
  context: Context,
  index: number,
  shard: number,
  database: number,
  region: Region,
  offset: number,
  length: number,
  expiry: number,
): void {
  const { args, keys } = context;
  if (!keys.effects.active) return;
  const effect = keys.effects.begin('SET').argument(args, index).bytes(region, offset, length);
  if (expiry !== 0) effect.word('PXAT').word(expiry);
  effect.end(shard, database);
}
