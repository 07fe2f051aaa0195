/** For tests of replication between real processes. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { Random } from '../support/random.js';
import { type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';
import { LinkProxy } from './proxy.js';

export { until };

export function startNode(...args: string[]): Promise<Server> {
  return startDarter({ args: ['--enable-debug-command', 'yes', ...args] });
}

/** With one I/O thread, where a test is not about threads: it takes two thirds of the time to start. */
export function startSmall(...args: string[]): Promise<Server> {
  return startNode('--threads', '1', ...args);
}

export async function follow(replica: Server, port: number): Promise<void> {
  assert.equal(await replica.ask('REPLICAOF', '127.0.0.1', String(port)), 'OK');
}

/** Follows over a link that can be slow, cut or damaged, and waits until it is up. */
export async function followThroughProxy(
  replica: Server,
  primary: Server,
  t: TestContext,
): Promise<LinkProxy> {
  const proxy = await LinkProxy.start(primary.port);
  t.after(() => proxy.close());
  await follow(replica, proxy.port);
  await linkUp(replica);
  return proxy;
}

export function linkUp(replica: Server): Promise<void> {
  return until('the link is up', async () => (await replica.info('master_link_status')) === 'up');
}

/**
 * Waits until all servers hold the same data, which nobody may be changing. A digest costs a server
 * more than all else here: none is asked for while keys still expire or arrive.
 */
export async function sameData(...servers: Server[]): Promise<void> {
  let digests: string[] = [];
  let before = '';
  await until('the same data everywhere', async () => {
    const counts = await Promise.all(servers.map(keyCounts));
    const isAtRest = counts.every((count) => count === before);
    before = counts[0] as string;
    if (!isAtRest) return counts.join('; ');
    digests = await Promise.all(servers.map((server) => server.ask('DEBUG', 'DIGEST')));
    return digests.every((digest) => digest === digests[0]) || digests.join(' ');
  });
  assert.match(digests[0] as string, /^[0-9a-f]{40}$/);
}

/** Of each database: its keys, and those that expire. */
async function keyCounts(server: Server): Promise<string> {
  const text = await server.ask('INFO', 'keyspace');
  return `keys: ${text.match(/db\d+:keys=\d+,expires=\d+/g)?.join(' ') ?? 'none'}`;
}

export async function number(server: Server, field: string): Promise<number> {
  return Number(await server.info(field));
}

/** Keys with values, quickly. */
export async function fill(server: Server, keys: number, bytes: number): Promise<void> {
  const client = await server.client();
  const value = 'v'.repeat(bytes);
  for (let i = 0; i < keys; i += 1000) {
    const words = ['MSET'];
    for (let k = i; k < Math.min(i + 1000, keys); k++) words.push(`fill:${k}`, `${k}${value}`);
    assert.equal(await client.text(...words), 'OK');
  }
  await client.close();
}

const KEYS = 3000;
const BATCH = 50;

/** A client that writes all kinds of things until it is stopped. */
export class Load {
  /** Commands that were answered. */
  done = 0;
  private stopping = false;
  private readonly finished: Promise<void>;

  private constructor(
    private readonly client: RawClient,
    private readonly random: Random,
    private readonly pauseMs: number,
    private readonly valueBytes: number,
  ) {
    this.finished = this.run();
    // A failure is `stop`'s to tell: before that the test may fail, which ends the server.
    this.finished.catch(() => {});
  }

  /** @param pauseMs rest between batches of 50 commands */
  static async start(server: Server, pauseMs = 2, valueBytes = 100): Promise<Load> {
    return new Load(await server.client(), new Random(7), pauseMs, valueBytes);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.finished;
    await this.client.close();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      const commands: string[][] = [];
      for (let i = 0; i < BATCH; i++) commands.push(...this.commands());
      const replies = await this.client.pipeline(commands);
      for (const reply of replies) {
        // INCR and APPEND meet all kinds of values; anything else must go well.
        if (reply.type === 'error') assert.match(reply.text, /not an integer/);
      }
      this.done += commands.length;
      if (this.pauseMs > 0) await sleep(this.pauseMs);
    }
  }

  private key(): string {
    return `key:${this.random.between(0, KEYS - 1)}`;
  }

  private commands(): string[][] {
    const { random } = this;
    const value = String(random.between(0, 1e6)).repeat(1 + random.between(0, this.valueBytes / 4));
    const what = random.between(0, 99);
    if (what < 50) return [['SET', this.key(), value]];
    if (what < 60) return [['INCR', `n${this.key()}`]];
    if (what < 68) return [['DEL', this.key()]];
    if (what < 74) return [['APPEND', this.key(), 'tail']];
    if (what < 80) return [['SET', this.key(), value, 'PX', String(random.between(5, 2000))]];
    if (what < 84) return [['EXPIRE', this.key(), '1']];
    if (what < 92) return [['MSET', this.key(), value, this.key(), value, this.key(), value]];
    return [
      ['MULTI'],
      ['SET', this.key(), value],
      ['INCR', `n${this.key()}`],
      ['DEL', this.key(), this.key()],
      ['EXEC'],
    ];
  }
}
