/** PING [message] */
import { wrongArity } from '../../protocol/errors.js';
import type { CommandDefinition } from '../contract/definition.js';

export const ping: CommandDefinition = {
  name: 'ping',
  summary: 'Answers PONG, or the message given, to show that the server is there',
  since: '1.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: -1,
  flags: ['fast'],
  whileSubscribed: true,
  arguments: [{ name: 'message', type: 'string', flags: ['optional'] }],
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  run({ args, reply }) {
    if (args.count > 2) reply.error(wrongArity('ping'));
    else if (args.count === 1) reply.simple('PONG');
    else reply.bulk(args.region, args.offset[1]!, args.length[1]!);
  },
};
