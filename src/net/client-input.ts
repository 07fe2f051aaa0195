/**
 * What clients send, from the receive buffer to the dispatcher. Commands run straight from the
 * buffer; only a command cut in two is assembled in a region of its own, and one that has to wait
 * is put aside with all that follows it, until `WaitingClients` says that it may be tried again.
 */
import { clock } from '../base/clock.js';
import { BUSY, DONE, SUSPENDED } from '../base/outcome.js';
import { giveBack } from '../base/owned-region.js';
import { prefixBinary, type Region } from '../base/region.js';
import type { Transport } from '../platform/transport.js';
import { COMMAND, INCOMPLETE, RequestParser } from '../protocol/parser.js';
import type { Reply } from '../protocol/reply.js';
import type { ClientOutput } from './client-output.js';
import type { Connection } from './connection.js';
import { type Backlog, Backlogs, PARTIAL_BYTES, PartialCommand } from './input.js';
import type { OutputArenas } from './output.js';
import type { FrontendPolicy } from './policy.js';
import type { ClientPushes } from './pushes.js';
import type { RegionPool } from './region-pool.js';
import type { CommandRunner, NetSession } from './runner.js';
import { WaitingClients } from './waiting.js';

/** Bulk arguments with at least this much missing are received straight into their place. */
const DIRECT_RECEIVE_BYTES = 32768;
const SPARE_PARTIALS_MAX = 256;
/**
 * A client's part of a turn: when so many of its commands were run, so many bytes of its input, or when
 * commands that may take long have taken so much time, the others of its thread come first.
 */
export const TURN_COMMANDS = 1024;
export const TURN_INPUT_BYTES = 256 << 10;
export const TURN_MICROS = 1000;
/**
 * Short commands are not timed, and take thirty times as long before their code is compiled: so after each few
 * of them the clock is asked as well.
 */
export const TURN_MS = 2;
const CLOCK_COMMANDS = 32;
/** Replies to one client beyond this many bytes are queued before all of its commands have run. */
const QUEUED_AT_ONCE_BYTES = 16 << 20;
/** Bound of what waits, whatever client-query-buffer-limit says: offsets are 31 bits. */
export const QUERY_BYTES_MAX = 0x7f00_0000;
/** Arguments of a command under assembly: where they lie takes 8 bytes each. */
export const ASSEMBLED_ARGUMENTS_MAX = 1 << 26;
export const UNAUTHENTICATED_QUERY_BYTES_MAX = 1 << 20;
/** What the log says that a client has reached; the first is Redis's text. */
const BYTES_BOUND = 'max query buffer length';
const ARGUMENTS_BOUND = `${ASSEMBLED_ARGUMENTS_MAX} arguments of a command`;
/** For how many arrivals a client is gathered with others after it found a shard taken. */
const GATHERED_ARRIVALS = 32;
/** Bytes of a client's input that the log shows at most. */
const SHOWN_BYTES = 64;

/** How often commands found a shard taken, until the counts are set back. */
export interface Contention {
  /** Arrivals that were served at once. */
  tries: number;
  /** Of them, those that found a shard taken. */
  contended: number;
  /** Of these, those of clients that are bound to that shard. */
  bound: number;
}

/** What input needs of its frontend. */
export interface InputParts<S extends NetSession> {
  readonly transport: Transport;
  readonly dispatcher: CommandRunner<S>;
  readonly reply: Reply;
  readonly arenas: OutputArenas;
  readonly output: ClientOutput<S>;
  readonly pushes: ClientPushes<S>;
  readonly policy: FrontendPolicy<S>;
  readonly regions: RegionPool;
  readonly createRegion: (bytes: number) => Region;
  /** Ends a connection at once. */
  readonly close: (connection: Connection<S>) => void;
  /** Ends a connection for which something threw. */
  readonly failed: (connection: Connection<S>, error: unknown) => void;
}

export class ClientInput<S extends NetSession> {
  readonly waiting: WaitingClients<S>;
  /** Whose commands are being run. */
  served: Connection<S> | null = null;
  /** Clients wait for a turn with room for their replies. Whoever sends something waits behind them. */
  isCrowded = false;
  /** Some clients had their part of the turn, and have more to be run. */
  hasPostponed = false;
  private turn = 0;
  /** Commands that the client which is served has had of this turn. */
  private ran = 0;
  private readonly parser = new RequestParser();
  /** Calls of `trim` since a command under assembly was over. */
  private trimsUnused = 0;
  private readonly backlogs: Backlogs;
  private readonly sparePartials: PartialCommand[] = [];
  private readonly transport: Transport;
  private readonly dispatcher: CommandRunner<S>;
  private readonly reply: Reply;
  private readonly arenas: OutputArenas;
  private readonly output: ClientOutput<S>;
  private readonly pushes: ClientPushes<S>;
  private readonly policy: FrontendPolicy<S>;
  private readonly regions: RegionPool;
  private readonly createRegion: (bytes: number) => Region;

  constructor(private readonly parts: InputParts<S>) {
    this.transport = parts.transport;
    this.dispatcher = parts.dispatcher;
    this.reply = parts.reply;
    this.arenas = parts.arenas;
    this.output = parts.output;
    this.pushes = parts.pushes;
    this.policy = parts.policy;
    this.regions = parts.regions;
    this.createRegion = parts.createRegion;
    this.backlogs = new Backlogs(parts.createRegion);
    this.waiting = new WaitingClients((connection) => this.resumeInput(connection));
  }

  readonly contention: Contention = { tries: 0, contended: 0, bound: 0 };

  /** Forgets a command that was not completed. */
  reset(): void {
    this.served = null;
    this.parser.reset();
  }

  private mustWait(connection: Connection<S>): boolean {
    return connection.session.suspended || connection.retrying;
  }

  /** Takes bytes that arrived: runs what is whole, and keeps the rest. */
  feed(connection: Connection<S>, region: Region, offset: number, length: number): void {
    connection.session.lastInteractionMs = this.dispatcher.now;
    if (connection.session.closeAfterReply || connection.inputEnded) return;
    if (this.mustWait(connection) || (connection.backlog?.length ?? 0) > 0) {
      this.backlogs.putAside(connection, region, offset, offset + length);
    } else if ((this.isCrowded || this.arenas.isFull) && connection.partial === null) {
      this.isCrowded = true;
      this.awaitTurn(connection, region, offset, offset + length);
    } else if (connection.gathered > 0 && connection.partial === null) {
      connection.gathered--;
      this.backlogs.putAside(connection, region, offset, offset + length);
      this.waiting.add(connection, BUSY, this.dispatcher.now);
    } else {
      const { contended } = connection;
      this.serve(connection, region, offset, offset + length);
      this.contention.tries++;
      if (connection.contended > contended) {
        this.contention.contended++;
        if (connection.boundShard >= 0) this.contention.bound++;
      }
    }
    if (connection.partial !== null || connection.backlog !== null) {
      this.policy.traffic.heldBytes += length;
      this.exceedsQueryLimit(connection);
    }
  }

  /** The same for bytes that were received straight into their place. */
  receivedInto(connection: Connection<S>, partial: PartialCommand, length: number): void {
    partial.used += length;
    partial.directLeft -= length;
    this.policy.traffic.heldBytes += length;
    if (this.exceedsQueryLimit(connection)) return;
    if (partial.directLeft === 0) this.serve(connection, partial.region, 0, 0);
  }

  /** Closes a client that has sent more than may wait, in bytes or in arguments of a command. */
  private exceedsQueryLimit(connection: Connection<S>): boolean {
    const { policy } = this;
    const { backlog, partial, queryBytes, session } = connection;
    const isKnown = session.authenticated || queryBytes <= UNAUTHENTICATED_QUERY_BYTES_MAX;
    const most = Math.min(policy.queryBytesMax, QUERY_BYTES_MAX);
    const hasRoom = queryBytes <= most && isKnown;
    const isShort = (partial?.parser.args.count ?? 0) <= ASSEMBLED_ARGUMENTS_MAX;
    if (connection.closed || (hasRoom && isShort)) return false;
    let begin = '';
    if (partial !== null && !partial.whole) {
      const { position } = partial.parser;
      begin = prefixBinary(partial.region, position, partial.begunBytes, SHOWN_BYTES);
    } else if (backlog !== null) {
      begin = prefixBinary(backlog.region, backlog.start, backlog.length, SHOWN_BYTES);
    }
    policy.queryLimitReached(session, begin, hasRoom ? ARGUMENTS_BOUND : BYTES_BOUND);
    this.parts.close(connection);
    return true;
  }

  /** Runs the commands in `[position, end)` of the region and queues their replies. */
  private serve(connection: Connection<S>, region: Region, position: number, end: number): void {
    const { reply, output } = this;
    const session = connection.session;
    this.pushes.flush(this.dispatcher.now);
    this.arenas.beginReplies();
    reply.protocol = session.protocol;
    let at = position;
    this.served = connection;
    const { dispatcher } = this;
    const processed = dispatcher.processed;
    if (connection.servedTurn !== this.turn) this.beginPart(connection);
    this.ran = connection.servedCommands;
    dispatcher.workedMicros = connection.servedMicros;
    if (connection.partial !== null) at = this.servePartial(connection, region, at, end);
    if (at < end) this.serveWhole(connection, region, at, end);
    this.endPart(connection, end - position);
    this.served = null;
    if (!connection.retrying) {
      connection.noteServed(dispatcher.lastShard, dispatcher.processed - processed);
    }
    output.queue(connection, dispatcher.now);
    if (session.closeAfterReply && !connection.closed) output.closeWhenSent(connection);
  }

  private beginPart(connection: Connection<S>): void {
    connection.servedTurn = this.turn;
    connection.servedCommands = 0;
    connection.servedBytes = 0;
    connection.servedMicros = 0;
    connection.servedSinceMs = Number.NaN;
  }

  /** Who has had its part of the turn is served again when the others were. */
  private endPart(connection: Connection<S>, bytes: number): void {
    connection.servedCommands = this.ran;
    connection.servedBytes += bytes;
    connection.servedMicros = this.dispatcher.workedMicros;
    if (this.hadItsPart(connection)) this.transport.postpone(connection.slot);
  }

  private hadItsPart(connection: Connection<S>): boolean {
    const { servedTurn, servedCommands, servedBytes, servedMicros } = connection;
    if (servedTurn !== this.turn) return false;
    if (servedCommands >= TURN_COMMANDS || servedMicros >= TURN_MICROS) return true;
    return servedBytes >= TURN_INPUT_BYTES;
  }

  /** The common case: commands that lie whole in the region. */
  private serveWhole(connection: Connection<S>, region: Region, from: number, end: number): void {
    const { parser, dispatcher, reply } = this;
    const session = connection.session;
    const enough = from + TURN_INPUT_BYTES;
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
      const waitingBytes = reply.position - reply.start + this.pushes.bytes;
      if (waitingBytes > QUEUED_AT_ONCE_BYTES) this.queueWritten(connection);
      if (session.closeAfterReply || connection.closed) return;
      if (this.arenas.isFull) {
        this.isCrowded ||= position < end;
        this.awaitTurn(connection, region, position, end);
        return;
      }
      if (++this.ran % CLOCK_COMMANDS === 0) this.lookAtClock(connection);
      const isLong = dispatcher.workedMicros >= TURN_MICROS;
      if (this.ran >= TURN_COMMANDS || isLong || position >= enough) {
        this.awaitTurn(connection, region, position, end);
        return;
      }
    }
  }

  /** A part that has taken too long by the clock has taken all of its time. */
  private lookAtClock(connection: Connection<S>): void {
    const nowMs = clock.now();
    if (Number.isNaN(connection.servedSinceMs)) connection.servedSinceMs = nowMs;
    else if (nowMs - connection.servedSinceMs >= TURN_MS)
      this.dispatcher.workedMicros = TURN_MICROS;
  }

  /** These commands are for the next turn, and what comes behind them too. */
  private awaitTurn(connection: Connection<S>, region: Region, from: number, end: number): void {
    this.transport.postpone(connection.slot);
    if (from === end) return;
    this.backlogs.putAside(connection, region, from, end);
    connection.takenShard = -1;
    this.hasPostponed = true;
    this.waiting.add(connection, BUSY, this.dispatcher.now);
  }

  /** Between two commands: queues what was written for the client, and pushed to others. */
  private queueWritten(connection: Connection<S>): void {
    this.output.queue(connection, this.dispatcher.now);
    if (this.pushes.bytes === 0) return;
    this.pushes.flush(this.dispatcher.now);
    this.arenas.beginReplies();
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
    if (outcome === SUSPENDED) return;
    if (outcome === BUSY) {
      const { takenShard } = connection.session;
      if (takenShard >= 0) connection.contended++;
      connection.takenShard = takenShard;
      connection.gathered = takenShard < 0 ? 0 : GATHERED_ARRIVALS;
    }
    this.waiting.add(connection, outcome, this.dispatcher.now);
  }

  /** The command at the region's end is not whole: keeps its beginning. */
  private keepPartial(connection: Connection<S>, region: Region, end: number): void {
    const start = this.parser.start;
    if (start >= end) {
      this.parser.reset();
      return;
    }
    // Nearly every full receive buffer ends within a command, so partial commands are reused.
    const partial =
      this.sparePartials.pop() ??
      new PartialCommand(new RequestParser(), this.regions, this.createRegion);
    partial.parser.takeOver(this.parser);
    connection.partial = partial;
    partial.append(region, start, end - start);
    partial.parser.rebase(partial.region, 0 - start);
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
    this.ran++;
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
        // A length may end with CR and any byte; then the line that was taken continues after it.
        const surplus = partial.used - parser.position;
        partial.used -= surplus;
        return at - surplus;
      }
      if (status !== INCOMPLETE) {
        this.protocolError(connection, parser);
        return end;
      }
      if (parser.start >= partial.used) {
        // The command was empty.
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
    this.trimsUnused = 0;
    if (this.sparePartials.length < SPARE_PARTIALS_MAX && partial.reset()) {
      this.sparePartials.push(partial);
    } else if (partial.region.length > PARTIAL_BYTES) {
      this.regions.give(partial.region);
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

  /** Once a turn: serves clients that had to wait, as far as they can go on. */
  serveWaiting(): void {
    this.isCrowded = false;
    this.hasPostponed = false;
    this.turn = (this.turn + 1) | 0;
    this.waiting.turn(this.dispatcher.now);
  }

  /** Serves what a client sent while it had to wait. */
  resumeInput(connection: Connection<S>): void {
    connection.retrying = false;
    if (connection.closed || connection.session.suspended) return;
    const { backlog } = connection;
    if (this.arenas.isFull || this.hadItsPart(connection)) {
      this.isCrowded ||= this.arenas.isFull;
      this.hasPostponed = true;
      this.transport.postpone(connection.slot);
      this.waiting.add(connection, BUSY, this.dispatcher.now);
      return;
    }
    try {
      if (backlog !== null) this.serveBacklog(connection, backlog);
      else if (connection.partial?.whole) this.serve(connection, this.reply.region, 0, 0);
    } catch (error) {
      this.parts.failed(connection, error);
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

  /** Gives memory back that no command under assembly, and nothing that waits, needed for a while. */
  trim(): void {
    this.trimsUnused++;
    if (this.trimsUnused !== 2) return;
    for (const { region } of this.sparePartials) giveBack(region);
    this.backlogs.trim();
  }

  /** Whether commands of the client are to be run, or replies to go out, also when it has ended its side. */
  isOwing(connection: Connection<S> | undefined): boolean {
    if (connection === undefined) return false;
    if (connection.retrying && !this.waiting.isPaused(connection)) return true;
    return this.output.isOwing(connection);
  }

  /** Drops everything that the client has sent. */
  drop(connection: Connection<S>): void {
    if (connection.partial !== null) this.dropPartial(connection);
    if (connection.backlog !== null) this.backlogs.giveBack(connection.backlog);
    connection.backlog = null;
    if (connection.retrying) this.waiting.remove(connection);
  }
}
