/**
 * Replication on the main thread: which role this server has, whose history its data is, who
 * follows it. Commands of the I/O threads arrive here as requests; every change goes out to all I/O
 * threads as a new status, and is in force when all of them have confirmed it.
 */
import { randomId } from '../../../base/random-id.js';
import type { HostAndPort } from '../../../commands/contract/replication-port.js';
import { JOURNAL_WRITTEN } from '../../../journal/counters.js';
import { NewestCut } from '../../../journal/cuts.js';
import { JournalRing } from '../../../journal/ring.js';
import { Shards } from '../../../keyspace/shards.js';
import { USED_PAGES } from '../../../memory/used-pages.js';
import { attachPagedRegion, attachRegion } from '../../../platform/ffi/region.js';
import * as errors from '../../../protocol/errors.js';
import {
  FULL_SYNCS,
  FULL_SYNCS_RESUMED,
  PARTIAL_SYNCS,
  PARTIAL_SYNCS_REFUSED,
} from '../../../replication/counters.js';
import { PrimaryState } from '../../../replication/primary/primary-state.js';
import type { RedisHistory } from '../../../replication/redis/handshake.js';
import type { DataHistory } from '../../../replication/replica/replica-state.js';
import { SUM_RECORDS } from '../../../replication/replica/sync-progress.js';
import type { Peer } from '../../../replication/roles/contract.js';
import { StreamLocks } from '../../../replication/stream-locks.js';
import type { RedisSyncRequest } from '../../channel/main-flow.js';
import { LOADING } from '../../channel/process-figures.js';
import {
  FIRST_STATUS,
  type LinkStatus,
  NO_LINK_YET,
  type ReplicationAnswer,
  type ReplicationNotice,
  type ReplicationRequest,
  type ReplicationStatus,
  type RequestingClient,
} from '../../channel/replication.js';
import type { Config } from '../../config/config.js';
import type { DataParts } from '../persistence/file-sync.js';
import type { History } from '../persistence/snapshots.js';
import { ConfirmedStatus } from './confirmed-status.js';
import type { DataChange } from './data-change.js';
import { drain } from './drain.js';
import { FlowThreadGroups, type FlowThreadGroupsParts } from './flow-thread-groups.js';
import type { FlowThreads } from './flow-threads.js';
import { JournalSwitch } from './journal-switch.js';
import { Journals } from './journals.js';
import { PrimaryLink } from './primary-link.js';
import { promotionNotices } from './promotion-notices.js';
import { type RedisFate, RedisReplicas } from './redis-replicas.js';
import { RunningRoles } from './role-host.js';
import { countKeys, ServedReplicas, type SyncKind } from './served-replicas.js';
import { ReplicationTraffic } from './traffic.js';
import type { UpstreamLink } from './upstream-link.js';
import { UpstreamLinks } from './upstream-links.js';

const TICK_MS = 100;
/**
 * When the threads that serve are started, if no replica has asked for them by then: it takes them longer
 * than many a full sync. A server that lives for seconds, as in a test, does without.
 */
const PREPARE_MS = 10_000;
/** How long the memory that a large record made a ring grow by is kept, about. */
const RELAX_MS = 1000;
/** The answer to COMMIT goes out before the connection that it came on is closed. */
const COMMIT_LINGER_MS = 200;
/** How many servers above each other are told of to those below. */
const CHAIN_MAX = 64;

export interface ManagerParts extends FlowThreadGroupsParts {
  readonly config: Config;
  readonly runId: string;
  readonly sendStatus: (number: number, status: ReplicationStatus) => void;
  readonly closeClient: (thread: number, clientId: number) => void;
  /** Whether the threads that serve replicas are started in advance. */
  readonly expectsReplicas: () => boolean;
  /** This server has the data of its primary: by a full sync, or by going on where it was. */
  readonly synced: (isFull: boolean) => void;
}

export class ReplicationManager {
  status: ReplicationStatus;
  /** The shards as this thread sees them. */
  readonly shards: Shards;
  private readonly rings: readonly JournalRing[];
  private readonly cuts: NewestCut;
  private readonly state: PrimaryState;
  private readonly replicas: ServedReplicas;
  private readonly redises: RedisReplicas;
  private readonly serving: FlowThreads;
  private readonly following: FlowThreads;
  private readonly links: UpstreamLinks;
  /** The Redis that this server followed before it was promoted, shown as the second id. */
  private promotedFrom: RedisHistory | null = null;
  /** Shown while this server is a replica without a link. */
  private becoming: LinkStatus | null = null;
  private readonly journals: Journals;
  private readonly journalSwitch: JournalSwitch;
  private readonly locks: StreamLocks;
  /** What this server's data is, or whose, is about to change. Nobody writes until it returns. */
  dataChanged: (change: DataChange, why: string) => void = () => {};
  private readonly running: RunningRoles;
  /** A takeover holds writes until then, and the end of the process. */
  private holdWritesUntilMs = 0;
  private drainUntilMs = 0;
  /** Counts the times that this server began to be a primary or a replica. */
  private roleNumber = 0;
  private readonly confirmed: ConfirmedStatus;
  private wasLoading = false;
  private readonly traffic: ReplicationTraffic;
  /** The directive as it was at the start: clients may come, and change it, before `start`. */
  private readonly configured: readonly string[];
  private isRoleChosen = false;
  /** What clients ask for waits until the data of the start is there. */
  private mayBeAsked: () => void = () => {};
  private readonly asked = new Promise<void>((resolve) => {
    this.mayBeAsked = resolve;
  });

  constructor(private readonly parts: ManagerParts) {
    const { config, log, control, shardBuffers, ringBuffers, databases, ioThreads } = parts;
    const owner = ioThreads + 1;
    this.traffic = new ReplicationTraffic(control);
    this.confirmed = new ConfirmedStatus(ioThreads, parts.sendStatus);
    this.shards = new Shards(
      shardBuffers.map((buffer) => attachPagedRegion(buffer)),
      databases,
      control.words,
      control.word(USED_PAGES).index,
      owner,
    );
    this.rings = ringBuffers.map((buffer) => new JournalRing(attachRegion(buffer)));
    this.locks = new StreamLocks(this.shards, this.rings, owner + 1);
    this.journals = new Journals(this.rings, this.locks);
    this.cuts = new NewestCut(parts.cutsBuffer, owner);
    this.state = new PrimaryState(this.shards.count, databases, randomId);
    const { serving, following } = new FlowThreadGroups(parts, owner + 1);
    this.serving = serving;
    this.following = following;
    this.replicas = new ServedReplicas({
      config,
      log,
      shards: this.shards,
      rings: this.rings,
      locks: this.locks,
      threads: this.serving,
      state: this.state,
      changed: () => void this.publish(),
      closeClient: parts.closeClient,
      counted: (kind) => this.count(kind),
      left: (id) => this.running.tell((roles) => roles.handOver.replicaLost(id)),
      owner: owner + 1,
    });
    this.redises = this.createRedises(owner + 1);
    this.running = new RunningRoles({
      config,
      log,
      runId: parts.runId,
      link: () => this.link,
      replica: (clientId) => this.replicas.online(clientId) ?? null,
      replicasAt: (heads) => this.replicas.linkedAt(heads),
      hold: (untilMs) => {
        this.holdWritesUntilMs = untilMs;
        return this.publish();
      },
      heads: () => this.journals.heads(),
      promote: () => this.promote(),
      follow: (primary, heir) => this.follow(primary, heir),
      changed: () => void this.publish(),
    });
    this.journalSwitch = new JournalSwitch({
      ...{ config, log, journals: this.journals },
      replicas: {
        count: () => this.replicaCount,
        emptyMs: (nowMs) => Math.min(this.replicas.emptyMs(nowMs), this.redises.emptyMs(nowMs)),
      },
      isFollowing: () => this.link !== null,
      isPrimary: () => this.running.roles.isPrimary,
      changed: () => this.publish(),
      ended: () => {
        this.state.startAnew();
        this.promotedFrom = null;
        this.redises.meet('end', 'the journal has ended');
      },
    });
    this.links = new UpstreamLinks({
      ...{ config, log, control, runId: parts.runId, owner: parts.ioThreads + 2 },
      ...{ shards: this.shards, cuts: this.cuts, journals: this.journals, state: this.state },
      ...{ threads: this.following, running: this.running, redises: this.redises },
      changed: () => this.publish(),
      dropReplicas: (why, redises, change) => this.dropReplicas(why, redises, change),
      synced: (isFull) => this.synced(isFull),
    });
    this.configured = config.words('replicaof');
    config.onChange('repl-backlog-size', () => {
      log.notice('repl-backlog-size takes effect at the next start');
    });
    this.status = { ...FIRST_STATUS, replicationId: this.state.replicationId };
  }

  private createRedises(owner: number): RedisReplicas {
    const { config, log, closeClient } = this.parts;
    return new RedisReplicas({
      ...{ config, log, closeClient, rings: this.rings, locks: this.locks, owner },
      threads: this.serving,
      changed: () => void this.publish(),
      counted: (kind) => this.count(kind),
      countKeys: () => countKeys(this.shards),
    });
  }

  /** The history of what was loaded at the start, until this server has a role. */
  private loaded: DataHistory | null = null;

  private get link(): UpstreamLink | null {
    return this.links.current;
  }

  /** Once the I/O threads serve, and the data is there. In force when it resolves. */
  async start(): Promise<void> {
    const [host, port] = this.configured;
    if (host !== undefined && port !== undefined && !this.isRoleChosen) {
      const primary = { host, port: Number(port) };
      await this.running.request({ kind: 'follow', primary });
    }
    // From here on clients may write.
    this.loaded = null;
    this.mayBeAsked();
    setInterval(() => this.tick(), TICK_MS).unref();
    setInterval(() => this.journals.relax(), RELAX_MS).unref();
    const prepare = () => this.parts.expectsReplicas() && this.serving.prepare();
    setTimeout(prepare, PREPARE_MS).unref();
    this.parts.config.onChange('maxmemory', prepare);
  }

  /** Nothing is written from here on, until `release`. */
  async hold(): Promise<void> {
    this.drainUntilMs = Number.POSITIVE_INFINITY;
    await this.publish();
  }

  async release(): Promise<void> {
    this.drainUntilMs = 0;
    await this.publish();
  }

  /** Whether the end of the process waits for replicas. */
  get mustDrain(): boolean {
    return this.link === null && (this.replicas.isAnyOnline || this.redises.isAnyOnline);
  }

  /** Before the process ends, while writes are held: replicas get all of them. */
  drain(timeoutMs: number, isCalledOff: () => boolean): Promise<void> {
    const { parts, replicas, redises, journals } = this;
    const { log, control } = parts;
    return drain({
      ...{ log, control, replicas, redises, timeoutMs, isCalledOff },
      heads: journals.heads(),
    });
  }

  /** The process ends. */
  async stop(): Promise<void> {
    await Promise.all([this.serving.stop(), this.following.stop()]);
  }

  private count(kind: SyncKind): void {
    const counter = {
      full: FULL_SYNCS,
      'full-resumed': FULL_SYNCS_RESUMED,
      partial: PARTIAL_SYNCS,
      'partial-refused': PARTIAL_SYNCS_REFUSED,
    }[kind];
    this.parts.control.threads[0]!.add(counter, 1);
  }

  // --- the status and its confirmation

  /** Resolves when every I/O thread has taken the status over. */
  private publish(): Promise<void> {
    const { state } = this;
    const writes = (this.link ?? this.becoming) === null && this.holdWritesUntilMs === 0;
    this.redises.meetDarters(this.replicas, this.drainUntilMs > 0, writes);
    this.status = {
      journaling: this.journals.isOn,
      journalSinceMs: this.journals.sinceMs,
      link: this.link?.status ?? this.becoming,
      loading: this.link?.loading ?? false,
      replicationId: state.replicationId,
      ...this.secondHistory,
      replicas: [...this.replicas.status, ...this.redises.status],
      redisStream: this.redises.stream,
      holdWritesUntilMs: Math.max(this.holdWritesUntilMs, this.drainUntilMs),
      ...this.running.roles.failoverStatus,
    };
    this.noteLoading();
    this.parts.log.role = this.status.link === null ? 'M' : 'S';
    return this.confirmed.send(this.status);
  }

  /** The history before the last promotion. Offsets are those of the server that was followed. */
  private get secondHistory(): Pick<ReplicationStatus, 'secondId' | 'secondOffset'> {
    const { state, promotedFrom } = this;
    if (promotedFrom !== null) {
      return { secondId: promotedFrom.id, secondOffset: promotedFrom.offset + 1 };
    }
    const { secondId, secondLsns } = state;
    const secondOffset =
      secondLsns.length === 0 ? -1 : secondLsns.reduce((sum, lsn) => sum + lsn, 1);
    return { secondId, secondOffset };
  }

  /** For INFO: another subject may be loading data too. */
  private noteLoading(): void {
    if (this.status.loading === this.wasLoading) return;
    this.wasLoading = this.status.loading;
    this.parts.control.word(LOADING).store(this.wasLoading ? 1 : 0);
  }

  /** A thread has taken a status over. */
  statusTaken(number: number): void {
    this.confirmed.taken(number);
  }

  // --- requests

  async request(request: ReplicationRequest): Promise<ReplicationAnswer> {
    if (request.kind === 'chain') return this.chain;
    if (request.kind === 'sync') {
      return this.running.inTurn(() => this.sync(request.client, request.words));
    }
    if (request.kind === 'redis-sync') {
      return this.running.inTurn(() => this.syncRedis(request.client, request.request));
    }
    if (request.kind === 'follow') this.isRoleChosen = true;
    await this.asked;
    return this.running.request(request);
  }

  /** The run ids of this server, its primary, the primary of that, as far as they are known. */
  private get chain(): string[] {
    const chain = [this.parts.runId];
    for (const runId of this.link?.chain ?? []) {
      if (chain.length === CHAIN_MAX || chain.includes(runId)) break;
      chain.push(runId);
    }
    return chain;
  }

  notice(notice: ReplicationNotice): void {
    if (notice.kind === 'flow') {
      this.replicas.flow(notice.syncId, notice.index, notice.descriptor);
    } else if (notice.kind === 'redis-socket') {
      this.redises.connected(notice.id, notice.descriptor);
    } else if (notice.kind === 'killed') {
      this.redises.kill(notice.clientId, notice.why);
      this.link?.kill(notice.clientId, notice.why);
    } else {
      this.replicas.dropClient(notice.clientId, 'its control connection ended');
      this.redises.dropClient(notice.clientId, 'its connection ended');
    }
  }

  private tick(): void {
    const nowMs = Date.now();
    this.replicas.tick(nowMs);
    this.redises.tick(nowMs);
    this.countTraffic();
    this.running.tell((roles) => roles.tick());
    this.journalSwitch.tick(nowMs);
  }

  private countTraffic(): void {
    const { traffic, replicas, redises, link } = this;
    const own = link instanceof PrimaryLink ? link.progress : null;
    const applied = own?.sums[SUM_RECORDS] ?? 0;
    traffic.count(replicas.sentBytes + redises.sentBytes, link?.receivedBytes ?? 0, applied);
  }

  /** Nobody is served from this data, or in this role, any longer. */
  private dropReplicas(why: string, redises: RedisFate, change: DataChange): void {
    this.replicas.dropAll(why);
    this.redises.meet(redises, why);
    this.dataChanged(change, why);
  }

  // --- files of flows

  /** What the data lies in, for who writes it to files or loads it. */
  get data(): DataParts {
    const { shards, rings, locks, cuts, serving } = this;
    return {
      ...{ shards, rings, locks, cuts, serving },
      owner: this.parts.ioThreads + 2,
      journalWritten: this.parts.control.signal(JOURNAL_WRITTEN),
    };
  }

  /** Why the data cannot be written to files now, or null. */
  get whyNoFiles(): string | null {
    const { link } = this;
    if (this.status.loading) return 'the data is being replaced by a full sync';
    if (link === null) return null;
    const { primaryShards } = link.status;
    if (primaryShards === 0 || primaryShards === this.shards.count) return null;
    return 'a replica with another number of shards than its primary cannot be saved';
  }

  get history(): History {
    const { link, state, running, cuts } = this;
    const own = link instanceof PrimaryLink ? link.progress : null;
    const isReplica = link !== null || !running.roles.isPrimary;
    return {
      replicationId: state.replicationId,
      role: isReplica ? 'replica' : 'primary',
      hasReplicas: this.replicaCount > 0,
      offset: Math.max(0, own?.offset ?? cuts.offset),
    };
  }

  /** Writes go to the journal when it resolves, until `releaseJournal`. */
  holdJournal(): Promise<void> {
    return this.journalSwitch.hold();
  }

  releaseJournal(): void {
    this.journalSwitch.release();
  }

  /** All threads have told what they have counted when it resolves. */
  countChanges(): Promise<void> {
    return this.publish();
  }

  /** Threads that load files at the start. They serve and write afterwards. */
  get loading(): FlowThreads {
    return this.serving;
  }

  /**
   * What was loaded is of this history; the rings begin at its LSNs. Called before `start`.
   * @param continues whether replicas may come that have exactly this
   */
  async adoptLoaded(history: DataHistory, continues: boolean): Promise<void> {
    this.loaded = history;
    if (this.configured.length > 0) this.state.adopt(history.id, null);
    if (!continues || this.configured.length > 0) return;
    this.state.promote(history.id, history.lsns);
    this.journals.continue();
    await this.publish();
  }

  // --- the primary's side

  private async sync(
    client: RequestingClient,
    words: readonly string[],
  ): Promise<ReplicationAnswer> {
    this.running.tell((roles) => roles.handOver.rejoined(client.runId));
    const refusal = this.syncRefusal;
    if (refusal !== null) return refusal;
    await this.journalSwitch.onForReplicas();
    return this.replicas.begin(client, words);
  }

  /** A Redis asks for a sync. */
  private async syncRedis(
    client: RequestingClient,
    request: RedisSyncRequest,
  ): Promise<ReplicationAnswer> {
    const refusal = this.syncRefusal;
    if (refusal !== null) return refusal;
    // An RDB alone needs no journal.
    if (!request.rdbOnly) await this.journalSwitch.onForReplicas();
    return this.redises.begin(client, request);
  }

  /** Why this server cannot have replicas now, or null. */
  private get syncRefusal(): string | null {
    const { link } = this;
    if (link === null && this.running.roles.isPrimary) return null;
    if (link?.online !== true) return `-${errors.NO_MASTER_LINK.text}`;
    if (link.status.primaryShards === this.shards.count) return null;
    return '-ERR this replica has another number of shards than its primary, and cannot serve replicas';
  }

  private get replicaCount(): number {
    return this.replicas.count + this.redises.count;
  }

  // --- changes of role

  /** @param heir the process that has taken over from this server, and is the only one it is to follow */
  private async follow(primary: HostAndPort, heir: Peer | null): Promise<void> {
    const { config, log } = this.parts;
    const number = ++this.roleNumber;
    config.assign('replicaof', [primary.host, String(primary.port)]);
    if (heir === null) {
      const history = await this.leaveRole();
      log.notice(`REPLICAOF ${primary.host}:${primary.port}`);
      await this.beginToFollow(primary, history);
      return;
    }
    // From here on nothing is written. The rest has time until the heir has our answer.
    await this.publishAsReplica(primary);
    setTimeout(() => {
      void this.running.inTurn(async () => {
        if (number !== this.roleNumber) return;
        await this.beginToFollow(primary, await this.leaveRole());
      });
    }, COMMIT_LINGER_MS);
  }

  /** Ends what the server was. @returns the history of its data, if others may share it */
  private async leaveRole(): Promise<DataHistory | undefined> {
    if (this.link !== null) {
      const history = await this.links.end();
      this.leave('this server changes its primary', history !== null);
      return history ?? undefined;
    }
    this.leave('this server becomes a replica', this.journals.isOn);
    const { loaded } = this;
    this.loaded = null;
    // Nothing was written since the load: a primary may continue from there.
    if (loaded !== null) return loaded;
    return this.journals.isOn ? { id: this.state.replicationId, lsns: [] } : undefined;
  }

  /** @param goesOn whether the next primary may let this server go on where it is */
  private leave(why: string, goesOn: boolean): void {
    this.dropReplicas(why, goesOn ? 'drop' : 'end', goesOn ? 'none' : 'replaced');
  }

  private async beginToFollow(
    primary: HostAndPort,
    history: DataHistory | undefined,
  ): Promise<void> {
    const wasPrimary = history !== undefined && history.lsns.length === 0;
    this.following.prepare();
    // First no thread writes any more: then the journal's heads are final.
    await this.publishAsReplica(primary);
    this.cuts.clear(true);
    this.redises.setRole(false);
    const final = wasPrimary ? { id: history.id, lsns: this.journals.heads() } : history;
    const streams = this.rings.length;
    const isUsable = final !== undefined && (final.lsns.length === streams || !wasPrimary);
    this.promotedFrom = null;
    this.links.begin(primary, isUsable ? final : undefined);
    this.becoming = null;
    await this.publish();
  }

  private synced(isFull: boolean): void {
    this.running.tell((roles) => roles.linked());
    this.parts.synced(isFull);
  }

  /** All threads treat the server as a replica before it connects. */
  private publishAsReplica(primary: HostAndPort): Promise<void> {
    this.holdWritesUntilMs = 0;
    const awaitsHeir = this.running.roles.expectedHeir !== null;
    this.becoming = { ...NO_LINK_YET, ...primary, awaitsHeir };
    return this.publish();
  }

  private async promote(): Promise<void> {
    const { link } = this;
    this.roleNumber++;
    this.parts.config.assign('replicaof', ['no', 'one']);
    this.holdWritesUntilMs = 0;
    // A role that was given away may come back before there was a link: then nothing has changed.
    const change = link === null ? 'none' : await this.continueFrom(link);
    this.becoming = null;
    const why = 'this server has become a primary';
    this.dropReplicas(why, this.journals.isOn ? 'drop' : 'end', change);
    this.cuts.clear(false);
    await this.publish();
    this.redises.setRole(true);
    for (const line of promotionNotices(this.state, this.promotedFrom)) this.parts.log.notice(line);
  }

  /** Ends the link. The data is of a history of its own from here on, which goes on the primary's. */
  private async continueFrom(link: UpstreamLink): Promise<DataChange> {
    const isAlike = link.status.primaryShards === this.shards.count;
    const history = await this.links.end();
    // From here on the data changes without a Redis: none can continue its history.
    this.promotedFrom = this.links.redisHistory;
    this.links.redisHistory = null;
    if (history !== null && (isAlike || history.lsns.length === this.rings.length)) {
      this.state.promote(history.id, history.lsns);
      this.journals.continue();
      return 'history';
    }
    this.state.startAnew();
    this.journals.isOn = false;
    return 'replaced';
  }
}
