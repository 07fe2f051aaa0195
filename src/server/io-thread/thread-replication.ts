/**
 * Replication as an I/O thread sees it: the port behind its commands. It knows the status that the
 * main thread sent last, and reads figures from shared memory; what has to be decided it asks the
 * main thread, with the client's command suspended meanwhile.
 */

import { textOfErrorName } from '../../base/system-error.js';
import type { Context } from '../../commands/contract/context.js';
import type {
  Answer,
  FailoverOrder,
  HostAndPort,
  KeylessPort,
  ReplicaDescription,
  ReplicationPort,
  RoleReport,
} from '../../commands/contract/replication-port.js';
import type { Session } from '../../commands/contract/session.js';
import {
  GATE_LOADING,
  GATE_MASTER_DOWN,
  GATE_NO_REPLICAS,
  GATE_PAUSE_WRITES,
  GATE_READ_ONLY,
} from '../../engine/gates.js';
import { ClientSession } from '../../engine/session.js';
import { AHEAD_SHARE_MAX } from '../../journal/back-pressure.js';
import { JOURNAL_WRITTEN } from '../../journal/counters.js';
import type { NewestCut } from '../../journal/cuts.js';
import type { KeylessStream } from '../../journal/keyless-stream.js';
import type { JournalRing } from '../../journal/ring.js';
import type { JournalSink } from '../../journal/sink.js';
import type { ControlBlock } from '../../memory/control.js';
import type { SharedSignal } from '../../memory/signal.js';
import { TransportError } from '../../platform/transport.js';
import { streamsOf } from '../../replication/primary/primary-state.js';
import {
  SUM_AHEAD_SHARE,
  SUM_CUT,
  SUM_CUT_MS,
  SUM_STREAM_OFFSET,
  SyncSession,
} from '../../replication/primary/sync-session.js';
import { RedisProgress } from '../../replication/redis/progress.js';
import { MergedStreamFigures } from '../../replication/redis/stream-figures.js';
import type { SyncProgress } from '../../replication/replica/sync-progress.js';
import type {
  ReplicationAnswer,
  ReplicationNotice,
  ReplicationRequest,
  ReplicationStatus,
  RequestingClient,
} from '../channel/replication.js';
import {
  readableProgress,
  SUM_ACKNOWLEDGED_MS,
  SUM_ONLINE_MS,
} from '../channel/replication-figures.js';
import { DetachedClients } from './detached-clients.js';
import { ReplicaWaits } from './replica-waits.js';
import type { ThreadSettings } from './settings.js';

/** A replica with its figures. */
export interface KnownReplica {
  readonly id: string;
  readonly clientId: number;
  readonly host: string;
  readonly port: number;
  readonly session: SyncSession;
  readonly isRedis: boolean;
}

/** A client whose socket is about to leave this thread, once nothing is on its way to it. */
interface Detaching {
  readonly session: ClientSession;
  readonly answer: Answer;
  readonly notice: (descriptor: number) => ReplicationNotice;
}

export interface ThreadReplicationParts {
  readonly thread: number;
  readonly settings: ThreadSettings;
  readonly control: ControlBlock;
  readonly rings: readonly JournalRing[];
  readonly cuts: NewestCut;
  /** Where this thread's writes go while the journal is on. */
  readonly journal: JournalSink;
  /** The same for effects without keys. */
  readonly keyless: KeylessStream;
  readonly request: (id: number, request: ReplicationRequest) => void;
  readonly notify: (notice: ReplicationNotice) => void;
  /** Switches the journal of this thread's writes on or off. */
  readonly setJournal: (on: boolean) => void;
  /** Expired keys are hidden from now on: only the primary's effects remove them. */
  readonly hideExpired: () => void;
  /** A primary is followed from now on: nobody waits for keys any longer. */
  readonly becameReplica: () => void;
  /** Whether nothing is on its way to a client. */
  readonly isQuiet: (session: ClientSession) => boolean;
  /** Gives a client's socket away; -1 when that is not possible. */
  readonly release: (session: ClientSession) => number;
}

const NO_KNOWN_LENGTH =
  'ERR the length of the RDB is not known before it is sent: REPLCONF capa eof is needed';
const NO_FLOWS_HERE =
  'ERR replicas need a transport with sockets that can be handed to another thread, ' +
  'which the portable one cannot';

export class ThreadReplication implements ReplicationPort {
  replicas: readonly KnownReplica[] = [];
  progress: SyncProgress | null = null;
  /** Of the link to a Redis, when there is one. */
  redis: RedisProgress | null = null;
  /** Whether expired keys are removed here, or only by the primary's effects. */
  expiresKeys = true;
  private figures: MergedStreamFigures | null = null;
  private progressBuffer: SharedArrayBuffer | null = null;
  private current: ReplicationStatus;
  private lastRequest = 0;
  private readonly answers = new Map<number, Answer>();
  /** Redises that asked for a sync. */
  private readonly redisSyncs = new Map<number, { client: ClientSession; answer: Answer }>();
  private readonly descriptions = new WeakMap<Session, ReplicaDescription>();
  private readonly controls = new Map<number, ClientSession>();
  private detaching: Detaching[] = [];
  readonly detached: DetachedClients;
  private readonly waits: ReplicaWaits;

  private readonly journalWritten: SharedSignal;

  constructor(
    private readonly parts: ThreadReplicationParts,
    status: ReplicationStatus,
  ) {
    this.journalWritten = parts.control.signal(JOURNAL_WRITTEN);
    const { thread, control, rings, cuts } = parts;
    const { journalWritten } = this;
    this.waits = new ReplicaWaits({
      ...{ thread, control, rings, cuts, journalWritten },
      replicas: () => this.replicas,
    });
    this.current = status;
    const { notify } = parts;
    this.detached = new DetachedClients({ thread, notify, replication: this });
    this.take(status);
  }

  get status(): ReplicationStatus {
    return this.current;
  }

  get isReplica(): boolean {
    return this.current.link !== null;
  }

  /**
   * Takes a new status. It is in force when this returns, but for the gates: the policy computes
   * them next.
   */
  take(status: ReplicationStatus): void {
    const before = this.current.link;
    this.current = status;
    const { link } = status;
    if (link !== null && (link.host !== before?.host || link.port !== before.port)) {
      this.parts.becameReplica();
    }
    this.replicas = status.replicas.map((replica) => this.known(replica));
    const buffer = status.link?.progress ?? null;
    if (buffer !== this.progressBuffer) {
      this.progressBuffer = buffer;
      const shards = status.link?.primaryShards ?? 0;
      this.progress = buffer === null ? null : readableProgress(buffer, streamsOf(shards));
    }
    const figures = link?.redis?.progress ?? null;
    if (figures !== (this.redis?.buffer ?? null)) {
      this.redis = figures === null ? null : new RedisProgress(figures);
    }
    this.parts.setJournal(status.journaling && status.link === null);
    // While a replica takes over, nothing may be added to the journal, removals of expired keys
    // included.
    this.expiresKeys = status.link === null && status.holdWritesUntilMs === 0;
    if (!this.expiresKeys) this.parts.hideExpired();
    if (status.link !== null) this.waits.endAll();
  }

  private known(replica: ReplicationStatus['replicas'][number]): KnownReplica {
    const old = this.replicas.find(({ session }) => session.buffer === replica.session);
    const { rings, thread } = this.parts;
    const session = old?.session ?? new SyncSession(replica.session, rings.length, thread + 1);
    return { ...replica, session };
  }

  get keyless(): KeylessPort {
    return this.parts.keyless;
  }

  /** What the state of replication forbids, as gates. */
  gates(nowMs: number): number {
    const { current } = this;
    const { settings } = this.parts;
    let gates = 0;
    if (current.isForced && settings.replicaReadOnly) gates |= GATE_READ_ONLY;
    if (current.loading) gates |= GATE_LOADING;
    if (current.holdWritesUntilMs > nowMs) gates |= GATE_PAUSE_WRITES;
    if (current.link !== null) {
      if (settings.replicaReadOnly) gates |= GATE_READ_ONLY;
      if (!settings.replicaServesStale && !current.link.up) gates |= GATE_MASTER_DOWN;
    } else if (settings.minReplicas > 0 && settings.minReplicasMaxLagMs > 0) {
      if (this.goodReplicas(nowMs) < settings.minReplicas) gates |= GATE_NO_REPLICAS;
    }
    return gates;
  }

  /** Milliseconds until writes are not held any more, if nobody says so before. */
  holdRestMs(nowMs: number): number {
    const restMs = this.current.holdWritesUntilMs - nowMs;
    return restMs > 0 ? restMs : Number.POSITIVE_INFINITY;
  }

  /**
   * Replicas in stable sync that were heard of lately, and have applied the newest cut, or one that
   * was made lately. One that is online since lately has what there was then: it counts from that moment
   * on, as in Redis.
   */
  goodReplicas(nowMs: number): number {
    const { minReplicasMaxLagMs } = this.parts.settings;
    const { offset } = this.parts.cuts;
    let good = 0;
    for (const { session } of this.replicas) {
      const { sums } = session;
      const isHeard = nowMs - sums[SUM_ACKNOWLEDGED_MS]! <= minReplicasMaxLagMs;
      // The main thread notes when, a moment after.
      const onlineMs = sums[SUM_ONLINE_MS] || nowMs;
      const cutMs = Math.max(onlineMs, sums[SUM_CUT_MS]!);
      const hasCut = sums[SUM_CUT]! >= offset || nowMs - cutMs <= minReplicasMaxLagMs;
      if (isHeard && hasCut && session.allDone) good++;
    }
    return good;
  }

  /**
   * master_repl_offset: the sum of the journals' heads. On a replica the offset of the last cut that
   * is applied whole, also while the link is down. A Redis counts its stream itself. While all replicas are
   * Redises, it is the end of the stream that they count.
   */
  get offset(): number {
    const { link } = this.current;
    if (this.redis !== null) return this.redis.offset;
    if (link !== null) return this.progress?.offset ?? link.offset;
    return this.redisStream?.figures.end ?? this.journalOffset;
  }

  /** The sum of the journals' heads. */
  get journalOffset(): number {
    return this.parts.rings.reduce((sum, ring) => sum + ring.peekHead(), 0);
  }

  /** The merged stream, while all replicas follow that. */
  get redisStream(): { readonly id: string; readonly figures: MergedStreamFigures } | null {
    const { redisStream } = this.current;
    const isAll = this.replicas.length > 0 && this.replicas.every(({ isRedis }) => isRedis);
    if (redisStream === null || !isAll || this.isReplica) return null;
    const { id, figures } = redisStream;
    if (this.figures?.buffer !== figures) this.figures = new MergedStreamFigures(figures);
    return { id, figures: this.figures! };
  }

  role(): RoleReport {
    const { link, failoverTarget } = this.current;
    if (link !== null) {
      const { host, port, state } = link;
      return { role: 'slave', host, port, state, offset: link.up ? this.offset : -1 };
    }
    if (failoverTarget !== null) {
      return { role: 'slave', ...failoverTarget, state: 'handshake', offset: -1 };
    }
    const replicas = this.replicas
      .filter(({ session }) => session.allDone)
      .map((replica) => ({
        host: replica.host,
        port: replica.port,
        offset: acknowledgedOffset(replica),
      }));
    return { role: 'master', offset: this.offset, replicas };
  }

  // --- what commands ask for

  follows(primary: HostAndPort): boolean {
    const { link } = this.current;
    if (link === null || link.awaitsHeir) return false;
    return link.host === primary.host && link.port === primary.port;
  }

  follow(primary: HostAndPort | null, answer: Answer): void {
    this.ask({ kind: 'follow', primary }, answer);
  }

  describe(session: Session, description: ReplicaDescription): void {
    own(session).isPinned = true;
    this.descriptions.set(session, { ...this.descriptions.get(session), ...description });
  }

  acknowledged(session: Session): void {
    // LSNs are acknowledged on the flows; this only shows that the replica lives.
    session.lastInteractionMs = Date.now();
  }

  sync(session: Session, words: readonly string[], answer: Answer): void {
    this.ask({ kind: 'sync', client: this.requesting(own(session)), words }, answer);
  }

  /** The client as one that asks for a sync. From now on the main thread hears of its end. */
  private requesting(client: ClientSession): RequestingClient {
    const known = this.descriptions.get(client) ?? {};
    const { listeningPort = 0, address = '', runId = '' } = known;
    client.isReplicaClient = true;
    client.isPinned = true;
    this.controls.set(client.id, client);
    return {
      thread: this.parts.thread,
      clientId: client.id,
      host: address === '' ? hostOf(client.address) : address,
      listeningPort,
      runId,
    };
  }

  flow(session: Session, syncId: string, index: number, answer: Answer): void {
    const notice = (descriptor: number) => ({ kind: 'flow', syncId, index, descriptor }) as const;
    this.detaching.push({ session: own(session), answer, notice });
  }

  redisSync(
    session: Session,
    place: { readonly id: string; readonly offset: number } | null,
    answer: Answer,
  ): void {
    const client = own(session);
    if (client.isMonitor) {
      // As in Redis, to which who watches is a replica already: no reply.
      answer(() => {});
      return;
    }
    const known = this.descriptions.get(session) ?? {};
    if (known.takesUnknownLength !== true) {
      answer(({ reply }) => reply.errorText(NO_KNOWN_LENGTH));
      return;
    }
    const request = {
      isPlain: place === null,
      id: place?.id ?? '?',
      offset: place?.offset ?? -1,
      knowsNewIds: known.takesNewIds === true,
      rdbOnly: known.rdbOnly === true,
      rdbParts: known.rdbParts ?? 'all',
    };
    const id = ++this.lastRequest;
    this.redisSyncs.set(id, { client, answer });
    this.parts.request(id, { kind: 'redis-sync', client: this.requesting(client), request });
  }

  /** The main thread waits for the socket under this number. */
  private detachRedis(client: ClientSession, id: string, answer: Answer): void {
    const notice = (descriptor: number) => ({ kind: 'redis-socket', id, descriptor }) as const;
    this.detaching.push({ session: client, answer, notice });
  }

  chain(answer: Answer): void {
    this.ask({ kind: 'chain' }, answer);
  }

  handOver(session: Session, takeover: string, timeoutMs: number, answer: Answer): void {
    this.ask({ kind: 'hand-over', clientId: session.id, takeover, timeoutMs }, answer);
  }

  demote(takeover: string, commits: boolean, answer: Answer): void {
    this.ask({ kind: 'demote', takeover, commits }, answer);
  }

  takeOver(timeoutMs: number, answer: Answer): void {
    this.ask({ kind: 'take-over', timeoutMs }, answer);
  }

  askedToTakeOver(takeover: string, runId: string, timeoutMs: number, answer: Answer): void {
    this.ask({ kind: 'asked-to-take-over', takeover, runId, timeoutMs }, answer);
  }

  get isFailingOver(): boolean {
    return this.current.failoverState !== 'no-failover';
  }

  failoverRefusal({ target, timeoutMs, isForced }: FailoverOrder): string | null {
    if (this.isFailingOver) return 'ERR FAILOVER already in progress.';
    if (this.isReplica) return 'ERR FAILOVER is not valid when server is a replica.';
    const darters = this.replicas.filter(({ isRedis }) => !isRedis);
    if (darters.length === 0) return 'ERR FAILOVER requires connected replicas.';
    if (isForced && (timeoutMs === 0 || target === null)) {
      return 'ERR FAILOVER with force option requires both a timeout and target HOST and IP.';
    }
    if (target === null) return null;
    const { host, port } = target;
    const replica = darters.find((other) => other.host === host && other.port === port);
    if (replica === undefined) return 'ERR FAILOVER target HOST and PORT is not a replica.';
    return replica.session.allDone ? null : 'ERR FAILOVER target replica is not online.';
  }

  failover(order: FailoverOrder, answer: Answer): void {
    this.ask({ kind: 'failover', order }, answer);
  }

  failoverAbort(answer: Answer): void {
    this.ask({ kind: 'failover-abort' }, answer);
  }

  private ask(request: ReplicationRequest, answer: Answer): void {
    const id = ++this.lastRequest;
    this.answers.set(id, answer);
    this.parts.request(id, request);
  }

  /** The main thread's answer. */
  answered(id: number, answer: ReplicationAnswer): void {
    const sync = this.redisSyncs.get(id);
    if (sync !== undefined) {
      this.redisSyncs.delete(id);
      if (typeof answer === 'string') sync.answer((context) => writeAnswer(context, answer));
      else this.detachRedis(sync.client, answer[0]!, sync.answer);
      return;
    }
    const resume = this.answers.get(id);
    if (resume === undefined) return;
    this.answers.delete(id);
    resume((context) => writeAnswer(context, answer));
  }

  // --- WAIT

  countAcknowledged(): number {
    return this.waits.countAcknowledged();
  }

  countDurable(): number {
    return this.waits.countDurable();
  }

  countDurableAt(target: number): number {
    return this.waits.countDurableAt(target);
  }

  newCut(): number {
    return this.waits.newCut();
  }

  noteWaiting(more: number): void {
    this.waits.noteWaiting(more);
  }

  wait(replicas: number, timeoutMs: number, done: (count: number | null) => void): () => number {
    return this.waits.wait(replicas, timeoutMs, done);
  }

  /** The share of a ring that may be ahead of every replica. */
  get aheadShare(): number {
    let least = AHEAD_SHARE_MAX;
    for (let i = 0; i < this.replicas.length; i++) {
      least = Math.min(least, this.replicas[i]!.session.sums[SUM_AHEAD_SHARE]!);
    }
    return least;
  }

  // --- turns

  /** Once a turn, outside of commands. @returns milliseconds until it wants another turn */
  background(nowMs: number): number {
    const { journal, keyless } = this.parts;
    if (journal.wrote || keyless.wrote) {
      journal.wrote = false;
      keyless.wrote = false;
      this.journalWritten.raise();
    }
    if (this.detaching.length > 0) this.detachAll();
    const waitsMs = this.waits.background(nowMs);
    return this.detaching.length > 0 ? 1 : waitsMs;
  }

  private detachAll(): void {
    for (const detaching of this.detaching.splice(0)) {
      const { session, answer, notice } = detaching;
      if (!this.parts.isQuiet(session)) {
        this.detaching.push(detaching);
        continue;
      }
      // The main thread is told of a socket, and not of the end of its client.
      const isControl = this.controls.delete(session.id);
      const descriptor = this.releaseSocket(session);
      if (typeof descriptor === 'number') {
        const told = notice(descriptor);
        if (told.kind === 'redis-socket') this.detached.add(session, descriptor);
        this.parts.notify(told);
      } else {
        if (isControl) this.parts.notify({ kind: 'control-lost', clientId: session.id });
        answer((context) => context.reply.errorText(descriptor));
      }
    }
  }

  /** The descriptor, ours from now on, or the error for the client. */
  private releaseSocket(session: ClientSession): number | string {
    try {
      const descriptor = this.parts.release(session);
      return descriptor >= 0 ? descriptor : NO_FLOWS_HERE;
    } catch (error) {
      if (error instanceof TransportError) return `ERR ${textOfErrorName(error.code)}`;
      throw error;
    }
  }

  /** A client has gone. */
  released(session: ClientSession): void {
    if (!this.controls.delete(session.id)) return;
    this.parts.notify({ kind: 'control-lost', clientId: session.id });
  }

  /** The control connection of this number, when it is one of this thread. */
  control(clientId: number): ClientSession | undefined {
    return this.controls.get(clientId);
  }
}

/** The offset of the last cut that the replica has applied whole; of a Redis that in its own stream. */
export function acknowledgedOffset({ session, isRedis }: KnownReplica): number {
  return Math.max(0, session.sums[isRedis ? SUM_STREAM_OFFSET : SUM_CUT]!);
}

function writeAnswer({ reply }: Context, answer: ReplicationAnswer): void {
  if (typeof answer !== 'string') {
    reply.array(answer.length);
    for (const word of answer) reply.bulkBinary(word);
  } else if (answer.startsWith('-')) {
    reply.errorText(answer.slice(1));
  } else {
    reply.simple(answer.slice(1));
  }
}

/** '1.2.3.4' of '1.2.3.4:567', '::1' of '[::1]:567'. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

function own(session: Session): ClientSession {
  if (session instanceof ClientSession) return session;
  throw new Error('a session of another engine');
}
