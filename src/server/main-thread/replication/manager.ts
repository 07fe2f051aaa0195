/**
 * Replication on the main thread: which role this server has, whose history its data is, who
 * follows it. Commands of the I/O threads arrive here as requests; every change goes out to all I/O
 * threads as a new status, and is in force when all of them have confirmed it.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../../base/log.js';
import { shownFromPeer } from '../../../base/peer-text.js';
import type { HostAndPort } from '../../../commands/contract/replication-port.js';
import { NewestCut } from '../../../journal/cuts.js';
import { JournalRing } from '../../../journal/ring.js';
import { Shards } from '../../../keyspace/shards.js';
import type { ControlBlock } from '../../../memory/control.js';
import { USED_PAGES } from '../../../memory/used-pages.js';
import { attachPagedRegion, attachRegion } from '../../../platform/ffi/region.js';
import * as errors from '../../../protocol/errors.js';
import {
  FULL_SYNCS,
  PARTIAL_SYNCS,
  PARTIAL_SYNCS_REFUSED,
  REPLICATION_INPUT_BYTES,
  REPLICATION_OUTPUT_BYTES,
} from '../../../replication/counters.js';
import { PrimaryState } from '../../../replication/primary/primary-state.js';
import { LOADING } from '../../channel/process-figures.js';
import {
  FIRST_STATUS,
  type ReplicationAnswer,
  type ReplicationNotice,
  type ReplicationRequest,
  type ReplicationStatus,
  type RequestingClient,
} from '../../channel/replication.js';
import type { Config } from '../../config/config.js';
import { FlowThreads } from './flow-threads.js';
import { PrimaryLink } from './primary-link.js';
import type { ControlReply } from './resp-client.js';
import { ServedReplicas } from './served-replicas.js';

const TICK_MS = 100;
/**
 * When the threads that serve are started in advance: it takes them longer than many a full sync.
 */
const PREPARE_MS = 1000;
/** How long the memory that a large record made a ring grow by is kept, about. */
const RELAX_MS = 1000;
export const FLOW_THREADS_MAX = 8;
/**
 * A replica's clients go before its full sync: with an equal share of the cores installing frames
 * takes whole time slices from them (median latency 4 ms instead of 1.3 on two full cores).
 */
const FOLLOWING_NICE = 5;
/**
 * How far the journal's positions jump when it is switched on: what was written before had none.
 */
const JOURNAL_GAP_BYTES = 8;
/** The reply to DEMOTE goes out before the connection that it came on is closed. */
const DEMOTE_LINGER_MS = 200;
const POLL_MS = 2;

export interface ManagerParts {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly shardBuffers: readonly SharedArrayBuffer[];
  readonly ringBuffers: readonly SharedArrayBuffer[];
  readonly cutsBuffer: SharedArrayBuffer;
  readonly databases: number;
  readonly ioThreads: number;
  /** How many commands there are. */
  readonly commands: number;
  readonly sendStatus: (number: number, status: ReplicationStatus) => void;
  readonly closeClient: (thread: number, clientId: number) => void;
  /** This server has the data of its primary: by a full sync, or by going on where it was. */
  readonly synced: (isFull: boolean) => void;
  readonly died: (error: Error) => void;
}

function newId(): string {
  return randomBytes(20).toString('hex');
}

export class ReplicationManager {
  status: ReplicationStatus;
  /** The shards as this thread sees them. */
  readonly shards: Shards;
  private readonly rings: readonly JournalRing[];
  private readonly cuts: NewestCut;
  private readonly state: PrimaryState;
  private readonly replicas: ServedReplicas;
  /** Apart, as those that follow yield to others, for good (a process may not take that back). */
  private readonly serving: FlowThreads;
  private readonly following: FlowThreads;
  private link: PrimaryLink | null = null;
  private journaling = false;
  private journalSinceMs = 0;
  private holdWritesUntilMs = 0;
  private statusNumber = 0;
  private wasLoading = false;
  private sentBytes = 0;
  private receivedBytes = 0;
  private confirmations: { number: number; left: number; resolve: () => void }[] = [];
  /** The directive as it was at the start: clients may come, and change it, before `start`. */
  private readonly configured: readonly string[];
  private isRoleChosen = false;
  /** Changes of role come one after the other. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: ManagerParts) {
    const { config, log, control, shardBuffers, ringBuffers, databases, ioThreads } = parts;
    const { cutsBuffer } = parts;
    const owner = ioThreads + 1;
    this.shards = new Shards(
      shardBuffers.map((buffer) => attachPagedRegion(buffer)),
      databases,
      control.words,
      control.word(USED_PAGES).index,
      owner,
    );
    this.rings = ringBuffers.map((buffer) => new JournalRing(attachRegion(buffer)));
    this.cuts = new NewestCut(cutsBuffer, owner);
    this.state = new PrimaryState(this.shards.count, databases, newId);
    const data = {
      shardBuffers,
      ringBuffers,
      cutsBuffer,
      controlBuffer: control.buffer,
      ioThreads,
      databases,
      commands: parts.commands,
    };
    const count = Math.min(ioThreads, FLOW_THREADS_MAX);
    const createThreads = (firstThread: number, follows: boolean, nice: number) =>
      new FlowThreads({
        count,
        firstThread,
        data: { ...data, follows, nice },
        notStarted: (reason) => log.warning(reason),
        died: parts.died,
      });
    this.serving = createThreads(owner + 1, false, 0);
    this.following = createThreads(owner + 1 + count, true, FOLLOWING_NICE);
    this.replicas = new ServedReplicas({
      config,
      log,
      shards: this.shards,
      rings: this.rings,
      threads: this.serving,
      state: this.state,
      changed: () => void this.publish(),
      closeClient: parts.closeClient,
      counted: (kind) => this.count(kind),
      owner: owner + 1,
    });
    this.configured = config.words('replicaof');
    config.onChange('repl-backlog-size', () => {
      log.notice('repl-backlog-size takes effect at the next start');
    });
    this.status = { ...FIRST_STATUS, replicationId: this.state.replicationId };
  }

  /** Once the I/O threads serve. */
  start(): void {
    const [host, port] = this.configured;
    if (host !== undefined && port !== undefined) {
      void this.inTurn(async () => {
        if (!this.isRoleChosen) await this.beginToFollow({ host, port: Number(port) }, undefined);
      });
    }
    setInterval(() => this.tick(), TICK_MS).unref();
    setInterval(() => this.relaxRings(), RELAX_MS).unref();
    setTimeout(() => this.serving.prepare(), PREPARE_MS).unref();
  }

  /** Before the process ends: writes are held back until replicas have all of them. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.link !== null || timeoutMs === 0 || !this.replicas.isAnyOnline) return;
    const deadlineMs = Date.now() + timeoutMs;
    this.holdWritesUntilMs = deadlineMs;
    await this.publish();
    const heads = this.heads();
    const { log } = this.parts;
    const lagging = () => this.replicas.lagging(heads);
    if (lagging() > 0) log.notice(`${lagging()} replicas lag: waiting before shutting down`);
    while (lagging() > 0 && Date.now() < deadlineMs) await sleep(POLL_MS);
    if (lagging() > 0) log.warning(`${lagging()} replicas do not have the last writes`);
  }

  /** The process ends. */
  async stop(): Promise<void> {
    await Promise.all([this.serving.stop(), this.following.stop()]);
  }

  private count(kind: 'full' | 'partial' | 'partial-refused'): void {
    const counter = {
      full: FULL_SYNCS,
      partial: PARTIAL_SYNCS,
      'partial-refused': PARTIAL_SYNCS_REFUSED,
    }[kind];
    this.parts.control.threads[0]!.add(counter, 1);
  }

  // --- the status and its confirmation

  /** Resolves when every I/O thread has taken the status over. */
  private publish(): Promise<void> {
    const { state } = this;
    this.status = {
      journaling: this.journaling,
      journalSinceMs: this.journalSinceMs,
      link: this.link?.status ?? null,
      loading: this.link?.loading ?? false,
      replicationId: state.replicationId,
      secondId: state.secondId,
      secondOffset:
        state.secondLsns.length === 0 ? -1 : state.secondLsns.reduce((sum, lsn) => sum + lsn, 1),
      replicas: this.replicas.status,
      holdWritesUntilMs: this.holdWritesUntilMs,
    };
    this.noteLoading();
    const number = ++this.statusNumber;
    this.parts.log.role = this.link === null ? 'M' : 'S';
    return new Promise((resolve) => {
      this.confirmations.push({ number, left: this.parts.ioThreads, resolve });
      this.parts.sendStatus(number, this.status);
    });
  }

  /** For INFO: another subject may be loading data too. */
  private noteLoading(): void {
    if (this.status.loading === this.wasLoading) return;
    this.wasLoading = this.status.loading;
    this.parts.control.word(LOADING).store(this.wasLoading ? 1 : 0);
  }

  /** A thread has taken a status over. */
  statusTaken(number: number): void {
    const waiting = this.confirmations.find((other) => other.number === number);
    if (waiting === undefined || --waiting.left > 0) return;
    this.confirmations = this.confirmations.filter((other) => other !== waiting);
    waiting.resolve();
  }

  // --- requests

  async request(request: ReplicationRequest): Promise<ReplicationAnswer> {
    switch (request.kind) {
      case 'follow':
        return this.inTurn(() => this.follow(request.primary));
      case 'sync':
        return this.inTurn(() => this.sync(request.client, request.words));
      case 'hand-over':
        return this.inTurn(() => this.handOver(request.clientId, request.timeoutMs));
      case 'demote':
        return this.inTurn(() => this.demote(request.clientId, request.done));
      case 'take-over':
        return this.takeOver(request.timeoutMs);
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {});
    return result;
  }

  notice(notice: ReplicationNotice): void {
    if (notice.kind === 'flow') {
      this.replicas.flow(notice.syncId, notice.index, notice.descriptor);
    } else {
      this.replicas.dropClient(notice.clientId, 'its control connection ended');
    }
  }

  private tick(): void {
    const nowMs = Date.now();
    this.replicas.tick(nowMs);
    this.countTraffic();
    if (this.holdWritesUntilMs !== 0 && nowMs > this.holdWritesUntilMs) {
      this.holdWritesUntilMs = 0;
      this.parts.log.warning('The takeover did not come in time: writes go on');
      void this.publish();
    }
    const ttlSeconds = this.parts.config.number('repl-backlog-ttl');
    if (!this.journaling || this.link !== null || ttlSeconds === 0) return;
    if (this.replicas.emptyMs(nowMs) < ttlSeconds * 1000) return;
    this.journaling = false;
    // What is written from now on is in no journal: the history ends here.
    this.state.startAnew();
    this.parts.log.notice(`The journal ends: no replica for ${ttlSeconds} seconds`);
    void this.publish();
  }

  private relaxRings(): void {
    this.rings.forEach((ring, shard) => {
      if (!ring.hasGrown) return;
      this.shards.lock(shard);
      ring.shrink();
      this.shards.unlock(shard);
    });
  }

  private countTraffic(): void {
    const sent = this.replicas.sentBytes;
    const received = this.link?.receivedBytes ?? 0;
    const statistics = this.parts.control.threads[0]!;
    // Each sync counts from 0.
    statistics.add(REPLICATION_OUTPUT_BYTES, Math.max(0, sent - this.sentBytes));
    statistics.add(REPLICATION_INPUT_BYTES, Math.max(0, received - this.receivedBytes));
    this.sentBytes = sent;
    this.receivedBytes = received;
  }

  // --- the primary's side

  private async sync(
    client: RequestingClient,
    words: readonly string[],
  ): Promise<ReplicationAnswer> {
    const { link } = this;
    if (link !== null) {
      if (!link.online) return `-${errors.NO_MASTER_LINK.text}`;
      if (link.status.primaryShards !== this.shards.count) {
        return '-ERR this replica has another number of shards than its primary, and cannot serve replicas';
      }
    }
    await this.startJournal();
    return this.replicas.begin(client, words);
  }

  /** Writes go to the journal from now on; in force on all threads when this resolves. */
  private async startJournal(): Promise<void> {
    if (this.journaling || this.link !== null) return;
    this.rings.forEach((ring, shard) => {
      this.shards.lock(shard);
      ring.reset(ring.head + JOURNAL_GAP_BYTES);
      this.shards.unlock(shard);
    });
    this.journaling = true;
    this.journalSinceMs = Date.now();
    await this.publish();
  }

  private heads(): number[] {
    return this.rings.map((ring, shard) => {
      this.shards.lock(shard);
      const { head } = ring;
      this.shards.unlock(shard);
      return head;
    });
  }

  // --- changes of role

  private async follow(primary: HostAndPort | null): Promise<ReplicationAnswer> {
    const { config, log } = this.parts;
    this.isRoleChosen = true;
    if (primary === null) {
      config.assign('replicaof', ['no', 'one']);
      if (this.link !== null) {
        log.notice('REPLICAOF NO ONE: this server becomes a primary');
        await this.promote();
      }
      return '+OK';
    }
    config.assign('replicaof', [primary.host, String(primary.port)]);
    const history = await this.leaveRole();
    log.notice(`REPLICAOF ${primary.host}:${primary.port}`);
    await this.beginToFollow(primary, history);
    return '+OK';
  }

  /** Ends what the server was. @returns the history of its data, if others may share it */
  private async leaveRole(): Promise<{ id: string; lsns: number[] } | undefined> {
    const { link } = this;
    if (link !== null) {
      const history = await link.end();
      this.link = null;
      this.replicas.dropAll('this server changes its primary');
      return history ?? undefined;
    }
    this.replicas.dropAll('this server becomes a replica');
    return this.journaling ? { id: this.state.replicationId, lsns: [] } : undefined;
  }

  private async beginToFollow(
    primary: HostAndPort,
    history: { id: string; lsns: number[] } | undefined,
  ): Promise<void> {
    const wasPrimary = history !== undefined && history.lsns.length === 0;
    this.holdWritesUntilMs = 0;
    this.following.prepare();
    const { config, log } = this.parts;
    // First no thread writes any more: then the journal's heads are final.
    this.link = null;
    await this.publishAsReplica(primary);
    this.cuts.clear(true);
    const final = wasPrimary ? { id: history.id, lsns: this.heads() } : history;
    const shards = this.shards.count;
    this.link = new PrimaryLink(
      {
        config,
        log,
        shards: this.shards,
        threads: this.following,
        owner: this.parts.ioThreads + 2,
        changed: () => this.publish(),
        synced: this.parts.synced,
        replacing: () => {
          this.replicas.dropAll('this server gets a full sync itself');
          this.cuts.clear(true);
        },
        adopt: (id, from) => this.adopt(id, from),
      },
      primary,
      final !== undefined && (final.lsns.length === shards || !wasPrimary) ? final : undefined,
    );
    await this.publish();
  }

  /** All threads treat the server as a replica before it connects. */
  private publishAsReplica(primary: HostAndPort): Promise<void> {
    const number = ++this.statusNumber;
    this.status = {
      ...this.status,
      holdWritesUntilMs: 0,
      replicas: [],
      link: {
        ...primary,
        state: 'connect',
        up: false,
        progress: null,
        primaryShards: 0,
        fullSync: false,
        keysTotal: 0,
        bytesTotal: 0,
        syncStartedMs: 0,
        offset: 0,
        downSinceMs: -1,
      },
    };
    return new Promise((resolve) => {
      this.confirmations.push({ number, left: this.parts.ioThreads, resolve });
      this.parts.sendStatus(number, this.status);
    });
  }

  private adopt(id: string, from: readonly number[] | null): void {
    if (!this.state.adopt(id, from)) return;
    // Our replicas learn the new id when they come back; what they have stays valid.
    this.replicas.dropAll('the replication id has changed');
  }

  private async promote(): Promise<void> {
    const link = this.link!;
    const sameShards = link.status.primaryShards === this.shards.count;
    const history = await link.end();
    this.link = null;
    if (history !== null && (sameShards || history.lsns.length === this.shards.count)) {
      this.state.promote(history.id, history.lsns);
      this.journaling = true;
      this.journalSinceMs = Date.now();
    } else {
      this.state.startAnew();
      this.journaling = false;
    }
    this.replicas.dropAll('this server has become a primary');
    this.cuts.clear(false);
    await this.publish();
    this.parts.log.notice(
      `This server is a primary now, with id ${this.state.replicationId}` +
        `${this.state.secondLsns.length > 0 ? `; ${this.state.secondId} continues here` : ''}`,
    );
  }

  // --- takeover

  /** On the primary: holds writes back. @returns the LSNs that the replica has to reach */
  private async handOver(clientId: number, timeoutMs: number): Promise<ReplicationAnswer> {
    const replica = this.replicas.online(clientId);
    if (this.link !== null || replica === undefined) {
      return '-ERR only a replica in stable sync can take over from its primary';
    }
    this.parts.log.notice(`Replica ${replica.name} takes over: writes are held back`);
    this.holdWritesUntilMs = Date.now() + timeoutMs;
    await this.publish();
    return this.heads().map(String);
  }

  private async demote(clientId: number, done: boolean): Promise<ReplicationAnswer> {
    const replica = this.replicas.online(clientId);
    if (replica === undefined || this.holdWritesUntilMs === 0) {
      return '-ERR there is no takeover under way';
    }
    if (!done) {
      this.parts.log.warning(`Replica ${replica.name} gave the takeover up: writes go on`);
      this.holdWritesUntilMs = 0;
      await this.publish();
      return '+OK';
    }
    const { host, listeningPort: port } = replica.client;
    this.parts.config.assign('replicaof', [host, String(port)]);
    this.parts.log.notice(`Replica ${replica.name} has taken over: this server follows it`);
    await this.publishAsReplica({ host, port });
    setTimeout(() => {
      void this.inTurn(async () => {
        const history = await this.leaveRole();
        await this.beginToFollow({ host, port }, history);
      });
    }, DEMOTE_LINGER_MS);
    return '+OK';
  }

  /** On the replica. */
  private async takeOver(timeoutMs: number): Promise<ReplicationAnswer> {
    const { link } = this;
    const control = link?.control ?? null;
    if (link === null || control === null || !link.online) {
      return '-ERR REPLTAKEOVER needs a replica in stable sync with its primary';
    }
    const deadlineMs = Date.now() + timeoutMs;
    try {
      const answer = await control.command(
        ['DARTER', 'HANDOVER', String(Math.ceil(timeoutMs * 2))],
        timeoutMs,
      );
      if (typeof answer === 'string') return refusalOf(answer);
      if (!(await this.reaches(link, answer.map(Number), deadlineMs))) {
        await control.command(['DARTER', 'DEMOTE', 'ABORT'], timeoutMs);
        return '-ERR REPLTAKEOVER: the primary was not caught up with in time; nothing has changed';
      }
      const done = await control.command(['DARTER', 'DEMOTE', 'DONE'], timeoutMs);
      if (done !== '+OK') return refusalOf(done);
    } catch (error) {
      return `-ERR REPLTAKEOVER: ${(error as Error).message}; see which server is the primary`;
    }
    return this.inTurn(async () => {
      this.parts.config.assign('replicaof', ['no', 'one']);
      if (this.link !== null) await this.promote();
      return '+OK';
    });
  }

  private async reaches(
    link: PrimaryLink,
    target: readonly number[],
    deadlineMs: number,
  ): Promise<boolean> {
    while (Date.now() < deadlineMs) {
      const { progress } = link;
      if (progress === null || !link.online) return false;
      if (target.every((lsn, shard) => progress.applied[shard]! >= lsn)) return true;
      await sleep(POLL_MS);
    }
    return false;
  }
}

/** Why the primary does not hand over, as a client may be answered. */
function refusalOf(answer: ControlReply): string {
  const isError = typeof answer === 'string' && answer.startsWith('-');
  return isError ? shownFromPeer(answer) : '-ERR the primary refuses';
}
