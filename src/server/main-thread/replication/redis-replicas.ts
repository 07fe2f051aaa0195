/**
 * The Redises that follow this server, on the main thread: from their PSYNC to their end. Their bytes are the
 * business of one flow thread, which serves all of them (flow-thread/redis-feed.ts).
 */
import { closeSync } from 'node:fs';
import type { Log } from '../../../base/log.js';
import type { JournalRing } from '../../../journal/ring.js';
import {
  SUM_BYTES,
  SUM_KEYS,
  SUM_KEYS_TOTAL,
  SyncSession,
} from '../../../replication/primary/sync-session.js';
import { MarkLog } from '../../../replication/redis/mark-log.js';
import {
  MergedStreamFigures,
  RULE_FREE,
  RULE_HELD,
  type StreamRule,
  streamRule,
} from '../../../replication/redis/stream-figures.js';
import type { StreamLocks } from '../../../replication/stream-locks.js';
import type {
  OutputLimit,
  RedisReplicaEvent,
  RedisSyncRequest,
  StreamRole,
} from '../../channel/main-flow.js';
import type {
  RedisStreamStatus,
  ReplicaStatus,
  ReplicationAnswer,
  RequestingClient,
} from '../../channel/replication.js';
import { SUM_ACKNOWLEDGED_MS, SUM_ONLINE_MS } from '../../channel/replication-figures.js';
import type { Config } from '../../config/config.js';
import { ProgressLog } from '../progress-log.js';
import type { FlowThreads } from './flow-threads.js';
import { sentBytes, statusOf } from './replica-status.js';
import {
  CONNECT_MS_MAX,
  hasReached,
  type ServedReplicas,
  type SyncKind,
} from './served-replicas.js';

/**
 * What a change means for Redises that follow. end: the data gets another history, and what their stream was
 * ends. drop: the role changes, and what cuts mean; who comes back may continue. keep: nothing.
 */
export type RedisFate = 'end' | 'drop' | 'keep';

/** The flow thread that serves all of them. */
const THREAD = 0;

interface RedisReplica {
  readonly id: string;
  readonly client: RequestingClient;
  readonly name: string;
  readonly request: RedisSyncRequest;
  readonly session: SyncSession;
  readonly progress: ProgressLog;
  readonly sinceMs: number;
  /** 0 before its socket is here. */
  flow: number;
  isFull: boolean;
}

export interface RedisReplicasParts {
  readonly config: Config;
  readonly log: Log;
  readonly rings: readonly JournalRing[];
  readonly locks: StreamLocks;
  readonly threads: FlowThreads;
  readonly changed: () => void;
  readonly closeClient: (thread: number, clientId: number) => void;
  readonly counted: (kind: SyncKind) => void;
  /** Number of keys, to tell how far a full sync is. */
  readonly countKeys: () => number;
  /** This process's owner number of locks. */
  readonly owner: number;
}

export class RedisReplicas {
  private readonly replicas = new Map<string, RedisReplica>();
  private lastId = 0;
  private lastLeftMs = Date.now();
  private streamId = '';
  private figures = MergedStreamFigures.create();
  private history = 1;
  /** Counts the roles in which the stream was served. */
  private term = 1;
  private isPrimary = true;
  private rule: StreamRule = RULE_FREE;
  private readonly marks: MarkLog;
  /** Why the last one left before it was online: told once, as it tries again and again. */
  private lastFailure = '';

  constructor(private readonly parts: RedisReplicasParts) {
    this.marks = new MarkLog(parts.rings, parts.locks, () => RULE_HELD);
    parts.config.onChange('client-output-buffer-limit', () => this.limitChanged());
  }

  get count(): number {
    return this.replicas.size;
  }

  /** Milliseconds since the last one left. */
  emptyMs(nowMs: number): number {
    return this.replicas.size > 0 ? 0 : nowMs - this.lastLeftMs;
  }

  /** Sent to those there are. */
  get sentBytes(): number {
    return sentBytes(this.replicas.values());
  }

  get status(): ReplicaStatus[] {
    return statusOf(this.replicas.values(), true);
  }

  /** The merged stream, once there was a replica that needed it. */
  get stream(): RedisStreamStatus | null {
    return this.streamId === '' ? null : { id: this.streamId, figures: this.figures };
  }

  get isAnyOnline(): boolean {
    return [...this.replicas.values()].some(({ session }) => session.allDone);
  }

  /** How many in the stream have not acknowledged all up to these LSNs. */
  lagging(heads: readonly number[]): number {
    let count = 0;
    for (const { session } of this.replicas.values()) {
      if (session.allDone && !hasReached(session, heads)) count++;
    }
    return count;
  }

  /** A Redis asks for a sync; the journal is on. @returns the number that its socket comes with */
  begin(client: RequestingClient, request: RedisSyncRequest): ReplicationAnswer {
    const { rings, owner, log } = this.parts;
    const buffer = SyncSession.create(rings.length, true);
    const name = `${client.host}:${client.listeningPort}`;
    const replica: RedisReplica = {
      id: `redis-${++this.lastId}`,
      ...{ client, name, request },
      session: new SyncSession(buffer, rings.length, owner),
      progress: new ProgressLog(log, `Sync of Redis replica ${name}`),
      sinceMs: Date.now(),
      flow: 0,
      isFull: false,
    };
    replica.session.sums[SUM_ACKNOWLEDGED_MS] = Date.now();
    this.replicas.set(replica.id, replica);
    this.parts.changed();
    return [replica.id];
  }

  /** Its socket. */
  connected(id: string, descriptor: number): void {
    const replica = this.replicas.get(id);
    if (replica === undefined) {
      closeSync(descriptor);
      return;
    }
    const { config, threads } = this.parts;
    const listener = {
      abandoned: () => closeSync(descriptor),
      redisReplica: (event: RedisReplicaEvent) => this.take(replica, event),
      ended: (reason: string) => this.remove(replica, reason === '' ? 'it was ended' : reason),
    };
    replica.flow = threads.start(THREAD, listener, (flow) => ({
      ...{ kind: 'serve-redis', flow, descriptor, ...this.role },
      session: replica.session.buffer,
      request: replica.request,
      limit: this.outputLimit(),
      directory: config.value('dir'),
      checksum: config.flag('rdbchecksum'),
      compression: config.flag('rdbcompression'),
    }));
  }

  private get role(): StreamRole {
    const { config } = this.parts;
    const { history, term, isPrimary } = this;
    return {
      ...{ stream: this.figures, history, term, isPrimary },
      backlogBytes: config.number('repl-backlog-size'),
    };
  }

  /**
   * What the stream may do in the present role, beside these Darters. In force when it returns.
   * @param ends whether this server ends; writes: whether it is a primary that accepts writes
   */
  meetDarters(darters: ServedReplicas, ends: boolean, writes: boolean): void {
    new MergedStreamFigures(this.figures).darters = darters.onlineCount;
    const rule = streamRule(ends, writes, darters.count);
    if (rule === this.rule) return;
    const { rings, locks } = this.parts;
    const keyless = rings.length - 1;
    this.rule = rule;
    locks.lock(keyless);
    new MergedStreamFigures(this.figures).rule = rule;
    locks.unlock(keyless);
  }

  /** The role has changed: who makes the stream, if somebody does. */
  setRole(isPrimary: boolean): void {
    this.isPrimary = isPrimary;
    this.term++;
    const isNeeded = isPrimary && this.marks.newest >= 0;
    const command = { kind: 'stream-role', ...this.role } as const;
    this.parts.threads.tellThread(THREAD, command, isNeeded);
  }

  /**
   * The journals go on with another history: as a primary's, or with another primary's records. Called
   * while nothing is written to them.
   */
  settleMarks(): void {
    if (this.marks.newest < 0) return;
    this.marks.settle(this.parts.rings.map((ring) => ring.peekHead()));
  }

  /** 'normal 0 0 0 slave hard soft seconds ...' */
  private outputLimit(): OutputLimit {
    const words = this.parts.config.value('client-output-buffer-limit').split(' ');
    const at = words.indexOf('slave');
    const [hard, soft, seconds] = words.slice(at + 1, at + 4).map(Number);
    return { hardBytes: hard!, softBytes: soft!, softMs: seconds! * 1000 };
  }

  private limitChanged(): void {
    const limit = this.outputLimit();
    for (const { flow } of this.replicas.values()) {
      if (flow > 0) this.parts.threads.command({ kind: 'output-limit', flow, limit });
    }
  }

  private take(replica: RedisReplica, event: RedisReplicaEvent): void {
    const { log, counted, changed, countKeys } = this.parts;
    const { name, session } = replica;
    if (event.kind === 'stream') {
      if (event.id !== '') this.streamId = event.id;
      changed();
      return;
    }
    // It was dropped while its flow began.
    if (!this.replicas.has(replica.id)) return;
    switch (event.kind) {
      case 'full':
        counted('full');
        if (!event.isFirst) counted('partial-refused');
        replica.isFull = true;
        session.sums[SUM_KEYS_TOTAL] = countKeys();
        log.notice(`Redis replica ${name} gets a full sync${whatOf(replica.request)}`);
        break;
      case 'continued':
        counted('partial');
        log.notice(`Redis replica ${name} continues where it was`);
        break;
      case 'online':
        this.online(replica);
        break;
      case 'rdb-sent':
        log.notice(`${name} has the RDB that it asked for`);
        break;
    }
    changed();
  }

  private online({ session, progress, isFull, name }: RedisReplica): void {
    const { sums } = session;
    sums[SUM_ONLINE_MS] = Date.now();
    this.lastFailure = '';
    if (isFull) progress.end(sums[SUM_ONLINE_MS]!, sums[SUM_KEYS]!, sums[SUM_BYTES]!, 0);
    else this.parts.log.notice(`Redis replica ${name} is online`);
  }

  dropClient(clientId: number, why: string): void {
    const replica = this.byClient(clientId);
    if (replica?.flow === 0) this.remove(replica, why);
  }

  /** CLIENT KILL, or the end of its user. */
  kill(clientId: number, why: string): void {
    const replica = this.byClient(clientId);
    if (replica !== undefined) this.drop(replica, why);
  }

  private byClient(clientId: number): RedisReplica | undefined {
    return [...this.replicas.values()].find(({ client }) => client.clientId === clientId);
  }

  /** Something has changed above them. */
  meet(fate: RedisFate, why: string): void {
    if (fate === 'keep') return;
    if (fate === 'end') this.endStream();
    else this.settleMarks();
    this.term++;
    for (const replica of [...this.replicas.values()]) this.drop(replica, why);
  }

  private endStream(): void {
    new MergedStreamFigures(this.figures).finish();
    this.figures = MergedStreamFigures.create();
    new MergedStreamFigures(this.figures).rule = this.rule;
    this.history++;
    this.streamId = '';
  }

  private drop(replica: RedisReplica, why: string): void {
    replica.session.end();
    if (replica.flow > 0) this.parts.threads.end(replica.flow);
    this.remove(replica, why);
  }

  private remove(replica: RedisReplica, why: string): void {
    if (!this.replicas.delete(replica.id)) return;
    replica.progress.close();
    const { log, changed, closeClient } = this.parts;
    const { thread, clientId } = replica.client;
    closeClient(thread, clientId);
    this.lastLeftMs = Date.now();
    if (!replica.request.rdbOnly) this.tellEnd(replica, why, (text) => log.warning(text));
    changed();
  }

  private tellEnd(
    { name, session }: RedisReplica,
    why: string,
    tell: (text: string) => void,
  ): void {
    if (session.allDone) {
      tell(`Redis replica ${name} has left: ${why}`);
      return;
    }
    const failure = `No sync of Redis replica ${name}: ${why}`;
    if (failure !== this.lastFailure) tell(failure);
    this.lastFailure = failure;
  }

  /** Several times a second: ends those that are silent, and tells how syncs get on. */
  tick(nowMs: number): void {
    const timeoutMs = this.parts.config.number('repl-timeout') * 1000;
    for (const replica of [...this.replicas.values()]) {
      const { sums, allDone } = replica.session;
      if (nowMs - sums[SUM_ACKNOWLEDGED_MS]! > timeoutMs) {
        this.drop(replica, `it has been silent for ${timeoutMs / 1000} seconds`);
      } else if (replica.flow === 0 && nowMs - replica.sinceMs > CONNECT_MS_MAX) {
        this.drop(replica, 'its connection was not handed over in time');
      } else if (!allDone && replica.isFull && !replica.request.rdbOnly) {
        replica.progress.note(nowMs, sums[SUM_KEYS]!, sums[SUM_KEYS_TOTAL]!, sums[SUM_BYTES]!);
      }
    }
  }
}

function whatOf({ rdbOnly, rdbParts }: RedisSyncRequest): string {
  if (rdbParts === 'functions') return ': an RDB of the functions';
  if (rdbParts === 'nothing') return ': an RDB without keys';
  return rdbOnly ? ': an RDB and nothing more' : '';
}
