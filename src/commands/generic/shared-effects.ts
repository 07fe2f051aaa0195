/** Effects that several key commands have: a key went, or a key now holds this value. */
import type { Context } from '../contract/context.js';

/** Emits `DEL key`, the key being argument `index` and the one last sought. */
export function emitDelete(context: Context, index: number): void {
  const { args, keys } = context;
  if (!keys.effects.active) return;
  keys.effects.begin('DEL').argument(args, index).end(keys.shard, keys.database);
}
