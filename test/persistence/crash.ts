/**
 * Servers that are killed at random moments under load, and started again: what was acknowledged is
 * there, and transactions are whole. Each writer counts up a key of its own, and a group of keys in
 * other shards that a transaction sets to one value. Some servers are killed while they start, and some
 * are told to end (SIGTERM), which loses nothing with any policy.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../replication/support.js';
import type { RawClient } from '../support/client.js';
import type { Random } from '../support/random.js';
import { textOf } from '../support/reply.js';
import { beginDarter, type Server, type ServerOptions, startDarter } from '../support/server.js';

const WRITERS = 6;
const GROUP_KEYS = 4;
/** With everysec: one second between syncs, and another one until a sync is over. */
const EVERYSEC_MS = 2000;

/** What a writer knows of its key. */
interface Written {
  /** The last value that it sent, and the last that was acknowledged. */
  sent: number;
  acknowledged: number;
  /** When values were acknowledged, in order. */
  readonly times: { readonly value: number; readonly atMs: number }[];
}

export interface CrashOptions {
  readonly folder: string;
  readonly policy: 'always' | 'everysec' | 'no';
  readonly random: Random;
  readonly args?: readonly string[];
  /** Whether the journal is rewritten again and again meanwhile. */
  readonly rewrites: boolean;
  /** How many of the servers are told to end instead, and how many more are killed while they start. */
  readonly ends: number;
  readonly killedStarts: number;
}

export class CrashRounds {
  private readonly written: Written[] = Array.from({ length: WRITERS }, () => ({
    sent: 0,
    acknowledged: 0,
    times: [],
  }));

  constructor(private readonly options: CrashOptions) {}

  /** Values that were acknowledged, of all writers. */
  private get count(): number {
    return this.written.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  private get how(): ServerOptions {
    const { folder, policy, random, args = [] } = this.options;
    const journal = ['--appendonly', 'yes', '--appendfsync', policy];
    // One thread starts in half the time of two.
    return { args: ['--dir', folder, ...journal, ...args], threads: random.pick([1, 1, 1, 2]) };
  }

  private start(): Promise<Server> {
    return startDarter(this.how);
  }

  /** Kills a server that is about to load its journal, or to go on with it. */
  private async killStart(): Promise<void> {
    const { random } = this.options;
    const server = await beginDarter(this.how);
    try {
      const lines = random.below(4);
      await until(`${lines} lines of a start`, () => server.log.split('\n').length > lines);
      await sleep(random.below(random.pick([5, 50])));
      server.child.kill('SIGKILL');
    } finally {
      await server.stop();
    }
  }

  /** Starts, checks what is there, writes, and kills. @returns how many writes were acknowledged */
  async round(): Promise<number> {
    const { policy, random, rewrites, ends, killedStarts } = this.options;
    if (random.chance(killedStarts)) await this.killStart();
    const server = await this.start();
    try {
      await this.check(server);
      const before = this.count;
      const writers = this.written.map((written, index) => this.write(server, index, written));
      if (rewrites) await server.ask('BGREWRITEAOF').catch(() => {});
      const least = before + 1 + random.below(30);
      await until(`${least} writes`, () => Promise.resolve(this.count >= least));
      // Now and then so long that everysec has promised something.
      const longMs = policy === 'everysec' ? 2 * EVERYSEC_MS : 200;
      await sleep(random.below(random.pick([20, 200, 200, longMs])));
      this.isEnded = random.chance(ends);
      this.killedMs = Date.now();
      server.child.kill(this.isEnded ? 'SIGTERM' : 'SIGKILL');
      await server.exit();
      await Promise.all(writers);
      return this.count - before;
    } finally {
      if (server.alive) server.child.kill('SIGKILL');
      await server.stop();
    }
  }

  private killedMs = 0;
  /** Whether the last server was told to end. */
  private isEnded = false;

  /** Starts once more, and checks. */
  async end(): Promise<void> {
    await using server = await this.start();
    await this.check(server);
  }

  private async write(server: Server, index: number, written: Written): Promise<void> {
    let client: RawClient | null = null;
    try {
      client = await server.client();
      for (;;) {
        const value = ++written.sent;
        await client.command('SET', `writer${index}`, String(value));
        const words = Array.from({ length: GROUP_KEYS }, (_, i) => `group${index}-${i}`);
        await client.command('MSET', ...words.flatMap((word) => [word, String(value)]));
        written.acknowledged = value;
        written.times.push({ value, atMs: Date.now() });
      }
    } catch {
      // The server was killed.
    } finally {
      await client?.close().catch(() => {});
    }
  }

  private async check(server: Server): Promise<void> {
    const client = await server.client({ timeout_ms: 30_000 });
    try {
      for (const [index, written] of this.written.entries()) {
        const value = await numberAt(client, `writer${index}`);
        const names = Array.from({ length: GROUP_KEYS }, (_, i) => `group${index}-${i}`);
        const group: number[] = [];
        for (const name of names) group.push(await numberAt(client, name));
        assert.equal(new Set(group).size, 1, `a transaction is half there: ${group}`);
        const least = this.least(written);
        assert.ok(value >= least, `writer ${index} is at ${value}, and ${least} was acknowledged`);
        assert.ok(group[0]! >= least, `group ${index} is at ${group[0]}, not ${least}`);
        assert.ok(value <= written.sent, 'nothing is there that was not sent');
        written.sent = Math.max(value, group[0]!);
        written.acknowledged = Math.min(value, group[0]!);
        written.times.length = 0;
        written.times.push({ value: written.acknowledged, atMs: 0 });
      }
    } finally {
      await client.close();
    }
  }

  /** The least value that has to be there after a kill. */
  private least({ acknowledged, times }: Written): number {
    const { policy } = this.options;
    if (policy === 'always' || this.isEnded) return acknowledged;
    const before = times.filter(({ atMs }) => atMs < this.killedMs - EVERYSEC_MS);
    return policy === 'everysec' ? (before.at(-1)?.value ?? 0) : 0;
  }
}

/** 0 for a key that is not there. */
async function numberAt(client: RawClient, key: string): Promise<number> {
  const reply = await client.command('GET', key);
  if (reply.type === 'null') return 0;
  assert.equal(reply.type, 'bulk', `${key}: ${textOf(reply)}`);
  return Number(textOf(reply));
}
