/**
 * The network side of an I/O thread: takes what the transport received, lets the parser cut it into
 * commands and the dispatcher run them, and hands their replies back, all in one turn and on one
 * thread (client-input.ts, client-output.ts).
 *
 * An exception, wherever it comes from, concerns only the client that was being served: it gets an
 * error and is closed. The thread and all other clients continue.
 */
import type { Region } from '../base/region.js';
import type { CloseReason, Transport, TransportHandler } from '../platform/transport.js';
import { INTERNAL } from '../protocol/errors.js';
import type { Reply } from '../protocol/reply.js';
import { type Answer, Attendant, ownReply } from './attendant.js';
import { ClientInput, type Contention } from './client-input.js';
import { ClientOutput } from './client-output.js';
import { Connection } from './connection.js';
import { Arrivals, isQuiet, NOWHERE, type TakeOver, unservedInput } from './handover.js';
import { OutputArenas } from './output.js';
import type { FrontendPolicy } from './policy.js';
import { ClientPushes } from './pushes.js';
import { RegionPool } from './region-pool.js';
import { Resumptions } from './resumptions.js';
import type { CommandRunner, NetSession } from './runner.js';

/** What each arrival adds to a connection's activity besides its bytes. */
const ARRIVAL_WEIGHT = 200;
/** How long to wait after a turn's background work threw. */
const FAILED_BACKGROUND_MS = 100;
/** Room for the text of a refusal. */
const REFUSAL_BYTES = 256;

export class Frontend<S extends NetSession> implements TransportHandler {
  readonly connections = new Map<number, Connection<S>>();
  private readonly regions: RegionPool;
  private readonly arenas: OutputArenas;
  private readonly output: ClientOutput<S>;
  private readonly input: ClientInput<S>;
  private readonly pushes: ClientPushes<S>;
  private readonly attendant: Attendant<S>;
  /** Where the bytes staged last are, and how many. */
  private stagedAt = 0;
  private stagedBytes = 0;
  private turnOpen = false;
  private readonly resumptions = new Resumptions<S>();
  private readonly arrivals = new Arrivals<S>();
  private readonly resumeOne = (session: S, write: () => void) =>
    this.resumeSession(session, write);

  constructor(
    private readonly transport: Transport,
    private readonly dispatcher: CommandRunner<S>,
    private readonly reply: Reply,
    private readonly policy: FrontendPolicy<S>,
    private readonly createRegion: (bytes: number) => Region,
  ) {
    this.regions = new RegionPool(createRegion);
    this.arenas = new OutputArenas(reply, this.regions, createRegion);
    this.output = new ClientOutput(
      transport,
      reply,
      this.arenas,
      policy,
      (connection) => this.close(connection),
      (connection, error) => this.failed(connection, 'sending', error),
    );
    this.pushes = new ClientPushes(reply, this.arenas, this.output, (connection, error) =>
      this.failed(connection, 'sending', error),
    );
    this.input = new ClientInput({
      transport,
      dispatcher,
      reply,
      arenas: this.arenas,
      output: this.output,
      pushes: this.pushes,
      policy,
      regions: this.regions,
      createRegion,
      close: (connection) => this.close(connection),
      failed: (connection, error) => this.failed(connection, 'serving', error),
    });
    this.attendant = this.createAttendant();
  }

  private createAttendant(): Attendant<S> {
    const { transport, connections, output, policy, createRegion } = this;
    return new Attendant({
      ...{ transport, connections, output, policy, createRegion },
      served: () => this.input.served,
      offered: (descriptor) => this.offered(descriptor),
      accepted: (slot) => {
        const input = this.arrivals.isEmpty ? null : this.settleIn(slot);
        if (input === null) this.admit(slot, ownReply(REFUSAL_BYTES));
        return input ?? '';
      },
      closed: (connection) => {
        if (connection.closed) this.connections.delete(connection.slot);
        else this.forget(connection);
      },
      owes: (slot) => this.owes(slot),
      close: (connection) => this.close(connection),
    });
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
      if (!this.arrivals.isEmpty && this.arrived(slot)) return;
      this.arenas.beginReplies();
      this.admit(slot, this.reply);
    } catch (error) {
      this.policy.failed('accepting a client', error);
      const connection = this.connections.get(slot);
      if (connection !== undefined) this.close(connection);
      else this.transport.close(slot);
    }
  }

  received(slot: number, region: Region, offset: number, length: number): void {
    if (this.attendant.isHolding) this.releaseHeld();
    const connection = this.connections.get(slot);
    if (connection === undefined) return;
    this.openTurn();
    this.policy.traffic.receivedBytes += length;
    connection.activity = (connection.activity + length + ARRIVAL_WEIGHT) | 0;
    try {
      this.input.feed(connection, region, offset, length);
    } catch (error) {
      this.failed(connection, 'serving', error);
    }
  }

  receivedInto(slot: number, length: number): void {
    if (this.attendant.isHolding) this.releaseHeld();
    const connection = this.connections.get(slot);
    const partial = connection?.partial ?? null;
    if (connection === undefined || partial === null) return;
    this.openTurn();
    this.policy.traffic.receivedBytes += length;
    connection.session.lastInteractionMs = this.dispatcher.now;
    try {
      this.input.receivedInto(connection, partial, length);
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

  closed(slot: number, _reason: CloseReason): void {
    const connection = this.connections.get(slot);
    if (connection !== undefined) this.forget(connection);
  }

  owes(slot: number): boolean {
    return this.input.isOwing(this.connections.get(slot));
  }

  detached(slot: number, descriptor: number): void {
    const connection = this.connections.get(slot);
    if (connection === undefined) throw new Error(`slot ${slot} detached after its end`);
    this.openTurn();
    this.connections.delete(slot);
    try {
      if (this.handOver(connection, descriptor)) return;
    } catch (error) {
      // The move failed: the connection stays with this thread.
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
    if (this.attendant.isHolding) this.releaseHeld();
    this.serveWaiting();
    const backgroundMs = this.background();
    if (this.resumptions.hasSome) this.resumptions.serve(this.resumeOne);
    this.endTurn();
    if (!this.mayWait()) return 0;
    const dueMs = this.input.waiting.dueMs(this.dispatcher.now);
    return backgroundMs < 0 ? Math.min(dueMs, FAILED_BACKGROUND_MS) : Math.min(dueMs, backgroundMs);
  }

  /** Tries the clients again that had to wait, those that found a shard taken in one run. */
  private serveWaiting(): void {
    const { dispatcher, input, output } = this;
    const first = input.waiting.firstBusy;
    try {
      // Replies that are ready are not kept from their clients: then the run takes what is free.
      if (first !== undefined) dispatcher.beginRun(first.takenShard, !output.hasSends);
      input.serveWaiting();
    } catch (error) {
      this.policy.failed('serving clients that waited', error);
    } finally {
      dispatcher.endRun();
    }
  }

  private openTurn(): void {
    try {
      if (this.turnOpen) {
        this.policy.continueTurn();
        return;
      }
      this.turnOpen = true;
      this.policy.beginTurn();
      this.output.releaseHeld(this.dispatcher.now);
    } catch (error) {
      this.policy.failed('beginning a turn', error);
    }
  }

  private endTurn(): void {
    this.turnOpen = false;
    try {
      this.pushes.flush(this.dispatcher.now);
      this.output.endTurn(this.dispatcher.now);
    } catch (error) {
      this.policy.failed('ending a turn', error);
    }
  }

  private mayWait(): boolean {
    try {
      const { input, output } = this;
      if (!this.policy.mayWait() || output.isWaiting || this.resumptions.hasSome) return false;
      return !input.hasPostponed && (!output.hasHeld || !this.isHeldDue());
    } catch (error) {
      this.policy.failed('ending a turn', error);
      return false;
    }
  }

  /** How often commands found a shard taken; the caller sets it back. */
  get contention(): Contention {
    return this.input.contention;
  }

  /** Gives memory back that no large command or reply needed for a while; ends who does not read. */
  everySecond(): void {
    this.input.trim();
    this.output.everySecond(this.connections.values(), this.dispatcher.now);
  }

  /** Who waits for writes to be durable says so before it looks a last time. */
  private isHeldDue(): boolean {
    this.policy.awaitsDurable();
    return this.output.isHeldDue;
  }

  // --- output that no command of the client asked for ---------------------------------------------

  /**
   * Writes bytes, encoded as the client's protocol has it, to a client. Any time on this thread, also
   * while a command runs: they stand behind the replies of the client's earlier commands. For the
   * client whose command is under way they stand where its reply has got to.
   *
   * @returns false when the client is gone
   */
  push(session: S, region: Region, offset: number, length: number): boolean {
    this.stage(region, offset, length);
    return this.pushStaged(session);
  }

  /** What the client gets from now on shows writes that another thread or command made. */
  hold(session: S): void {
    const connection = this.connections.get(session.connection);
    if (connection?.session === session) this.output.hold(connection);
  }

  /** Keeps a copy of bytes for any number of `pushStaged`: they are stored once for all clients. */
  stage(region: Region, offset: number, length: number): void {
    this.stagedAt = this.pushes.stage(region, offset, length);
    this.stagedBytes = length;
  }

  /** Writes what was staged last to a client, as `push` does. Before anything else is served. */
  pushStaged(session: S): boolean {
    let connection = this.connections.get(session.connection);
    if (connection?.session !== session) connection = this.arrivals.find(session);
    if (connection === undefined) return false;
    if (this.input.served === connection) {
      this.pushes.writeStaged(this.stagedAt, this.stagedBytes);
    } else {
      this.pushes.add(connection, this.stagedAt, this.stagedBytes);
    }
    return true;
  }

  private background(): number {
    try {
      return this.policy.background();
    } catch (error) {
      this.policy.failed('background work', error);
      return FAILED_BACKGROUND_MS;
    }
  }

  /** @param reply where a refusal is written, and lies until it has gone out */
  private admit(slot: number, reply: Reply): void {
    const { transport } = this;
    const admitted = this.policy.admit(slot);
    if (typeof admitted !== 'string') {
      this.connections.set(slot, new Connection(slot, admitted, this.arenas.queues));
      return;
    }
    reply.errorText(admitted);
    transport.send(slot, reply.region, reply.start, reply.length);
    transport.close(slot);
  }

  /** Something threw for a client: it gets an error, if it still can, and is closed. */
  private failed(connection: Connection<S>, doing: string, error: unknown): void {
    this.policy.failed(`${doing} ${connection.session.address}`, error);
    this.input.reset();
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

  // --- while a script runs for too long ----------------------------------------------------------

  /**
   * Serves the thread's other clients, from inside a script, which calls this every few milliseconds.
   * @param answer to each command
   */
  attend(answer: Answer<S>, isFirst: boolean): void {
    this.attendant.attend(answer, this.dispatcher.now, isFirst);
  }

  /** The script is over: what clients sent meanwhile comes before all that they send now. */
  private releaseHeld(): void {
    this.openTurn();
    this.attendant.release(
      (connection, intoBytes, bytes) => this.feedHeld(connection, intoBytes, bytes),
      (connection) => this.forget(connection),
    );
  }

  private feedHeld(connection: Connection<S>, intoBytes: number, bytes: Buffer): void {
    const { partial } = connection;
    try {
      if (intoBytes > 0 && partial !== null) {
        this.input.receivedInto(connection, partial, intoBytes);
      }
      if (bytes.length > 0) this.feedText(connection, bytes.toString('latin1'));
    } catch (error) {
      this.failed(connection, 'serving', error);
    }
  }

  // --- suspended clients ----------------------------------------------------------------------

  /** A suspended command's reply is ready; it is written at the end of the turn. */
  resume(session: S, write: () => void): void {
    this.resumptions.add(session, write);
  }

  /** CLIENT PAUSE has ended (or changed): tries the commands that it held. */
  resumePaused(): void {
    this.input.waiting.resumePaused();
  }

  /**
   * Whether the client waits for the server: a command for a shard, a replica, the end of a pause; or a reply
   * for the disk, or for the end of the turn.
   */
  isHeldBack(session: S): boolean {
    const connection = this.connections.get(session.connection);
    return connection !== undefined && (connection.retrying || this.output.isOwing(connection));
  }

  /** Whether CLIENT PAUSE holds a command of the client. */
  isPaused(session: S): boolean {
    const connection = this.connections.get(session.connection);
    return connection !== undefined && this.input.waiting.isPaused(connection);
  }

  get pausedCount(): number {
    return this.input.waiting.pausedCount;
  }

  private resumeSession(session: S, write: () => void): boolean {
    const connection = this.connections.get(session.connection);
    if (connection?.session === session) this.resumeConnection(connection, write);
    // It comes back from a move that was given up: see `detached`.
    else if (this.arrivals.find(session) !== undefined) return false;
    return true;
  }

  private resumeConnection(connection: Connection<S>, write: () => void): void {
    const { session } = connection;
    const { reply, output } = this;
    this.pushes.flush(this.dispatcher.now);
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
    this.input.resumeInput(connection);
    if (session.closeAfterReply && !connection.closed) output.closeWhenSent(connection);
  }

  // --- change of threads ------------------------------------------------------------------------

  /**
   * Gives a client's connection away as soon as the transport has detached it, unless it ends or
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
    const connection = new Connection(NOWHERE, session, this.arenas.queues);
    this.arrivals.add(descriptor, connection, input);
    this.transport.adopt(descriptor);
  }

  /** Whether the new owner took the connection, which is no longer ours then. */
  private handOver(connection: Connection<S>, descriptor: number): boolean {
    const { takeOver, session } = connection;
    connection.takeOver = null;
    if (takeOver === null || !isQuiet(connection)) return false;
    if (this.resumptions.has(session)) return false;
    if (!takeOver(descriptor, unservedInput(connection))) return false;
    connection.closed = true;
    this.input.drop(connection);
    return true;
  }

  /** Whether an accepted connection is one that was being adopted. */
  private arrived(slot: number): boolean {
    const input = this.settleIn(slot);
    if (input === null) return false;
    if (input !== '') this.feedText(this.connections.get(slot)!, input);
    return true;
  }

  /** @returns input of the connection that is to be served, or null when it was not expected */
  private settleIn(slot: number): string | null {
    const arrival = this.arrivals.take(this.transport.descriptor(slot));
    if (arrival === undefined) return null;
    const { connection, input } = arrival;
    connection.slot = slot;
    connection.session.connection = slot;
    this.connections.set(slot, connection);
    const partial = connection.partial;
    if (connection.session.closeAfterReply && !connection.inputEnded) {
      this.close(connection);
      return '';
    }
    if (input === '' && partial !== null && partial.directLeft > 0) {
      this.transport.receiveInto(slot, partial.region, partial.used, partial.directLeft);
    }
    return input;
  }

  private feedText(connection: Connection<S>, text: string): void {
    const region = this.createRegion(text.length);
    region.bytes.set(Buffer.from(text, 'latin1'));
    this.input.feed(connection, region, 0, text.length);
  }

  // --- ends -----------------------------------------------------------------------------------

  /** Closes a connection at once; replies of earlier turns that were not sent are dropped. */
  close(connection: Connection<S>): void {
    if (connection.closed) return;
    // First, as the kernel may be sending what is dropped, or receiving into it.
    try {
      this.transport.close(connection.slot);
    } catch (error) {
      this.policy.failed('closing a connection', error);
    }
    this.forget(connection);
  }

  /** Ends a client from outside (CLIENT KILL, idle timeout). */
  endSession(session: S): void {
    const connection = this.connections.get(session.connection);
    if (connection !== undefined && connection.session === session) {
      // What a command under way uses stays until its end.
      if (connection === this.input.served) session.closeAfterReply = true;
      else this.close(connection);
    } else if (this.arrivals.find(session) !== undefined) session.closeAfterReply = true;
  }

  /** Whether all that was written to a client so far has gone out, so that `detach` loses nothing. */
  isQuiet(session: S): boolean {
    const connection = this.connections.get(session.connection);
    return connection?.session !== session || this.output.isQuiet(connection);
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
    // The slot may be another one's when it left while a script ran.
    if (this.connections.get(connection.slot) === connection) {
      this.connections.delete(connection.slot);
    }
    const { session } = connection;
    const cancel = session.cancelSuspension;
    session.cancelSuspension = null;
    session.suspended = false;
    try {
      connection.pending?.drop();
      this.input.drop(connection);
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
}
