/**
 * The network side of an I/O thread: takes what the transport received, lets the parser cut it into
 * commands and the dispatcher run them, and hands their replies back, all in one turn and on one
 * thread. Commands run straight from the receive buffer; only a command cut in two, or one that has
 * to wait, has its bytes copied.
 */

import { BUSY, DONE, PAUSED, SUSPENDED } from '../base/outcome.js';
import type { Region } from '../base/region.js';
import type { CloseReason, Transport, TransportHandler } from '../platform/transport.js';
import { COMMAND, INCOMPLETE, RequestParser } from '../protocol/parser.js';
import type { Reply } from '../protocol/reply.js';
import { Connection } from './connection.js';
import { Arrivals, isQuiet, NOWHERE, type TakeOver, unservedInput } from './handover.js';
import { type Backlog, Backlogs, PartialCommand } from './input.js';
import { giveBack, OutputArenas } from './output.js';
import { exceedsOutputLimit, type FrontendPolicy } from './policy.js';
import type { CommandRunner, NetSession } from './runner.js';
import { TurnSends } from './turn-sends.js';

/** Bulk arguments with at least this much missing are received straight into their place. */
const DIRECT_RECEIVE_BYTES = 32768;
/** How long to wait, in ms, before trying again a command whose shard was taken. */
const RETRY_MS = 0.05;
/** What each arrival adds to a connection's activity besides its bytes. */
const ARRIVAL_WEIGHT = 200;
const SPARE_PARTIALS_MAX = 256;

export class Frontend<S extends NetSession> implements TransportHandler {
  readonly connections = new Map<number, Connection<S>>();
  private readonly parser = new RequestParser();
  private readonly arenas: OutputArenas;
  private readonly backlogs: Backlogs;
  private turnNumber = 0;
  private turnOpen = false;
  private retries: Connection<S>[] = [];
  private spareRetries: Connection<S>[] = [];
  private paused: Connection<S>[] = [];
  private readonly sparePartials: PartialCommand[] = [];

  private readonly sends = new TurnSends<S>();
  /** Connections to close once it is known that the sends of this turn went out. */
  private closing: Connection<S>[] = [];
  /** Connections whose pending output can be sent from the next turn on. */
  private starting: Connection<S>[] = [];
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
  }

  // --- the transport's callbacks -----------------------------------------------------------------

  offered(descriptor: number): boolean {
    return this.policy.offered(descriptor);
  }

  accepted(slot: number): void {
    this.openTurn();
    if (!this.arrivals.isEmpty && this.arrived(slot)) return;
    const admitted = this.policy.admit(slot);
    if (typeof admitted !== 'string') {
      this.connections.set(slot, new Connection(slot, admitted, this.createRegion));
      return;
    }
    const start = this.reply.position;
    this.reply.start = start;
    this.reply.errorText(admitted);
    this.transport.send(slot, this.reply.region, this.reply.start, this.reply.position - start);
    this.transport.close(slot);
  }

  received(slot: number, region: Region, offset: number, length: number): void {
    const connection = this.connections.get(slot);
    if (connection === undefined) return;
    this.openTurn();
    this.policy.traffic.receivedBytes += length;
    connection.activity = (connection.activity + length + ARRIVAL_WEIGHT) | 0;
    this.feed(connection, region, offset, length);
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
    if (partial.directLeft === 0) this.serve(connection, partial.region, 0, 0);
  }

  unsent(slot: number, region: Region, offset: number, length: number): void {
    const connection = this.connections.get(slot);
    if (connection === undefined) return;
    const pending = connection.pendingQueue();
    // What was queued since came later in the stream.
    if (this.arenas.isArena(region)) {
      pending.prepend(region, offset, length);
    } else {
      this.arenas.borrow(region);
      pending.prependInPlace(region, offset, length);
    }
    this.startPending(connection);
    this.checkOutputLimit(connection);
  }

  drained(slot: number): void {
    const connection = this.connections.get(slot);
    if (connection === undefined || connection.pending === null) return;
    this.openTurn();
    connection.session.lastInteractionMs = this.dispatcher.now;
    connection.pending.shift();
    if (!connection.pending.isEmpty) this.startPending(connection);
    else if (connection.inputEnded) this.close(connection);
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
    if (this.handOver(connection, descriptor)) return;
    this.arrivals.add(descriptor, connection, '');
    this.transport.adopt(descriptor);
  }

  woken(): void {
    this.openTurn();
    this.policy.woken();
  }

  turn(): number {
    this.openTurn();
    if (this.starting.length > 0) this.startWaiting();
    if (this.closing.length > 0) this.closeSent();
    if (this.retries.length > 0) this.retryBusy();
    const backgroundMs = this.policy.background();
    while (this.resumed.length > 0) this.resumeNext();
    this.sends.flush(this.transport);
    this.turnOpen = false;
    this.turnNumber++;
    this.arenas.turn();
    if (this.closing.length > 0 || this.starting.length > 0) return 0;
    return this.retries.length > 0 ? RETRY_MS : backgroundMs;
  }

  // --- input ----------------------------------------------------------------------------------

  private openTurn(): void {
    if (this.turnOpen) return;
    this.turnOpen = true;
    this.policy.beginTurn();
  }

  private mustWait(connection: Connection<S>): boolean {
    return connection.session.suspended || connection.retrying;
  }

  private feed(connection: Connection<S>, region: Region, offset: number, length: number): void {
    connection.session.lastInteractionMs = this.dispatcher.now;
    if (connection.session.closeAfterReply || connection.inputEnded) return;
    if (this.mustWait(connection) || (connection.backlog?.length ?? 0) > 0) {
      this.backlogs.putAside(connection, region, offset, offset + length);
      return;
    }
    this.serve(connection, region, offset, offset + length);
  }

  /** Runs the commands in `[position, end)` of the region and queues their replies. */
  private serve(connection: Connection<S>, region: Region, position: number, end: number): void {
    const reply = this.reply;
    const session = connection.session;
    reply.start = reply.position;
    reply.protocol = session.protocol;
    let at = position;
    if (connection.partial !== null) at = this.servePartial(connection, region, at, end);
    if (at < end) this.serveWhole(connection, region, at, end);
    if (reply.position > reply.start) this.queueReplies(connection);
    if (session.closeAfterReply && !connection.closed) this.closeWhenSent(connection);
  }

  /** The common case: commands that lie whole in the region. */
  private serveWhole(connection: Connection<S>, region: Region, from: number, end: number): void {
    const { parser, dispatcher } = this;
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
      if (session.closeAfterReply) return;
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
    if (outcome !== SUSPENDED) this.retryLater(connection, outcome);
  }

  private retryLater(connection: Connection<S>, outcome: number): void {
    if (connection.retrying) return;
    connection.retrying = true;
    if (outcome === BUSY) this.retries.push(connection);
    else if (outcome === PAUSED) this.paused.push(connection);
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
    if (outcome === BUSY || outcome === PAUSED) {
      this.backlogs.putAside(connection, region, at, end);
      this.retryLater(connection, outcome);
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
    const partial = connection.partial!;
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
      'verbose',
      `Protocol error (${parser.error}) from client ${connection.session.address}`,
    );
    parser.reset();
  }

  // --- waiting clients ------------------------------------------------------------------------

  private retryBusy(): void {
    const waiting = this.retries;
    this.retries = this.spareRetries;
    for (const connection of waiting) this.goOn(connection);
    waiting.length = 0;
    this.spareRetries = waiting;
  }

  /** CLIENT PAUSE has ended (or changed): tries the commands that it held. */
  resumePaused(): void {
    const waiting = this.paused;
    this.paused = [];
    for (const connection of waiting) this.goOn(connection);
  }

  get pausedCount(): number {
    return this.paused.length;
  }

  /** Serves what a client sent while it had to wait. */
  private goOn(connection: Connection<S>): void {
    connection.retrying = false;
    if (connection.closed || connection.session.suspended) return;
    const { backlog } = connection;
    if (backlog !== null) this.serveBacklog(connection, backlog);
    else if (connection.partial?.whole) this.serve(connection, this.reply.region, 0, 0);
  }

  private serveBacklog(connection: Connection<S>, backlog: Backlog): void {
    const { start, end } = backlog;
    this.backlogs.beginServing(connection, backlog);
    this.serve(connection, backlog.region, start, end);
    this.backlogs.endServing(connection, backlog);
  }

  /** A suspended command's reply is ready; it is written at the end of the turn. */
  resume(session: S, write: () => void): void {
    this.resumed.push({ session, write });
  }

  private resumeNext(): void {
    const { session, write } = this.resumed.shift()!;
    const connection = this.connections.get(session.connection);
    if (connection === undefined || connection.session !== session) return;
    const reply = this.reply;
    reply.start = reply.position;
    reply.protocol = session.protocol;
    write();
    if (reply.position > reply.start) this.queueReplies(connection);
    this.goOn(connection);
    if (session.closeAfterReply && !connection.closed) this.closeWhenSent(connection);
  }

  // --- output ---------------------------------------------------------------------------------

  private queueReplies(connection: Connection<S>): void {
    const reply = this.reply;
    const length = reply.position - reply.start;
    this.policy.traffic.sentBytes += length;
    if (connection.sentTurn !== this.turnNumber && (connection.pending?.isEmpty ?? true)) {
      connection.sentTurn = this.turnNumber;
      this.sends.add(connection, reply.region, reply.start, length);
    } else if (!this.sends.extend(connection, reply.region, reply.start, length)) {
      const pending = connection.pendingQueue();
      pending.append(reply.region, reply.start, length);
      if (!pending.sending) this.starting.push(connection);
      this.checkOutputLimit(connection);
    }
    reply.start = reply.position;
  }

  /** Starts output that came while a send of the same turn was queued. */
  private startWaiting(): void {
    const starting = this.starting;
    this.starting = [];
    for (const connection of starting) {
      if (connection.closed) continue;
      if (connection.sentTurn === this.turnNumber) this.starting.push(connection);
      else this.startPending(connection);
    }
  }

  private startPending(connection: Connection<S>): void {
    const pending = connection.pending;
    if (connection.closed || pending === null || pending.sending || pending.isEmpty) return;
    pending.sending = true;
    const chunk = pending.first;
    this.transport.sendLater(connection.slot, chunk.region, chunk.offset, chunk.length);
  }

  private checkOutputLimit(connection: Connection<S>): void {
    const { policy } = this;
    if (!exceedsOutputLimit(connection, policy, this.dispatcher.now)) return;
    policy.traffic.outputLimitClosed++;
    policy.log(
      'warning',
      `Client ${connection.session.address} closed: its output of ${connection.outputBytes} ` +
        'bytes is over the limit',
    );
    this.close(connection);
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
    this.transport.close(connection.slot);
  }

  /** Closes after what was written so far has been sent. */
  private closeWhenSent(connection: Connection<S>): void {
    if (connection.closed || connection.inputEnded) return;
    connection.inputEnded = true;
    connection.closeTurn = this.turnNumber + 1;
    this.closing.push(connection);
  }

  /** Closes those whose sends of an earlier turn went out whole; `drained` closes the others. */
  private closeSent(): void {
    const closing = this.closing;
    this.closing = [];
    for (const connection of closing) {
      if (connection.closeTurn > this.turnNumber) this.closing.push(connection);
      else if (connection.pending?.isEmpty ?? true) this.close(connection);
      else this.startPending(connection);
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
    // What a send left over is known a turn later.
    return connection.sentTurn < this.turnNumber - 1 && (connection.pending?.isEmpty ?? true);
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
    connection.pending?.drop();
    this.freeInput(connection);
    const session = connection.session;
    session.cancelSuspension?.('closed');
    session.cancelSuspension = null;
    session.suspended = false;
    this.policy.released(session);
  }

  private freeInput(connection: Connection<S>): void {
    if (connection.partial !== null) this.dropPartial(connection);
    if (connection.backlog !== null) this.backlogs.giveBack(connection.backlog);
    connection.backlog = null;
  }
}
