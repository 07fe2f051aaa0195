/**
 * Clients in Sentinel mode (ioredis) that write and ask WAIT. What WAIT has confirmed must outlive
 * the failover. When the primary is gone, one replica is enough for that: a sentinel promotes the
 * one with the greatest offset. While the primary goes on, as with SENTINEL FAILOVER, it must be
 * all: the one may be confirmed by the replica that is not promoted (so with Redis, too).
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { MASTER_NAME, type Node, type World } from './world.js';

const WAIT_MS = 1000;
/** A primary that hangs says nothing: then the connection is given up. */
const SILENCE_MS = 5000;
const LOST_MS = 8000;
const PAUSE_MS = 50;
const CHECKED_AT_ONCE = 500;
/** A value of 64 KiB among them now and then: it takes a link's windows and the journal to grow. */
const LARGE_EVERY = 40;
const LARGE = 'x'.repeat(64 * 1024);

export class Writer {
  /** Numbers of the writes that WAIT has confirmed. */
  readonly confirmed: number[] = [];
  /** Writes that at least one replica has. */
  done = 0;
  refused = 0;
  private readonly redis: Redis;
  private stopping = false;
  private readonly finished: Promise<void>;

  constructor(
    world: World,
    private readonly name: string,
    private readonly replicas: number,
  ) {
    this.redis = new Redis({
      sentinels: world.addresses,
      name: MASTER_NAME,
      password: world.password,
      socketTimeout: SILENCE_MS,
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
      retryStrategy: () => 100,
      sentinelRetryStrategy: () => 100,
      maxRetriesPerRequest: 1,
    });
    // Connections end while a test cuts them; what was not confirmed is counted below.
    this.redis.on('error', () => {});
    this.finished = this.run();
    this.finished.catch(() => {});
  }

  private async run(): Promise<void> {
    for (let number = 0; !this.stopping; number++) {
      try {
        const value = number % LARGE_EVERY === 0 ? `${number}${LARGE}` : String(number);
        const pipeline = this.redis.pipeline().set(this.key(number), value);
        pipeline.call('WAIT', String(this.replicas), String(WAIT_MS));
        const replies = await this.within(pipeline.exec());
        const [written, waited] = replies ?? [];
        const isWritten = written?.[0] === null && written[1] === 'OK';
        const replicas = isWritten ? Number(waited?.[1]) : 0;
        if (replicas >= this.replicas) this.confirmed.push(number);
        if (replicas >= 1) this.done++;
        else this.refused++;
      } catch {
        this.refused++;
      }
      await sleep(PAUSE_MS);
    }
  }

  /**
   * ioredis sometimes never settles a pipeline whose connection is cut while it asks the sentinels
   * (with redis-server as well): it is told to connect again.
   */
  private async within<T>(answer: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.redis.disconnect(true), LOST_MS);
    const lost = sleep(2 * LOST_MS, undefined, { ref: false }).then(() => {
      throw new Error('no answer');
    });
    try {
      return await Promise.race([answer, lost]);
    } finally {
      clearTimeout(timer);
    }
  }

  private key(number: number): string {
    return `written:${this.name}:${number}`;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.race([this.finished, sleep(2 * LOST_MS, undefined, { ref: false })]);
    this.redis.disconnect();
  }

  /** Fails if a write that WAIT had confirmed is not there. */
  async check(node: Node): Promise<void> {
    for (let from = 0; from < this.confirmed.length; from += CHECKED_AT_ONCE) {
      const numbers = this.confirmed.slice(from, from + CHECKED_AT_ONCE);
      const found = await node.ask('EXISTS', ...numbers.map((number) => this.key(number)));
      assert.equal(Number(found), numbers.length, `confirmed writes of ${this.name} are there`);
    }
  }
}
