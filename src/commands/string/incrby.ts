/** INCRBY and DECRBY: adding and subtracting an integer. */
import { DECREMENT_OVERFLOW, NOT_INTEGER } from '../../protocol/errors.js';
import {
  INT64_MIN,
  INTEGER_OK,
  NOT_AN_INTEGER,
  ParsedInteger,
  parseInteger,
} from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { increment, incrementBig } from './lib/increment.js';

const parsed = new ParsedInteger();

function runIncrement(context: Context): void {
  const { args } = context;
  const kind = parseInteger(args.region, args.offset[2]!, args.length[2]!, parsed);
  if (kind === INTEGER_OK) increment(context, parsed.value);
  else if (kind === NOT_AN_INTEGER) context.reply.error(NOT_INTEGER);
  else incrementBig(context, parsed.big);
}

function runDecrement(context: Context): void {
  const { args } = context;
  const kind = parseInteger(args.region, args.offset[2]!, args.length[2]!, parsed);
  if (kind === INTEGER_OK) increment(context, -parsed.value);
  else if (kind === NOT_AN_INTEGER) context.reply.error(NOT_INTEGER);
  else if (parsed.big === INT64_MIN) context.reply.error(DECREMENT_OVERFLOW);
  else incrementBig(context, -parsed.big);
}

export const incrby: CommandDefinition = {
  name: 'incrby',
  summary: 'Adds to the integer stored under a key',
  since: '1.0.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'increment', type: 'integer' },
  ],
  run: runIncrement,
};

export const decrby: CommandDefinition = {
  name: 'decrby',
  summary: 'Subtracts from the integer stored under a key',
  since: '1.0.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'decrement', type: 'integer' },
  ],
  run: runDecrement,
};
