/** TYPE. */
import { type CommandDefinition, keysAt } from '../contract/definition.js';

export const type: CommandDefinition = {
  name: 'type',
  summary: 'Tells what type of value a key holds',
  since: '1.0.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [keysAt(1, 0, 1, 'RO')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  run({ args, keys, reply }) {
    keys.findWithoutUse();
    reply.simple(keys.seekForRead(args, 1) ? keys.types.nameOf(keys.kind) : 'none');
  },
};
