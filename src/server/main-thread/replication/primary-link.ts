/**
 * A replica's link to its primary, on the main thread: the control connection, the hand-shake, the
 * flows and their common fate. What is decided is ReplicaState's; here are sockets and timers.
 *
 *   connect ─▶ PING, AUTH, REPLCONF ─▶ DARTER SYNC ─▶ flows connect ─▶ (old data goes) ─▶ flows apply
 *
 * Whatever goes wrong ends all of it; when the last flow has ended, the next attempt is due after
 * the back-off.
 */
import type { Log } from '../../../base/log.js';
import { shownFromPeer } from '../../../base/peer-text.js';
import type { HostAndPort } from '../../../commands/contract/replication-port.js';
import type { Shards } from '../../../keyspace/shards.js';
import { HALF_SYNC, halfToWords } from '../../../replication/half-sync.js';
import { streamsOf } from '../../../replication/primary/primary-state.js';
import {
  type PendingMemory,
  PendingStreams,
} from '../../../replication/replica/pending-streams.js';
import {
  type DataHistory,
  ReplicaState,
  type SyncReply,
} from '../../../replication/replica/replica-state.js';
import { prepareFullSync } from '../../../replication/replica/shard-writer.js';
import { SUM_BYTES, SUM_KEYS, SyncProgress } from '../../../replication/replica/sync-progress.js';
import type { LinkClient, LinkStatus } from '../../channel/replication.js';
import type { Config } from '../../config/config.js';
import { readClientOptions } from '../../config/tls.js';
import { ProgressLog } from '../progress-log.js';
import type { FlowThreads } from './flow-threads.js';
import {
  type Ask,
  authenticate,
  connectControl,
  demandOk,
  lineOf,
  ROLES_VERSION,
} from './peer-connection.js';
import type { ControlClient, ControlReply } from './resp-client.js';
import { shareStreams } from './served-replicas.js';
import type { UpstreamLink } from './upstream-link.js';

const TICK_MS = 50;
const SYNC_TICK_MS = 5;
const ACKNOWLEDGE_MS = 1000;
/** Address space for records that are longer than a window: as much as one region may have. */
const LARGE_RECORDS_BYTES = 2 ** 31;
/** How soon a server that has given its role away tries again to follow its heir, at the latest. */
const RETRY_HEIR_MS = 500;

export interface PrimaryLinkParts {
  readonly config: Config;
  readonly log: Log;
  readonly shards: Shards;
  readonly threads: FlowThreads;
  readonly owner: number;
  /** This server's. */
  readonly runId: string;
  /** The only process that may be followed now, if there is one. */
  readonly expectedRunId: () => string | null;
  /** Whether it is the process that stands there. */
  readonly heirSought: (isFound: boolean) => void;
  /** The server at the address is no Darter: another link has to follow it, as a Redis. */
  readonly isRedis: () => void;
  /** The servers above this one have changed; sub-replicas have to learn it. */
  readonly rearranged: () => void;
  /** The status has changed; resolves when all threads know. */
  readonly changed: () => Promise<void>;
  readonly synced: (isFull: boolean) => void;
  /** The next client's number. */
  readonly clientId: () => number;
  /** The primary begins to serve this server. @returns false when it may not: the role has changed */
  readonly joining: () => boolean;
  /** The data set is about to be replaced: nobody can be served from it. */
  readonly replacing: () => void;
  /**
   * The data is of this history from here on: it has become whole by a full sync (`from` null), or
   * is about to be continued from these LSNs. Sub-replicas have to be dropped before more comes.
   */
  readonly adopt: (replicationId: string, from: readonly number[] | null) => void;
}

type ParsedReply = SyncReply & { readonly keys: number; readonly syncName: string };

interface Attempt {
  client: ControlClient | null;
  shown: LinkClient | null;
  readonly flows: Set<number>;
  connected: number;
  from: readonly number[] | null;
  progress: SyncProgress | null;
  /** What its flows share; given back when they have ended. */
  pending: PendingMemory | null;
  primaryShards: number;
  reply: ParsedReply | null;
  syncTimer: NodeJS.Timeout | null;
  progressLog: ProgressLog | null;
  acknowledgeTimer: NodeJS.Timeout | null;
  failed: string | null;
  startedMs: number;
  /** Whether the flows apply what comes. */
  hasBegun: boolean;
}

/** What stands behind the address knows no DARTER CHAIN. */
class NotADarter extends Error {}

export class PrimaryLink implements UpstreamLink {
  readonly state: ReplicaState;
  loading = false;
  /** The run ids of the primary, its primary, and so on, as it told them last. */
  chain: readonly string[] = [];
  private attempt: Attempt | null = null;
  /** The progress of a full sync whose link was cut, as long as that may go on. */
  private cutProgress: SharedArrayBuffer | null = null;
  private readonly timer: NodeJS.Timeout;
  private downSinceMs = -1;
  /** Offset of the last cut that was applied on an earlier link and still counts. */
  private lastOffset = 0;
  private lastFailure = '';
  private shownFailure = '';
  private idle: (() => void)[] = [];

  constructor(
    private readonly parts: PrimaryLinkParts,
    readonly primary: HostAndPort,
    history: DataHistory | undefined,
  ) {
    const { shards } = parts;
    this.state = new ReplicaState(shards.count, shards.databases);
    this.lastOffset = history?.offset ?? 0;
    this.state.follow(primary.host, primary.port, Date.now(), history);
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.tick();
  }

  get status(): LinkStatus {
    const { state, attempt, primary } = this;
    const words = { none: 'connect', connect: 'connect', handshake: 'handshake', sync: 'sync' };
    return {
      ...primary,
      state: state.step === 'online' ? 'connected' : words[state.step],
      up: state.step === 'online',
      progress: attempt?.progress?.buffer ?? null,
      primaryShards: attempt?.primaryShards ?? 0,
      fullSync: attempt?.reply != null && attempt.reply.mode !== 'CONTINUE',
      keysTotal: attempt?.reply?.keys ?? 0,
      bytesTotal: 0,
      syncStartedMs: attempt?.startedMs ?? 0,
      offset: this.lastOffset,
      downSinceMs: state.step === 'online' ? 0 : this.downSinceMs,
      failure: state.step === 'online' ? '' : shownFromPeer(this.shownFailure),
      awaitsHeir: state.step !== 'online' && this.parts.expectedRunId() !== null,
      redis: null,
      client: state.step === 'online' ? (attempt?.shown ?? null) : null,
    };
  }

  get online(): boolean {
    return this.state.step === 'online';
  }

  get progress(): SyncProgress | null {
    return this.attempt?.progress ?? null;
  }

  /** '' before it was told. */
  get primaryRunId(): string {
    return this.chain[0] ?? '';
  }

  /** Whether the data is whole and has everything up to these LSNs of the primary's journals. */
  hasApplied(heads: readonly number[]): boolean {
    const { state, progress } = this;
    if (state.replicationId === '?') return false;
    const lsns = state.step === 'online' && progress !== null ? progress.applied : state.lsns;
    return heads.every((head, shard) => lsns[shard]! >= head);
  }

  get receivedBytes(): number {
    return this.progress?.sums[SUM_BYTES] ?? 0;
  }

  get control(): ControlClient | null {
    return this.attempt?.client ?? null;
  }

  kill(clientId: number, why: string): void {
    const { attempt } = this;
    if (attempt?.shown?.id === clientId) this.fail(attempt, why);
  }

  /** Ends the link. @returns the history that the data has, null when it is in pieces */
  async end(): Promise<DataHistory | null> {
    clearInterval(this.timer);
    const { attempt, state } = this;
    if (attempt !== null) {
      this.fail(attempt, '');
      await new Promise<void>((resolve) => {
        this.idle.push(resolve);
        this.finished(attempt);
      });
    }
    this.dropHalf();
    return state.unfollow(Date.now(), state.lsns);
  }

  /** The data may have become whole a moment before the link was lost. */
  private noteReady(attempt: Attempt): void {
    const { progress, hasBegun } = attempt;
    if (!this.loading || !hasBegun || progress === null) return;
    if (progress.failed || !progress.ready) return;
    this.becomeReady(attempt);
    if (attempt.acknowledgeTimer !== null) clearInterval(attempt.acknowledgeTimer);
  }

  /** Half a data set is of use only as long as the full sync may go on. */
  private dropHalf(): void {
    const { shards } = this.parts;
    this.cutProgress = null;
    if (!this.loading) return;
    prepareFullSync(shards, shards.keyHash);
    this.loading = false;
  }

  private tick(): void {
    if (this.attempt === null && this.state.due(Date.now())) void this.start();
  }

  private async start(): Promise<void> {
    const attempt: Attempt = {
      client: null,
      shown: null,
      flows: new Set(),
      connected: 0,
      from: null,
      progress: null,
      pending: null,
      primaryShards: 0,
      reply: null,
      syncTimer: null,
      progressLog: null,
      acknowledgeTimer: null,
      failed: null,
      startedMs: Date.now(),
      hasBegun: false,
    };
    this.attempt = attempt;
    try {
      await this.handshake(attempt);
      this.startFlows(attempt);
    } catch (error) {
      // A server that has given its role away follows no other than its heir.
      const isNoDarter = error instanceof NotADarter;
      const isRedis = isNoDarter && this.parts.expectedRunId() === null;
      if (isNoDarter && !isRedis) this.parts.heirSought(false);
      if (isRedis && attempt.failed === null) this.parts.isRedis();
      this.fail(attempt, isRedis ? '' : error instanceof Error ? error.message : String(error));
    }
  }

  private async handshake(attempt: Attempt): Promise<void> {
    const { config, log } = this.parts;
    const { host, port } = this.primary;
    const timeoutMs = config.number('repl-timeout') * 1000;
    if (this.lastFailure === '') log.notice(`Connecting to primary ${host}:${port}`);
    const client = await connectControl(config, this.primary, timeoutMs);
    attempt.client = client;
    attempt.shown = { ...client.addresses, id: this.parts.clientId(), sinceMs: Date.now() };
    if (attempt.failed !== null) {
      client.end('');
      throw new Error(attempt.failed);
    }
    client.onEnd = (reason) => this.fail(attempt, reason);
    this.state.connected(Date.now());
    void this.parts.changed();
    const ask: Ask = (...words) => client.command(words, timeoutMs);
    const ping = await ask('PING');
    if (typeof ping !== 'string' || !/^\+PONG|^-NOAUTH|^-NOPERM|^-ERR operation/.test(ping)) {
      throw new Error(`the primary answers PING with ${lineOf(ping)}`);
    }
    await authenticate(config, ask);
    const announced = config.number('replica-announce-port') || listeningPort(config);
    demandOk(await ask('REPLCONF', 'listening-port', String(announced)));
    const address = config.value('replica-announce-ip');
    if (address !== '') demandOk(await ask('REPLCONF', 'ip-address', address));
    demandOk(await ask('REPLCONF', 'capa', 'darter'));
    this.learnChain(await ask('DARTER', 'CHAIN', ROLES_VERSION, this.parts.runId));
    const request = this.state.request();
    const { threads } = this.parts;
    const answer = await ask(
      ...['DARTER', 'SYNC', String(request.version), request.replicationId],
      ...[request.shards, request.databases, threads.count].map(String),
      ...(request.half === null
        ? request.lsns.map(String)
        : [HALF_SYNC, ...halfToWords(request.half)]),
    );
    attempt.reply = parseSyncReply(answer);
  }

  /** @throws Error when it shows that this primary must not be followed */
  private learnChain(answer: ControlReply): void {
    const { runId, expectedRunId, rearranged } = this.parts;
    const chain = parseChain(answer);
    const isOther = this.chain.length > 0 && this.chain.join() !== chain.join();
    this.chain = chain;
    const circle = chain.indexOf(runId);
    if (circle === 0) throw new Error('it is this server itself');
    if (circle > 0) {
      throw new Error(`it follows this server: a circle of ${circle + 1} servers has no primary`);
    }
    const expected = expectedRunId();
    const isFound = expected === null || chain[0] === expected;
    if (expected !== null) this.parts.heirSought(isFound);
    if (!isFound) {
      throw new Error(
        'the server that took over has started again, and may have lost data; this one keeps it. ' +
          'REPLICAOF tells it what to be',
      );
    }
    if (isOther) rearranged();
  }

  private startFlows(attempt: Attempt): void {
    const { config, shards, threads, owner, log } = this.parts;
    const reply = attempt.reply!;
    if (attempt.failed !== null) return;
    if (!this.parts.joining()) throw new Error('this server becomes a primary');
    const action = this.state.answered(reply, Date.now());
    if (action.kind === 'give-up') throw new Error(action.why);
    const from = action.kind === 'start-continue' ? action.from : null;
    const streams = streamsOf(reply.shards);
    attempt.from = from;
    const kept = action.kind === 'start-resume' ? this.cutProgress : null;
    const buffer = kept ?? SyncProgress.create(streams, from, this.lastOffset);
    // New for each attempt: a failure may have left something in the memory of the last one.
    const pending = PendingStreams.create(streams, reply.windowBytes, LARGE_RECORDS_BYTES);
    attempt.pending = pending;
    attempt.primaryShards = reply.shards;
    attempt.progress = new SyncProgress(buffer, streams, owner);
    if (kept !== null) attempt.progress.reopen();
    if (from === null) {
      log.notice(
        `${kept === null ? 'Full sync' : 'The full sync goes on'} from primary ${this.primary.host}:${this.primary.port}: ${reply.keys} keys, ` +
          `${reply.flows} flows${reply.shards === shards.count ? '' : `, ${reply.shards} shards`}`,
      );
    }
    const tls = readClientOptions((name) => config.value(name));
    shareStreams(reply.shards, reply.flows).forEach((mine, index) => {
      const listener = {
        connected: () => this.flowConnected(attempt),
        ended: (reason: string) => {
          attempt.flows.delete(flow);
          this.fail(attempt, reason);
          this.finished(attempt);
        },
      };
      const flow = threads.start(index, listener, (number) => ({
        kind: 'follow',
        flow: number,
        ...this.primary,
        tls,
        source: config.value('bind-source-addr'),
        user: config.value('masteruser'),
        password: config.value('masterauth'),
        syncId: reply.syncName,
        index,
        mine,
        primaryShards: reply.shards,
        progress: buffer,
        pending,
      }));
      attempt.flows.add(flow);
    });
    void this.parts.changed();
  }

  private flowConnected(attempt: Attempt): void {
    attempt.connected++;
    if (attempt.failed !== null || attempt.connected < attempt.reply!.flows) return;
    this.replaceData(attempt).catch((error: Error) => this.fail(attempt, error.message));
  }

  /** All flows are connected: from here on there is no way back to the old data. */
  private async replaceData(attempt: Attempt): Promise<void> {
    const { shards, threads } = this.parts;
    const { mode, replicationId, hashKey0, hashKey1, spread } = attempt.reply!;
    this.cutProgress = null;
    if (mode === 'FULL') {
      this.parts.replacing();
      this.loading = true;
      this.lastOffset = 0;
      await this.parts.changed();
      if (attempt.failed !== null) return;
      prepareFullSync(shards, { key0: hashKey0, key1: hashKey1, spread });
    } else if (mode === 'CONTINUE') {
      // First of all: what comes now is passed on to sub-replicas, and may be of a new id. Should
      // the link be lost again soon, the old id still has to end where the new one began.
      this.parts.adopt(replicationId, attempt.from);
    }
    attempt.hasBegun = true;
    for (const flow of attempt.flows) threads.go(flow);
    const { keys } = attempt.reply!;
    const progressLog = new ProgressLog(this.parts.log, 'Full sync');
    attempt.progressLog = progressLog;
    attempt.syncTimer = setInterval(() => {
      const progress = attempt.progress!;
      const nowMs = Date.now();
      if (progress.ready) {
        if (mode !== 'CONTINUE')
          progressLog.end(nowMs, progress.sums[SUM_KEYS]!, progress.sums[SUM_BYTES]!, 0);
        this.becomeReady(attempt);
      } else {
        progressLog.note(nowMs, progress.sums[SUM_KEYS]!, keys, progress.sums[SUM_BYTES]!);
      }
    }, SYNC_TICK_MS);
  }

  private becomeReady(attempt: Attempt): void {
    if (attempt.syncTimer !== null) clearInterval(attempt.syncTimer);
    attempt.syncTimer = null;
    attempt.progressLog?.close();
    const { log } = this.parts;
    const { mode, replicationId } = attempt.reply!;
    const isFull = mode !== 'CONTINUE';
    this.state.ready(Date.now());
    this.loading = false;
    this.lastFailure = '';
    log.notice(
      `${isFull ? 'In stable sync' : 'The sync continues'} with primary ` +
        `${this.primary.host}:${this.primary.port}`,
    );
    this.parts.synced(isFull);
    if (isFull) this.parts.adopt(replicationId, null);
    attempt.acknowledgeTimer = setInterval(() => {
      attempt.client?.tell(['REPLCONF', 'ACK', String(attempt.progress!.offset)]);
    }, ACKNOWLEDGE_MS);
    void this.parts.changed();
  }

  private fail(attempt: Attempt, reason: string): void {
    if (attempt.failed !== null) return;
    attempt.failed = reason;
    if (attempt.syncTimer !== null) clearInterval(attempt.syncTimer);
    attempt.progressLog?.close();
    if (attempt.acknowledgeTimer !== null) clearInterval(attempt.acknowledgeTimer);
    attempt.client?.end('');
    for (const flow of attempt.flows) this.parts.threads.end(flow);
    this.finished(attempt);
  }

  /** When all flows have ended, the attempt is over. */
  private finished(attempt: Attempt): void {
    if (attempt.failed === null || attempt.flows.size > 0) return;
    if (attempt.pending !== null) PendingStreams.giveBack(attempt.pending);
    attempt.pending = null;
    for (const resolve of this.idle.splice(0)) resolve();
    if (this.attempt !== attempt) return;
    const { log } = this.parts;
    const { progress, failed: reason } = attempt;
    this.noteReady(attempt);
    const wasOnline = this.online;
    const half = attempt.hasBegun ? (progress?.half ?? null) : null;
    this.state.lost(
      Date.now(),
      progress === null ? [] : [...progress.applied],
      progress?.failed ?? false,
      half,
    );
    if (half !== null) this.cutProgress = progress!.buffer;
    if (progress !== null) this.lastOffset = progress.failed ? 0 : progress.offset;
    if (wasOnline) this.downSinceMs = Date.now();
    if (reason !== '') this.shownFailure = reason!;
    if (this.parts.expectedRunId() !== null) {
      // It is a primary in a moment, if it is not one already.
      this.state.retryAtMs = Math.min(this.state.retryAtMs, Date.now() + RETRY_HEIR_MS);
    }
    if (!this.state.hasHalf) this.dropHalf();
    this.attempt = null;
    if (reason !== '' && reason !== this.lastFailure) {
      const { host, port } = this.primary;
      const next = `trying again in ${(this.state.retryAtMs - Date.now()) / 1000} s and so on`;
      log.warning(
        wasOnline
          ? `The link to primary ${host}:${port} is lost: ${reason}`
          : `No sync with primary ${host}:${port}: ${reason}; ${next}`,
      );
    }
    this.lastFailure = wasOnline ? '' : reason!;
    void this.parts.changed();
  }
}

/** @throws Error for an answer that is none of a Darter of this version */
function parseChain(answer: ControlReply): readonly string[] {
  if (typeof answer !== 'string') {
    if (answer.length > 0 && answer.every((runId) => /^[0-9a-f]{40}$/.test(runId))) return answer;
    throw new Error('the primary gives an answer without sense');
  }
  if (/^-ERR unknown command/i.test(answer)) {
    throw new NotADarter('the primary is not the Darter that took over');
  }
  throw new Error(`the primary answers ${shownFromPeer(answer)}`);
}

/** @throws Error for an answer that is not this protocol's */
/** Where replicas of this server would connect, with TLS if they all do. */
function listeningPort(config: Config): number {
  const tlsPort = config.flag('tls-replication') ? config.number('tls-port') : 0;
  return tlsPort || config.number('port');
}

function parseSyncReply(answer: ControlReply): ParsedReply {
  if (typeof answer === 'string') {
    throw new Error(`the primary answers ${shownFromPeer(answer)}`);
  }
  const [mode, syncName, replicationId, ...figures] = answer;
  const numbers = figures.map(Number);
  const [version, shards, databases, hashKey0, hashKey1, spread, flows, keys, window] = numbers;
  const isMode = mode === 'FULL' || mode === 'RESUME' || mode === 'CONTINUE';
  if (!isMode || numbers.length < 9) {
    throw new Error('the primary gives an answer of another version');
  }
  if (!numbers.every((number) => Number.isSafeInteger(number))) {
    throw new Error('the primary gives an answer without sense');
  }
  return {
    mode,
    syncId: 0,
    syncName: syncName!,
    replicationId: replicationId!,
    version: version!,
    shards: shards!,
    databases: databases!,
    hashKey0: hashKey0!,
    hashKey1: hashKey1!,
    spread: spread!,
    flows: flows!,
    keys: keys!,
    windowBytes: window!,
  };
}
