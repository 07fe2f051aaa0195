/** What the declarations of SINTER, SUNION, SDIFF and of their STORE forms have in common. */
import { type CommandDefinition, keysAt } from '../../contract/definition.js';

export const READS_SETS = {
  since: '1.0.0',
  group: 'set',
  arity: -2,
  flags: ['readonly'],
  keys: [keysAt(1, -1, 1, 'RO', 'access')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0, flags: ['multiple'] }],
  tips: ['nondeterministic_output_order'],
} as const satisfies Partial<CommandDefinition>;

export const STORES_SET = {
  since: '1.0.0',
  group: 'set',
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: [keysAt(1, 0, 1, 'OW', 'update'), keysAt(2, -1, 1, 'RO', 'access')],
  arguments: [
    { name: 'destination', type: 'key', keySpecIndex: 0 },
    { name: 'key', type: 'key', keySpecIndex: 1, flags: ['multiple'] },
  ],
} as const satisfies Partial<CommandDefinition>;
