/**
 * The load itself, as it runs in a worker thread of its own: so many connections over node:net,
 * reading into one shared buffer and sending batches that were encoded beforehand (only the digits
 * of the keys change), which keeps the generator's own cost per request small beside the server's.
 */
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { cutBatch, makeBatches } from './batches.js';
import { Latencies } from './latencies.js';
import type { Interval, LoadOptions, LoadResult, WindowResult } from './options.js';
import { noReplies, ReplyScanner } from './reply-scanner.js';
import { type Batch, copyValue, nextRandom, patchDigits } from './workload.js';

const READ_BUFFER_BYTES = 256 * 1024;

/** Planned sending times of requests not yet answered, oldest first, each for `count` replies. */
interface Pending {
  readonly planned: number;
  count: number;
}

class Connection {
  readonly pending: Pending[] = [];
  /** Where `pending` begins: shifting an array per reply would cost more than the reply. */
  head = 0;
  nextBatch = 0;

  constructor(
    readonly socket: Socket,
    readonly scanner: ReplyScanner,
    readonly batches: readonly Batch[],
  ) {}
}

export class LoadRun {
  private readonly replies = noReplies();
  private readonly latencies = new Latencies();
  private readonly intervalLatencies = new Latencies();
  private readonly windowLatencies = new Latencies();
  private readonly lateness = new Latencies();
  private readonly connections: Connection[] = [];
  private random: number;
  private sent = 0;
  private answered = 0;
  private filled = 0;
  private stopped = false;
  private started = 0;
  private intervalStarted = 0;
  private intervalAnswered = 0;
  private windowStarted = 0;
  private timers: NodeJS.Timeout[] = [];
  private finish: (result: LoadResult) => void = () => undefined;
  private fail: (error: Error) => void = () => undefined;

  constructor(
    private readonly options: LoadOptions,
    private readonly report: (interval: Interval) => void,
  ) {
    this.random = options.seed | 1;
  }

  async run(): Promise<LoadResult> {
    const ended = new Promise<LoadResult>((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
    });
    const buffer = new Uint8Array(READ_BUFFER_BYTES);
    const opening: Promise<void>[] = [];
    for (let i = 0; i < this.options.connections; i++) opening.push(this.open(i, buffer));
    await Promise.race([Promise.all(opening), ended]);
    this.started = performance.now();
    this.intervalStarted = this.started;
    this.windowStarted = this.started;
    if (this.options.intervalMs > 0) {
      this.timers.push(setInterval(() => this.reportInterval(), this.options.intervalMs));
    }
    if (this.options.mode.kind === 'open') this.pace(this.options.mode.spin);
    else for (const connection of this.connections) this.sendNext(connection);
    this.finishWhenDone();
    try {
      return await ended;
    } finally {
      for (const timer of this.timers) clearTimeout(timer);
      for (const connection of this.connections) connection.socket.destroy();
    }
  }

  /** Sends nothing more; the run ends when what is under way is answered. */
  stop(): void {
    this.stopped = true;
    this.finishWhenDone();
  }

  /** Everything since the last call; only with interval reports on. */
  window(): WindowResult {
    const now = performance.now();
    const result = {
      requests: this.windowLatencies.count,
      seconds: (now - this.windowStarted) / 1000,
      p50: this.windowLatencies.percentile(50),
      p99: this.windowLatencies.percentile(99),
      p999: this.windowLatencies.percentile(99.9),
      max: this.windowLatencies.max,
    };
    this.windowStarted = now;
    this.windowLatencies.reset();
    return result;
  }

  private open(index: number, buffer: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({
        host: '127.0.0.1',
        port: this.options.port,
        noDelay: true,
        onread: {
          buffer,
          callback: (length: number, bytes: Uint8Array): boolean => {
            this.take(connection, bytes, length);
            return true;
          },
        },
      });
      const scanner = new ReplyScanner(this.replies, this.options.valueBytes);
      const connection = new Connection(socket, scanner, makeBatches(this.options, index));
      socket.on('connect', resolve);
      socket.on('error', (error) => this.fail(error));
      socket.on('close', () => this.fail(new Error('the server closed a connection under load')));
      this.connections.push(connection);
    });
  }

  private take(connection: Connection, bytes: Uint8Array, length: number): void {
    let whole: number;
    try {
      whole = connection.scanner.feed(bytes, length);
    } catch (error) {
      this.fail(error as Error);
      return;
    }
    const now = performance.now();
    this.answered += whole;
    while (whole > 0) whole -= this.answer(connection, whole, now);
    if (this.options.mode.kind === 'open') {
      this.sendDue();
    } else if (connection.head === connection.pending.length) {
      this.sendNext(connection);
    }
    this.finishWhenDone();
  }

  /** Books up to `count` replies against the oldest batch; returns how many. */
  private answer(connection: Connection, count: number, now: number): number {
    const oldest = connection.pending[connection.head];
    if (oldest === undefined) {
      this.fail(new Error('more replies than requests'));
      return count;
    }
    const taken = Math.min(count, oldest.count);
    oldest.count -= taken;
    if (oldest.count === 0) connection.head++;
    if (connection.head === connection.pending.length || connection.head > 10_000) {
      connection.pending.splice(0, connection.head);
      connection.head = 0;
    }
    this.latencies.record(now - oldest.planned, taken);
    if (this.options.intervalMs > 0) {
      this.intervalLatencies.record(now - oldest.planned, taken);
      this.windowLatencies.record(now - oldest.planned, taken);
    }
    return taken;
  }

  /** Closed loop and fill: the connection's next batch, unless enough was sent. */
  private sendNext(connection: Connection): void {
    const mode = this.options.mode;
    if (this.stopped || mode.kind === 'open') return;
    if (mode.kind === 'closed' && this.sent >= mode.requests) return;
    if (mode.kind === 'fill' && this.filled >= this.options.keys.count) return;
    const batch = connection.batches[connection.nextBatch]!;
    connection.nextBatch = (connection.nextBatch + 1) % connection.batches.length;
    const count = mode.kind === 'fill' ? this.fillBatch(batch) : this.randomizeBatch(batch);
    connection.pending.push({ planned: performance.now(), count });
    this.sent += count;
    const whole = count === batch.kinds.length;
    connection.socket.write(whole ? batch.bytes : cutBatch(batch, count));
  }

  private randomizeBatch(batch: Batch): number {
    const keys = this.options.keys;
    for (const offset of batch.digitOffsets) {
      this.random = nextRandom(this.random);
      patchDigits(batch.bytes, offset, keys.digits, (this.random >>> 0) % keys.count);
    }
    return batch.kinds.length;
  }

  private fillBatch(batch: Batch): number {
    const { keys, valueBytes } = this.options;
    const count = Math.min(batch.kinds.length, keys.count - this.filled);
    for (let i = 0; i < count; i++) {
      const index = this.filled++;
      patchDigits(batch.bytes, batch.digitOffsets[i]!, keys.digits, index);
      copyValue(batch.bytes, batch.valueOffsets[i]!, index, valueBytes);
    }
    return count;
  }

  private pace(spin: boolean): void {
    if (!spin) {
      this.timers.push(setInterval(() => this.sendDue(), 1));
      return;
    }
    const again = (): void => {
      this.sendDue();
      if (!this.stopped) setImmediate(again);
    };
    again();
  }

  /** Open loop: sends everything whose planned time has come. */
  private sendDue(): void {
    const mode = this.options.mode;
    if (mode.kind !== 'open' || this.stopped) return;
    const now = performance.now();
    const perMillisecond = mode.perSecond / 1000;
    const total = Math.round(mode.perSecond * mode.seconds);
    const due = Math.min(total, Math.floor((now - this.started) * perMillisecond));
    while (this.sent < due) {
      const planned = this.started + this.sent / perMillisecond;
      this.lateness.record(now - planned, 1);
      this.sendSingle(this.connections[this.sent % this.connections.length]!, planned);
    }
    if (this.sent >= total) this.stopped = true;
  }

  private sendSingle(connection: Connection, planned: number): void {
    const batch = connection.batches[connection.nextBatch]!;
    connection.nextBatch = (connection.nextBatch + 1) % connection.batches.length;
    this.randomizeBatch(batch);
    connection.pending.push({ planned, count: 1 });
    this.sent++;
    // A copy: the batch is patched again before the kernel may have taken these bytes.
    connection.socket.write(batch.bytes.slice());
  }

  private finishWhenDone(): void {
    const mode = this.options.mode;
    const enough =
      this.stopped ||
      (mode.kind === 'closed' && this.sent >= mode.requests) ||
      (mode.kind === 'fill' && this.filled >= this.options.keys.count);
    if (!enough || this.answered < this.sent) return;
    const seconds = (performance.now() - this.started) / 1000;
    this.stopped = true;
    for (const connection of this.connections) connection.socket.removeAllListeners('close');
    this.finish({
      requests: this.answered,
      seconds,
      p50: this.latencies.percentile(50),
      p99: this.latencies.percentile(99),
      p999: this.latencies.percentile(99.9),
      max: this.latencies.max,
      lateness99: this.lateness.percentile(99),
      replies: this.replies,
    });
  }

  private reportInterval(): void {
    const now = performance.now();
    this.report({
      at: Date.now(),
      seconds: (now - this.intervalStarted) / 1000,
      requests: this.answered - this.intervalAnswered,
      p50: this.intervalLatencies.percentile(50),
      p99: this.intervalLatencies.percentile(99),
      p999: this.intervalLatencies.percentile(99.9),
    });
    this.intervalStarted = now;
    this.intervalAnswered = this.answered;
    this.intervalLatencies.reset();
  }
}
