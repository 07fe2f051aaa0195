/**
 * Moving an element from an end of one list to an end of another, or of the same one. The element is
 * kept aside, as the change of the target may move the source; it is pushed first, which may find no
 * room, and popped then, which cannot fail.
 *
 * The effects are a push and a pop, also on a single key, which so goes on while it is shipped to a
 * replica in parts. Where nothing moves, in a list of one element too, the effect is LMOVE: a pop
 * would end the list, and the time when it expires with it.
 */
import { Region } from '../../../base/region.js';
import {
  EVENT_LPOP,
  EVENT_LPUSH,
  EVENT_RPOP,
  EVENT_RPUSH,
  type KeyspaceEvent,
} from '../../../keyspace/events.js';
import { rotateElement } from '../../../values/list/rotation.js';
import type { Context } from '../../contract/context.js';
import { keysAt } from '../../contract/definition.js';
import { sameKey } from '../../generic/lib/same-key.js';
import { insert, insertion } from './edit.js';
import { pop } from './pop.js';
import { isList, LEFT, list, replyElement } from './values.js';

export const MOVE_KEYS = [
  keysAt(1, 0, 1, 'RW', 'access', 'delete'),
  keysAt(2, 0, 1, 'RW', 'insert'),
] as const;
export const SOURCE = { name: 'source', type: 'key', keySpecIndex: 0 } as const;
export const DESTINATION = { name: 'destination', type: 'key', keySpecIndex: 1 } as const;

/** As LMOVE's arguments name the ends LEFT and RIGHT. */
const WORDS = ['LEFT', 'RIGHT'] as const;
const KEPT_BYTES = 4096;

function newBytes(length: number): Region {
  return new Region(new SharedArrayBuffer((length + 7) & ~7), 0);
}

/** The element on its way, as a vector of one argument. */
class MovedElement {
  region = newBytes(KEPT_BYTES);
  readonly count = 1;
  readonly offset = new Int32Array(1);
  readonly length = new Int32Array(1);

  /** Takes the element that the list is at. */
  take(): void {
    list.read();
    const { length } = list;
    if (this.region.length < length) this.region = newBytes(length);
    list.copyTo(this.region, 0);
    this.length[0] = length;
  }

  /** Gives back what was needed for a long element. */
  trim(): void {
    if (this.region.length <= KEPT_BYTES) return;
    this.region = newBytes(KEPT_BYTES);
    insertion.release();
  }
}

const moved = new MovedElement();

/** Moves an element of the list that is argument 1 to the one that is argument 2, and answers with it. */
export function moveElement(context: Context, from: number, to: number): void {
  const { args, keys, reply } = context;
  if (!keys.seek(args, 1)) {
    reply.nullBulk();
    return;
  }
  if (!isList(context)) return;
  if (sameKey(context)) {
    rotate(context, from, to);
    return;
  }
  const found = keys.seek(args, 2);
  if (found && !isList(context)) return;
  keys.seek(args, 1);
  replyTaken(context, from);
  keys.seek(args, 2);
  pushMoved(context, found, to);
  const effect = keys.custom(pushEvent(to), to === LEFT ? 'LPUSH' : 'RPUSH');
  effect.argument(moved, 0).end();
  moved.trim();
  keys.seek(args, 1);
  list.open(keys);
  pop(context, from, 1);
}

function pushEvent(end: number): KeyspaceEvent {
  return end === LEFT ? EVENT_LPUSH : EVENT_RPUSH;
}

/** Takes an element of the list sought, and answers with it. */
function replyTaken(context: Context, from: number): void {
  list.open(context.keys);
  list.seek(from === LEFT ? 0 : list.count - 1);
  moved.take();
  replyElement(context);
}

/** Begins pushing the element to the list sought. @throws StoreFullError */
function pushMoved({ keys }: Context, found: boolean, to: number): void {
  if (found) list.open(keys);
  aimInsertion(found && to !== LEFT ? list.count : 0);
  insert(keys, found);
}

/** Makes `insertion` the element on its way. */
function aimInsertion(index: number): void {
  insertion.args = moved;
  insertion.first = 0;
  insertion.end = 1;
  insertion.isReversed = false;
  insertion.index = index;
}

/** The same within one list. */
function rotate(context: Context, from: number, to: number): void {
  const { args, keys } = context;
  replyTaken(context, from);
  const moves = from !== to && list.count > 1;
  if (moves) rotateList(context, to);
  keys.beginEdit(keys.kind, keys.valueLength, true);
  if (moves) {
    const effect = keys.custom(pushEvent(to), to === LEFT ? 'LPUSH' : 'RPUSH');
    effect.argument(moved, 0).end();
    effect.begin(from === LEFT ? 'LPOP' : 'RPOP').end();
  } else {
    const effect = keys.custom(pushEvent(to), 'LMOVE').argument(args, 2);
    effect.word(WORDS[from]!).word(WORDS[to]!).end();
  }
  moved.trim();
  keys.announce(from === LEFT ? EVENT_LPOP : EVENT_RPOP);
}

function rotateList(context: Context, to: number): void {
  const { keys } = context;
  aimInsertion(to === LEFT ? 0 : list.count);
  if (!rotateElement(keys, list, insertion)) throw keys.full();
}
