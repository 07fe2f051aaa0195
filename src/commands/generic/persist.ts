/** PERSIST: a key no longer expires. */
import { type CommandDefinition, keysAt } from '../contract/definition.js';

export const persist: CommandDefinition = {
  name: 'persist',
  summary: 'Removes the expiry of a key',
  since: '2.2.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 2,
  flags: ['write', 'fast'],
  keys: [keysAt(1, 0, 1, 'RW', 'update')],
  arguments: [{ name: 'key', type: 'key', keySpecIndex: 0 }],
  run({ args, keys, reply }) {
    if (!keys.seek(args, 1) || keys.expiry === 0) {
      reply.integer(0);
      return;
    }
    keys.persist();
    reply.integer(1);
  },
};
