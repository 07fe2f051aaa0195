/**
 * Two servers that both have a journal, one following the other, as an operator runs them: killed, both
 * or one, started again in either order, promoted, asked to change places, with a disk that is full.
 * Writers count keys up, and note what each reply has promised. After each event it is checked that
 *
 *   - the primary has what was promised for such an event, and nothing that was not sent;
 *   - what one transaction wrote is whole;
 *   - the other one follows, and both have the same data: no history went on over another.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { linkUp, sameData, until } from '../replication/support.js';
import type { RawClient } from '../support/client.js';
import type { Random } from '../support/random.js';
import { textOf } from '../support/reply.js';
import { type Server, startDarter } from '../support/server.js';

const WRITERS = 4;
const GROUP_KEYS = 4;
/** With everysec: one second between syncs, and another one until a sync is over. */
const EVERYSEC_MS = 2000;
/** The disk is as full as makes the next block fail. */
const FULL_BYTES = '20000:unlimited';

export type PairPolicy = 'always' | 'everysec';

/** What is known of one writer's values. */
interface Promised {
  sent: number;
  /** The last value that was answered, and when each was. */
  acknowledged: number;
  times: { readonly value: number; readonly atMs: number }[];
  /** The last one that WAIT has confirmed, and that WAITAOF has. */
  applied: number;
  onBothDisks: number;
}

type Level = 'acknowledged' | 'recent' | 'applied' | 'onBothDisks';

/** What an event leaves. */
interface Outcome {
  readonly primary: number;
  /** What the primary has to have of what was promised before. */
  readonly level: Level;
}

export interface PairOptions {
  readonly folder: string;
  readonly ports: readonly [number, number];
  readonly policy: PairPolicy;
  readonly random: Random;
}

export type PairEvent = keyof ServerPair['events'];

export class ServerPair {
  private readonly servers: (Server | null)[] = [null, null];
  private readonly written: Promised[] = Array.from({ length: WRITERS }, () => ({
    ...{ sent: 0, acknowledged: 0, times: [], applied: 0, onBothDisks: 0 },
  }));
  private primary = 0;
  private isWriting = false;
  private eventMs = 0;

  constructor(private readonly options: PairOptions) {
    for (const node of [0, 1]) mkdirSync(join(options.folder, String(node)), { recursive: true });
  }

  async begin(): Promise<void> {
    await this.start(0, null);
    await this.start(1, 0);
    await this.settle();
  }

  async end(): Promise<void> {
    for (const server of this.servers) await server?.stop();
  }

  private at(node: number): Server {
    return this.servers[node]!;
  }

  private get replica(): number {
    return 1 - this.primary;
  }

  private async start(node: number, followed: number | null): Promise<void> {
    const { folder, ports, policy } = this.options;
    const role = followed === null ? [] : ['--replicaof', '127.0.0.1', String(ports[followed])];
    const journal = ['--appendonly', 'yes', '--appendfsync', policy];
    const more = ['--enable-debug-command', 'yes', '--shards', '8', '--dir'];
    this.servers[node] = await startDarter({
      port: ports[node]!,
      args: [...more, join(folder, String(node)), ...journal, ...role],
      threads: 1,
    });
  }

  private async kill(...nodes: number[]): Promise<void> {
    for (const node of nodes) this.at(node).child.kill('SIGKILL');
    for (const node of nodes) {
      await this.at(node).stop();
      this.servers[node] = null;
    }
  }

  /** Until the replica follows, with its journal as far as its data. */
  private async settle(): Promise<void> {
    await linkUp(this.at(this.replica));
    await sameData(this.at(this.primary), this.at(this.replica));
    await until('both have it on their disks', async () => {
      const confirmed = await this.at(this.primary).ask('WAITAOF', '1', '1', '5000');
      return confirmed === '[1 1]' || confirmed;
    });
    for (const promised of this.written) {
      promised.applied = promised.onBothDisks = promised.acknowledged;
    }
  }

  // --- events

  /** Each does something to the servers while there are writes. */
  readonly events = {
    /** The primary dies, and the replica is promoted. */
    promote: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      await this.kill(primary);
      assert.equal(await this.at(replica).ask('REPLICAOF', 'NO', 'ONE'), 'OK');
      await this.writeMore(replica);
      await this.start(primary, replica);
      return { primary: replica, level: 'applied' };
    },
    /** The primary dies, and is back. */
    restart: async (): Promise<Outcome> => {
      const { primary } = this;
      await this.kill(primary);
      await this.start(primary, null);
      await this.writeMore(primary);
      return { primary, level: 'recent' };
    },
    /** It dies twice, as a primary both times; then it follows the other one, which was promoted meanwhile. */
    restartTwice: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      await this.kill(primary);
      assert.equal(await this.at(replica).ask('REPLICAOF', 'NO', 'ONE'), 'OK');
      await this.writeMore(replica);
      await this.start(primary, null);
      await this.writeElsewhere(primary);
      await this.kill(primary);
      await this.start(primary, replica);
      return { primary: replica, level: 'applied' };
    },
    bothPrimaryFirst: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      await this.kill(primary, replica);
      await this.start(primary, null);
      await this.writeMore(primary);
      await this.start(replica, primary);
      return { primary, level: 'recent' };
    },
    /** The one that was the replica becomes the primary. */
    bothReplicaFirst: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      await this.kill(replica, primary);
      await this.start(replica, null);
      await this.writeMore(replica);
      await this.start(primary, replica);
      return { primary: replica, level: 'onBothDisks' };
    },
    replicaDies: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      await this.kill(replica);
      await this.writeMore(primary);
      await this.start(replica, primary);
      return { primary, level: 'acknowledged' };
    },
    failover: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      assert.equal(await this.at(primary).ask('FAILOVER'), 'OK');
      await this.hasRole(replica, 'master');
      return { primary: replica, level: 'acknowledged' };
    },
    takeover: async (): Promise<Outcome> => {
      const { replica } = this;
      assert.equal(await this.at(replica).ask('REPLTAKEOVER', '60'), 'OK');
      return { primary: replica, level: 'acknowledged' };
    },
    /** Whoever has just taken over dies, and is back as the primary. */
    takeoverAndRestart: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      assert.equal(await this.at(replica).ask('REPLTAKEOVER', '60'), 'OK');
      await sleep(this.options.random.below(300));
      await this.kill(replica);
      await this.start(replica, null);
      await this.writeMore(replica);
      await this.order(primary, replica);
      return { primary: replica, level: 'onBothDisks' };
    },
    /** Both die in the midst of changing places. */
    takeoverAndBothDie: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      const answer = this.at(replica)
        .ask('REPLTAKEOVER', '60')
        .catch(() => '');
      await sleep(this.options.random.below(100));
      await this.kill(primary, replica);
      await answer;
      await this.start(replica, null);
      await this.start(primary, replica);
      return { primary: replica, level: 'onBothDisks' };
    },
    /** As Sentinel does after a cut network: the old primary has taken writes meanwhile. */
    twoPrimaries: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      assert.equal(await this.at(replica).ask('REPLICAOF', 'NO', 'ONE'), 'OK');
      await this.writeMore(replica);
      await this.writeElsewhere(primary);
      await this.at(primary).ask('REPLICAOF', '127.0.0.1', String(this.options.ports[replica]));
      return { primary: replica, level: 'applied' };
    },
    /** The disk of the replica is full for a while. */
    replicaFull: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      this.limit(replica, FULL_BYTES);
      await sleep(this.options.random.below(500));
      if (this.options.random.chance(0.5)) {
        await this.kill(replica);
        await this.start(replica, primary);
      } else this.limit(replica, 'unlimited:unlimited');
      return { primary, level: 'acknowledged' };
    },
    /** The disk of the primary is full; then it gives its role away, or dies. */
    primaryFull: async (): Promise<Outcome> => {
      const { primary, replica } = this;
      this.limit(primary, FULL_BYTES);
      await sleep(this.options.random.below(500));
      if (this.options.random.chance(0.5)) return this.events.promote();
      assert.equal(await this.at(replica).ask('REPLTAKEOVER', '60'), 'OK');
      this.limit(primary, 'unlimited:unlimited');
      return { primary: replica, level: 'acknowledged' };
    },
  };

  /** Until it counts: a server whose heir has died follows another process at that address on an order only. */
  private order(node: number, followed: number): Promise<void> {
    const { ports } = this.options;
    return until('an order that counts', async () => {
      const reply = await this.at(node).ask('REPLICAOF', '127.0.0.1', String(ports[followed]));
      return reply === 'OK' || (await this.at(node).info('master_link_status')) === 'up' || reply;
    });
  }

  private limit(node: number, bytes: string): void {
    const { pid } = this.at(node);
    assert.equal(spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}`]).status, 0);
  }

  private hasRole(node: number, role: string): Promise<void> {
    return until(`role ${role}`, async () => (await this.at(node).info('role')) === role);
  }

  /** Plays an event under load, and checks what it leaves. */
  async play(event: PairEvent): Promise<void> {
    const { random } = this.options;
    this.isWriting = true;
    const writers = this.written.map((promised, index) =>
      this.write(this.at(this.primary), index, promised),
    );
    // Now and then so long that everysec has promised something.
    await sleep(random.below(random.pick([50, 400, 2 * EVERYSEC_MS])));
    if (random.chance(0.5)) await this.at(random.below(2)).ask('BGREWRITEAOF');
    this.eventMs = Date.now();
    const outcome = this.events[event]();
    await outcome.catch(() => {});
    this.isWriting = false;
    await Promise.all(writers);
    const { primary, level } = await outcome;
    this.primary = primary;
    await this.check(level);
    await this.settle();
    await this.check('acknowledged');
  }

  // --- writers

  private async write(server: Server, index: number, promised: Promised): Promise<void> {
    let client: RawClient | null = null;
    try {
      client = await server.client();
      for (let count = 0; this.isWriting; count++) {
        const value = ++promised.sent;
        const words = Array.from({ length: GROUP_KEYS }, (_, i) => `group${index}-${i}`);
        await must(client, 'MSET', ...words.flatMap((word) => [word, String(value)]));
        await must(client, 'SET', `writer${index}`, String(value));
        promised.acknowledged = value;
        promised.times.push({ value, atMs: Date.now() });
        if (count % 3 === 1) await this.confirm(client, promised, value);
      }
    } catch {
      // The server was killed, or is no primary any more.
    } finally {
      await client?.close().catch(() => {});
    }
  }

  private async confirm(client: RawClient, promised: Promised, value: number): Promise<void> {
    if (this.options.random.chance(0.5)) {
      if ((await client.text('WAIT', '1', '500')) === '1') promised.applied = value;
    } else if (textOf(await client.command('WAITAOF', '1', '1', '500')) === '[1 1]') {
      promised.applied = promised.onBothDisks = value;
    }
  }

  /** Keys that nobody promised anything about; how many of them differ in both histories. */
  private async writeMore(node: number): Promise<void> {
    await this.writeOther(node, 'kept');
  }

  private async writeElsewhere(node: number): Promise<void> {
    await this.writeOther(node, 'lost');
  }

  private async writeOther(node: number, value: string): Promise<void> {
    const count = this.options.random.below(40);
    for (let i = 0; i < count; i++) await this.at(node).ask('SET', `other${i}`, value);
  }

  // --- checks

  private async check(level: Level): Promise<void> {
    const client = await this.at(this.primary).client({ timeout_ms: 30_000 });
    try {
      for (const [index, promised] of this.written.entries()) {
        const value = await numberAt(client, `writer${index}`);
        const group: number[] = [];
        for (let i = 0; i < GROUP_KEYS; i++) {
          group.push(await numberAt(client, `group${index}-${i}`));
        }
        assert.equal(new Set(group).size, 1, `a transaction is half there: ${group}`);
        const least = this.least(promised, level);
        assert.ok(value >= least, `writer ${index} is at ${value}, not ${least} (${level})`);
        assert.ok(group[0]! >= least, `group ${index} is at ${group[0]}, not ${least} (${level})`);
        assert.ok(
          Math.max(value, group[0]!) <= promised.sent,
          'nothing is there that was not sent',
        );
        Object.assign(promised, { acknowledged: Math.min(value, group[0]!), times: [] });
      }
    } finally {
      await client.close();
    }
  }

  private least(promised: Promised, level: Level): number {
    if (level !== 'recent') return promised[level];
    if (this.options.policy === 'always') return promised.acknowledged;
    const old = promised.times.filter(({ atMs }) => atMs < this.eventMs - EVERYSEC_MS);
    return Math.max(promised.onBothDisks, old.at(-1)?.value ?? 0);
  }
}

async function must(client: RawClient, ...words: string[]): Promise<void> {
  const reply = await client.text(...words);
  if (reply !== 'OK') throw new Error(reply);
}

/** 0 for a key that is not there. */
async function numberAt(client: RawClient, key: string): Promise<number> {
  const reply = await client.command('GET', key);
  if (reply.type === 'null') return 0;
  assert.equal(reply.type, 'bulk', `${key}: ${textOf(reply)}`);
  return Number(textOf(reply));
}
