/** LASTSAVE */
import type { CommandDefinition } from '../contract/definition.js';

export const lastsave: CommandDefinition = {
  name: 'lastsave',
  summary: 'Tells when the data was last saved, in seconds since 1970',
  since: '1.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 1,
  flags: ['loading', 'stale', 'fast'],
  categories: ['admin', 'dangerous'],
  tips: ['nondeterministic_output'],
  locks: 'none',
  run({ reply, server }) {
    reply.integer(server.persistence.lastSaveSeconds);
  },
};
