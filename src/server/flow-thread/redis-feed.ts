/**
 * What the Redises have in common that follow this server: the merged stream of commands with its backlog
 * (replication/redis/common-stream.ts), and the cuts that lie in it. It is made on one flow thread, once for
 * all of them, from the first sync on and for `repl-backlog-ttl` after the last replica has gone.
 *
 *   journals ──▶ MergedStream ──▶ CommandEncoder ──▶ Backlog ──▶ served-redis.ts, one for each replica
 *      ▲                                │
 *      └──────────── marks ─────────────┘
 *
 * Its id is its own, not that under which Darters count: an offset counts bytes of this stream. A Redis
 * continues here after its link was cut, after a change of role that keeps the data, and when it comes from
 * another Darter of the chain. When a journal has lost what was not merged yet, or the data gets another
 * history, the stream ends with all its replicas, and the next sync begins another one.
 */

import type { Socket } from 'node:net';
import { randomId } from '../../base/random-id.js';
import type { Cut, NewestCut } from '../../journal/cuts.js';
import type { JournalRing } from '../../journal/ring.js';
import type { ElementsByVerb } from '../../keyspace/effect-elements.js';
import type { Shards } from '../../keyspace/shards.js';
import type { SharedWord } from '../../memory/control.js';
import type { SharedSignal } from '../../memory/signal.js';
import type { Backlog } from '../../replication/redis/backlog.js';
import { CommandEncoder, type EncoderOptions } from '../../replication/redis/command-encoder.js';
import { CommonStream } from '../../replication/redis/common-stream.js';
import { CoveredCuts } from '../../replication/redis/covered-cuts.js';
import { MarkLog } from '../../replication/redis/mark-log.js';
import {
  FILLER_GETACK,
  FILLER_PADDING,
  FILLER_PING,
  GETACK_BYTES,
  PADDING_BYTES_MIN,
  PING_BYTES,
} from '../../replication/redis/padding.js';
import { RingSource } from '../../replication/redis/ring-source.js';
import {
  MergedStreamFigures,
  RULE_HELD,
  RULE_MARKED,
} from '../../replication/redis/stream-figures.js';
import { StreamLocks } from '../../replication/stream-locks.js';
import type { MeetRole, RedisReplicaEvent, ServeRedis, StreamRole } from '../channel/main-flow.js';
import type { LinkTimes } from './link-times.js';
import { Rest } from './rest.js';
import { ServedRedis } from './served-redis.js';

/** A turn with less is followed by a rest, so that many writes travel together. */
const SHORT_BYTES = 64 * 1024;
const TURN_MS = 4;
const REST_MS = 1;
const SLEEP_MS = 100;
/** Between cuts while there are writes. */
const CUT_MS = 5;
/** Padding that all replicas get at once, and how far the slowest may be behind for it. */
const PADDING_BYTES_MAX = 1 << 20;
const PADDING_LAG_BYTES_MAX = 4 << 20;
/** An interval is ended, and a mark left, when it has about so many bytes. */
const INTERVAL_BYTES = 256 * 1024;
/** Most intervals of a turn whose ends marks tell. */
const FOLLOWED_MAX = 256;
/**
 * After so long without a mark behind what the journals have, while the link is up, the primary is taken
 * to make none. One that was promoted may have to start the thread first that does.
 */
const STALL_MS = 10_000;
/** Replicas that catch up under ids of their own, of which so many are remembered. */
const ALIASES_MAX = 64;

export interface RedisFeedParts {
  readonly shards: Shards;
  readonly rings: readonly JournalRing[];
  readonly cuts: NewestCut;
  /** This thread's number + 1. */
  readonly owner: number;
  readonly elements: ElementsByVerb;
  readonly encoder: EncoderOptions;
  readonly libraries: () => readonly string[];
  readonly written: SharedSignal;
  /** How many clients wait for replicas (WAIT). */
  readonly waiting: SharedWord;
  /** Raised when somebody begins to. */
  readonly awaited: SharedSignal;
  /** A replica has a newer cut. */
  readonly reached: () => void;
  readonly times: LinkTimes;
}

export interface ServedRedisListener {
  readonly event: (event: RedisReplicaEvent) => void;
  readonly ended: (reason: string) => void;
}

/** The merged stream and all that counts in its offsets. */
interface Feed {
  readonly history: number;
  readonly figures: MergedStreamFigures;
  readonly stream: CommonStream;
  /** Of the term. */
  covered: CoveredCuts;
  term: number;
  isPrimary: boolean;
  /** Whether replicas can be told where they are: the stream has been made up to here. */
  isReady: boolean;
  /** Since when no mark has come; 0: none is missing. */
  stalledSinceMs: number;
  /** By id that a replica was told for its full sync: from where on it has the stream. */
  readonly aliases: Map<string, number>;
  readonly readers: Int32Array;
  /** MergedStreamFigures.darters at the last full mark for them. */
  darters: number;
  /** Offset behind the last GETACK. */
  askedAt: number;
  pingedMs: number;
}

export class RedisFeed {
  private feed: Feed | null = null;
  private readonly replicas = new Set<ServedRedis>();
  /** Those that wait until the stream is ready. */
  private readonly coming = new Set<ServedRedis>();
  /** LSN of the newest mark when a stream could not go on: it is not resumed there. */
  private forgoneMark = -1;
  private readonly locks: StreamLocks;
  private isScheduled = false;
  private isSleeping = false;
  private readonly rest: Rest;
  private emptySinceMs = 0;

  constructor(readonly parts: RedisFeedParts) {
    this.locks = new StreamLocks(parts.shards, parts.rings, parts.owner);
    this.rest = new Rest(parts.awaited, () => this.turn());
  }

  serve(command: ServeRedis, socket: Socket, listener: ServedRedisListener): ServedRedis {
    const { rdbOnly } = command.request;
    this.meet(command);
    if (!rdbOnly) this.feed ??= this.begin(command);
    const replica = new ServedRedis(command, socket, this, {
      event: listener.event,
      ended: (reason) => {
        this.replicas.delete(replica);
        this.coming.delete(replica);
        if (this.replicas.size === 0) this.emptySinceMs = Date.now();
        listener.ended(reason);
      },
    });
    this.replicas.add(replica);
    if (rdbOnly) replica.begin();
    else this.coming.add(replica);
    this.wake();
    return replica;
  }

  /** The role has changed. A primary goes on at once with the stream of the one before. */
  takeRole(role: MeetRole): void {
    this.meet(role);
    if (this.feed === null && role.isPrimary && this.hasMarks) {
      this.feed = this.begin(role);
      if (!this.isFollowing) this.reset('no stream goes on here');
    }
    this.wake();
  }

  private meet(role: StreamRole): void {
    if (this.feed !== null && this.feed.history !== role.history) {
      this.reset('the data has another history');
    }
    const { feed } = this;
    if (feed === null) return;
    feed.stream.backlog.keptBytes = role.backlogBytes;
    if (feed.term === role.term) return;
    feed.term = role.term;
    feed.isPrimary = role.isPrimary;
    feed.covered = new CoveredCuts(this.parts.rings.length);
    feed.stalledSinceMs = 0;
    if (!role.isPrimary) feed.stream.beginToFollow();
    // What follows goes on to the last mark first.
    else if (feed.stream.mode !== 'following') feed.stream.beginToMake();
    feed.isReady = feed.stream.mode !== 'following';
  }

  // --- what a replica needs

  get id(): string {
    return this.feed?.stream.id ?? '';
  }

  get backlog(): Backlog {
    return this.feed!.stream.backlog;
  }

  /** Whether a replica that has applied the stream of this id up to this offset can go on. */
  accepts(id: string, applied: number): boolean {
    const { stream, aliases } = this.feed!;
    const joinedAt = aliases.get(id) ?? Number.POSITIVE_INFINITY;
    return stream.accepts(id, applied) || (applied >= joinedAt && stream.holds(applied));
  }

  /**
   * A replica is to get a full sync. It counts from an offset of the stream, with commands of its own
   * until it joins. The marks tell other servers so: therefore one comes first that has this offset. Where
   * the marks are another server's, the replica gets an id that counts nowhere else.
   */
  beginSync(): { readonly id: string; readonly offset: number } {
    const { stream } = this.feed!;
    if (stream.mode === 'following') return { id: randomId(), offset: stream.backlog.end };
    const leavesMarks = this.leavesMarks(this.feed!);
    const offset = stream.backlog.end + (leavesMarks ? PING_BYTES : 0);
    stream.catchUps.begin(offset);
    if (leavesMarks) stream.fill(FILLER_PING, PING_BYTES);
    return { id: stream.id, offset };
  }

  private leavesMarks({ stream, figures }: Feed): boolean {
    return stream.mode === 'making' && (stream.hasMarks || figures.rule === RULE_MARKED);
  }

  /** It has joined, or has left: it got commands of its own up to before this offset. */
  endSync({ id, offset }: { readonly id: string; readonly offset: number }, to: number): void {
    const { feed } = this;
    if (feed === null) return;
    const { stream } = feed;
    stream.catchUps.end(offset);
    // An id of its own is accepted behind the join only.
    if (id === stream.id || id === stream.secondId) stream.catchUps.add(offset, to);
    // Another server lets nobody continue behind the offset before it knows.
    if (this.leavesMarks(feed)) stream.fill(FILLER_PING, PING_BYTES);
  }

  /** A replica with an id of its own has joined. */
  noteAlias(id: string, joinedAt: number): void {
    const { aliases, stream } = this.feed!;
    if (id === stream.id) return;
    aliases.set(id, joinedAt);
    if (aliases.size > ALIASES_MAX) aliases.delete(aliases.keys().next().value!);
  }

  get covered(): CoveredCuts {
    return this.feed!.covered;
  }

  /** LSNs up to which the stream has all. */
  get positions(): Float64Array {
    return this.feed!.stream.positions;
  }

  covers(lsns: ArrayLike<number>): boolean {
    return this.feed!.stream.covers(lsns);
  }

  /** The database that the stream has selected; -1: none yet. */
  get database(): number {
    return this.feed!.stream.database;
  }

  /** Whether the stream's bytes are told by the marks of another server. */
  get isFollowing(): boolean {
    return this.feed!.stream.mode === 'following';
  }

  /** Whether the data has another history by now. */
  get isOver(): boolean {
    return this.feed?.figures.ended === true;
  }

  /**
   * Brings the end of the stream closer to an offset that is not before it: at once when no replica reads
   * it, else by commands that do nothing.
   * @returns whether it is there
   */
  advanceTo(offset: number): boolean {
    const { stream, figures } = this.feed!;
    const { backlog } = stream;
    const missing = offset - backlog.end;
    if (missing === 0) return true;
    if (this.isFollowing) this.leaveMarks(this.feed!);
    if (stream.mode === 'making' && figures.rule === RULE_HELD) return false;
    const isRead = [...this.replicas].some((replica) => replica.isJoined);
    if (!isRead && (!stream.hasMarks || missing > PADDING_BYTES_MAX)) {
      stream.jump(offset);
      return true;
    }
    if (isRead && backlog.end - this.slowest() > PADDING_LAG_BYTES_MAX) return false;
    const isLast = missing <= PADDING_BYTES_MAX;
    const bytes = isLast ? missing : PADDING_BYTES_MAX - PADDING_BYTES_MIN;
    if (bytes < PADDING_BYTES_MIN) return false;
    return stream.fill(FILLER_PADDING, bytes) && isLast;
  }

  /** Something has changed that lets a replica go on. */
  wake(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => this.turn());
  }

  // --- the stream

  /** Whether there are marks that tell of a stream. */
  private get hasMarks(): boolean {
    const { newestMark } = this.parts.rings.at(-1)!;
    return newestMark >= 0 && newestMark !== this.forgoneMark;
  }

  private begin(role: StreamRole): Feed {
    const { rings, encoder: options } = this.parts;
    const figures = new MergedStreamFigures(role.stream);
    const readers = new Int32Array(rings.length);
    const heads = rings.map((ring, i) => {
      this.locks.lock(i);
      const { head } = ring;
      readers[i] = ring.attachReader(head);
      this.locks.unlock(i);
      return head;
    });
    const parts = {
      source: new RingSource(rings, this.locks, () => figures.ended),
      encoder: new CommandEncoder(options),
      log: new MarkLog(rings, this.locks, () => figures.rule),
      keptBytes: role.backlogBytes,
      intervalBytes: INTERVAL_BYTES,
    };
    const resumed = this.hasMarks ? CommonStream.resume(parts) : null;
    const mode = role.isPrimary ? 'making' : 'own';
    const stream = resumed ?? CommonStream.begin(mode, parts, heads);
    const { end } = stream.backlog;
    figures.set(end, end);
    this.emptySinceMs = Date.now();
    return {
      ...{ history: role.history, term: role.term, isPrimary: role.isPrimary },
      ...{ figures, stream, readers, isReady: resumed === null, stalledSinceMs: 0 },
      covered: new CoveredCuts(rings.length),
      aliases: new Map(),
      darters: figures.darters,
      askedAt: end,
      pingedMs: Date.now(),
    };
  }

  /** Ends the stream and all replicas that follow it. */
  private reset(why: string): void {
    const { feed } = this;
    if (feed === null) return;
    this.feed = null;
    for (const replica of [...this.replicas]) if (!replica.wantsRdbOnly) replica.end(why);
    const { rings } = this.parts;
    for (let i = 0; i < rings.length; i++) {
      this.locks.lock(i);
      rings[i]!.detachReader(feed.readers[i]!);
      this.locks.unlock(i);
    }
    feed.stream.encoder.close();
  }

  private turn(): void {
    this.isScheduled = false;
    const endMs = performance.now() + TURN_MS;
    let bytes = SHORT_BYTES;
    while (bytes >= SHORT_BYTES && performance.now() < endMs) {
      bytes = this.feed === null ? 0 : this.produce(this.feed);
      for (const replica of [...this.replicas]) bytes += replica.work();
    }
    if (this.feed !== null) this.tend(this.feed, Date.now());
    if (this.feed === null && this.replicas.size === 0) return;
    this.schedule(bytes);
  }

  private schedule(bytes: number): void {
    if (this.isScheduled) return;
    if (bytes >= SHORT_BYTES) {
      this.wake();
      return;
    }
    if (!this.isIdle()) {
      this.isScheduled = true;
      this.rest.begin(REST_MS);
      return;
    }
    if (this.isSleeping) return;
    this.isSleeping = true;
    void this.parts.written
      .sleep(() => this.isIdle(), SLEEP_MS)
      .then(() => {
        this.isSleeping = false;
        this.wake();
      });
  }

  /** Whether nothing can be done before something is written or comes from a replica. */
  private isIdle(): boolean {
    const { rings, cuts } = this.parts;
    for (const replica of this.replicas) if (!replica.isWaiting) return false;
    const { feed } = this;
    if (feed === null) return true;
    if (cuts.isOld(rings) || this.mustAsk(feed)) return false;
    const { stream } = feed;
    if (stream.mode === 'following') return stream.newestMark === rings.at(-1)!.newestMark;
    if (this.isHeld(feed)) return true;
    return rings.every((ring, i) => ring.peekHead() === stream.positions[i]);
  }

  /** Whether the primary's stream stands still: a takeover is under way. */
  private isHeld({ stream, figures }: Feed): boolean {
    return stream.mode === 'making' && figures.rule === RULE_HELD;
  }

  /** @returns bytes that the stream has grown by */
  private produce(feed: Feed): number {
    const { stream, figures } = feed;
    const before = stream.backlog.end;
    if (!figures.ended) {
      const heads = this.nextEnds(feed);
      if (stream.mode === 'following') this.follow(feed, heads);
      else if (!this.isHeld(feed)) stream.make(heads);
    }
    if (figures.ended) this.reset('the data is replaced');
    else if (stream.broken !== null) {
      this.forgoneMark = this.parts.rings.at(-1)!.newestMark;
      this.reset(stream.broken);
    } else this.told(feed);
    const grown = stream.backlog.end - before;
    // Until it is made up to here, replicas wait.
    return feed.isReady ? grown : Math.max(grown, SHORT_BYTES);
  }

  /** What the next interval can reach. */
  private nextEnds({ covered }: Feed): number[] {
    const { rings, cuts } = this.parts;
    const nowMs = Date.now();
    if (nowMs - cuts.madeMs >= CUT_MS && cuts.isOld(rings)) cuts.make(rings, nowMs);
    if (covered.mayAwait && cuts.offset !== covered.newest?.cut.offset) {
      covered.await((into: Cut) => cuts.read(into));
    }
    // Read after the cut: what is in it is in the interval.
    return rings.map((ring) => ring.peekHead());
  }

  private follow(feed: Feed, heads: readonly number[]): void {
    const { stream } = feed;
    const { id } = stream;
    let count = 0;
    while (count < FOLLOWED_MAX && stream.follow(heads)) count++;
    if (count > 0) feed.stalledSinceMs = 0;
    // Replicas learn the id when they come back; what they have stays valid.
    if (stream.id !== id) this.endJoined();
    if (count === FOLLOWED_MAX || stream.broken !== null) return;
    feed.isReady = true;
    if (feed.isPrimary) {
      stream.beginToMake();
      this.endJoined();
    } else if (stream.areMarksCut || this.isStalled(feed, heads)) this.leaveMarks(feed);
  }

  private isStalled(feed: Feed, heads: readonly number[]): boolean {
    const { stream } = feed;
    const { cuts, rings } = this.parts;
    // Cuts come over the link once it is up.
    const isNewest = cuts.offset >= 0 && stream.newestMark === rings.at(-1)!.newestMark;
    const isMissing = isNewest && !stream.covers(heads);
    if (!isMissing) feed.stalledSinceMs = 0;
    else if (feed.stalledSinceMs === 0) feed.stalledSinceMs = Date.now();
    return isMissing && Date.now() - feed.stalledSinceMs > STALL_MS;
  }

  /** The stream is this server's own from here on. Replicas learn its id when they come back. */
  private leaveMarks({ stream }: Feed): void {
    stream.beginOwn();
    this.endJoined();
  }

  private endJoined(): void {
    for (const replica of [...this.replicas]) {
      if (replica.isJoined) replica.end('its stream has another id from here on');
    }
  }

  private told(feed: Feed): void {
    const { stream, covered, readers } = feed;
    const { rings } = this.parts;
    const { newest } = covered;
    covered.emitted(stream, stream.backlog.end);
    if (covered.newest !== newest) for (const replica of this.replicas) replica.noteCuts();
    // Until it is made up to here, what is behind is of use only as far as it is there.
    if (!feed.isReady) return;
    for (let i = 0; i < rings.length; i++) {
      this.locks.lock(i);
      rings[i]!.moveReader(readers[i]!, stream.positions[i]!);
      this.locks.unlock(i);
    }
    if (this.coming.size === 0 || this.isHeld(feed)) return;
    for (const replica of [...this.coming]) {
      // The marks, and what is before them, may be on their way.
      const isFollowing = stream.mode === 'following';
      if (isFollowing && replica.isAheadOf(stream) && replica.waitedMs < STALL_MS) continue;
      this.coming.delete(replica);
      replica.begin();
    }
  }

  /** Whether somebody waits for what no replica was asked about. */
  private mustAsk({ covered, askedAt }: Feed): boolean {
    if (this.parts.waiting.load() === 0 || covered.newest === null) return false;
    return covered.newest.offset > askedAt && [...this.replicas].some(({ isJoined }) => isJoined);
  }

  private tend(feed: Feed, nowMs: number): void {
    const { stream, figures, covered } = feed;
    const { backlog } = stream;
    const joined = [...this.replicas].filter(({ isJoined }) => isJoined);
    const { end } = backlog;
    if (this.mustAsk(feed) && stream.fill(FILLER_GETACK, GETACK_BYTES)) feed.askedAt = backlog.end;
    if (figures.darters !== feed.darters && this.leavesMarks(feed)) {
      stream.wantFullMark();
      if (stream.fill(FILLER_PING, PING_BYTES)) feed.darters = figures.darters;
    }
    const isHeard = joined.length > 0 || stream.hasMarks;
    if (nowMs - feed.pingedMs >= this.parts.times.heartbeatMs && isHeard) {
      feed.pingedMs = nowMs;
      stream.fill(FILLER_PING, PING_BYTES);
    }
    if (backlog.end > end) for (const replica of joined) replica.work();
    backlog.trim(this.slowest());
    stream.catchUps.forget(backlog.start);
    covered.forget(Math.min(backlog.end, ...joined.map(({ acknowledged }) => acknowledged)));
    figures.set(backlog.start, backlog.end);
    const ttlMs = this.parts.times.backlogTtlMs;
    if (this.replicas.size === 0 && ttlMs > 0 && nowMs - this.emptySinceMs > ttlMs) {
      this.reset('nobody follows');
    }
  }

  /** Where the slowest replica reads. */
  private slowest(): number {
    let slowest = Number.POSITIVE_INFINITY;
    for (const replica of this.replicas) {
      if (replica.isJoined) slowest = Math.min(slowest, replica.position);
    }
    return slowest;
  }
}
