/**
 * The replicas of this server, on the main thread: from their request for a sync to their end. The
 * bytes are the flow threads' business.
 */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Log } from '../../../base/log.js';
import type { JournalRing } from '../../../journal/ring.js';
import type { Shards } from '../../../keyspace/shards.js';
import { HALF_SYNC, type HalfStream, halfFromNumbers } from '../../../replication/half-sync.js';
import {
  PROTOCOL_VERSION,
  type PrimaryState,
  type SyncDecision,
  type SyncRequest,
  streamsOf,
} from '../../../replication/primary/primary-state.js';
import { windowBytesOf } from '../../../replication/primary/send-window.js';
import {
  SUM_BYTES,
  SUM_KEYS,
  SUM_KEYS_TOTAL,
  SUM_RESTARTED_SHARDS,
  SyncSession,
} from '../../../replication/primary/sync-session.js';
import type { LinkedReplica } from '../../../replication/roles/contract.js';
import type { StreamLocks } from '../../../replication/stream-locks.js';
import type {
  ReplicaStatus,
  ReplicationAnswer,
  RequestingClient,
} from '../../channel/replication.js';
import { SUM_ACKNOWLEDGED_MS, SUM_ONLINE_MS } from '../../channel/replication-figures.js';
import type { Config } from '../../config/config.js';
import { ProgressLog } from '../progress-log.js';
import { JournalAnchors } from './anchors.js';
import type { FlowThreads } from './flow-threads.js';
import { sentBytes, statusOf } from './replica-status.js';

/** How long a replica has to connect all its flows. */
export const CONNECT_MS_MAX = 30_000;

interface ServedReplica {
  readonly id: string;
  readonly client: RequestingClient;
  readonly name: string;
  readonly session: SyncSession;
  readonly from: readonly number[] | null;
  readonly half: readonly HalfStream[] | null;
  readonly raw: boolean;
  readonly flowsWanted: number;
  readonly shares: readonly (readonly number[])[];
  readonly flows: (number | null)[];
  readonly sinceMs: number;
  readonly progress: ProgressLog;
  readonly decision: Exclude<SyncDecision, { kind: 'refuse' }>;
  /** Whether all flows are connected: the sync has begun. */
  hasBegun: boolean;
}

/** What is counted of syncs that begin. */
export type SyncKind = 'full' | 'full-resumed' | 'partial' | 'partial-refused';

export interface ServedReplicasParts {
  readonly config: Config;
  readonly log: Log;
  readonly shards: Shards;
  readonly rings: readonly JournalRing[];
  readonly locks: StreamLocks;
  readonly threads: FlowThreads;
  readonly state: PrimaryState;
  readonly changed: () => void;
  readonly closeClient: (thread: number, clientId: number) => void;
  readonly counted: (kind: SyncKind) => void;
  /** The replica with this id has gone. */
  readonly left: (id: string) => void;
  /** This process's owner number of locks. */
  readonly owner: number;
}

const MODES = { full: 'FULL', resume: 'RESUME', continue: 'CONTINUE' } as const;

/** The streams of each flow: shards, and the stream without keys. */
export function shareStreams(shards: number, flows: number): number[][] {
  const streams = streamsOf(shards);
  return Array.from({ length: flows }, (_, flow) => {
    const mine: number[] = [];
    for (let stream = flow; stream < streams; stream += flows) mine.push(stream);
    return mine;
  });
}

/**
 * 'version id shards databases flows lsn...', or 'version id shards databases flows HALF stream...'
 * (half-sync.ts); null when it is neither.
 */
export function parseSyncRequest(
  words: readonly string[],
): (SyncRequest & { readonly flows: number }) | null {
  const [version, id, shards, databases, flows, ...rest] = words;
  const isHalf = rest[0] === HALF_SYNC;
  const lsns = isHalf ? rest.slice(1) : rest;
  const numbers = [version, shards, databases, flows, ...lsns];
  if (!numbers.every((word) => word !== undefined && /^\d{1,16}$/.test(word))) return null;
  if (id !== '?' && !/^[0-9a-f]{40}$/.test(id!)) return null;
  const half = isHalf ? halfFromNumbers(lsns.map(Number)) : null;
  if (isHalf && half === null) return null;
  return {
    version: Number(version),
    replicationId: id!,
    shards: Number(shards),
    databases: Number(databases),
    flows: Number(flows),
    lsns: isHalf ? [] : lsns.map(Number),
    half,
  };
}

export class ServedReplicas {
  private readonly replicas = new Map<string, ServedReplica>();
  private lastId = 0;
  private lastLeftMs = Date.now();
  /** Why a replica did not connect its flows: told once, as it tries again and again. */
  private lastFailure = '';
  private readonly anchors: JournalAnchors;

  constructor(private readonly parts: ServedReplicasParts) {
    this.anchors = new JournalAnchors(parts.rings, parts.locks);
  }

  get count(): number {
    return this.replicas.size;
  }

  /** Milliseconds since the last replica left. */
  emptyMs(nowMs: number): number {
    return this.replicas.size > 0 ? 0 : nowMs - this.lastLeftMs;
  }

  /** Sent to those there are, since their syncs began. */
  get sentBytes(): number {
    return sentBytes(this.replicas.values());
  }

  get status(): ReplicaStatus[] {
    return statusOf(this.replicas.values(), false);
  }

  /** A replica asks for a sync; the journal is on. */
  begin(client: RequestingClient, words: readonly string[]): ReplicationAnswer {
    const { state, shards, log } = this.parts;
    const request = parseSyncRequest(words);
    if (request === null || request.flows < 1) return '-ERR this is no request for a sync';
    this.dropClient(client.clientId, 'it asks for a new sync');
    const decision = state.decide(request, this.held());
    const name = `${client.host}:${client.listeningPort}`;
    if (decision.kind === 'refuse') {
      log.warning(`Replica ${name} is refused: ${decision.why}`);
      return `-ERR ${decision.why}`;
    }
    const replica = this.create(client, name, request, decision);
    this.replicas.set(replica.id, replica);
    // They load while the replica connects its flows. Before there is a replica they only take memory.
    this.parts.threads.prepare(replica.flowsWanted);
    this.parts.changed();
    const { key0, key1, spread } = shards.keyHash;
    const figures = [PROTOCOL_VERSION, shards.count, shards.databases, key0, key1, spread];
    const sums = replica.session.sums;
    return [
      MODES[decision.kind],
      replica.id,
      state.replicationId,
      ...figures.map(String),
      String(replica.flowsWanted),
      String(sums[SUM_KEYS_TOTAL]),
      String(this.windowBytes),
    ];
  }

  /** All flows are connected. A flow that is refused makes no sync, however often it is tried. */
  private begun(replica: ServedReplica): void {
    const { log, counted } = this.parts;
    const { name, decision, flowsWanted } = replica;
    replica.hasBegun = true;
    this.lastFailure = '';
    if (decision.kind === 'resume') {
      counted('full-resumed');
      log.notice(`The full sync of replica ${name} goes on after a cut (${flowsWanted} flows)`);
      return;
    }
    if (decision.kind === 'continue') {
      counted('partial');
      log.notice(`Replica ${name} continues where it was (${flowsWanted} flows)`);
      return;
    }
    counted('full');
    if (!decision.first) counted('partial-refused');
    log.notice(
      `Replica ${name} gets a full sync, as ${decision.why} (${flowsWanted} flows` +
        `${decision.raw ? '' : ', key by key'})`,
    );
  }

  private create(
    client: RequestingClient,
    name: string,
    request: SyncRequest & { readonly flows: number },
    decision: Exclude<SyncDecision, { kind: 'refuse' }>,
  ): ServedReplica {
    const { shards, rings, threads, owner, log } = this.parts;
    const full = decision.kind !== 'continue';
    const session = new SyncSession(SyncSession.create(rings.length, full), rings.length, owner);
    const flowsWanted = Math.min(request.flows, threads.count, shards.count);
    session.sums[SUM_KEYS_TOTAL] = full ? countKeys(shards) : 0;
    session.sums[SUM_ACKNOWLEDGED_MS] = Date.now();
    if (!full) session.acknowledged.set(request.lsns);
    return {
      id: `${++this.lastId}-${Math.floor(Math.random() * 2 ** 32).toString(16)}`,
      client,
      name,
      session,
      from: full ? null : request.lsns,
      half: decision.kind === 'resume' ? request.half : null,
      raw: !full || decision.raw,
      flowsWanted,
      shares: shareStreams(shards.count, flowsWanted),
      flows: new Array<number | null>(flowsWanted).fill(null),
      sinceMs: Date.now(),
      progress: new ProgressLog(log, `Sync of replica ${name}`),
      decision,
      hasBegun: false,
    };
  }

  private held(): { start: number; head: number }[] {
    const { rings, locks } = this.parts;
    return rings.map((ring, stream) => {
      locks.lock(stream);
      const { start, head } = ring;
      locks.unlock(stream);
      return { start, head };
    });
  }

  /** A socket that is to be flow `index` of a sync. */
  flow(syncId: string, index: number, descriptor: number): void {
    const replica = this.replicas.get(syncId);
    if (replica === undefined || replica.flows[index] !== null) {
      refuse(descriptor, 'ERR there is no such flow to be connected');
      return;
    }
    const { threads } = this.parts;
    const { session, raw, from, half, shares } = replica;
    const listener = {
      abandoned: () => closeSync(descriptor),
      ended: (reason: string) => {
        replica.flows[index] = -1;
        this.drop(replica, reason === '' ? 'it was ended' : reason);
      },
    };
    replica.flows[index] = threads.start(index, listener, (flow) => ({
      kind: 'serve',
      flow,
      descriptor,
      session: session.buffer,
      mine: shares[index]!,
      raw,
      from,
      half,
      windowBytes: this.windowBytes,
    }));
    if (!replica.flows.includes(null)) this.begun(replica);
  }

  private get windowBytes(): number {
    const { rings } = this.parts;
    return windowBytesOf(rings[0]!.nominal, rings.length);
  }

  get isAnyOnline(): boolean {
    return this.onlineCount > 0;
  }

  /** How many are in stable sync. */
  get onlineCount(): number {
    let count = 0;
    for (const { session } of this.replicas.values()) if (session.allDone) count++;
    return count;
  }

  /** How many replicas in stable sync have not acknowledged all up to these LSNs. */
  lagging(heads: readonly number[]): number {
    let count = 0;
    for (const { session } of this.replicas.values()) {
      if (session.allDone && !hasReached(session, heads)) count++;
    }
    return count;
  }

  /** What the replicas in stable sync have not acknowledged of what was written up to there. */
  missingBytes(heads: readonly number[]): number {
    let bytes = 0;
    for (const { session } of this.replicas.values()) {
      if (!session.allDone) continue;
      heads.forEach((head, stream) => {
        bytes += Math.max(0, head - session.acknowledged[stream]!);
      });
    }
    return bytes;
  }

  /** The replica in stable sync whose control connection the client is. */
  online(clientId: number): LinkedReplica | undefined {
    const replica = this.byClient(clientId);
    return replica?.session.allDone === true ? linked(replica) : undefined;
  }

  /** The replicas in stable sync that have acknowledged all up to these LSNs. */
  linkedAt(heads: readonly number[]): LinkedReplica[] {
    return [...this.replicas.values()]
      .filter(({ session }) => session.allDone && hasReached(session, heads))
      .map(linked);
  }

  private byClient(clientId: number): ServedReplica | undefined {
    return [...this.replicas.values()].find(({ client }) => client.clientId === clientId);
  }

  dropClient(clientId: number, why: string): void {
    const replica = this.byClient(clientId);
    if (replica !== undefined) this.drop(replica, why);
  }

  dropAll(why: string): void {
    for (const replica of [...this.replicas.values()]) this.drop(replica, why);
  }

  private drop(replica: ServedReplica, why: string): void {
    if (!this.replicas.delete(replica.id)) return;
    const { log, threads, closeClient, changed, left } = this.parts;
    replica.session.end();
    replica.progress.close();
    for (const flow of replica.flows) if (flow !== null && flow >= 0) threads.end(flow);
    closeClient(replica.client.thread, replica.client.clientId);
    this.lastLeftMs = Date.now();
    if (replica.hasBegun) this.anchors.left(replica.name, this.lastLeftMs);
    const failure = replica.hasBegun ? '' : `No sync of replica ${replica.name}: ${why}`;
    if (replica.hasBegun) log.warning(`Replica ${replica.name} has left: ${why}`);
    else if (failure !== this.lastFailure) log.warning(failure);
    this.lastFailure = failure;
    left(replica.id);
    changed();
  }

  /** Several times a second: ends those that are silent, and tells how syncs get on. */
  tick(nowMs: number): void {
    const timeoutMs = this.parts.config.number('repl-timeout') * 1000;
    for (const replica of [...this.replicas.values()]) {
      const { session, sinceMs, flows } = replica;
      if (nowMs - session.sums[SUM_ACKNOWLEDGED_MS]! > timeoutMs) {
        this.drop(replica, `it has been silent for ${timeoutMs / 1000} seconds`);
      } else if (flows.includes(null) && nowMs - sinceMs > CONNECT_MS_MAX) {
        this.drop(replica, 'it did not connect its flows in time');
      } else {
        this.watch(replica, nowMs);
      }
    }
    this.tendAnchors(nowMs, timeoutMs);
  }

  private tendAnchors(nowMs: number, stayMs: number): void {
    const { rings, config } = this.parts;
    const there = [...this.replicas.values()].filter(({ hasBegun }) => hasBegun);
    for (const { name, session } of there) {
      const isNear = (ring: JournalRing, stream: number) =>
        ring.peekHead() - session.acknowledged[stream]! <= ring.nominal;
      if (session.allDone && rings.every(isNear)) this.anchors.caughtUp(name);
    }
    const isThere = (name: string) => there.some((replica) => replica.name === name);
    this.anchors.tick(nowMs, isThere, { stayMs, bytesMax: config.number('repl-backlog-size') });
  }

  private watch({ session, progress, from, name }: ServedReplica, nowMs: number): void {
    const { sums } = session;
    if (sums[SUM_ONLINE_MS] !== 0) return;
    if (!session.allDone) {
      progress.note(nowMs, sums[SUM_KEYS]!, sums[SUM_KEYS_TOTAL]!, sums[SUM_BYTES]!);
      return;
    }
    sums[SUM_ONLINE_MS] = nowMs;
    if (from === null) {
      progress.end(nowMs, sums[SUM_KEYS]!, sums[SUM_BYTES]!, sums[SUM_RESTARTED_SHARDS]!);
    } else {
      this.parts.log.notice(`Replica ${name} is online`);
    }
    this.parts.changed();
  }
}

function linked({ id, client }: ServedReplica): LinkedReplica {
  const { host, listeningPort: port, runId } = client;
  return { key: id, host, port, runId };
}

export function hasReached({ acknowledged }: SyncSession, heads: readonly number[]): boolean {
  return heads.every((head, shard) => acknowledged[shard]! >= head);
}

export function countKeys(shards: Shards): number {
  let keys = 0;
  for (let shard = 0; shard < shards.count; shard++) {
    for (let database = 0; database < shards.databases; database++) {
      keys += shards.table(shard, database).size;
    }
  }
  return keys;
}

function refuse(descriptor: number, text: string): void {
  const socket = new Socket({ fd: descriptor, readable: true, writable: true });
  socket.on('error', () => {});
  socket.end(`-${text}\r\n`);
}
