/** WAITAOF numlocal numreplicas timeout: until all writes so far are on disk, here and on replicas. */
import {
  ErrorReply,
  NOT_INTEGER,
  TIMEOUT_NEGATIVE,
  TIMEOUT_NOT_INTEGER,
  UNBLOCKED,
  UNBLOCKED_ROLE,
} from '../../protocol/errors.js';
import { parseIndex } from '../../protocol/numbers.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import type { DurabilityOutcome, WantedDurability } from '../contract/persistence-port.js';

const ON_REPLICA = new ErrorReply(
  'ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are ' +
    'just local and are not propagated.',
);
const NO_JOURNAL = new ErrorReply(
  'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.',
);
const NUM_LOCAL = new ErrorReply('ERR value is out of range, value must between 0 and 1');
const NUM_REPLICAS = new ErrorReply('ERR value is out of range, must be positive');

/** The integer at an argument; NaN when there is none: an error was written. */
function read({ args, reply }: Context, index: number, error: ErrorReply): number {
  const value = parseIndex(args.region, args.offset[index]!, args.length[index]!);
  if (Number.isNaN(value)) reply.error(error);
  return value;
}

function answer({ reply }: Context, isLocal: boolean, replicas: number): void {
  reply.array(2);
  reply.integer(isLocal ? 1 : 0);
  reply.integer(replicas);
}

export const waitaof: CommandDefinition = {
  name: 'waitaof',
  summary: 'Waits until the writes so far are on disk',
  since: '7.2.0',
  group: 'generic',
  complexity: 'O(1)',
  arity: 4,
  flags: ['noscript'],
  categories: ['connection'],
  arguments: [
    { name: 'numlocal', type: 'integer' },
    { name: 'numreplicas', type: 'integer' },
    { name: 'timeout', type: 'integer' },
  ],
  tips: ['request_policy:all_shards', 'response_policy:agg_min'],
  locks: 'none',
  run(context) {
    const { reply, server, inTransaction } = context;
    const { persistence } = server;
    const local = read(context, 1, NOT_INTEGER);
    if (Number.isNaN(local)) return;
    if (local < 0 || local > 1) {
      reply.error(NUM_LOCAL);
      return;
    }
    const replicas = read(context, 2, NOT_INTEGER);
    if (Number.isNaN(replicas)) return;
    if (replicas < 0) {
      reply.error(NUM_REPLICAS);
      return;
    }
    const timeoutMs = read(context, 3, TIMEOUT_NOT_INTEGER);
    if (Number.isNaN(timeoutMs)) return;
    if (timeoutMs < 0) {
      reply.error(TIMEOUT_NEGATIVE);
      return;
    }
    if (server.replication.isReplica) {
      reply.error(ON_REPLICA);
      return;
    }
    if (local > 0 && !persistence.isJournalOn) {
      reply.error(NO_JOURNAL);
      return;
    }
    const isLocal = persistence.isDurable();
    const durable = server.replication.countDurable();
    const isReached = (isLocal || local === 0) && durable >= replicas;
    if (isReached || inTransaction) answer(context, isLocal, durable);
    else waitFor(context, { isLocal: local > 0, replicas, timeoutMs });
  },
};

function waitFor(context: Context, wanted: WantedDurability): void {
  let end = (): DurabilityOutcome | null => null;
  const suspension = context.suspend((reason) => {
    const outcome = end();
    if (reason === 'closed') return;
    suspension.resume((later) => {
      if (reason === 'unblock' && outcome !== null) answerOutcome(later, outcome);
      else later.reply.error(UNBLOCKED);
    });
  });
  end = context.server.persistence.waitDurable(wanted, (outcome) =>
    suspension.resume((later) => answerOutcome(later, outcome)),
  );
}

function answerOutcome(context: Context, outcome: DurabilityOutcome): void {
  const { reply, session } = context;
  if (outcome === 'no-journal') reply.error(NO_JOURNAL);
  else if (outcome === 'replica') {
    reply.error(UNBLOCKED_ROLE);
    session.closeAfterReply = true;
  } else answer(context, outcome.isLocal, outcome.replicas);
}
