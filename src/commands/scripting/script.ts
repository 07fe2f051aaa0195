/** SCRIPT LOAD, EXISTS, FLUSH, KILL, DEBUG and HELP */
import { ErrorReply } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { CommandDefinition, ContainerDefinition } from '../contract/definition.js';
import { replyHelp } from '../contract/help.js';
import { replyOutcome } from '../contract/outcome.js';
import { flushMode, wholeArgument } from './lib/arguments.js';
import { FLUSH_MODE, KILL } from './lib/definitions.js';

const WRONG_FLUSH = new ErrorReply('ERR SCRIPT FLUSH only support SYNC|ASYNC option');
const WRONG_MODE = new ErrorReply('ERR Use SCRIPT DEBUG YES/SYNC/NO');
const NO_DEBUGGER = new ErrorReply('ERR this server has no debugger of scripts');
const TIPS_ALL_NODES = ['request_policy:all_nodes', 'response_policy:all_succeeded'];

export const script: ContainerDefinition = {
  name: 'script',
  summary: 'Commands about the cache of scripts',
  since: '2.6.0',
  group: 'scripting',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const scriptLoad: CommandDefinition = {
  name: 'script|load',
  summary: 'Keeps a script in the cache without running it',
  since: '2.6.0',
  group: 'scripting',
  complexity: 'O(N) with N being the length in bytes of the script body.',
  arity: 3,
  flags: ['noscript', 'stale'],
  tips: TIPS_ALL_NODES,
  arguments: [{ name: 'script', type: 'string' }],
  run({ args, reply, server }) {
    const loaded = server.scripts.load(wholeArgument(args, 2));
    if ('error' in loaded) reply.errorText(loaded.error);
    else reply.bulkBinary(loaded.sha);
  },
};

export const scriptExists: CommandDefinition = {
  name: 'script|exists',
  summary: 'Tells which scripts are in the cache',
  since: '2.6.0',
  group: 'scripting',
  complexity:
    'O(N) with N being the number of scripts to check (so checking a single script is an O(1) ' +
    'operation).',
  arity: -3,
  flags: ['noscript'],
  tips: ['request_policy:all_shards', 'response_policy:agg_logical_and'],
  arguments: [{ name: 'sha1', type: 'string', flags: ['multiple'] }],
  run(context) {
    const { args, reply, server } = context;
    reply.array(args.count - 2);
    for (let i = 2; i < args.count; i++) {
      reply.integer(server.scripts.exists(context.text(i)) ? 1 : 0);
    }
  },
};

export const scriptFlush: CommandDefinition = {
  name: 'script|flush',
  summary: 'Empties the cache of scripts',
  since: '2.6.0',
  group: 'scripting',
  complexity: 'O(N) with N being the number of scripts in cache',
  arity: -2,
  flags: ['noscript'],
  tips: TIPS_ALL_NODES,
  history: [['6.2.0', 'Added the `ASYNC` and `SYNC` flushing mode modifiers.']],
  arguments: [{ ...FLUSH_MODE, since: '6.2.0' }],
  run({ args, reply, server }) {
    if (args.count > 3 || !flushMode(args)) {
      reply.error(WRONG_FLUSH);
      return;
    }
    server.scripts.flush();
    reply.ok();
  },
};

export const scriptKill: CommandDefinition = {
  ...KILL,
  name: 'script|kill',
  summary: 'Ends the script that runs for too long',
  since: '2.6.0',
  run: ({ reply, server }) => replyOutcome(reply, server.scripts.kill('script')),
};

export const scriptDebug: CommandDefinition = {
  name: 'script|debug',
  summary: 'Sets the mode of the debugger of scripts, which this server does not have',
  since: '3.2.0',
  group: 'scripting',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript'],
  arguments: [
    {
      name: 'mode',
      type: 'oneof',
      arguments: [
        { name: 'yes', type: 'pure-token', token: 'YES' },
        { name: 'sync', type: 'pure-token', token: 'SYNC' },
        { name: 'no', type: 'pure-token', token: 'NO' },
      ],
    },
  ],
  run({ args, reply }) {
    if (argumentIs(args, 2, 'NO')) reply.ok();
    else if (argumentIs(args, 2, 'YES') || argumentIs(args, 2, 'SYNC')) reply.error(NO_DEBUGGER);
    else reply.error(WRONG_MODE);
  },
};

export const scriptHelp: CommandDefinition = {
  name: 'script|help',
  summary: 'Lists the subcommands',
  since: '5.0.0',
  group: 'scripting',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'script'),
};
