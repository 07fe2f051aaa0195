/**
 * A replica's link to a Redis, on the main thread: when to connect, what the data is of, who has to
 * know. What is decided is RedisLinkState's; the connection is a flow thread's (followed-redis.ts).
 *
 *   connect ─▶ hand-shake ─┬─ FULLRESYNC ─▶ RDB begins ─▶ (LOADING, old data goes) ─▶ loaded ─┬─▶ online
 *                          └─ CONTINUE ───────────────────────────────────────────────────────┘
 *
 * Our own journals go on meanwhile as a primary's do, under our own id: what the stream does here is
 * written to them, and replicas of ours follow these. So they know nothing of the Redis.
 */
import type { Log } from '../../../base/log.js';
import { shownFromPeer } from '../../../base/peer-text.js';
import type { HostAndPort } from '../../../commands/contract/replication-port.js';
import type { Shards } from '../../../keyspace/shards.js';
import type { RedisHistory } from '../../../replication/redis/handshake.js';
import { RedisLinkState } from '../../../replication/redis/link-state.js';
import { RedisProgress } from '../../../replication/redis/progress.js';
import type { DataHistory } from '../../../replication/replica/replica-state.js';
import { prepareFullSync } from '../../../replication/replica/shard-writer.js';
import type { RedisEvent } from '../../channel/main-flow.js';
import type { LinkClient, LinkStatus } from '../../channel/replication.js';
import type { Config } from '../../config/config.js';
import { ProgressLog } from '../progress-log.js';
import type { FlowThreads } from './flow-threads.js';
import { ROLES_VERSION } from './peer-connection.js';
import type { UpstreamLink } from './upstream-link.js';

const TICK_MS = 50;
/** All goes over one connection, on the first of the threads. */
const FLOW_INDEX = 0;

export interface RedisLinkParts {
  readonly config: Config;
  readonly log: Log;
  readonly shards: Shards;
  readonly threads: FlowThreads;
  /** This server's. */
  readonly runId: string;
  /** The status has changed; resolves when all threads know. */
  readonly changed: () => Promise<void>;
  readonly synced: (isFull: boolean) => void;
  /** The next client's number. */
  readonly clientId: () => number;
  /** The data set is about to be replaced: nobody can be served from it, its history ends. */
  readonly replacing: () => void;
  /** The server at the address is a Darter: another link has to follow it. */
  readonly isDarter: () => void;
  /** Whose history the data is for replicas of ours, as it is now. */
  readonly own: () => DataHistory;
}

interface Attempt {
  readonly progress: RedisProgress;
  readonly startedMs: number;
  flow: number;
  isFull: boolean;
  hasConnected: boolean;
  client: LinkClient | null;
  /** While its RDB is loaded. */
  progressLog: ProgressLog | null;
}

export class RedisLink implements UpstreamLink {
  loading = false;
  readonly chain: readonly string[] = [];
  readonly primaryRunId = '';
  readonly control = null;
  private readonly state: RedisLinkState;
  private readonly timer: NodeJS.Timeout;
  private attempt: Attempt | null = null;
  /** Figures of the link as they are, or were last. */
  private progress: RedisProgress;
  private downSinceMs = -1;
  private lastFailure = '';
  private shownFailure = '';
  private idle: (() => void)[] = [];
  private isEnding = false;
  /** Why the flow that is told to end has to. */
  private killedWhy = '';

  constructor(
    private readonly parts: RedisLinkParts,
    readonly primary: HostAndPort,
    history: RedisHistory | null,
  ) {
    this.state = new RedisLinkState(history, Date.now());
    this.progress = new RedisProgress(RedisProgress.create(history));
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  get online(): boolean {
    return this.state.step === 'online';
  }

  /** Where in the history of a Redis the data is; the link must have ended. */
  get history(): RedisHistory | null {
    return this.state.history;
  }

  get status(): LinkStatus {
    const { state, attempt, primary, progress, online } = this;
    return {
      ...primary,
      state: online ? 'connected' : state.step,
      up: online,
      progress: null,
      primaryShards: this.parts.shards.count,
      fullSync: attempt?.isFull ?? false,
      keysTotal: 0,
      bytesTotal: Math.max(0, progress.rdbTotalBytes),
      syncStartedMs: attempt?.startedMs ?? 0,
      offset: progress.offset,
      downSinceMs: online ? 0 : this.downSinceMs,
      failure: online ? '' : shownFromPeer(this.shownFailure),
      awaitsHeir: false,
      redis: { id: state.replicationId, progress: progress.buffer },
      client: online ? (attempt?.client ?? null) : null,
    };
  }

  get receivedBytes(): number {
    return this.attempt?.progress.linkBytes ?? 0;
  }

  hasApplied(): boolean {
    return false;
  }

  kill(clientId: number, why: string): void {
    const { attempt } = this;
    if (attempt?.client?.id !== clientId) return;
    this.killedWhy = why;
    this.parts.threads.end(attempt.flow);
  }

  async end(): Promise<DataHistory | null> {
    clearInterval(this.timer);
    this.isEnding = true;
    const { attempt } = this;
    if (attempt !== null) {
      const ended = new Promise<void>((resolve) => this.idle.push(resolve));
      this.parts.threads.end(attempt.flow);
      await ended;
    }
    return this.state.isInPieces ? null : this.parts.own();
  }

  private tick(): void {
    const { attempt } = this;
    if (attempt !== null) {
      const { rdbBytes, rdbTotalBytes } = attempt.progress;
      attempt.progressLog?.note(Date.now(), rdbBytes, Math.max(0, rdbTotalBytes), rdbBytes);
    }
    if (this.attempt === null && this.state.isDue(Date.now())) this.start();
  }

  private start(): void {
    const { config, log, threads, runId } = this.parts;
    const { host, port } = this.primary;
    const { history } = this.state;
    if (this.lastFailure === '') log.notice(`Connecting to Redis ${host}:${port}`);
    const progress = new RedisProgress(RedisProgress.create(history));
    const attempt: Attempt = {
      ...{ progress, startedMs: Date.now() },
      ...{ flow: 0, isFull: false, hasConnected: false, client: null, progressLog: null },
    };
    this.attempt = attempt;
    const listener = {
      connected: () => {},
      redis: (event: RedisEvent) => this.take(attempt, event),
      ended: (reason: string) => this.ended(attempt, reason),
    };
    attempt.flow = threads.start(FLOW_INDEX, listener, (flow) => ({
      kind: 'follow-redis',
      ...{ flow, host, port, source: config.value('bind-source-addr') },
      handshake: {
        user: config.value('masteruser'),
        password: config.value('masterauth'),
        listeningPort: config.number('replica-announce-port') || config.number('port'),
        address: config.value('replica-announce-ip'),
        darterQuestion: ['DARTER', 'CHAIN', ROLES_VERSION, runId],
        history,
      },
      progress: progress.buffer,
    }));
  }

  private take(attempt: Attempt, event: RedisEvent): void {
    const { state, parts } = this;
    switch (event.kind) {
      case 'notice':
        parts.log.notice(event.text);
        return;
      case 'darter':
        parts.isDarter();
        return;
      case 'connected':
        attempt.hasConnected = true;
        attempt.client = { ...event.addresses, id: this.parts.clientId(), sinceMs: Date.now() };
        state.connected();
        break;
      case 'full':
        this.consented(attempt, event.history);
        break;
      case 'transfer':
        void this.replaceData(attempt);
        return;
      case 'loaded':
        this.becomeOnline(attempt, true);
        return;
      case 'continued':
        state.continued(event.id);
        this.becomeOnline(attempt, false);
        return;
    }
    void parts.changed();
  }

  private consented(attempt: Attempt, { id, offset }: RedisHistory): void {
    const { host, port } = this.primary;
    attempt.isFull = true;
    this.state.consented(id);
    this.parts.log.notice(`Full sync from Redis ${host}:${port}: ${id}:${offset}`);
  }

  /** The RDB begins to come: from here on there is no way back to the old data. */
  private async replaceData(attempt: Attempt): Promise<void> {
    const { shards, threads, replacing, changed, log } = this.parts;
    if (this.isEnding) return;
    const bytes = attempt.progress.rdbTotalBytes;
    const size = bytes < 0 ? 'straight from its memory' : `of ${(bytes / 1e6).toFixed(1)} MB`;
    log.notice(`Loading an RDB ${size}`);
    attempt.progressLog = new ProgressLog(log, 'Full sync');
    this.state.replacing();
    this.loading = true;
    this.progress = attempt.progress;
    replacing();
    await changed();
    if (this.isEnding || this.attempt !== attempt) return;
    prepareFullSync(shards, shards.keyHash);
    threads.go(attempt.flow);
  }

  private becomeOnline(attempt: Attempt, isFull: boolean): void {
    endProgress(attempt);
    const { log, synced, changed } = this.parts;
    const { host, port } = this.primary;
    const { progress } = attempt;
    this.progress = progress;
    if (isFull) {
      const seconds = Math.max(Date.now() - attempt.startedMs, 1) / 1000;
      const megabytes = progress.rdbBytes / 1e6;
      log.notice(
        `Full sync is complete: ${progress.keys} keys, ${megabytes.toFixed(1)} MB in ` +
          `${seconds.toFixed(2)} s`,
      );
      this.state.loaded();
    }
    this.loading = false;
    this.lastFailure = '';
    log.notice(
      `${isFull ? 'In stable sync' : 'The sync continues'} with Redis ${host}:${port} ` +
        `(${this.state.replicationId})`,
    );
    synced(isFull);
    void changed();
  }

  /** The flow has ended, and applies nothing any more. */
  private ended(attempt: Attempt, reason: string): void {
    endProgress(attempt);
    const { state, parts } = this;
    const { progress } = attempt;
    const wasOnline = this.online;
    const { offset, database, isWrong } = progress;
    state.lost(Date.now(), { offset, database }, isWrong);
    if (wasOnline) {
      this.downSinceMs = Date.now();
      this.progress = progress;
    }
    if (state.isInPieces) this.dropPieces();
    this.attempt = null;
    for (const resolve of this.idle.splice(0)) resolve();
    this.tellFailure(reason || this.killedWhy, wasOnline);
    this.killedWhy = '';
    if (!this.isEnding) void parts.changed();
  }

  /** Part of a data set is of no use: a full sync from a Redis begins anew. */
  private dropPieces(): void {
    const { shards } = this.parts;
    prepareFullSync(shards, shards.keyHash);
    this.loading = false;
  }

  private tellFailure(reason: string, wasOnline: boolean): void {
    const { log } = this.parts;
    const { host, port } = this.primary;
    if (reason !== '') this.shownFailure = reason;
    if (reason !== '' && reason !== this.lastFailure) {
      const seconds = (this.state.retryAtMs - Date.now()) / 1000;
      log.warning(
        wasOnline
          ? `The link to Redis ${host}:${port} is lost: ${reason}`
          : `No sync with Redis ${host}:${port}: ${reason}; trying again in ${seconds} s and so on`,
      );
    }
    this.lastFailure = wasOnline ? '' : reason;
  }
}

function endProgress(attempt: Attempt): void {
  attempt.progressLog?.close();
  attempt.progressLog = null;
}
