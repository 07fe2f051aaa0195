/**
 * What the string commands have in common: storing an argument as a value, handing SET's effect to
 * the journal, and answering with the value found.
 */
import { copyBytes } from '../../../base/region.js';
import { EVENT_EXPIRE, EVENT_SET, type KeyspaceEvent } from '../../../keyspace/events.js';
import { STRING_AUTO, TYPE_STRING, typeOf } from '../../../keyspace/kinds.js';
import { WRONG_TYPE } from '../../../protocol/errors.js';
import type { Context } from '../../contract/context.js';

/** Makes argument `index` the value of the key last sought, with EVENT_SET unless told another. */
export function storeArgument(
  context: Context,
  index: number,
  expiry: number,
  event: KeyspaceEvent = EVENT_SET,
): void {
  const { args, keys } = context;
  const length = args.length[index]!;
  const offset = keys.put(STRING_AUTO, length, expiry, event);
  copyBytes(keys.region, offset, args.region, args.offset[index]!, length);
}

/** Like storeArgument for a command that sets a time too: then `expire` is told after `set`. */
export function storeArgumentUntil(context: Context, index: number, expiry: number): void {
  storeArgument(context, index, expiry);
  if (context.keys.listener !== null) context.keys.changed(EVENT_EXPIRE);
}

/** Emits `SET key value [PXAT expiry]`, the key and value being arguments. */
export function emitSet(context: Context, key: number, value: number, expiry: number): void {
  const { args, keys } = context;
  const effects = keys.effects;
  if (!effects.active) return;
  effects.begin('SET').argument(args, key).argument(args, value);
  if (expiry !== 0) effects.word('PXAT').word(expiry);
  effects.end(keys.shard, keys.database);
}

/** Emits `DEL key`, the key being argument 1. */
export function emitDelete(context: Context): void {
  const { args, keys } = context;
  if (!keys.effects.active) return;
  keys.effects.begin('DEL').argument(args, 1).end(keys.shard, keys.database);
}

/** Whether the key found holds a string; if not, the error is answered. */
export function isString(context: Context): boolean {
  if (typeOf(context.keys.kind) === TYPE_STRING) return true;
  context.reply.error(WRONG_TYPE);
  return false;
}

/** Answers with the value found. */
export function replyValue(context: Context): void {
  const { keys, reply } = context;
  reply.bulk(keys.region, keys.valueOffset, keys.valueLength);
}
