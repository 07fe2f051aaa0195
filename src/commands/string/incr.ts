/** INCR and DECR: counting up and down by one. */
import { type CommandDefinition, keysAt } from '../contract/definition.js';
import { increment } from './lib/increment.js';

export const incr: CommandDefinition = {
  name: 'incr',
  summary: 'Adds one to the integer stored under a key',
  since: '1.0.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 2,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  run: (context) => increment(context, 1),
};

export const decr: CommandDefinition = {
  name: 'decr',
  summary: 'Subtracts one from the integer stored under a key',
  since: '1.0.0',
  group: 'string',
  complexity: 'O(1)',
  arity: 2,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'access', 'update')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  run: (context) => increment(context, -1),
};
