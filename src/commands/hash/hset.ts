/** HSET and HMSET: fields with their values. */
import { EVENT_HSET } from '../../keyspace/events.js';
import { wrongArity } from '../../protocol/errors.js';
import { EXPIRY_NONE } from '../../values/hash/writer.js';
import type { Context } from '../contract/context.js';
import {
  type ArgumentSpecification,
  type CommandDefinition,
  keysAt,
  SHORT_ARGUMENTS_MAX,
} from '../contract/definition.js';
import { writeHash } from './lib/store.js';
import { hash, KEY_ARGUMENT, openOrCreate, REFUSED } from './lib/values.js';

const WRONG_HSET = wrongArity('hset');
const WRONG_HMSET = wrongArity('hmset');
const FIRST_PAIR = 2;

/** @returns false when an error was answered */
function setPairs(context: Context): boolean {
  const { args, keys, settings } = context;
  if (openOrCreate(context) === REFUSED) return false;
  if (!hash.setPairs(args, FIRST_PAIR, EXPIRY_NONE, settings)) throw keys.full();
  writeHash(context);
  keys.commit(EVENT_HSET, args);
  return true;
}

function runHset(context: Context): void {
  const { args, reply } = context;
  if ((args.count & 1) !== 0) reply.error(WRONG_HSET);
  else if (setPairs(context)) reply.integer(hash.created);
}

function runHmset(context: Context): void {
  const { args, reply } = context;
  if ((args.count & 1) !== 0) reply.error(WRONG_HMSET);
  else if (setPairs(context)) reply.ok();
}

const PAIR_ARGUMENTS: readonly ArgumentSpecification[] = [
  KEY_ARGUMENT,
  {
    name: 'field_value',
    type: 'block',
    flags: ['multiple'],
    arguments: [
      { name: 'field', type: 'string' },
      { name: 'value', type: 'string' },
    ],
  },
];

export const hset: CommandDefinition = {
  name: 'hset',
  summary: 'Sets fields of a hash',
  since: '2.0.0',
  group: 'hash',
  complexity:
    'O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is ' +
    'called with multiple field/value pairs.',
  arity: -4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: PAIR_ARGUMENTS,
  history: [['4.0.0', 'Several fields and values.']],
  elements: { by: 'hash', first: 2, step: 2, element: 0 },
  run: runHset,
};

export const hmset: CommandDefinition = {
  name: 'hmset',
  summary: 'Sets fields of a hash, and answers OK',
  since: '2.0.0',
  group: 'hash',
  complexity: 'O(N) where N is the number of fields being set.',
  shortArguments: SHORT_ARGUMENTS_MAX,
  arity: -4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: PAIR_ARGUMENTS,
  deprecatedSince: '4.0.0',
  replacedBy: '`HSET` with multiple field-value pairs',
  docFlags: ['deprecated'],
  elements: { by: 'hash', first: 2, step: 2, element: 0 },
  run: runHmset,
};
