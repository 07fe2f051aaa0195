/** HGET, HMGET, HEXISTS and HSTRLEN: fields that are named. */
import type { Context } from '../contract/context.js';
import { type CommandDefinition, SHORT_ARGUMENTS_MAX } from '../contract/definition.js';
import {
  ABSENT,
  FIELD_ARGUMENTS,
  FOUND,
  findField,
  hash,
  KEY_ARGUMENT,
  KEY_EXAMINED,
  KEY_READ,
  openForRead,
  REFUSED,
  replyValue,
  replyValues,
} from './lib/values.js';

const FIELD = 2;

function runHget(context: Context): void {
  const state = openForRead(context);
  if (state === REFUSED) return;
  if (state === FOUND && findField(context, FIELD)) replyValue(context.reply);
  else context.reply.nullBulk();
}

function runHmget(context: Context): void {
  const state = openForRead(context);
  if (state !== REFUSED) replyValues(context, FIELD, state === FOUND);
}

function runHexists(context: Context): void {
  const state = openForRead(context);
  if (state === REFUSED) return;
  context.reply.integer(state === FOUND && findField(context, FIELD) ? 1 : 0);
}

function runHstrlen(context: Context): void {
  const state = openForRead(context);
  if (state === REFUSED) return;
  context.reply.integer(state === FOUND && findField(context, FIELD) ? hash.value.length : 0);
}

function runHlen(context: Context): void {
  const state = openForRead(context);
  if (state !== REFUSED) context.reply.integer(state === ABSENT ? 0 : hash.size);
}

export const hget: CommandDefinition = {
  name: 'hget',
  summary: 'Returns the value of a field of a hash',
  since: '2.0.0',
  group: 'hash',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly', 'fast'],
  keys: KEY_READ,
  arguments: FIELD_ARGUMENTS,
  run: runHget,
};

export const hmget: CommandDefinition = {
  name: 'hmget',
  summary: 'Returns the values of several fields of a hash',
  since: '2.0.0',
  group: 'hash',
  complexity: 'O(N) where N is the number of fields being requested.',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -3,
  flags: ['readonly', 'fast'],
  keys: KEY_READ,
  arguments: [KEY_ARGUMENT, { name: 'field', type: 'string', flags: ['multiple'] }],
  run: runHmget,
};

export const hexists: CommandDefinition = {
  name: 'hexists',
  summary: 'Tells whether a hash has a field',
  since: '2.0.0',
  group: 'hash',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly', 'fast'],
  keys: KEY_EXAMINED,
  arguments: FIELD_ARGUMENTS,
  run: runHexists,
};

export const hstrlen: CommandDefinition = {
  name: 'hstrlen',
  summary: 'Tells how long the value of a field of a hash is',
  since: '3.2.0',
  group: 'hash',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly', 'fast'],
  keys: KEY_EXAMINED,
  arguments: FIELD_ARGUMENTS,
  run: runHstrlen,
};

export const hlen: CommandDefinition = {
  name: 'hlen',
  summary: 'Counts the fields of a hash',
  since: '2.0.0',
  group: 'hash',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: KEY_EXAMINED,
  arguments: [KEY_ARGUMENT],
  run: runHlen,
};
