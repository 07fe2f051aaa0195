/**
 * DARTER: what Darters say to each other. A replica tells its primary who it is, and learns whom
 * that follows (CHAIN); it asks for a sync on its control connection (SYNC) and turns further
 * connections into flows (FLOW). HANDOVER and DEMOTE are the two steps in which a primary gives its
 * role to a replica; TAKEOVER is what it asks a replica for that is to begin with them. See
 * docs/replication.md.
 *
 * Messages about roles begin with the version of their protocol. The id of a takeover is 40
 * hexadecimal digits.
 */
import { ErrorReply, NOT_INTEGER, SYNTAX } from '../../protocol/errors.js';
import { INTEGER_OK, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition, ContainerDefinition } from '../contract/definition.js';
import { wordsOf } from '../contract/words.js';

const parsed = new ParsedInteger();

/** Of CHAIN, HANDOVER, DEMOTE and TAKEOVER. */
const ROLES_VERSION = '1';
const OTHER_VERSION = new ErrorReply(
  `ERR this server speaks version ${ROLES_VERSION} of the messages about roles`,
);
const NO_ID = new ErrorReply('ERR the id is not one of 40 hexadecimal digits');
const ID = /^[0-9a-f]{40}$/;

const version = { name: 'version', type: 'integer' } as const;
const takeover = { name: 'takeover', type: 'string' } as const;
const timeout = { name: 'timeout', type: 'integer' } as const;

/** Checks the version at 2 and the ids from 3 on. @returns whether they are right; else answered */
function checksOut(context: Context, ids: number): boolean {
  const { reply } = context;
  if (context.text(2) !== ROLES_VERSION) {
    reply.error(OTHER_VERSION);
    return false;
  }
  for (let i = 3; i < 3 + ids; i++) {
    if (ID.test(context.text(i))) continue;
    reply.error(NO_ID);
    return false;
  }
  return true;
}

/** Milliseconds at `index`, 0 or more; -1 when they are none, which is answered. */
function timeoutAt({ args, reply }: Context, index: number): number {
  const { region, offset, length } = args;
  const is = parseInteger(region, offset[index]!, length[index]!, parsed) === INTEGER_OK;
  if (is && parsed.value >= 0) return parsed.value;
  reply.error(NOT_INTEGER);
  return -1;
}

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

export const darterChain: CommandDefinition = {
  ...common,
  name: 'darter|chain',
  summary: 'Tells the run id of a replica, and asks for those of this server and whom it follows',
  arity: 4,
  arguments: [version, { name: 'run-id', type: 'string' }],
  run(context) {
    if (!checksOut(context, 1)) return;
    const { session, server } = context;
    server.replication.describe(session, { runId: context.text(3) });
    const suspension = context.suspend(() => {});
    server.replication.chain((write) => suspension.resume(write));
  },
};

export const darterHandover: CommandDefinition = {
  ...common,
  name: 'darter|handover',
  summary: 'Holds writes back, so that the replica that asks can take over',
  arity: 5,
  arguments: [version, takeover, timeout],
  run(context) {
    if (!checksOut(context, 1)) return;
    const { session, server } = context;
    const timeoutMs = timeoutAt(context, 4);
    if (timeoutMs < 0) return;
    const id = context.text(3);
    const suspension = context.suspend(() => {});
    server.replication.handOver(session, id, timeoutMs, (write) => suspension.resume(write));
  },
};

export const darterDemote: CommandDefinition = {
  ...common,
  name: 'darter|demote',
  summary: 'Ends a takeover: the heir has all writes and wants the role, or gives up',
  arity: 5,
  arguments: [
    version,
    takeover,
    {
      name: 'outcome',
      type: 'oneof',
      arguments: [
        { name: 'commit', type: 'pure-token', token: 'COMMIT' },
        { name: 'abort', type: 'pure-token', token: 'ABORT' },
      ],
    },
  ],
  run(context) {
    if (!checksOut(context, 1)) return;
    const { args, reply, server } = context;
    const commits = argumentIs(args, 4, 'COMMIT');
    if (!commits && !argumentIs(args, 4, 'ABORT')) {
      reply.error(SYNTAX);
      return;
    }
    const id = context.text(3);
    const suspension = context.suspend(() => {});
    server.replication.demote(id, commits, (write) => suspension.resume(write));
  },
};

export const darterTakeover: CommandDefinition = {
  ...common,
  name: 'darter|takeover',
  summary: 'Asks a replica to take over from the primary that asks',
  arity: 6,
  arguments: [version, takeover, { name: 'run-id', type: 'string' }, timeout],
  run(context) {
    if (!checksOut(context, 2)) return;
    const { server } = context;
    const timeoutMs = timeoutAt(context, 5);
    if (timeoutMs < 0) return;
    const id = context.text(3);
    const runId = context.text(4);
    const suspension = context.suspend(() => {});
    server.replication.askedToTakeOver(id, runId, timeoutMs, (write) => suspension.resume(write));
  },
};
