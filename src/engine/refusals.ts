/** Commands that do not run: what their client is answered, and what is counted. */
import { DONE } from '../base/outcome.js';
import type { TransactionsPort } from '../commands/contract/server-port.js';
import type { ErrorReply } from '../protocol/errors.js';
import * as errors from '../protocol/errors.js';
import type { Arguments } from '../protocol/parser.js';
import type { Reply } from '../protocol/reply.js';
import { isHttp, unknownCommand } from './admission.js';
import { GATE_MONITOR } from './gates.js';
import type { MonitorFeed } from './monitor-feed.js';
import { type RegisteredCommand, TRAIT_RUNS_QUEUE } from './registry.js';
import type { ClientSession } from './session.js';
import type { DispatchStatistics } from './statistics.js';

/** The dispatcher, as it shows the command under way. */
export interface RefusedContext {
  readonly args: Arguments;
  readonly reply: Reply;
  readonly gates: number;
  readonly monitors: MonitorFeed;
  readonly server: { readonly transactions: TransactionsPort };
}

export class Refusals {
  /** @param attacked told of a client that sent an HTTP request */
  constructor(
    private readonly context: RefusedContext,
    private readonly statistics: DispatchStatistics,
    private readonly attacked: (session: ClientSession) => void,
  ) {}

  unknown(session: ClientSession, args: Arguments): number {
    if (!isHttp(args)) return this.before(session, unknownCommand(args));
    // The connection closes without an answer, before the body of the request is parsed.
    this.attacked(session);
    session.closeAfterReply = true;
    return DONE;
  }

  /** Refuses before a command is known. */
  before(session: ClientSession, error: ErrorReply): number {
    session.multiAborted = session.inMulti;
    this.reply(error);
    return DONE;
  }

  /** Answers an error for a command that did not run. */
  reply(error: ErrorReply): void {
    this.statistics.errorReply(error.code);
    this.context.reply.error(error);
  }

  /** A command that a script calls is refused. */
  count(command: RegisteredCommand | null, code: string): void {
    if (command !== null) this.statistics.rejected[command.index]! += 1;
    this.statistics.errorReply(code);
  }

  reject(command: RegisteredCommand, session: ClientSession, error: ErrorReply): number {
    const { context, statistics } = this;
    statistics.rejected[command.index]! += 1;
    if ((command.traits & TRAIT_RUNS_QUEUE) === 0) return this.before(session, error);
    if ((context.gates & GATE_MONITOR) !== 0) context.monitors.note(command, context.args, session);
    // Refuses EXEC: the transaction ends, and the error gives the reason.
    context.server.transactions.discard(session);
    statistics.errorReply('EXECABORT');
    context.reply.error(errors.execAbortBecause(error));
    return DONE;
  }
}
