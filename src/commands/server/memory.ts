/** MEMORY USAGE, STATS, DOCTOR, MALLOC-STATS, PURGE and HELP */

import { NOT_INTEGER, SYNTAX } from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import {
  type CommandDefinition,
  type ContainerDefinition,
  keysAt,
} from '../contract/definition.js';
import { replyHelp } from '../contract/help.js';

export const memory: ContainerDefinition = {
  name: 'memory',
  summary: 'Commands about memory',
  since: '4.0.0',
  group: 'server',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const memoryUsage: CommandDefinition = {
  name: 'memory|usage',
  summary: 'Tells how many bytes a key and its value take',
  since: '4.0.0',
  group: 'server',
  complexity: 'O(N) where N is the number of samples.',
  arity: -3,
  flags: ['readonly'],
  keys: [keysAt(2, 0, 1, 'RO')],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'count', type: 'integer', token: 'SAMPLES', flags: ['optional'] },
  ],
  run(context) {
    const { args, reply, keys } = context;
    for (let i = 3; i < args.count; i += 2) {
      if (i + 1 >= args.count || !argumentIs(args, i, 'SAMPLES')) {
        reply.error(SYNTAX);
        return;
      }
      const samples = parseIndex(args.region, args.offset[i + 1]!, args.length[i + 1]!);
      if (!(samples >= 0)) {
        reply.error(Number.isNaN(samples) ? NOT_INTEGER : SYNTAX);
        return;
      }
    }
    keys.findWithoutUse();
    if (!keys.seek(args, 2)) {
      reply.nullBulk();
      return;
    }
    reply.integer(keys.storedBytes + keys.types.of(keys.kind).memory(keys));
  },
};

export const memoryPurge: CommandDefinition = {
  name: 'memory|purge',
  summary: 'Gives free memory back to the system',
  since: '4.0.0',
  group: 'server',
  complexity: 'Depends on how much memory is allocated, could be slow',
  arity: 2,
  flags: [],
  tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
  locks: 'none',
  run({ reply, server }) {
    server.memory.purge();
    reply.ok();
  },
};

export const memoryHelp: CommandDefinition = {
  name: 'memory|help',
  summary: 'Lists the subcommands',
  since: '4.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'memory'),
};
