/** What happens to a watched primary under load, and what must be true afterwards. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../replication/support.js';
import { testsDarter } from '../support/server.js';
import { nodeRedis, redisPy } from './other-clients.js';
import type { Node, Options } from './world.js';
import { World } from './world.js';
import { Writer } from './writer.js';

const WRITERS = 4;
/** Writes of each before and after. */
const ENOUGH = 30;

interface Scenario {
  /** How many replicas must have a write. */
  readonly confirmedBy: number;
  /** @param wentOn waits for the new primary, and for the writers to go on */
  readonly play: (world: World, primary: Node, wentOn: () => Promise<Node>) => Promise<void>;
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  /** The operator asks a sentinel for it. */
  'SENTINEL FAILOVER': {
    confirmedBy: 2,
    play: async (world, primary, wentOn) => {
      assert.equal(await world.sentinels[0]!.ask('SENTINEL', 'FAILOVER', 'main'), 'OK');
      const after = await wentOn();
      await world.follows(primary, after);
    },
  },

  'kill -9': {
    confirmedBy: 1,
    play: async (world, primary, wentOn) => {
      primary.server.child.kill('SIGKILL');
      await primary.server.exited;
      const after = await wentOn();
      // It comes back as it was configured, a primary, and is told to follow.
      await primary.startServer();
      await world.follows(primary, after);
    },
  },

  /** It hangs, and believes to be the primary when it goes on. */
  SIGSTOP: {
    confirmedBy: 1,
    play: async (world, primary, wentOn) => {
      process.kill(primary.server.pid, 'SIGSTOP');
      let after: Node;
      try {
        after = await wentOn();
      } finally {
        process.kill(primary.server.pid, 'SIGCONT');
      }
      await world.follows(primary, after);
    },
  },

  /** It lives, but nobody reaches it. */
  'cut network': {
    confirmedBy: 1,
    play: async (world, primary, wentOn) => {
      primary.proxy.cut();
      const after = await wentOn();
      primary.proxy.restore();
      await world.follows(primary, after);
    },
  },
};

/** @returns what happened, in a line */
export async function play(name: string, options: Options = {}): Promise<string> {
  const scenario = SCENARIOS[name];
  assert.ok(scenario !== undefined, `no scenario '${name}'`);
  await using world = await World.start(options);
  const [primary, ...replicas] = world.nodes as [Node, ...Node[]];
  const writers = Array.from(
    { length: WRITERS },
    (_, i) => new Writer(world, String(i), scenario.confirmedBy),
  );
  const others = [nodeRedis(world), redisPy(world)].filter((client) => client !== null);
  const all = [...writers, ...others];
  try {
    await writeMore(all);
    const begin = Date.now();
    let outageMs = 0;
    let promoted: Node | undefined;
    await scenario.play(world, primary, async () => {
      promoted = await world.failedOver(primary);
      await writeMore(all);
      outageMs = Date.now() - begin;
      const other = replicas.find((replica) => replica !== promoted)!;
      await world.follows(other, promoted);
      // It continues, as the rings hold what it lacks; but what had reached it alone, in some shard, when
      // the primary ended is replaced by a full sync.
      if (testsDarter) {
        const following = `Connecting to primary 127\\.0\\.0\\.1:${promoted.port}`;
        await other.server.logged(
          new RegExp(`${following}(?:(?!Connecting to)[^])*(The sync continues|In stable sync)`),
        );
      }
      return promoted;
    });
    await writeMore(all);
    await Promise.all(all.map((client) => client.stop()));
    for (const writer of writers) await writer.check(promoted!);
    await sameKeys(world.nodes);
    const confirmed = writers.reduce((sum, writer) => sum + writer.confirmed.length, 0);
    const refused = writers.reduce((sum, writer) => sum + writer.refused, 0);
    return `${name}: ${confirmed} writes confirmed, ${refused} not, writers went on after ${outageMs} ms`;
  } finally {
    await Promise.all(all.map((client) => client.stop()));
  }
}

/** Waits until each client has written some more. */
async function writeMore(writers: readonly { readonly done: number }[]): Promise<void> {
  const goals = writers.map(({ done }) => done + ENOUGH);
  await until(
    'the writers go on',
    async () => {
      const counts = writers.map(({ done }) => done);
      return counts.every((count, i) => count >= goals[i]!) || String(counts);
    },
    120_000,
  );
}

async function sameKeys(nodes: readonly Node[]): Promise<void> {
  await until('all nodes have the same keys', async () => {
    const sizes = await Promise.all(nodes.map((node) => node.ask('DBSIZE')));
    if (sizes.some((size) => size !== sizes[0])) {
      await sleep(100);
      return sizes.join(' ');
    }
    return true;
  });
}
