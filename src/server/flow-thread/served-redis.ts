/**
 * One Redis that follows this server, on the thread of the feed (redis-feed.ts).
 *
 *   coming ─┬─ +FULLRESYNC ─▶ shipping ── RDB ──▶ confirming ── first ACK ──▶ catching-up ──▶ joined
 *           └─ +CONTINUE ──────────────────────────────────────────────────────────────────▶ joined
 *
 * A replica takes what comes with the end of an RDB for a part of it, so nothing is sent before it has
 * acknowledged. Catching up are the commands of the full sync (full-sync.ts). When few of them are left, the
 * replica joins the merged stream where that is. It has counted the bytes of these
 * commands from the offset on that it was told before the RDB, and the stream has grown meanwhile by
 * another number of bytes: whichever is less gets commands that do nothing, so that the same offset has
 * the same data behind it on all replicas.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { REDIS_VERSION } from '../../base/version.js';
import {
  SUM_BYTES,
  SUM_CUT,
  SUM_CUT_MS,
  SUM_HAS_SPOKEN,
  SUM_KEYS,
  SUM_STREAM_OFFSET,
  SUM_WAITING_BYTES,
  SyncSession,
} from '../../replication/primary/sync-session.js';
import { NO_ID } from '../../replication/primary/primary-state.js';
import type { CommonStream } from '../../replication/redis/common-stream.js';
import { RedisFullSync } from '../../replication/redis/full-sync.js';
import { PADDING_BYTES_MIN, padding } from '../../replication/redis/padding.js';
import { ReplicaInput } from '../../replication/redis/replica-input.js';
import { Spill } from '../../replication/redis/spill.js';
import type { OutputLimit, ServeRedis } from '../channel/main-flow.js';
import { SUM_ACKNOWLEDGED_MS } from '../channel/replication-figures.js';
import type { RedisFeed, ServedRedisListener } from './redis-feed.js';
import { createSpillFile } from './spill-file.js';

const WRITES_MAX = 2;
const WRITE_BYTES = 256 * 1024;
/** Steps of the walk in a turn. */
const STEPS_MAX = 32;
/** A turn that did something counts as much, so that the next one follows at once. */
const BUSY_BYTES = 64 * 1024;
/** With so much left to send the replica joins the stream. */
const JOIN_BYTES = 1 << 20;
const MARK_BYTES = 20;

export class ServedRedis {
  /** Where the replica reads in the merged stream, once it has joined. */
  position = 0;
  private phase: 'coming' | 'shipping' | 'confirming' | 'catching-up' | 'joined' | 'closing' =
    'coming';
  private readonly session: SyncSession;
  private readonly input = new ReplicaInput();
  private sync: RedisFullSync | null = null;
  private spill: Spill | null = null;
  /** The id and the offset that the replica counts from; null without a full sync under way. */
  private announced: { readonly id: string; readonly offset: number } | null = null;
  /** From this offset on the stream's offsets are the replica's. */
  private joinedAt = 0;
  private readonly mark = randomBytes(MARK_BYTES).toString('hex');
  private output: Buffer[] = [];
  private outputBytes = 0;
  private writes = 0;
  /** Given to the socket, and not yet taken by the system. */
  private unsentBytes = 0;
  private softSinceMs = 0;
  private readonly sinceMs = Date.now();
  /** May change while it follows. */
  limit: OutputLimit;
  private closed = false;

  constructor(
    private readonly command: ServeRedis,
    private readonly socket: Socket,
    private readonly feed: RedisFeed,
    private readonly listener: ServedRedisListener,
  ) {
    const { rings, owner } = feed.parts;
    this.limit = command.limit;
    this.session = new SyncSession(command.session, rings.length, owner);
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.read(bytes));
    socket.on('error', (error) => this.end(error.message));
    socket.on('close', () => this.end('the replica closed the connection'));
  }

  get isJoined(): boolean {
    return this.phase === 'joined';
  }

  /** Whether it has more of this stream than was made here. */
  isAheadOf({ id, backlog }: CommonStream): boolean {
    const { request } = this.command;
    return request.id === id && request.offset - 1 > backlog.end;
  }

  get waitedMs(): number {
    return Date.now() - this.sinceMs;
  }

  get wantsRdbOnly(): boolean {
    return this.command.request.rdbOnly;
  }

  get acknowledged(): number {
    return this.input.acknowledged;
  }

  /** Whether only the replica, or the journal, can bring something to do. A hint. */
  get isWaiting(): boolean {
    if (this.closed || this.writes >= WRITES_MAX) return !this.hasEffects;
    if (this.phase === 'joined')
      return this.spill === null && this.position >= this.feed.backlog.end;
    if (this.phase === 'coming') return true;
    return (this.phase === 'confirming' || this.phase === 'closing') && !this.hasEffects;
  }

  private get hasEffects(): boolean {
    return !this.closed && this.sync?.hasEffects === true;
  }

  begin(): void {
    const { request } = this.command;
    const { feed, socket, listener } = this;
    const applied = request.offset - 1;
    listener.event({ kind: 'stream', id: feed.id });
    if (!request.rdbOnly && feed.accepts(request.id, applied)) {
      socket.write(request.knowsNewIds ? `+CONTINUE ${feed.id}\r\n` : '+CONTINUE\r\n');
      this.input.acknowledged = applied;
      listener.event({ kind: 'continued' });
      this.join(applied);
      return;
    }
    listener.event({ kind: 'full', isFirst: request.id === '?' });
    this.beginFull();
  }

  private beginFull(): void {
    const { command, feed, socket } = this;
    const { request, directory, checksum, compression } = command;
    const { shards, rings, owner, elements, encoder, libraries } = feed.parts;
    this.phase = 'shipping';
    if (!request.rdbOnly) this.announced = feed.beginSync();
    const { id, offset } = this.announced ?? { id: NO_ID, offset: 0 };
    if (!request.isPlain) socket.write(`+FULLRESYNC ${id} ${offset}\r\n`);
    socket.write(`$EOF:${this.mark}\r\n`);
    const spill = new Spill(() => createSpillFile(directory));
    this.spill = spill;
    this.sync = new RedisFullSync({
      ...{ shards, rings, owner, elements, encoder, libraries, spill },
      rdb: { checksum, compression },
      rdbOnly: request.rdbOnly,
      withKeys: request.rdbParts === 'all',
      withLibraries: request.rdbParts !== 'nothing',
      output: (region, offset, length) => {
        this.output.push(Buffer.from(region.bytes.subarray(offset, offset + length)));
        this.outputBytes += length;
      },
      isOver: () => feed.isOver,
    });
    const database = this.databaseAtStart;
    const replication = [
      ['repl-stream-db', String(database)],
      ['repl-id', id],
      ['repl-offset', String(offset)],
    ] as const;
    this.sync.begin([
      ['redis-ver', REDIS_VERSION],
      ['redis-bits', '64'],
      ['ctime', String(Math.floor(Date.now() / 1000))],
      ['used-mem', '0'],
      ...(request.rdbOnly ? [] : replication),
      ['aof-base', '0'],
    ]);
  }

  /**
   * The database that the replica begins in. Where the stream is another server's, nothing can be added to
   * it: a replica that joins at once must need no SELECT before.
   */
  private get databaseAtStart(): number {
    const { request } = this.command;
    if (request.rdbOnly || !this.feed.isFollowing || this.feed.database < 0) return 0;
    this.sync!.encoder.database = this.feed.database;
    return this.feed.database;
  }

  /** @returns about how many bytes were worked on */
  work(): number {
    if (this.closed) return 0;
    try {
      const bytes = this.workOn();
      this.noteWaiting();
      return bytes;
    } catch (error) {
      this.end(`internal error: ${error instanceof Error ? error.stack : error}`);
      return 0;
    }
  }

  private workOn(): number {
    const { sync } = this;
    if (sync !== null) {
      sync.drain();
      if (sync.failed !== null) {
        this.end(sync.failed);
        return 0;
      }
    }
    switch (this.phase) {
      case 'shipping':
        return this.ship(sync!);
      case 'catching-up':
        return this.catchUp(sync!);
      case 'joined':
        return this.send();
      default:
        return 0;
    }
  }

  // --- the RDB

  private ship(sync: RedisFullSync): number {
    if (this.writes >= WRITES_MAX) return 0;
    for (let i = 0; i < STEPS_MAX && !sync.isShipped && this.outputBytes < WRITE_BYTES; i++) {
      sync.step();
      if (sync.failed !== null) {
        this.end(sync.failed);
        return 0;
      }
    }
    this.session.sums[SUM_KEYS] = sync.keys;
    if (sync.isShipped) this.shipped();
    else if (this.outputBytes >= WRITE_BYTES) this.flush();
    return BUSY_BYTES;
  }

  private shipped(): void {
    this.output.push(Buffer.from(this.mark));
    this.flush();
    this.input.acknowledged = -1;
    if (!this.wantsRdbOnly) {
      this.phase = 'confirming';
      return;
    }
    this.phase = 'closing';
    this.sync?.close();
    this.sync = null;
    this.socket.end();
    this.listener.event({ kind: 'rdb-sent' });
  }

  private flush(): void {
    const bytes = Buffer.concat(this.output);
    this.output = [];
    this.outputBytes = 0;
    this.write(bytes);
  }

  private write(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.writes++;
    this.unsentBytes += bytes.length;
    this.session.add(SUM_BYTES, bytes.length);
    this.socket.write(bytes, () => {
      this.writes--;
      this.unsentBytes -= bytes.length;
      this.noteWaiting();
      // It takes what comes, and has nothing to say before the RDB is whole.
      if (this.phase === 'shipping') this.session.sums[SUM_ACKNOWLEDGED_MS] = Date.now();
      if (!this.closed) this.feed.wake();
    });
  }

  /** For CLIENT LIST. */
  private noteWaiting(): void {
    const behind = this.isJoined ? this.feed.backlog.end - this.position : 0;
    this.session.sums[SUM_WAITING_BYTES] = this.unsentBytes + this.outputBytes + behind;
  }

  // --- the commands behind it

  private catchUp(sync: RedisFullSync): number {
    const sent = this.sendSpill();
    if (this.spill!.left <= JOIN_BYTES && this.feed.covers(sync.positions)) {
      this.tryToJoin(sync, this.spill!);
    }
    return sent;
  }

  private sendSpill(): number {
    const { spill } = this;
    let sent = 0;
    while (spill !== null && spill.left > 0 && this.writes < WRITES_MAX) {
      const bytes = spill.take(WRITE_BYTES);
      sent += bytes.length;
      this.write(bytes);
    }
    return sent;
  }

  private tryToJoin(sync: RedisFullSync, spill: Spill): void {
    const { feed } = this;
    const announced = this.announced!.offset;
    sync.drainTo(feed.positions);
    if (feed.database >= 0) sync.encoder.select(feed.database);
    sync.spillEncoded();
    if (sync.failed !== null) {
      this.end(sync.failed);
      return;
    }
    const ahead = announced + spill.total - feed.backlog.end;
    if (ahead > 0) {
      // Else it cannot be made of commands.
      if (ahead < PADDING_BYTES_MIN) sync.spill(padding(PADDING_BYTES_MIN));
      if (!feed.advanceTo(announced + spill.total)) return;
    } else if (ahead < 0) {
      const isShort = ahead > -PADDING_BYTES_MIN;
      if (isShort && !feed.advanceTo(feed.backlog.end + PADDING_BYTES_MIN)) return;
      sync.spill(padding(feed.backlog.end - announced - spill.total));
    }
    sync.close();
    this.sync = null;
    const joinedAt = feed.backlog.end;
    feed.noteAlias(this.announced!.id, joinedAt);
    this.endSync(joinedAt);
    this.join(joinedAt);
  }

  /** @param to before which the replica got what is not of the stream */
  private endSync(to: number): void {
    if (this.announced !== null) this.feed.endSync(this.announced, to);
    this.announced = null;
  }

  // --- the merged stream

  private join(offset: number): void {
    const { session, feed, listener } = this;
    this.position = offset;
    this.joinedAt = offset;
    this.phase = 'joined';
    for (let i = 0; i < feed.parts.rings.length; i++) session.shardDone();
    this.noteCuts();
    listener.event({ kind: 'online' });
  }

  private send(): number {
    let sent = this.sendSpill();
    if (this.spill !== null && this.spill.left === 0) {
      this.spill.close();
      this.spill = null;
    }
    const { backlog } = this.feed;
    while (this.spill === null && this.writes < WRITES_MAX && this.position < backlog.end) {
      const bytes = backlog.read(this.position, WRITE_BYTES);
      this.position += bytes.length;
      sent += bytes.length;
      this.write(bytes);
    }
    this.checkLimits(backlog.end - this.position);
    return sent;
  }

  /**
   * `client-output-buffer-limit replica`, of what waits in the backlog. A limit below repl-backlog-size
   * is raised to that, as in Redis: else a replica that may continue is dropped as soon as it does.
   */
  private checkLimits(waiting: number): void {
    const { softMs } = this.limit;
    const hardBytes = this.raised(this.limit.hardBytes);
    const softBytes = this.raised(this.limit.softBytes);
    const nowMs = Date.now();
    if (softBytes === 0 || waiting <= softBytes) this.softSinceMs = 0;
    else if (this.softSinceMs === 0) this.softSinceMs = nowMs;
    const isOver = hardBytes > 0 && waiting > hardBytes;
    if (isOver || (this.softSinceMs > 0 && nowMs - this.softSinceMs > softMs)) {
      this.end(`${waiting} bytes wait for it: more than client-output-buffer-limit allows`);
    }
  }

  private raised(limitBytes: number): number {
    return limitBytes === 0 ? 0 : Math.max(limitBytes, this.feed.backlog.keptBytes);
  }

  private read(bytes: Buffer): void {
    if (this.closed) return;
    const { input, session, feed } = this;
    session.sums[SUM_ACKNOWLEDGED_MS] = Date.now();
    const wrong = input.feed(bytes);
    if (wrong !== null) {
      this.end(wrong);
      return;
    }
    if (input.acknowledged < 0) return;
    session.sums[SUM_HAS_SPOKEN] = 1;
    if (this.phase === 'confirming') {
      this.phase = 'catching-up';
    } else if (this.phase === 'joined' && input.acknowledged > feed.backlog.end) {
      this.end(`it acknowledges offset ${input.acknowledged} of ${feed.backlog.end}`);
      return;
    }
    this.noteCuts();
    feed.wake();
  }

  /** Tells which cuts the replica has. */
  noteCuts(): void {
    const { session, input, feed } = this;
    if (this.phase !== 'joined' || input.acknowledged < this.joinedAt) return;
    session.sums[SUM_STREAM_OFFSET] = Math.max(0, input.acknowledged);
    const covered = feed.covered.at(input.acknowledged);
    if (covered === null || covered.cut.offset <= session.sums[SUM_CUT]!) return;
    session.acknowledged.set(covered.cut.lsns);
    session.sums[SUM_CUT_MS] = covered.cut.madeMs;
    session.sums[SUM_CUT] = covered.cut.offset;
    feed.parts.reached();
  }

  end(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    // What was sent behind the RDB, and what it may have acknowledged.
    this.endSync((this.announced?.offset ?? 0) + (this.spill?.total ?? 0) + 1);
    this.sync?.close();
    this.spill?.close();
    this.listener.ended(this.phase === 'closing' ? '' : reason);
    this.socket.destroy();
    this.feed.wake();
  }
}
