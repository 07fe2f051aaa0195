/** FUNCTION LOAD, DELETE, FLUSH, LIST, STATS, KILL, DUMP, RESTORE and HELP */
import { BUSY, ErrorReply } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { CommandDefinition, ContainerDefinition } from '../contract/definition.js';
import { replyHelp, wrongSubcommandUse } from '../contract/help.js';
import { replyOutcome } from '../contract/outcome.js';
import { flushMode, wholeArgument } from './lib/arguments.js';
import { FLUSH_MODE, KILL } from './lib/definitions.js';

const WRONG_FLUSH = new ErrorReply('ERR FUNCTION FLUSH only supports SYNC|ASYNC option');
const WRONG_POLICY = new ErrorReply(
  'ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.',
);
const TIPS_ALL_SHARDS = ['request_policy:all_shards', 'response_policy:all_succeeded'];

export const functionContainer: ContainerDefinition = {
  name: 'function',
  summary: 'Commands about libraries of functions',
  since: '7.0.0',
  group: 'scripting',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const functionLoad: CommandDefinition = {
  name: 'function|load',
  summary: 'Loads a library',
  since: '7.0.0',
  group: 'scripting',
  complexity: 'O(1) (considering compilation time is redundant)',
  arity: -3,
  flags: ['write', 'denyoom', 'noscript'],
  tips: TIPS_ALL_SHARDS,
  arguments: [
    { name: 'replace', type: 'pure-token', token: 'REPLACE', flags: ['optional'] },
    { name: 'function-code', type: 'string' },
  ],
  run(context) {
    const { args, reply, server } = context;
    const last = args.count - 1;
    for (let i = 2; i < last; i++) {
      if (argumentIs(args, i, 'REPLACE')) continue;
      reply.errorText(`ERR Unknown option given: ${context.text(i)}`);
      return;
    }
    const loaded = server.functions.load(wholeArgument(args, last), last > 2);
    if ('error' in loaded) reply.errorText(loaded.error);
    else reply.bulkBinary(loaded.name);
  },
};

export const functionDelete: CommandDefinition = {
  name: 'function|delete',
  summary: 'Removes a library and its functions',
  since: '7.0.0',
  group: 'scripting',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'noscript'],
  tips: TIPS_ALL_SHARDS,
  arguments: [{ name: 'library-name', type: 'string' }],
  run: (context) => replyOutcome(context.reply, context.server.functions.remove(context.text(2))),
};

export const functionFlush: CommandDefinition = {
  name: 'function|flush',
  summary: 'Removes all libraries',
  since: '7.0.0',
  group: 'scripting',
  complexity: 'O(N) where N is the number of functions deleted',
  arity: -2,
  flags: ['write', 'noscript'],
  tips: TIPS_ALL_SHARDS,
  arguments: [FLUSH_MODE],
  run(context) {
    const { args, reply, server } = context;
    if (args.count > 3) reply.error(wrongSubcommandUse(context, 'function'));
    else if (!flushMode(args)) reply.error(WRONG_FLUSH);
    else {
      server.functions.flush();
      reply.ok();
    }
  },
};

export const functionDump: CommandDefinition = {
  name: 'function|dump',
  summary: 'Gives all libraries in the form that FUNCTION RESTORE takes',
  since: '7.0.0',
  group: 'scripting',
  complexity: 'O(N) where N is the number of functions',
  arity: 2,
  flags: ['noscript'],
  run: ({ reply, server }) => reply.bulkBinary(server.functions.dump()),
};

const POLICIES = ['flush', 'append', 'replace'] as const;

export const functionRestore: CommandDefinition = {
  name: 'function|restore',
  summary: 'Loads the libraries that FUNCTION DUMP gave',
  since: '7.0.0',
  group: 'scripting',
  complexity: 'O(N) where N is the number of functions on the payload',
  arity: -3,
  flags: ['write', 'denyoom', 'noscript'],
  tips: TIPS_ALL_SHARDS,
  arguments: [
    { name: 'serialized-value', type: 'string' },
    {
      name: 'policy',
      type: 'oneof',
      flags: ['optional'],
      arguments: POLICIES.map((name) => ({
        name,
        type: 'pure-token',
        token: name.toUpperCase(),
      })),
    },
  ],
  run(context) {
    const { args, reply, server } = context;
    if (args.count > 4) {
      reply.error(wrongSubcommandUse(context, 'function'));
      return;
    }
    const policy =
      args.count === 3
        ? 'append'
        : POLICIES.find((word) => argumentIs(args, 3, word.toUpperCase()));
    if (policy === undefined) reply.error(WRONG_POLICY);
    else replyOutcome(reply, server.functions.restore(args, 2, policy));
  },
};

export const functionStats: CommandDefinition = {
  name: 'function|stats',
  summary: 'Tells which function runs, and how many there are',
  since: '7.0.0',
  group: 'scripting',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'allow_busy'],
  tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  locks: 'none',
  run({ reply, server }) {
    const { functions, scripts } = server;
    const running = functions.running();
    if (running?.kind === 'script') {
      reply.error(BUSY);
      return;
    }
    reply.map(2);
    reply.bulkBinary('running_script');
    if (running === null) reply.nullBulk();
    else {
      reply.map(3);
      reply.bulkBinary('name');
      reply.bulkBinary(running.name);
      reply.bulkBinary('command');
      reply.array(running.command.length);
      for (const word of running.command) reply.bulkBinary(word);
      reply.bulkBinary('duration_ms');
      reply.integer(running.milliseconds);
    }
    reply.bulkBinary('engines');
    reply.map(1);
    reply.bulkBinary('LUA');
    reply.map(2);
    reply.bulkBinary('libraries_count');
    reply.integer(scripts.figures.libraries);
    reply.bulkBinary('functions_count');
    reply.integer(scripts.figures.functions);
  },
};

export const functionKill: CommandDefinition = {
  ...KILL,
  name: 'function|kill',
  summary: 'Ends the function that runs for too long',
  since: '7.0.0',
  run: ({ reply, server }) => replyOutcome(reply, server.scripts.kill('function')),
};

export const functionHelp: CommandDefinition = {
  name: 'function|help',
  summary: 'Lists the subcommands',
  since: '7.0.0',
  group: 'scripting',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'function'),
};
