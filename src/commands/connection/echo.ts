/** ECHO message */
import type { CommandDefinition } from '../contract/definition.js';

export const echo: CommandDefinition = {
  name: 'echo',
  summary: 'Answers the message given',
  since: '1.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale', 'fast'],
  arguments: [{ name: 'message', type: 'string' }],
  run({ args, reply }) {
    reply.bulk(args.region, args.offset[1]!, args.length[1]!);
  },
};
