/**
 * Clients of all threads: CLIENT LIST, KILL, UNBLOCK and PAUSE. Every thread knows its own
 * connections only, so each answers for them (gather.ts).
 */
import type { ClientFilter, ClientsPort, ClientType } from '../../commands/contract/server-port.js';
import type { Session } from '../../commands/contract/session.js';
import { type ClientPause, PAUSE_EVERYTHING, PAUSE_WRITES } from '../../engine/client-pause.js';
import type { IoGatherer } from '../channel/io-io.js';
import type { ClientSizes } from './client-memory.js';

/** What CLIENT LIST shows of a client besides its session. Sizes in bytes. */
export interface ClientDetails {
  /** The I/O thread that serves it. */
  readonly thread: number;
  /** The connection's file descriptor or slot. */
  readonly descriptor: number;
  readonly type: ClientType;
  /** Full name of the last command, '' before the first. */
  readonly lastCommand: string;
  /** Commands queued since MULTI, -1 outside of it. */
  readonly queuedCommands: number;
  /** A key being watched has changed. */
  readonly watchBroken: boolean;
  readonly isMonitor: boolean;
  readonly suspended: boolean;
  readonly unixSocket: boolean;
  readonly channels: number;
  readonly patterns: number;
  readonly shardChannels: number;
  /** What it takes, in bytes. */
  readonly sizes: ClientSizes;
}

/** This thread's connections, as the network layer knows them. */
export interface LocalClients {
  readonly sessions: Iterable<Session>;
  details(session: Session): ClientDetails;
  /** Ends the connection (now, or as soon as its running command has returned). */
  close(session: Session): void;
  /** Ends a suspended command's wait. False when the client does not wait. */
  unblock(session: Session, withError: boolean): boolean;
}

const PAUSE_MODES = { write: PAUSE_WRITES, all: PAUSE_EVERYTHING } as const;

export class Clients implements ClientsPort {
  /** @param now the clock of CLIENT LIST's ages, in milliseconds */
  constructor(
    private readonly clients: LocalClients,
    private readonly gatherer: IoGatherer,
    private readonly clientPause: ClientPause,
    private readonly now: () => number,
    /** All threads, this one included, look whether there still is a pause. */
    private readonly pauseEnded: () => void,
  ) {
    gatherer.answers('client-list', (filter) => this.localLines(filter));
    gatherer.answers('client-kill', (filter) => this.killLocal(filter));
    gatherer.answers('client-unblock', ({ id, withError }) => this.unblockLocal(id, withError));
  }

  get local(): Iterable<Session> {
    return this.clients.sessions;
  }

  describe(session: Session): string {
    return describeClient(session, this.clients.details(session), this.now());
  }

  list(filter: ClientFilter): string[] {
    const answers = this.gatherer.gather('client-list', filter);
    // By id, as a client that moves while the threads answer may be told of by two of them.
    const clients = new Map(answers.flat());
    return [...clients].sort(([one], [other]) => one - other).map(([, line]) => line);
  }

  kill(filter: ClientFilter): number {
    const answers = this.gatherer.gather('client-kill', filter);
    return answers.reduce((sum, count) => sum + count, 0);
  }

  unblock(id: number, withError: boolean): boolean {
    return this.gatherer.gather('client-unblock', { id, withError }).includes(true);
  }

  pause(mode: 'write' | 'all', endMs: number): void {
    this.clientPause.begin(PAUSE_MODES[mode], endMs, this.now());
  }

  unpause(): void {
    this.clientPause.end();
    this.pauseEnded();
  }

  private localLines(filter: ClientFilter): [number, string][] {
    return this.matching(filter).map((session) => [session.id, this.describe(session)]);
  }

  private killLocal(filter: ClientFilter): number {
    const sessions = this.matching(filter);
    for (const session of sessions) this.clients.close(session);
    return sessions.length;
  }

  private unblockLocal(id: number, withError: boolean): boolean {
    for (const session of this.clients.sessions) {
      if (session.id === id) return this.clients.unblock(session, withError);
    }
    return false;
  }

  private matching(filter: ClientFilter): Session[] {
    const nowMs = this.now();
    const sessions: Session[] = [];
    for (const session of this.clients.sessions) {
      if (matches(session, filter, nowMs, () => this.clients.details(session).type)) {
        sessions.push(session);
      }
    }
    return sessions;
  }
}

function matches(
  session: Session,
  filter: ClientFilter,
  nowMs: number,
  typeOf: () => ClientType,
): boolean {
  if (filter.ids !== undefined && !filter.ids.includes(session.id)) return false;
  if (filter.except === session.id) return false;
  if (filter.address !== undefined && filter.address !== session.address) return false;
  if (filter.localAddress !== undefined && filter.localAddress !== session.localAddress) {
    return false;
  }
  if (filter.user !== undefined && filter.user !== session.user) return false;
  if (filter.olderThanSeconds !== undefined) {
    if (nowMs - session.createdMs < filter.olderThanSeconds * 1000) return false;
  }
  return filter.type === undefined || filter.type === typeOf();
}

/** The letters of the `flags` field, 'N' for none. */
function flagsOf(session: Session, details: ClientDetails): string {
  let flags = '';
  if (details.isMonitor) flags += 'O';
  if (details.type === 'replica') flags += 'S';
  if (details.type === 'master') flags += 'M';
  if (details.type === 'pubsub') flags += 'P';
  if (session.inMulti) flags += 'x';
  if (details.suspended) flags += 'b';
  if (session.tracking !== null) flags += 't';
  if (session.tracking?.isBroken === true) flags += 'R';
  if (session.tracking?.broadcasts === true) flags += 'B';
  if (details.watchBroken) flags += 'd';
  if (session.closeAfterReply) flags += 'c';
  if (details.unixSocket) flags += 'U';
  if (session.noEvict) flags += 'e';
  if (session.noTouch) flags += 'T';
  return flags === '' ? 'N' : flags;
}

/** The line's fields in the order of Redis 7, then lib-name and lib-ver of 7.2, io-thread of 8. */
export function describeClient(session: Session, details: ClientDetails, nowMs: number): string {
  const { sizes } = details;
  const ageSeconds = secondsBetween(session.createdMs, nowMs);
  const idleSeconds = secondsBetween(session.lastInteractionMs, nowMs);
  const lastCommand = details.lastCommand === '' ? 'NULL' : details.lastCommand;
  // One expression: a failed log-in is logged with this line, and somebody may fail very often.
  return (
    `id=${session.id} addr=${session.address} laddr=${session.localAddress} ` +
    `fd=${details.descriptor} name=${session.name} age=${ageSeconds} idle=${idleSeconds} ` +
    `flags=${flagsOf(session, details)} db=${session.database} sub=${details.channels} ` +
    `psub=${details.patterns} ssub=${details.shardChannels} multi=${details.queuedCommands} ` +
    `qbuf=${sizes.query} qbuf-free=${sizes.queryFree} argv-mem=${sizes.arguments} ` +
    `multi-mem=${sizes.queued} rbs=0 rbp=0 obl=0 oll=${sizes.output > 0 ? 1 : 0} ` +
    `omem=${sizes.output} tot-mem=${sizes.total} events=${sizes.output > 0 ? 'rw' : 'r'} ` +
    `cmd=${lastCommand} user=${session.user} redir=${session.tracking?.redirect ?? -1} ` +
    `resp=${session.protocol} lib-name=${session.libraryName} lib-ver=${session.libraryVersion} ` +
    `io-thread=${details.thread}`
  );
}

function secondsBetween(sinceMs: number, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
}
