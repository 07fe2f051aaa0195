/** HGETDEL: values of fields, which are removed. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import {
  DELETED,
  FIELDS_ARGUMENT,
  FIELDS_NOT_POSITIVE,
  firstFieldAt,
  NO_FIELD,
  outcomes,
} from './lib/fields.js';
import { commitRemoved } from './lib/times.js';
import {
  FOUND,
  findField,
  hash,
  KEY_ARGUMENT,
  openForWrite,
  REFUSED,
  replyValue,
} from './lib/values.js';

const FIELDS = 2;
/** What a reply has besides a value, at most: a type, a length, two ends of lines. */
const REPLY_OVERHEAD_BYTES = 26;

function run(context: Context): void {
  const { args, reply } = context;
  const state = openForWrite(context);
  if (state === REFUSED) return;
  const first = firstFieldAt(context, FIELDS, FIELDS_NOT_POSITIVE);
  if (first === 0) return;
  const count = args.count - first;
  if (state === FOUND) ensureRoom(context, first);
  reply.array(count);
  outcomes.begin(count);
  for (let i = first; i < args.count; i++) {
    const found = state === FOUND && findField(context, i);
    outcomes.set(i - first, found ? DELETED : NO_FIELD);
    if (!found) {
      reply.nullBulk();
      continue;
    }
    replyValue(reply);
    hash.removeFound();
  }
  commitRemoved(context, first);
  outcomes.release();
}

/**
 * Makes room for the whole reply, so that one that is too long is an error before the first field goes.
 * A field that is named twice counts twice.
 */
function ensureRoom(context: Context, first: number): void {
  const { args, reply } = context;
  let bytes = REPLY_OVERHEAD_BYTES;
  for (let i = first; i < args.count; i++) {
    bytes += REPLY_OVERHEAD_BYTES;
    if (findField(context, i)) bytes += hash.value.length;
  }
  reply.ensure(bytes);
}

export const hgetdel: CommandDefinition = {
  name: 'hgetdel',
  summary: 'Returns the values of fields of a hash and removes them',
  since: '8.0.0',
  group: 'hash',
  complexity: 'O(N) where N is the number of specified fields',
  arity: -5,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'delete')],
  arguments: [KEY_ARGUMENT, FIELDS_ARGUMENT],
  run,
};
