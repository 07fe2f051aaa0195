import type { CommandDefinition } from '../contract/definition.js';
export const ping: CommandDefinition = {
  name: 'ping', summary: 'x', since: '1.0.0', group: 'connection', complexity: 'O(1)', arity: -1, flags: ['fast'],
  run: (c) => { if (c.args.count > 1) c.reply.bulk(c.args.region, c.args.offset[1]!, c.args.length[1]!); else c.reply.simple('PONG'); },
};
