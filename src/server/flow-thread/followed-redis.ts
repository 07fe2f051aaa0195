/**
 * The connection to a Redis that this server follows, on its thread: hand-shake, RDB, stream.
 *
 *   hand-shake ─┬─ FULLRESYNC ─▶ transfer ── first line ──▶ (held until 'go') ── RDB ──▶ stream
 *               └─ CONTINUE ─────────────────────────────────────────────────────────▶ stream
 *
 * What comes is worked off before more is read: a connection that is put off (a replica of ours lags, a
 * shard is taken) is not read either, so the primary sees it. Once a second the primary hears how far
 * the stream is applied; while the RDB comes, an empty line, as from a Redis.
 */
import { connect, type Socket } from 'node:net';
import { toBinary } from '../../base/region.js';
import { SharedTextFullError } from '../../memory/shared-text.js';
import { addressesOf, sourceOptions } from '../../platform/peer-socket.js';
import { RdbError } from '../../persistence/rdb/error.js';
import { encodeCommand } from '../../protocol/encode-command.js';
import {
  COMMAND,
  CommandStream,
  INCOMPLETE,
  PROTOCOL_ERROR,
} from '../../replication/redis/command-stream.js';
import {
  type HandshakeStep,
  RedisHandshake,
  type RedisHistory,
} from '../../replication/redis/handshake.js';
import { RedisProgress } from '../../replication/redis/progress.js';
import { RdbTransfer, TransferError } from '../../replication/redis/transfer.js';
import type { FollowRedis, RedisEvent } from '../channel/main-flow.js';
import type { LinkTimes } from './link-times.js';
import { APPLIED, ASKED, FAILED, PUT_OFF, REFUSED } from './redis-applier.js';
import type { RedisLoad } from './redis-load.js';
import type { RedisTarget } from './redis-target.js';

/** A line of the hand-shake that is longer is none of a Redis. */
const LINE_BYTES_MAX = 4096;
const HEARTBEAT_MS = 1000;
const RETRY_MS = 1;
const LF = 10;
const CR = 13;

export interface FollowedRedisListener {
  readonly event: (event: RedisEvent) => void;
  /** Commands were applied, and their locks given back. */
  readonly applied: () => void;
  readonly ended: (reason: string) => void;
}

export interface FollowedRedisParts {
  readonly target: RedisTarget;
  readonly times: LinkTimes;
  /** Makes what takes the RDB, once the old data is gone. */
  readonly createLoad: () => RedisLoad;
  readonly listener: FollowedRedisListener;
}

export class FollowedRedis {
  private readonly socket: Socket;
  private readonly stream = new CommandStream();
  private readonly handshake: RedisHandshake;
  private readonly progress: RedisProgress;
  private readonly heartbeat: NodeJS.Timeout;
  private phase: 'hand-shake' | 'transfer' | 'stream' = 'hand-shake';
  private transfer = new RdbTransfer();
  private load: RedisLoad | null = null;
  private history: RedisHistory | null;
  /** Place in the stream behind the last command that was taken, also within a transaction. */
  private position = 0;
  /** Nothing is worked off, and nothing read. */
  private isHeld = false;
  /** The last command was put off. */
  private isRetrying = false;
  private retryTimer: NodeJS.Timeout | null = null;
  private closed = false;

  constructor(
    command: FollowRedis,
    private readonly parts: FollowedRedisParts,
  ) {
    const { host, port, source, handshake } = command;
    this.progress = new RedisProgress(command.progress);
    this.handshake = new RedisHandshake(handshake);
    this.history = handshake.history;
    this.socket = connect({
      host,
      port,
      noDelay: true,
      ...sourceOptions(source, host),
      onread: {
        buffer: () => this.stream.target,
        callback: (length: number) => this.read(length),
      },
    } as unknown as Parameters<typeof connect>[0] & { port: number });
    this.progress.receivedMs = Date.now();
    this.socket.setKeepAlive(true, 15_000);
    this.socket.on('connect', () => {
      const addresses = addressesOf(this.socket);
      this.parts.listener.event({ kind: 'connected', addresses });
      this.act(this.handshake.begin());
    });
    this.socket.on('error', (error) => this.end(error.message));
    this.socket.on('close', () => this.end('the primary closed the connection'));
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
  }

  /** The old data is gone: the RDB may be read. */
  go(): void {
    if (this.closed || this.phase !== 'transfer' || this.load !== null) return;
    this.load = this.parts.createLoad();
    this.resumeInput();
  }

  end(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.heartbeat);
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.load?.abandon();
    const { target, listener } = this.parts;
    target.setJournal(false);
    target.applier.reset(0);
    this.socket.destroy();
    this.stream.close();
    listener.applied();
    listener.ended(reason);
  }

  // --- reading

  /** @returns whether to go on reading */
  private read(length: number): boolean {
    if (this.closed) return false;
    const { progress } = this;
    progress.receivedMs = Date.now();
    progress.linkBytes += length;
    this.stream.received(length);
    this.work();
    return !this.closed && !this.isHeld;
  }

  private resumeInput(): void {
    this.isHeld = false;
    this.work();
    if (!this.closed && !this.isHeld) this.socket.resume();
  }

  private work(): void {
    const { target, listener } = this.parts;
    target.refresh();
    target.applier.beginTurn();
    try {
      while (!this.closed && !this.isHeld && this.step());
    } catch (error) {
      this.broken(error);
    }
    if (this.phase === 'stream') listener.applied();
  }

  private broken(error: unknown): void {
    const isOfTransfer = error instanceof TransferError || error instanceof RdbError;
    if (isOfTransfer || error instanceof SharedTextFullError || this.load !== null) {
      this.end(`the full sync fails: ${(error as Error).message}`);
      return;
    }
    // A fault of this server. A change may be half done.
    this.progress.fail();
    this.end(`internal error: ${error instanceof Error ? error.stack : error}`);
  }

  /** @returns whether there may be more to do without more bytes */
  private step(): boolean {
    if (this.phase === 'stream') return this.applyNext();
    return this.phase === 'transfer' ? this.transferNext() : this.readLine();
  }

  // --- hand-shake

  private readLine(): boolean {
    const { stream } = this;
    const { region, start, end } = stream;
    const limit = Math.min(end, start + LINE_BYTES_MAX);
    const length = region.bytes.subarray(start, limit).indexOf(LF);
    if (length < 0) {
      if (limit - start === LINE_BYTES_MAX) this.end("the primary's reply does not end");
      return false;
    }
    const isCarriage = length > 0 && region.bytes[start + length - 1] === CR;
    const line = toBinary(region, start, isCarriage ? length - 1 : length);
    stream.take(length + 1);
    this.act(this.handshake.line(line));
    return true;
  }

  private act(step: HandshakeStep): void {
    const { event } = this.parts.listener;
    switch (step.kind) {
      case 'wait':
        break;
      case 'send':
        this.socket.write(encodeCommand(step.words));
        break;
      case 'failed':
        this.end(step.why);
        break;
      case 'darter':
        event({ kind: 'darter' });
        this.end('');
        break;
      case 'full':
        this.phase = 'transfer';
        this.history = step.history;
        event({ kind: 'full', history: step.history });
        break;
      case 'continue':
        event({ kind: 'continued', id: step.id });
        this.beginStream(this.history!);
        break;
    }
  }

  // --- the RDB

  private transferNext(): boolean {
    const { stream, transfer, progress } = this;
    const { region, start, end } = stream;
    if (start === end && !this.isWholeBeforeRead) return false;
    if (!transfer.hasBegun) {
      const taken = transfer.readHeader(region, start, end);
      stream.take(taken);
      if (!transfer.hasBegun) return false;
      progress.rdbTotalBytes = transfer.totalBytes;
      this.isHeld = true;
      this.parts.listener.event({ kind: 'transfer' });
      return false;
    }
    const load = this.load!;
    stream.take(transfer.read(region, start, end, load));
    progress.rdbBytes = transfer.receivedBytes;
    progress.keys = load.keys;
    if (transfer.done) this.loaded(load);
    return transfer.done;
  }

  /** An RDB without bytes: wrong, but nothing comes that would show it. */
  private get isWholeBeforeRead(): boolean {
    const { transfer } = this;
    return transfer.hasBegun && transfer.totalBytes === 0;
  }

  private loaded(load: RedisLoad): void {
    load.finish();
    this.load = null;
    const { history } = this;
    this.beginStream({ ...history!, database: load.database });
    this.parts.listener.event({ kind: 'loaded' });
    this.acknowledge();
  }

  // --- the stream

  private beginStream(history: RedisHistory): void {
    const { target } = this.parts;
    const { progress } = this;
    this.phase = 'stream';
    this.position = history.offset;
    progress.offset = history.offset;
    progress.receivedOffset = history.offset;
    progress.database = history.database;
    target.applier.reset(history.database);
    target.setJournal(true);
  }

  private applyNext(): boolean {
    const { stream } = this;
    const { applier } = this.parts.target;
    const status = this.isRetrying ? COMMAND : stream.next();
    this.isRetrying = false;
    if (status === PROTOCOL_ERROR) {
      // Whether what came before was the primary's is no longer sure.
      this.progress.fail();
      this.end(`what the primary sends is no stream of commands: ${stream.error}`);
      return false;
    }
    if (status === INCOMPLETE) {
      this.advance(stream.consume(status));
      this.progress.receivedOffset = this.position + stream.end - stream.start;
      return false;
    }
    return this.after(applier.apply(stream.args));
  }

  private after(outcome: number): boolean {
    const { applier } = this.parts.target;
    const { failure } = applier;
    switch (outcome) {
      case PUT_OFF:
        this.isHeld = true;
        this.isRetrying = true;
        this.retryTimer = setTimeout(() => this.resumeInput(), RETRY_MS);
        return false;
      case FAILED:
        this.progress.fail();
        this.end(failure);
        return false;
      case REFUSED:
        this.end(failure);
        return false;
      case ASKED:
        this.acknowledge();
        break;
      default:
        if (outcome !== APPLIED) throw new Error(`outcome ${outcome}`);
    }
    this.progress.lastCommand = applier.lastCommand;
    this.advance(this.stream.consume(COMMAND));
    return true;
  }

  /** Bytes of the stream are behind us. Those of a transaction count when it has run. */
  private advance(bytes: number): void {
    const { applier } = this.parts.target;
    this.position += bytes;
    if (applier.inTransaction) return;
    this.progress.offset = this.position;
    this.progress.database = applier.session.database;
  }

  // --- to the primary

  private beat(): void {
    if (this.closed) return;
    const { timeoutMs } = this.parts.times;
    if (!this.isHeld && Date.now() - this.progress.receivedMs > timeoutMs) {
      this.end('nothing came for too long');
    } else if (this.phase === 'stream') {
      this.acknowledge();
    } else if (this.phase === 'transfer') {
      this.socket.write('\n');
    }
  }

  private acknowledge(): void {
    this.socket.write(encodeCommand(['REPLCONF', 'ACK', String(this.progress.offset)]));
  }
}
