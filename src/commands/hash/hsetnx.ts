/** HSETNX: a field that is not there yet. */
import { EVENT_HSET } from '../../keyspace/events.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { commitPair, takeArgumentPair, writePair } from './lib/store.js';
import {
  FIELD_ARGUMENT,
  FOUND,
  findField,
  KEY_ARGUMENT,
  openOrCreate,
  REFUSED,
} from './lib/values.js';

const FIELD = 2;

function run(context: Context): void {
  const { reply } = context;
  const state = openOrCreate(context);
  if (state === REFUSED) return;
  if (state === FOUND && findField(context, FIELD)) {
    reply.integer(0);
    return;
  }
  takeArgumentPair(context, FIELD);
  writePair(context);
  commitPair(context, EVENT_HSET);
  reply.integer(1);
}

export const hsetnx: CommandDefinition = {
  name: 'hsetnx',
  summary: 'Sets a field of a hash that does not exist',
  since: '2.0.0',
  group: 'hash',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'insert')],
  arguments: [KEY_ARGUMENT, FIELD_ARGUMENT, { name: 'value', type: 'string' }],
  elements: { by: 'hash', first: 2, step: 2, element: 0 },
  run,
};
