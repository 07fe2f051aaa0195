/**
 * Taking elements from an end of the list sought, with the effect and the events that belong to it;
 * whatever serves waiting clients calls it as the commands do. A list that becomes empty goes: that is
 * one effect, DEL.
 */
import { EVENT_DEL, EVENT_LPOP, EVENT_RPOP } from '../../../keyspace/events.js';
import type { Context } from '../../contract/context.js';
import { remove } from './edit.js';
import { LEFT, list, RIGHT, replyElement } from './values.js';

/** Answers with `count` elements from an end of the list sought, in the order in which they go. */
export function replyFrom(context: Context, end: number, count: number): void {
  list.open(context.keys);
  let more = list.seek(end === LEFT ? 0 : list.count - 1);
  for (let left = count; more && left > 0; left--) {
    replyElement(context);
    more = left > 1 && (end === LEFT ? list.next() : list.previous());
  }
}

/** Removes `count` elements from an end of the list that is open, which has at least so many. */
export function pop({ keys }: Context, end: number, count: number): void {
  const event = end === LEFT ? EVENT_LPOP : EVENT_RPOP;
  if (count === list.count) {
    keys.announce(event);
    keys.remove(EVENT_DEL);
    return;
  }
  const index = end === RIGHT ? list.count - count : 0;
  remove(keys, index, count);
  const effect = keys.custom(event, end === LEFT ? 'LPOP' : 'RPOP');
  if (count > 1 && keys.effects.active) effect.word(`${count}`);
  effect.end();
}
