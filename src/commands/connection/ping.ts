/** PING [message] */
import { wrongArity } from '../../protocol/errors.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';

/** A RESP2 client that is subscribed tells answers by their form, which is that of a message. */
function replyAsMessage({ args, reply }: Context): void {
  reply.array(2);
  reply.bulkBinary('pong');
  if (args.count === 1) reply.emptyBulk();
  else reply.bulk(args.region, args.offset[1]!, args.length[1]!);
}

export const ping: CommandDefinition = {
  name: 'ping',
  summary: 'Answers PONG, or the message given, to show that the server is there',
  since: '1.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: -1,
  flags: ['fast'],
  whileSubscribed: true,
  tellsSaveFailure: true,
  arguments: [{ name: 'message', type: 'string', flags: ['optional'] }],
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  run(context) {
    const { args, reply, session } = context;
    if (args.count > 2) reply.error(wrongArity('ping'));
    else if (session.isSubscribed && session.protocol === 2) replyAsMessage(context);
    else if (args.count === 1) reply.simple('PONG');
    else reply.bulk(args.region, args.offset[1]!, args.length[1]!);
  },
};
