/**
 * The network side of an I/O thread: takes what the transport received, lets the parser cut it into
 * commands and the dispatcher run them, and hands their replies back, all in one turn and on one
 * thread. Commands run straight from the receive buffer; only a command cut in two, or one that has
 * to wait, has its bytes copied.
 *
 * An exception, wherever it comes from, is the business of the client that was being served: it gets
 * an error and is closed. The thread and all other clients go on.
 */
import { DONE, SUSPENDED } from '../base/outcome.js';
import { prefixBinary, type Region } from '../base/region.js';
import type { CloseReason, Transport, TransportHandler } from '../platform/transport.js';
import { INTERNAL } from '../protocol/errors.js';
import { COMMAND, INCOMPLETE, RequestParser } from '../protocol/parser.js';
import type { Reply } from '../protocol/reply.js';
import { ClientOutput } from './client-output.js';
import { Connection } from './connection.js';
import { Arrivals, isQuiet, NOWHERE, type TakeOver, unservedInput } from './handover.js';
import { type Backlog, Backlogs, PartialCommand } from './input.js';
import { giveBack, OutputArenas } from './output.js';
import type { FrontendPolicy } from './policy.js';
import type { CommandRunner, NetSession } from './runner.js';
import { WaitingClients } from './waiting.js';

/** Bulk arguments with at least this much missing are received straight into their place. */
const DIRECT_RECEIVE_BYTES = 32768;
/** What each arrival adds to a connection's activity besides its bytes. */
const ARRIVAL_WEIGHT = 200;
const SPARE_PARTIALS_MAX = 256;
/** So many bytes of replies to one client are queued before it has all of them. */
const QUEUED_AT_ONCE_BYTES = 16 << 20;
/** Whatever client-query-buffer-limit says: offsets of what waits are 31 bits. */
const QUERY_BYTES_MAX = 0x7f00_0000;
const UNAUTHENTICATED_QUERY_BYTES_MAX = 1 << 20;
/** As much of what was received as the log shows. */
const SHOWN_BYTES = 64;
/** How long to wait after a turn's background work threw. */
const FAILED_BACKGROUND_MS = 100;

export class Frontend<S extends NetSession> implements TransportHandler {
  readonly connections = new Map<number, Connection<S>>();
  private readonly parser = new RequestParser();
  private readonly arenas: OutputArenas;
  private readonly backlogs: Backlogs;
  private readonly output: ClientOutput<S>;
  private readonly waiting: WaitingClients<S>;
  private turnOpen = false;
  private readonly sparePartials: PartialCommand[] = [];
  /** Replies of suspended commands that have become ready. */
  private resumed: { session: S; write: () => void }[] = [];
  private readonly arrivals = new Arrivals<S>();

  constructor(
    private readonly transport: Transport,
    private readonly dispatcher: CommandRunner<S>,
    private readonly reply: Reply,
    private readonly policy: FrontendPolicy<S>,
    private readonly createRegion: (bytes: number) => Region,
  ) {
    this.arenas = new OutputArenas(reply, createRegion);
    this.backlogs = new Backlogs(createRegion);
    this.waiting = new WaitingClients((connection) => this.resumeInput(connection));
    this.output = new ClientOutput(
      transport,
      reply,
      this.arenas,
      policy,
      (connection) => this.close(connection),
      (connection, error) => this.failed(connection, 'sending', error),
    );
  }

  // --- the transport's callbacks -----------------------------------------------------------------

  offered(descriptor: number): boolean {
    try {
      return this.policy.offered(descriptor);
    } catch (error) {
      this.policy.failed('placing a client', error);
      return true;
    }
  }

  accepted(slot: number): void {
    this.openTurn();
    try {
      if (this.arrivals.isEmpty || !this.arrived(slot)) this.admit(slot);
    } catch (error) {
      this.policy.failed('accepting a client', error);
      const connection = this.connections.get(slot);
      if (connection !== undefined) this.close(connection);
      else this.transport.close(slot);
    }
  }

  received(slot: number, region: Region, offset: number, length: number): void {
    const connection = this.connections.get(slot);
    if (connection === undefined) return;
    this.openTurn();
    this.policy.traffic.receivedBytes += length;
    connection.activity = (connection.activity + length + ARRIVAL_WEIGHT) | 0;
    try {
      this.feed(connection, region, offset, length);
    } catch (error) {
      this.failed(connection, 'serving', error);
    }
  }

  receivedInto(slot: number, length: number): void {
    const connection = this.connections.get(slot);
    const partial = connection?.partial;
    if (connection === undefined || partial === null || partial === undefined) return;
    this.openTurn();
    this.policy.traffic.receivedBytes += length;
    connection.session.lastInteractionMs = this.dispatcher.now;
    partial.used += length;
    partial.directLeft -= length;
    try {
      if (this.exceedsQueryLimit(connection)) return;
      if (partial.directLeft === 0) this.serve(connection, partial.region, 0, 0);
    } catch (error) {
      this.failed(connection, 'serving', error);
    }
  }

  unsent(slot: number, region: Region, offset: number, length: number): void {
    const connection = this.connections.get(slot);
    if (connection === undefined) return;
    try {
      this.output.unsent(connection, region, offset, length);
      this.output.checkLimit(connection, this.dispatcher.now);
    } catch (error) {
      this.failed(connection, 'sending', error);
    }
  }

  drained(slot: number): void {
    const connection = this.connections.get(slot);
    if (connection === undefined || connection.pending === null) return;
    this.openTurn();
    connection.session.lastInteractionMs = this.dispatcher.now;
    try {
      this.output.drained(connection);
    } catch (error) {
      this.failed(connection, 'sending', error);
    }
  }

  closed(slot: number, reason: CloseReason): void {
    const connection = this.connections.get(slot);
    if (connection === undefined) return;
    void reason;
    this.forget(connection);
  }

  detached(slot: number, descriptor: number): void {
    const connection = this.connections.get(slot);
    if (connection === undefined) throw new Error(`slot ${slot} detached after its end`);
    this.openTurn();
    this.connections.delete(slot);
    try {
      if (this.handOver(connection, descriptor)) return;
    } catch (error) {
      // It stays with this thread, as if it had not been wanted.
      this.policy.failed('moving a client', error);
    }
    this.arrivals.add(descriptor, connection, '');
    try {
      this.transport.adopt(descriptor);
    } catch (error) {
      this.policy.failed('keeping a client', error);
      this.arrivals.take(descriptor);
      this.forget(connection);
    }
  }

  woken(): void {
    this.openTurn();
    try {
      this.policy.woken();
    } catch (error) {
      this.policy.failed('serving another thread', error);
    }
  }

  turn(): number {
    this.openTurn();
    this.output.beginTurn();
    this.waiting.turn(this.dispatcher.now);
    const backgroundMs = this.background();
    while (this.resumed.length > 0) this.resumeNext();
    this.output.endTurn();
    this.turnOpen = false;
    if (this.output.isWaiting) return 0;
    const dueMs = this.waiting.dueMs(this.dispatcher.now);
    return backgroundMs < 0 ? Math.min(dueMs, FAILED_BACKGROUND_MS) : Math.min(dueMs, backgroundMs);
  }

  private openTurn(): void {
    if (this.turnOpen) return;
    this.turnOpen = true;
    try {
      this.policy.beginTurn();
    } catch (error) {
      this.policy.failed('beginning a turn', error);
    }
  }

  private background(): number {
    try {
      return this.policy.background();
    } catch (error) {
      this.policy.failed('background work', error);
      return FAILED_BACKGROUND_MS;
    }
  }

  private admit(slot: number): void {
    const { reply, transport } = this;
    const admitted = this.policy.admit(slot);
    if (typeof admitted !== 'string') {
      this.connections.set(slot, new Connection(slot, admitted, this.createRegion));
      return;
    }
    this.arenas.beginReplies();
    reply.errorText(admitted);
    transport.send(slot, reply.region, reply.start, reply.length);
    transport.close(slot);
  }

  /** Something threw for a client: it is told, as far as that is possible, and closed. */
  private failed(connection: Connection<S>, doing: string, error: unknown): void {
    this.policy.failed(`${doing} ${connection.session.address}`, error);
    this.parser.reset();
    if (connection.closed) return;
    try {
      connection.session.closeAfterReply = true;
      this.reply.error(INTERNAL);
      this.output.queue(connection, this.dispatcher.now);
      this.output.closeWhenSent(connection);
    } catch (second) {
      this.policy.failed(`closing ${connection.session.address}`, second);
      this.close(connection);
    }
  }

  // --- input ----------------------------------------------------------------------------------

  private mustWait(connection: Connection<S>): boolean {
    return connection.session.suspended || connection.retrying;
  }

  private feed(connection: Connection<S>, region: Region, offset: number, length: number): void {
    connection.session.lastInteractionMs = this.dispatcher.now;
    if (connection.session.closeAfterReply || connection.inputEnded) return;
    if (this.mustWait(connection) || (connection.backlog?.length ?? 0) > 0) {
      this.backlogs.putAside(connection, region, offset, offset + length);
    } else {
      this.serve(connection, region, offset, offset + length);
    }
    if (connection.partial !== null || connection.backlog !== null) {
      this.exceedsQueryLimit(connection);
    }
  }

  /** Closes a client that has sent more than client-query-buffer-limit allows to wait. */
  private exceedsQueryLimit(connection: Connection<S>): boolean {
    const { policy } = this;
    const { backlog, partial, queryBytes, session } = connection;
    const isKnown = session.authenticated || queryBytes <= UNAUTHENTICATED_QUERY_BYTES_MAX;
    const most = Math.min(policy.queryBytesMax, QUERY_BYTES_MAX);
    if (connection.closed || (queryBytes <= most && isKnown)) return false;
    let begin = '';
    if (partial !== null && !partial.whole) {
      const { position } = partial.parser;
      begin = prefixBinary(partial.region, position, partial.begunBytes, SHOWN_BYTES);
    } else if (backlog !== null) {
      begin = prefixBinary(backlog.region, backlog.start, backlog.length, SHOWN_BYTES);
    }
    policy.queryLimitReached(session, begin);
    this.close(connection);
    return true;
  }

  /** Runs the commands in `[position, end)` of the region and queues their replies. */
  private serve(connection: Connection<S>, region: Region, position: number, end: number): void {
    const { reply, output } = this;
    const session = connection.session;
    this.arenas.beginReplies();
    reply.protocol = session.protocol;
    let at = position;
    if (connection.partial !== null) at = this.servePartial(connection, region, at, end);
    if (at < end) this.serveWhole(connection, region, at, end);
    output.queue(connection, this.dispatcher.now);
    if (session.closeAfterReply && !connection.closed) output.closeWhenSent(connection);
  }

  /** The common case: commands that lie whole in the region. */
  private serveWhole(connection: Connection<S>, region: Region, from: number, end: number): void {
    const { parser, dispatcher, reply } = this;
    const session = connection.session;
    let position = from;
    parser.bulkBytesMax = this.policy.bulkBytesMax;
    while (position < end) {
      parser.authenticated = session.authenticated;
      const status = parser.parse(region, position, end);
      if (status !== COMMAND) {
        if (status === INCOMPLETE) this.keepPartial(connection, region, end);
        else this.protocolError(connection, parser);
        return;
      }
      const outcome = dispatcher.dispatch(session, parser.args);
      position = parser.position;
      if (outcome !== DONE) {
        const next = outcome === SUSPENDED ? position : parser.start;
        this.setAside(connection, outcome, region, next, end);
        return;
      }
      if (reply.position - reply.start > QUEUED_AT_ONCE_BYTES) {
        this.output.queue(connection, dispatcher.now);
      }
      if (session.closeAfterReply || connection.closed) return;
    }
  }

  /** A command could not finish: what follows it (or it as well) waits. */
  private setAside(
    connection: Connection<S>,
    outcome: number,
    region: Region,
    from: number,
    end: number,
  ): void {
    this.backlogs.putAside(connection, region, from, end);
    if (outcome !== SUSPENDED) this.waiting.add(connection, outcome, this.dispatcher.now);
  }

  /** The command at the region's end is not whole: keeps its beginning. */
  private keepPartial(connection: Connection<S>, region: Region, end: number): void {
    const start = this.parser.start;
    if (start >= end) {
      this.parser.reset();
      return;
    }
    // Nearly every full receive buffer ends within a command, so these are reused.
    const partial =
      this.sparePartials.pop() ?? new PartialCommand(new RequestParser(), this.createRegion);
    partial.parser.takeOver(this.parser);
    connection.partial = partial;
    partial.append(region, start, end - start);
    partial.parser.rebase(partial.region, -start);
    this.expectDirect(connection, partial);
  }

  /** When a large argument is under way, has its rest received in place. */
  private expectDirect(connection: Connection<S>, partial: PartialCommand): void {
    const missing = partial.parser.missing;
    if (missing < DIRECT_RECEIVE_BYTES) return;
    partial.reserve(missing);
    partial.directLeft = missing;
    this.transport.receiveInto(connection.slot, partial.region, partial.used, missing);
  }

  /**
   * Continues the command under assembly with the bytes at `[position, end)`, taking no more than
   * it needs; runs it when it is whole.
   *
   * @returns where the bytes begin that are still to be served here, or `end`
   */
  private servePartial(
    connection: Connection<S>,
    region: Region,
    position: number,
    end: number,
  ): number {
    const partial = connection.partial!;
    const session = connection.session;
    let at = position;
    if (!partial.whole) {
      at = this.assemble(connection, partial, region, position, end);
      if (!partial.whole) return at;
    }
    const outcome = this.dispatcher.dispatch(session, partial.parser.args);
    if (outcome !== DONE && outcome !== SUSPENDED) {
      this.setAside(connection, outcome, region, at, end);
      return end;
    }
    this.dropPartial(connection);
    if (outcome === SUSPENDED) this.backlogs.putAside(connection, region, at, end);
    return outcome === SUSPENDED || session.closeAfterReply ? end : at;
  }

  /** Adds bytes to the command under assembly until it is whole or they are used up. */
  private assemble(
    connection: Connection<S>,
    partial: PartialCommand,
    region: Region,
    position: number,
    end: number,
  ): number {
    const parser = partial.parser;
    let at = position;
    for (;;) {
      parser.authenticated = connection.session.authenticated;
      parser.bulkBytesMax = this.policy.bulkBytesMax;
      const status = parser.parse(partial.region, parser.position, partial.used);
      if (status === COMMAND) {
        partial.whole = true;
        return at;
      }
      if (status !== INCOMPLETE) {
        this.protocolError(connection, parser);
        return end;
      }
      if (parser.start >= partial.used) {
        // It turned out to be an empty command.
        this.dropPartial(connection);
        return at;
      }
      if (at === end) {
        this.expectDirect(connection, partial);
        return end;
      }
      const take = partial.wants(region, at, end);
      partial.append(region, at, take);
      at += take;
    }
  }

  private dropPartial(connection: Connection<S>): void {
    const partial = connection.partial;
    if (partial === null) return;
    connection.partial = null;
    if (this.sparePartials.length < SPARE_PARTIALS_MAX && partial.reset()) {
      this.sparePartials.push(partial);
    } else {
      giveBack(partial.region);
    }
  }

  private protocolError(connection: Connection<S>, parser: RequestParser): void {
    this.reply.errorText(`ERR ${parser.error}`);
    connection.session.closeAfterReply = true;
    this.policy.log(
      parser.isTooLong ? 'warning' : 'verbose',
      `Protocol error (${parser.error}) from client ${connection.session.address}`,
    );
    parser.reset();
  }

  // --- waiting clients ------------------------------------------------------------------------

  /** CLIENT PAUSE has ended (or changed): tries the commands that it held. */
  resumePaused(): void {
    this.waiting.resumePaused();
  }

  get pausedCount(): number {
    return this.waiting.pausedCount;
  }

  /** Serves what a client sent while it had to wait. */
  private resumeInput(connection: Connection<S>): void {
    connection.retrying = false;
    if (connection.closed || connection.session.suspended) return;
    const { backlog } = connection;
    try {
      if (backlog !== null) this.serveBacklog(connection, backlog);
      else if (connection.partial?.whole) this.serve(connection, this.reply.region, 0, 0);
    } catch (error) {
      this.failed(connection, 'serving', error);
    }
  }

  private serveBacklog(connection: Connection<S>, backlog: Backlog): void {
    const { start, end } = backlog;
    this.backlogs.beginServing(connection, backlog);
    try {
      this.serve(connection, backlog.region, start, end);
    } finally {
      this.backlogs.endServing(connection, backlog);
      this.parser.args.trim();
    }
  }

  /** A suspended command's reply is ready; it is written at the end of the turn. */
  resume(session: S, write: () => void): void {
    this.resumed.push({ session, write });
  }

  private resumeNext(): void {
    const { session, write } = this.resumed.shift()!;
    const connection = this.connections.get(session.connection);
    if (connection === undefined || connection.session !== session) return;
    const { reply, output } = this;
    this.arenas.beginReplies();
    reply.protocol = session.protocol;
    try {
      write();
      output.queue(connection, this.dispatcher.now);
    } catch (error) {
      reply.rewind(0);
      this.failed(connection, 'answering', error);
      return;
    }
    this.resumeInput(connection);
    if (session.closeAfterReply && !connection.closed) output.closeWhenSent(connection);
  }

  // --- change of threads ------------------------------------------------------------------------

  /**
   * Gives a client's connection away, as soon as the transport can let go of it, unless it ends or
   * gets busy before. Commands that arrive meanwhile are still run here.
   *
   * @returns whether it was quiet, so that `takeOver` will probably be called
   */
  giveAway(session: S, takeOver: TakeOver): boolean {
    const connection = this.connections.get(session.connection);
    if (connection === undefined || connection.session !== session) return false;
    if (connection.takeOver !== null || !isQuiet(connection)) return false;
    connection.takeOver = takeOver;
    this.transport.detach(connection.slot);
    return true;
  }

  /** Serves a client whose connection another thread gave away, with the input that came along. */
  adopt(descriptor: number, session: S, input: string): void {
    const connection = new Connection(NOWHERE, session, this.createRegion);
    this.arrivals.add(descriptor, connection, input);
    this.transport.adopt(descriptor);
  }

  /** Whether the new owner took the connection, which is no longer ours then. */
  private handOver(connection: Connection<S>, descriptor: number): boolean {
    const { takeOver, session } = connection;
    connection.takeOver = null;
    if (takeOver === null || !isQuiet(connection)) return false;
    if (this.resumed.some((waiting) => waiting.session === session)) return false;
    if (!takeOver(descriptor, unservedInput(connection))) return false;
    connection.closed = true;
    this.freeInput(connection);
    return true;
  }

  /** Whether an accepted connection is one that was being adopted. */
  private arrived(slot: number): boolean {
    const arrival = this.arrivals.take(this.transport.descriptor(slot));
    if (arrival === undefined) return false;
    const { connection, input } = arrival;
    connection.slot = slot;
    connection.session.connection = slot;
    this.connections.set(slot, connection);
    const partial = connection.partial;
    if (connection.session.closeAfterReply && !connection.inputEnded) this.close(connection);
    else if (input !== '') this.feedText(connection, input);
    else if (partial !== null && partial.directLeft > 0) {
      this.transport.receiveInto(slot, partial.region, partial.used, partial.directLeft);
    }
    return true;
  }

  private feedText(connection: Connection<S>, text: string): void {
    const region = this.createRegion(text.length);
    region.bytes.set(Buffer.from(text, 'latin1'));
    this.feed(connection, region, 0, text.length);
  }

  // --- ends -----------------------------------------------------------------------------------

  /** Closes a connection at once; replies of earlier turns that were not sent are dropped. */
  close(connection: Connection<S>): void {
    if (connection.closed) return;
    this.forget(connection);
    try {
      this.transport.close(connection.slot);
    } catch (error) {
      this.policy.failed('closing a connection', error);
    }
  }

  /** Ends a client from outside (CLIENT KILL, idle timeout). */
  endSession(session: S): void {
    const connection = this.connections.get(session.connection);
    if (connection !== undefined && connection.session === session) this.close(connection);
    else if (this.arrivals.find(session) !== undefined) session.closeAfterReply = true;
  }

  /** Whether all that was written to a client so far has gone out, so that `detach` loses nothing. */
  isQuiet(session: S): boolean {
    const connection = this.connections.get(session.connection);
    if (connection === undefined || connection.session !== session) return true;
    return this.output.isQuiet(connection);
  }

  /**
   * Gives a client's socket away; its session ends here. Not from within its command.
   * @returns the descriptor, or -1 when it is gone or this transport has none
   */
  release(session: S): number {
    const connection = this.connections.get(session.connection);
    if (connection === undefined || connection.session !== session) return -1;
    const descriptor = this.transport.release(connection.slot);
    if (descriptor >= 0) this.forget(connection);
    return descriptor;
  }

  private forget(connection: Connection<S>): void {
    connection.closed = true;
    this.connections.delete(connection.slot);
    const { session } = connection;
    const cancel = session.cancelSuspension;
    session.cancelSuspension = null;
    session.suspended = false;
    try {
      connection.pending?.drop();
      this.freeInput(connection);
      cancel?.('closed');
    } catch (error) {
      this.policy.failed('forgetting a client', error);
    }
    try {
      this.policy.released(session);
    } catch (error) {
      this.policy.failed('releasing a client', error);
    }
  }

  private freeInput(connection: Connection<S>): void {
    if (connection.partial !== null) this.dropPartial(connection);
    if (connection.backlog !== null) this.backlogs.giveBack(connection.backlog);
    connection.backlog = null;
  }
}
