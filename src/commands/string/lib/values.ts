/** What the string commands have in common: storing an argument as a value, answering with one. */
import type { Region } from '../../../base/region.js';
import { EVENT_EXPIRE, EVENT_SET, type KeyspaceEvent } from '../../../keyspace/events.js';
import type { Keyspace } from '../../../keyspace/keyspace.js';
import { WRONG_TYPE } from '../../../protocol/errors.js';
import { isStringKind, STRING_AUTO } from '../../../values/string/type.js';
import type { Context } from '../../contract/context.js';

/** Makes argument `index` the value of the key last sought, with EVENT_SET unless told another. */
export function storeArgument(
  { args, keys }: Context,
  index: number,
  expiry: number,
  event: KeyspaceEvent = EVENT_SET,
): void {
  keys.storeArgument(STRING_AUTO, args, index, expiry, event);
}

/** Makes bytes that are no argument the value of the key last sought. */
export function storeBytes(keys: Keyspace, region: Region, offset: number, length: number): void {
  keys.store(STRING_AUTO, region, offset, length, 0, EVENT_SET);
}

/** Like storeArgument for a command that sets a time too: it tells `expire` after `set`. */
export function storeArgumentUntil({ args, keys }: Context, index: number, expiry: number): void {
  keys.storeArgument(STRING_AUTO, args, index, expiry, EVENT_SET);
  keys.announce(EVENT_EXPIRE);
}

/** Whether the key found holds a string. */
export function holdsString(keys: Keyspace): boolean {
  return isStringKind(keys.kind);
}

/** The same; if not, the error is answered. */
export function isString({ keys, reply }: Context): boolean {
  if (isStringKind(keys.kind)) return true;
  reply.error(WRONG_TYPE);
  return false;
}

/** Answers with the value found. */
export function replyValue({ keys, reply }: Context): void {
  reply.bulk(keys.region, keys.valueOffset, keys.valueLength);
}
