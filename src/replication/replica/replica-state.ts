/**
 * A replica's link to its primary, without sockets and timers: its step, its requests, the meaning
 * of replies, the time of the next attempt.
 *
 *   none ──follow──▶ connect ──▶ handshake ──▶ sync ──▶ online
 *                       ▲ back-off   │           │         │
 *                       └────────────┴───lost────┴─────────┘
 *
 * A replica continues only from complete data. From the start of a full sync, which clears the
 * data, until it is ready there is no history to continue from.
 */
import { SHARD_SPREAD_MAX } from '../../keyspace/key-hash.js';
import type { HalfStream } from '../half-sync.js';
import type { SyncRequest } from '../primary/primary-state.js';
import { PROTOCOL_VERSION, streamsOf } from '../primary/primary-state.js';
import { ALL_WINDOWS_BYTES_MAX, WINDOW_BYTES_MIN } from '../primary/send-window.js';

export type LinkStep = 'none' | 'connect' | 'handshake' | 'sync' | 'online';

export interface SyncReply {
  readonly version: number;
  readonly replicationId: string;
  readonly shards: number;
  readonly databases: number;
  readonly hashKey0: number;
  readonly hashKey1: number;
  /** Over how many shards the keys of a hash tag are spread. */
  readonly spread: number;
  readonly flows: number;
  /** How far it sends each shard beyond what is acknowledged. */
  readonly windowBytes: number;
  /** RESUME: the full sync whose link was cut goes on. */
  readonly mode: 'FULL' | 'RESUME' | 'CONTINUE';
  readonly syncId: number;
}

export type SyncAction =
  | { readonly kind: 'start-full'; readonly same: boolean }
  | { readonly kind: 'start-resume' }
  | { readonly kind: 'start-continue'; readonly from: readonly number[] }
  | { readonly kind: 'give-up'; readonly why: string };

/** The history that data belongs to, and how far it is in each of its streams. */
export interface DataHistory {
  readonly id: string;
  readonly lsns: readonly number[];
  /** Of the last cut that is applied whole, when it is known. */
  readonly offset?: number;
}

export const RETRY_MS_FIRST = 250;
export const RETRY_MS_MAX = 8000;
const FLOWS_MAX = 256;
const SHARDS_MAX = 16384;

export class ReplicaState {
  step: LinkStep = 'none';
  host = '';
  port = 0;
  /** The id of the history that the data belongs to; '?' when there is none to continue. */
  replicationId = '?';
  /** LSN applied of each stream of that history. */
  lsns: readonly number[] = [];
  /** When the step began, when data last came, when to try again. */
  sinceMs = 0;
  lastDataMs = 0;
  retryAtMs = 0;
  private retryMs = RETRY_MS_FIRST;
  private syncing: SyncReply | null = null;
  /** A full sync whose link was cut and that may go on, of which primary's data. */
  private cutSync: { readonly reply: SyncReply; readonly streams: readonly HalfStream[] } | null =
    null;
  fullSyncs = 0;
  continued = 0;

  constructor(
    private readonly shards: number,
    private readonly databases: number,
  ) {}

  /**
   * Begins to follow a primary. A former primary offers the history of its own data: after a switch
   * of roles the new primary may know it as its second id.
   */
  follow(host: string, port: number, nowMs: number, history?: DataHistory): void {
    this.host = host;
    this.port = port;
    this.cutSync = null;
    if (history !== undefined) {
      this.replicationId = history.id;
      this.lsns = history.lsns;
    }
    this.enter('connect', nowMs);
    this.retryAtMs = nowMs;
    this.retryMs = RETRY_MS_FIRST;
  }

  /** REPLICAOF NO ONE. @returns the history of the data, null when the data is incomplete */
  unfollow(nowMs: number, progress: readonly number[]): DataHistory | null {
    const whole = this.replicationId !== '?';
    const lsns = this.step === 'online' || this.step === 'sync' ? progress : this.lsns;
    const history = whole ? { id: this.replicationId, lsns: [...lsns] } : null;
    this.enter('none', nowMs);
    this.syncing = null;
    this.cutSync = null;
    // From here on the data changes without a primary: its old history cannot be continued.
    this.replicationId = '?';
    this.lsns = [];
    return history;
  }

  /** Whether to try to connect now. */
  due(nowMs: number): boolean {
    return this.step === 'connect' && nowMs >= this.retryAtMs;
  }

  connected(nowMs: number): void {
    this.enter('handshake', nowMs);
  }

  request(): SyncRequest {
    return {
      version: PROTOCOL_VERSION,
      replicationId: this.cutSync?.reply.replicationId ?? this.replicationId,
      lsns: this.lsns,
      half: this.cutSync?.streams ?? null,
      shards: this.shards,
      databases: this.databases,
    };
  }

  /** Takes the primary's reply to the request and validates it. */
  answered(reply: SyncReply, nowMs: number): SyncAction {
    const wrong = this.wrongReply(reply);
    if (wrong !== null) return { kind: 'give-up', why: wrong };
    this.syncing = reply;
    this.enter('sync', nowMs);
    if (reply.mode === 'CONTINUE') {
      this.continued++;
      // The id may be new: the primary was promoted.
      this.replicationId = reply.replicationId;
      return { kind: 'start-continue', from: this.lsns };
    }
    if (reply.mode === 'RESUME') return { kind: 'start-resume' };
    this.fullSyncs++;
    this.cutSync = null;
    this.replicationId = '?';
    this.lsns = [];
    return { kind: 'start-full', same: reply.shards === this.shards };
  }

  private wrongReply(reply: SyncReply): string | null {
    if (reply.version !== PROTOCOL_VERSION) {
      const older = reply.version < PROTOCOL_VERSION ? 'primary' : 'replica';
      return (
        `the primary speaks protocol version ${reply.version}, this server ${PROTOCOL_VERSION}: ` +
        `install a newer Darter on the ${older}`
      );
    }
    if (!/^[0-9a-f]{40}$/.test(reply.replicationId)) return 'the primary gave no replication id';
    const { shards } = reply;
    if (!(shards > 0 && shards <= SHARDS_MAX && (shards & (shards - 1)) === 0)) {
      return `the primary has ${shards} shards`;
    }
    if (!(reply.databases > 0 && reply.databases <= this.databases)) {
      return `the primary has ${reply.databases} databases, we ${this.databases}`;
    }
    const { spread } = reply;
    if (!(spread > 0 && spread <= SHARD_SPREAD_MAX && (spread & (spread - 1)) === 0)) {
      return `the primary spreads hash tags over ${spread} shards`;
    }
    if (!(reply.flows > 0 && reply.flows <= FLOWS_MAX)) return `${reply.flows} flows`;
    const { windowBytes } = reply;
    const isWindow = windowBytes >= WINDOW_BYTES_MIN && windowBytes % 8 === 0;
    if (!isWindow || windowBytes * streamsOf(shards) > ALL_WINDOWS_BYTES_MAX) {
      return `windows of ${windowBytes} bytes`;
    }
    if (reply.mode === 'RESUME' && !this.isOfCutSync(reply)) {
      return 'the primary goes on with a full sync of other data';
    }
    if (reply.mode === 'CONTINUE' && this.replicationId === '?') {
      return 'the primary continues a sync that never was';
    }
    if (reply.mode === 'CONTINUE' && streamsOf(reply.shards) !== this.lsns.length) {
      return `the primary continues with ${reply.shards} shards`;
    }
    return null;
  }

  /** Whether a full sync is kept that may go on over the next link. */
  get hasHalf(): boolean {
    return this.cutSync !== null;
  }

  private isOfCutSync(reply: SyncReply): boolean {
    if (this.cutSync === null) return false;
    const { replicationId, shards, hashKey0, hashKey1, spread } = this.cutSync.reply;
    const isHistory = reply.replicationId === replicationId && reply.shards === shards;
    const isHash = reply.hashKey0 === hashKey0 && reply.hashKey1 === hashKey1;
    return isHistory && isHash && reply.spread === spread;
  }

  /** The data is complete (SyncProgress.ready). */
  ready(nowMs: number): void {
    if (this.step !== 'sync' || this.syncing === null) return;
    this.replicationId = this.syncing.replicationId;
    this.cutSync = null;
    this.enter('online', nowMs);
    this.retryMs = RETRY_MS_FIRST;
  }

  /**
   * The link is gone, whatever the cause.
   * @param progress LSNs applied (SyncProgress.applied), with all flows ended
   * @param failed whether the data may be wrong (SyncProgress.failed)
   * @param half how far a full sync was (SyncProgress.half); null when it had not begun
   */
  lost(
    nowMs: number,
    progress: readonly number[],
    failed: boolean,
    half: readonly HalfStream[] | null = null,
  ): void {
    if (this.step === 'none') return;
    const { syncing } = this;
    const isFull = this.step === 'sync' && syncing !== null && syncing.mode !== 'CONTINUE';
    if (isFull && half !== null) this.cutSync = { reply: syncing, streams: half };
    if (this.step === 'online' || (this.step === 'sync' && syncing?.mode === 'CONTINUE')) {
      this.lsns = [...progress];
    }
    if (failed) {
      this.cutSync = null;
      this.replicationId = '?';
      this.lsns = [];
    }
    this.syncing = null;
    this.enter('connect', nowMs);
    this.retryAtMs = nowMs + this.retryMs;
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MS_MAX);
  }

  private enter(step: LinkStep, nowMs: number): void {
    this.step = step;
    this.sinceMs = nowMs;
  }
}
