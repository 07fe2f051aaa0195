/** What the list commands share: the list sought, its elements as replies. One reader for each thread. */
import { type ErrorReply, WRONG_TYPE } from '../../../protocol/errors.js';
import { argumentIs } from '../../../protocol/text.js';
import { isListKind } from '../../../values/list/layout.js';
import { ListReader } from '../../../values/list/reader.js';
import type { Context } from '../../contract/context.js';
import type { ArgumentSpecification } from '../../contract/definition.js';

/** The list that a command works on. Open it again after a change. */
export const list = new ListReader();

export const KEY: ArgumentSpecification = { name: 'key', type: 'key', keySpecIndex: 0 };
/** LEFT or RIGHT. */
export function endArgument(name: string): ArgumentSpecification {
  return {
    name,
    type: 'oneof',
    arguments: [
      { name: 'left', type: 'pure-token', token: 'LEFT' },
      { name: 'right', type: 'pure-token', token: 'RIGHT' },
    ],
  };
}

/** Whether the key found holds a list; if not, the error is answered. */
export function isList({ keys, reply }: Context): boolean {
  if (isListKind(keys.kind)) return true;
  reply.error(WRONG_TYPE);
  return false;
}

/** Answers with the element that the list is at. */
export function replyElement({ reply }: Context): void {
  list.read();
  const { length } = list;
  if (!list.isInteger) {
    reply.bulk(list.region, list.offset, length);
    return;
  }
  reply.beginBulk(length);
  list.integer.writeText(reply.region, reply.position, length);
  reply.position += length;
  reply.endBulk();
}

export const LEFT = 0;
export const RIGHT = 1;
export const NEITHER = -1;

/** Argument `index` as an end of a list; NEITHER when an error was answered. */
export function endAt({ args, reply }: Context, index: number, error: ErrorReply): number {
  if (argumentIs(args, index, 'LEFT')) return LEFT;
  if (argumentIs(args, index, 'RIGHT')) return RIGHT;
  reply.error(error);
  return NEITHER;
}
