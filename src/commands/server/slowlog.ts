/** SLOWLOG GET, LEN, RESET and HELP */
import { ErrorReply } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition, ContainerDefinition } from '../contract/definition.js';
import { replyHelp, wrongSubcommandUse } from '../contract/help.js';
import type { SlowLogEntry } from '../contract/server-port.js';

const COUNT_DEFAULT = 10;
const BAD_COUNT = new ErrorReply('ERR count should be greater than or equal to -1');

export const slowlog: ContainerDefinition = {
  name: 'slowlog',
  summary: 'Commands about the log of slow commands',
  since: '2.2.12',
  group: 'server',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

function replyEntry(reply: Context['reply'], entry: SlowLogEntry): void {
  reply.array(6);
  reply.integer(entry.id);
  reply.integer(entry.timeSeconds);
  reply.integer(entry.microseconds);
  reply.array(entry.args.length);
  for (const arg of entry.args) reply.bulkBinary(arg);
  reply.bulkBinary(entry.address);
  reply.bulkBinary(entry.clientName);
}

export const slowlogGet: CommandDefinition = {
  name: 'slowlog|get',
  summary: 'Tells about the latest slow commands',
  since: '2.2.12',
  group: 'server',
  complexity: 'O(N) where N is the number of entries returned',
  arity: -2,
  flags: ['admin', 'loading', 'stale'],
  arguments: [{ name: 'count', type: 'integer', flags: ['optional'] }],
  tips: ['request_policy:all_nodes', 'nondeterministic_output'],
  history: [['4.0.0', 'Address, port and name of the client.']],
  locks: 'none',
  run(context) {
    const { args, reply, server } = context;
    if (args.count > 3) {
      reply.error(wrongSubcommandUse(context, 'slowlog'));
      return;
    }
    let count = COUNT_DEFAULT;
    if (args.count === 3) {
      count = parseIndex(args.region, args.offset[2]!, args.length[2]!);
      if (!(count >= -1)) {
        reply.error(BAD_COUNT);
        return;
      }
    }
    const entries = server.slowLog.entries();
    const shown = count === -1 ? entries : entries.slice(0, count);
    reply.array(shown.length);
    for (const entry of shown) replyEntry(reply, entry);
  },
};

export const slowlogLen: CommandDefinition = {
  name: 'slowlog|len',
  summary: 'Tells how many slow commands the log holds',
  since: '2.2.12',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['admin', 'loading', 'stale'],
  tips: ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'],
  locks: 'none',
  run({ reply, server }) {
    reply.integer(server.slowLog.entries().length);
  },
};

export const slowlogReset: CommandDefinition = {
  name: 'slowlog|reset',
  summary: 'Empties the log of slow commands',
  since: '2.2.12',
  group: 'server',
  complexity: 'O(N) where N is the number of entries in the slowlog',
  arity: 2,
  flags: ['admin', 'loading', 'stale'],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  locks: 'none',
  run({ reply, server }) {
    server.slowLog.reset();
    reply.ok();
  },
};

export const slowlogHelp: CommandDefinition = {
  name: 'slowlog|help',
  summary: 'Lists the subcommands',
  since: '6.2.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'slowlog'),
};
