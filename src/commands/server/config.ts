/** CONFIG GET, SET, RESETSTAT, REWRITE and HELP */

import { TEXT_BYTES_MAX } from '../../base/region.js';
import { SYNTAX, UNKNOWN_DIRECTIVE } from '../../protocol/errors.js';
import type { CommandDefinition, ContainerDefinition } from '../contract/definition.js';
import { replyHelp } from '../contract/help.js';
import { replyOutcome } from '../contract/outcome.js';
import { errorQuoting } from '../contract/quote.js';
import { wordsOf } from '../contract/words.js';

export const config: ContainerDefinition = {
  name: 'config',
  summary: 'Commands about the configuration',
  since: '2.0.0',
  group: 'server',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const configGet: CommandDefinition = {
  name: 'config|get',
  summary: 'Tells settings whose names match a pattern',
  since: '2.0.0',
  group: 'server',
  complexity: 'O(N) when N is the number of configuration parameters provided',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'parameter',
      type: 'block',
      flags: ['multiple'],
      arguments: [{ name: 'parameter', type: 'string' }],
    },
  ],
  history: [['7.0.0', 'Several patterns may be given.']],
  run(context) {
    const { reply, server } = context;
    const patterns = wordsOf(context, 2);
    if (patterns === null) return;
    const settings = server.configuration.get(patterns);
    reply.map(settings.length);
    for (const [name, value] of settings) {
      reply.bulkBinary(name);
      reply.bulkBinary(value);
    }
  },
};

export const configSet: CommandDefinition = {
  name: 'config|set',
  summary: 'Changes settings, all or none of them',
  since: '2.0.0',
  group: 'server',
  complexity: 'O(N) when N is the number of configuration parameters provided',
  arity: -4,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'parameter_value',
      type: 'block',
      flags: ['multiple'],
      arguments: [
        { name: 'parameter', type: 'string' },
        { name: 'value', type: 'string' },
      ],
    },
  ],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  history: [['7.0.0', 'Several settings may be changed at once.']],
  locks: 'none',
  run(context) {
    const { args, reply, server, session } = context;
    if (args.count % 2 !== 0) {
      reply.error(SYNTAX);
      return;
    }
    for (let i = 2; i < args.count; i += 2) {
      // No directive has such a name.
      if (args.length[i]! <= TEXT_BYTES_MAX) continue;
      errorQuoting(context, `${UNKNOWN_DIRECTIVE}'`, i, "'");
      return;
    }
    const words = wordsOf(context, 2);
    if (words === null) return;
    const pairs: [string, string][] = [];
    for (let i = 0; i < words.length; i += 2) pairs.push([words[i]!, words[i + 1]!]);
    const { configuration, process } = server;
    const error = configuration.set(pairs, process.isLocal(session));
    const names = pairs.map(([name]) => name);
    // Nothing may wait inside EXEC.
    if (error !== null || context.inTransaction || !configuration.mustSettle(names)) {
      replyOutcome(reply, error);
      return;
    }
    const suspension = context.suspend(() => {});
    configuration.settle(() => suspension.resume((later) => later.reply.ok()));
  },
};

export const configResetstat: CommandDefinition = {
  name: 'config|resetstat',
  summary: 'Starts the statistics of INFO afresh',
  since: '2.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  locks: 'none',
  run({ reply, server }) {
    server.statistics.reset();
    reply.ok();
  },
};

export const configRewrite: CommandDefinition = {
  name: 'config|rewrite',
  summary: 'Writes the settings in force into the configuration file',
  since: '2.8.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  locks: 'none',
  run({ reply, server }) {
    replyOutcome(reply, server.configuration.rewrite());
  },
};

export const configHelp: CommandDefinition = {
  name: 'config|help',
  summary: 'Lists the subcommands',
  since: '5.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'config'),
};
