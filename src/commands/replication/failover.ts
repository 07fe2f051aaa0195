/**
 * FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]: a primary gives its role to a
 * replica. It answers at once; INFO tells how far it is. What can be refused is known on this
 * thread, so that it is refused in EXEC as well.
 */
import { ErrorReply, NOT_INTEGER, SYNTAX } from '../../protocol/errors.js';
import { INTEGER_OK, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import type { Answer, HostAndPort } from '../contract/replication-port.js';
import { busyError } from './lib/busy.js';

const TIMEOUT = new ErrorReply('ERR FAILOVER timeout must be greater than 0');
const NONE = new ErrorReply('ERR No failover in progress.');

const parsed = new ParsedInteger();

interface Order {
  target: HostAndPort | null;
  timeoutMs: number;
  isForced: boolean;
}

/** @returns null when the options are wrong, which is answered */
function readOrder(context: Context): Order | null {
  const { args, reply } = context;
  const order: Order = { target: null, timeoutMs: 0, isForced: false };
  for (let i = 1; i < args.count; i++) {
    const left = args.count - 1 - i;
    if (argumentIs(args, i, 'TIMEOUT') && left >= 1 && order.timeoutMs === 0) {
      if (!readInteger(context, ++i)) return null;
      if (parsed.value <= 0) {
        reply.error(TIMEOUT);
        return null;
      }
      order.timeoutMs = parsed.value;
    } else if (argumentIs(args, i, 'TO') && left >= 2 && order.target === null) {
      if (!readInteger(context, i + 2)) return null;
      order.target = { host: context.text(i + 1), port: parsed.value };
      i += 2;
    } else if (argumentIs(args, i, 'FORCE') && !order.isForced) {
      order.isForced = true;
    } else {
      reply.error(SYNTAX);
      return null;
    }
  }
  return order;
}

function readInteger({ args, reply }: Context, index: number): boolean {
  const { region, offset, length } = args;
  if (parseInteger(region, offset[index]!, length[index]!, parsed) === INTEGER_OK) return true;
  reply.error(NOT_INTEGER);
  return false;
}

/** Asks, and leaves the command unanswered until that is answered; in EXEC nothing may wait. */
function ask(context: Context, question: (answer: Answer) => void): void {
  if (context.inTransaction) {
    question(() => {});
    context.reply.ok();
    return;
  }
  const suspension = context.suspend(() => {});
  question((write) => suspension.resume(write));
}

export const failover: CommandDefinition = {
  name: 'failover',
  summary: 'Gives the role of the primary to one of its replicas',
  since: '6.2.0',
  group: 'server',
  complexity: 'O(1)',
  arity: -1,
  flags: ['admin', 'noscript', 'stale'],
  locks: 'none',
  arguments: [
    {
      name: 'target',
      type: 'block',
      token: 'TO',
      flags: ['optional'],
      arguments: [
        { name: 'host', type: 'string' },
        { name: 'port', type: 'integer' },
        { name: 'force', type: 'pure-token', token: 'FORCE', flags: ['optional'] },
      ],
    },
    { name: 'abort', type: 'pure-token', token: 'ABORT', flags: ['optional'] },
    { name: 'milliseconds', type: 'integer', token: 'TIMEOUT', flags: ['optional'] },
  ],
  run(context) {
    const { args, reply, server } = context;
    const { replication } = server;
    if (args.count === 2 && argumentIs(args, 1, 'ABORT')) {
      if (replication.isFailingOver) ask(context, (answer) => replication.failoverAbort(answer));
      else reply.error(NONE);
      return;
    }
    const order = readOrder(context);
    if (order === null) return;
    const refusal = replication.failoverRefusal(order);
    const busy = busyError(context);
    if (refusal !== null) reply.errorText(refusal);
    else if (busy !== null) reply.error(busy);
    else ask(context, (answer) => replication.failover(order, answer));
  },
};
