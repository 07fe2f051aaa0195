/**
 * What is written to clients, from the reply arena to the transport. The first replies of a turn go
 * out as one send at its end; what does not fit that send, or was not taken, waits in the
 * connection's own queue (output.ts), which is sent piece by piece. Replies that show writes which
 * are not durable yet may have to wait before all that (held-replies.ts).
 */
import type { Region } from '../base/region.js';
import type { Transport } from '../platform/transport.js';
import type { Reply } from '../protocol/reply.js';
import type { Connection } from './connection.js';
import { NOWHERE } from './handover.js';
import { HeldReplies } from './held-replies.js';
import type { OutputArenas } from './output.js';
import { exceedsOutputLimit, type FrontendPolicy } from './policy.js';
import type { NetSession } from './runner.js';
import { type TakeBytes, TurnSends } from './turn-sends.js';

/** A turn's send of a connection is copied to be followed by more, up to this length. */
const MOVED_BYTES_MAX = 4096;

export class ClientOutput<S extends NetSession> {
  private turnNumber = 0;
  private readonly sends: TurnSends<S>;
  /** Puts bytes of an arena, or of a region made for a large reply, before all that waits. */
  private readonly putFirst: TakeBytes<S> = (connection, region, offset, length) => {
    const pending = connection.pendingQueue();
    if (this.arenas.isArena(region)) {
      pending.prepend(region, offset, length);
      return;
    }
    this.arenas.borrow(region, offset, length);
    pending.prependInPlace(region, offset, length);
  };
  private readonly held = new HeldReplies<S>();
  /** `ReplyGate.writes` when output was queued last: who queues next has made those since. */
  private writesSeen = 0;
  private readonly sendHeld: TakeBytes<S> = (connection, region, offset, length) => {
    try {
      this.arenas.beginReplies();
      this.reply.raw(region, offset, length);
      this.sendWritten(connection, this.nowMs);
      if (connection.inputEnded && connection.held === 0) this.awaitSent(connection);
    } catch (error) {
      this.reply.rewind(0);
      this.failed(connection, error);
    }
  };
  private nowMs = 0;
  /** Connections to close once the sends of this turn have completed. */
  private closing: Connection<S>[] = [];
  /** Connections whose pending output can be sent from the next turn on. */
  private starting: Connection<S>[] = [];

  /**
   * @param close ends a connection at once
   * @param failed ends a connection for which something threw
   */
  constructor(
    private readonly transport: Transport,
    private readonly reply: Reply,
    private readonly arenas: OutputArenas,
    private readonly policy: FrontendPolicy<S>,
    private readonly close: (connection: Connection<S>) => void,
    private readonly failed: (connection: Connection<S>, error: unknown) => void,
  ) {
    this.sends = new TurnSends(failed);
  }

  /** Whether the next turn has something to do here. */
  get isWaiting(): boolean {
    return this.closing.length > 0 || this.starting.length > 0;
  }

  /** Whether replies of this turn wait for its end. */
  get hasSends(): boolean {
    return this.sends.hasSome;
  }

  /** Queues what was written for the connection since `reply.start`. */
  queue(connection: Connection<S>, nowMs: number): void {
    const { reply } = this;
    const { region, start } = reply;
    const length = reply.position - start;
    const { replyGate } = this.policy;
    if (replyGate.isOn && replyGate.writes !== this.writesSeen) this.hold(connection);
    if (length === 0) return;
    if (connection.held === 0) {
      this.sendWritten(connection, nowMs);
      return;
    }
    reply.start = reply.position;
    this.held.add(connection, region, start, length);
    this.checkLimit(connection, nowMs);
  }

  /**
   * What is written for the connection from now on waits until all that was written to the data so
   * far is durable, if replies to writes do.
   */
  hold(connection: Connection<S>): void {
    const { replyGate } = this.policy;
    this.writesSeen = replyGate.writes;
    if (replyGate.isOn && connection.held === 0) this.held.add(connection, this.reply.region, 0, 0);
  }

  /** Writes out what has become durable. Between the replies of two connections. */
  releaseHeld(nowMs: number): void {
    const { replyGate } = this.policy;
    this.writesSeen = replyGate.writes;
    if (!this.held.hasSome) return;
    this.nowMs = nowMs;
    this.held.release(replyGate, this.sendHeld);
  }

  /** Whether replies are held; `isHeldDue`: some of them could go out now. */
  get hasHeld(): boolean {
    return this.held.hasSome;
  }

  get isHeldDue(): boolean {
    return this.held.isDue(this.policy.replyGate);
  }

  /** Whether replies of the connection are held, or go out in the turn to come. */
  isOwing(connection: Connection<S>): boolean {
    return connection.held > 0 || this.sends.lengthOf(connection) >= 0;
  }

  /** Sends what was written for the connection since `reply.start`, behind what it waits for. */
  private sendWritten(connection: Connection<S>, nowMs: number): void {
    const { reply } = this;
    const { region, start } = reply;
    const length = reply.position - start;
    if (length === 0) return;
    reply.start = reply.position;
    this.policy.traffic.sentBytes += length;
    const hasNoneWaiting = connection.pending?.isEmpty ?? true;
    if (connection.sentTurn !== this.turnNumber && hasNoneWaiting) {
      connection.sentTurn = this.turnNumber;
      this.sends.add(connection, region, start, length);
    } else if (!hasNoneWaiting || !this.sends.extend(connection, region, start, length)) {
      this.queuePending(connection, region, start, length);
      this.checkLimit(connection, nowMs);
    }
  }

  /**
   * Queues bytes that lie in the arena of this turn and may be those of several connections.
   * @returns false when they cannot be part of the turn's send: nothing was queued
   */
  queueShared(connection: Connection<S>, region: Region, offset: number, length: number): boolean {
    if (!(connection.pending?.isEmpty ?? true) || connection.held > 0) return false;
    if (connection.sentTurn !== this.turnNumber) {
      connection.sentTurn = this.turnNumber;
      this.sends.add(connection, region, offset, length);
    } else if (!this.sends.extend(connection, region, offset, length)) return false;
    this.policy.traffic.sentBytes += length;
    return true;
  }

  /**
   * Where the turn's send of a connection lies elsewhere in the arena: moves it to the arena's end,
   * so that what is written next follows it. Only a short one.
   *
   * @returns whether it lies at the end now
   */
  moveToEnd(connection: Connection<S>, more: number): boolean {
    const { reply, sends } = this;
    if (!(connection.pending?.isEmpty ?? true) || connection.held > 0) return false;
    const length = sends.lengthOf(connection);
    if (length < 0 || length > MOVED_BYTES_MAX) return false;
    if (!this.arenas.hasRoom(length + more)) return false;
    sends.move(connection, reply.region, reply.position);
    reply.position += length;
    reply.start = reply.position;
    return true;
  }

  /** Queues a copy of bytes behind all that waits for the connection. */
  queueCopy(
    connection: Connection<S>,
    region: Region,
    offset: number,
    length: number,
    nowMs: number,
  ): void {
    if (connection.held > 0) {
      this.held.add(connection, region, offset, length);
      this.checkLimit(connection, nowMs);
      return;
    }
    this.policy.traffic.sentBytes += length;
    this.policy.traffic.heldBytes += length;
    const pending = connection.pendingQueue();
    pending.append(region, offset, length);
    if (!pending.sending) this.starting.push(connection);
    this.checkLimit(connection, nowMs);
  }

  private queuePending(
    connection: Connection<S>,
    region: Region,
    start: number,
    length: number,
  ): void {
    this.policy.traffic.heldBytes += length;
    const pending = connection.pendingQueue();
    if (this.arenas.release(region, start, length)) pending.appendInPlace(region, start, length);
    else pending.append(region, start, length);
    if (!pending.sending) this.starting.push(connection);
  }

  /**
   * The last turn's send was taken in part: the rest goes to the head of the queue. Replies to commands
   * that arrived before this was known may wait for the coming turn's send: they follow the rest.
   */
  unsent(connection: Connection<S>, region: Region, offset: number, length: number): void {
    if (connection.sentTurn === this.turnNumber) this.sends.withdraw(connection, this.putFirst);
    this.putFirst(connection, region, offset, length);
    this.startPending(connection);
  }

  /** The first piece of the queue has gone out. */
  drained(connection: Connection<S>): void {
    const { pending } = connection;
    if (pending === null) return;
    pending.shift();
    if (!pending.isEmpty) this.startPending(connection);
    else if (connection.inputEnded && connection.held === 0) this.close(connection);
  }

  /** Whoever gets nothing more to read is over the soft limit for too long all the same. */
  everySecond(connections: Iterable<Connection<S>>, nowMs: number): void {
    this.arenas.trim();
    for (const connection of connections) {
      if (connection.softLimitSinceMs !== 0) this.checkLimit(connection, nowMs);
    }
  }

  checkLimit(connection: Connection<S>, nowMs: number): void {
    const { policy } = this;
    if (connection.closed || !exceedsOutputLimit(connection, policy, nowMs)) return;
    policy.traffic.outputLimitClosed++;
    policy.log(
      'warning',
      `Client ${connection.session.address} closed: its output of ${connection.outputBytes} ` +
        'bytes is over the limit',
    );
    this.close(connection);
  }

  /** Closes after what was written so far has been sent. */
  closeWhenSent(connection: Connection<S>): void {
    if (connection.closed || connection.inputEnded) return;
    connection.inputEnded = true;
    // Else when the last of it is released.
    if (connection.held === 0) this.awaitSent(connection);
  }

  private awaitSent(connection: Connection<S>): void {
    connection.closeTurn = this.turnNumber + 1;
    this.closing.push(connection);
  }

  /** Whether all that was written to a client so far has gone out. */
  isQuiet(connection: Connection<S>): boolean {
    // The transport reports what a send left over one turn later.
    if (connection.held > 0) return false;
    return connection.sentTurn < this.turnNumber - 1 && (connection.pending?.isEmpty ?? true);
  }

  /** First step of a turn's end: does what became possible since the last turn. */
  beginTurn(): void {
    if (this.starting.length > 0) this.startWaiting();
    if (this.closing.length > 0) this.closeSent();
  }

  /** Last step of a turn's end: hands the turn's sends to the transport. */
  endTurn(nowMs: number): void {
    this.held.endTurn(this.policy.replyGate);
    this.sends.flush(this.transport, nowMs);
    this.turnNumber++;
    this.arenas.turn();
  }

  // While a script runs for too long (attendant.ts).

  /** Hands what the turn has to send to the transport before its end. */
  sendEarly(nowMs: number): void {
    this.sends.flush(this.transport, nowMs);
  }

  /**
   * Queues a copy of bytes behind all that waits for the connection, also behind a send of this turn
   * that the transport has already.
   */
  queueEarly(
    connection: Connection<S>,
    region: Region,
    offset: number,
    length: number,
    nowMs: number,
  ): void {
    this.sends.withdraw(connection, this.putFirst);
    this.queueCopy(connection, region, offset, length, nowMs);
  }

  /** Starts output that waits. Sends of this turn are out. @param but has more to write first */
  startEarly(but: Connection<S> | null): void {
    const { starting } = this;
    this.starting = [];
    for (const connection of starting) {
      if (connection.closed) continue;
      if (connection === but || connection.slot === NOWHERE) this.starting.push(connection);
      else this.startOrClose(connection);
    }
  }

  /** No error can be written: the reply is in use. */
  private startOrClose(connection: Connection<S>): void {
    try {
      this.startPending(connection);
    } catch (error) {
      this.policy.failed(`sending to ${connection.session.address}`, error);
      this.close(connection);
    }
  }

  /** Starts output that came while a send of the same turn was queued. */
  private startWaiting(): void {
    const { starting } = this;
    this.starting = [];
    for (const connection of starting) {
      if (connection.closed) continue;
      const isHere = connection.slot !== NOWHERE;
      if (!isHere || connection.sentTurn === this.turnNumber) this.starting.push(connection);
      else this.startGuarded(connection);
    }
  }

  /** Closes those whose sends of an earlier turn went out whole; `drained` closes the others. */
  private closeSent(): void {
    const { closing } = this;
    this.closing = [];
    for (const connection of closing) {
      if (connection.closeTurn > this.turnNumber) this.closing.push(connection);
      else if (connection.pending?.isEmpty ?? true) this.close(connection);
      else this.startGuarded(connection);
    }
  }

  private startGuarded(connection: Connection<S>): void {
    try {
      this.startPending(connection);
    } catch (error) {
      this.failed(connection, error);
    }
  }

  private startPending(connection: Connection<S>): void {
    const { pending } = connection;
    if (connection.closed || pending === null || pending.sending || pending.isEmpty) return;
    pending.sending = true;
    const { region, offset, length } = pending.first;
    this.transport.sendLater(connection.slot, region, offset, length);
  }
}
