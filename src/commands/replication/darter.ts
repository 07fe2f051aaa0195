/**
 * DARTER: what Darters say to each other. A replica asks for a sync on its control connection (SYNC)
 * and turns further connections into flows (FLOW); HANDOVER and DEMOTE are the two steps in which
 * a primary gives its role to a replica. See docs/replication.md.
 */
import { NOT_INTEGER } from '../../protocol/errors.js';
import { INTEGER_OK, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { CommandDefinition, ContainerDefinition } from '../contract/definition.js';
import { wordsOf } from '../contract/words.js';

const parsed = new ParsedInteger();

const common = {
  since: '1.0.0',
  group: 'server',
  complexity: 'O(1)',
  flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
  docFlags: ['syscmd'],
  locks: 'none',
} as const;

export const darter: ContainerDefinition = {
  name: 'darter',
  summary: 'What Darters say to each other',
  since: '1.0.0',
  group: 'server',
  complexity: 'Depends on the subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const darterSync: CommandDefinition = {
  ...common,
  name: 'darter|sync',
  summary: 'Asks for a sync, full or continued',
  arity: -7,
  arguments: [
    { name: 'version', type: 'integer' },
    { name: 'replication-id', type: 'string' },
    { name: 'shards', type: 'integer' },
    { name: 'databases', type: 'integer' },
    { name: 'flows', type: 'integer' },
    { name: 'lsn', type: 'integer', flags: ['optional', 'multiple'] },
  ],
  run(context) {
    const { session, server } = context;
    const words = wordsOf(context, 2);
    if (words === null) return;
    const suspension = context.suspend(() => {});
    server.replication.sync(session, words, (write) => suspension.resume(write));
  },
};

export const darterFlow: CommandDefinition = {
  ...common,
  name: 'darter|flow',
  summary: 'Makes the connection a flow of a sync',
  arity: 4,
  arguments: [
    { name: 'sync', type: 'string' },
    { name: 'flow', type: 'integer' },
  ],
  run(context) {
    const { args, reply, session, server } = context;
    if (parseInteger(args.region, args.offset[3]!, args.length[3]!, parsed) !== INTEGER_OK) {
      reply.error(NOT_INTEGER);
      return;
    }
    const index = parsed.value;
    const id = context.text(2);
    const suspension = context.suspend(() => {});
    server.replication.flow(session, id, index, (write) => suspension.resume(write));
  },
};

export const darterHandover: CommandDefinition = {
  ...common,
  name: 'darter|handover',
  summary: 'Holds writes back, so that the replica that asks can take over',
  arity: 3,
  arguments: [{ name: 'timeout', type: 'integer' }],
  run(context) {
    const { args, reply, session, server } = context;
    if (parseInteger(args.region, args.offset[2]!, args.length[2]!, parsed) !== INTEGER_OK) {
      reply.error(NOT_INTEGER);
      return;
    }
    const timeoutMs = parsed.value;
    const suspension = context.suspend(() => {});
    server.replication.handOver(session, timeoutMs, (write) => suspension.resume(write));
  },
};

export const darterDemote: CommandDefinition = {
  ...common,
  name: 'darter|demote',
  summary: 'Ends a hand-over: the replica that asks is the primary now, or gave up',
  arity: 3,
  arguments: [
    {
      name: 'outcome',
      type: 'oneof',
      arguments: [
        { name: 'done', type: 'pure-token', token: 'DONE' },
        { name: 'abort', type: 'pure-token', token: 'ABORT' },
      ],
    },
  ],
  run(context) {
    const { args, session, server } = context;
    const done = argumentIs(args, 2, 'DONE');
    const suspension = context.suspend(() => {});
    server.replication.demote(session, done, (write) => suspension.resume(write));
  },
};
