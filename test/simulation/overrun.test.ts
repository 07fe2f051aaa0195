/**
 * Shards whose journal is overrun after they were shipped, while others are still on their way: they
 * are shipped again, the full sync goes on, and still no half of a transaction is ever seen.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareFullSync } from '../../src/replication/replica/shard-writer.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { Link } from './link.js';
import { SimulatedServer } from './server.js';

const HASH_KEY = { key0: 5, key1: 6, spread: 2 };
const NOW = 1_700_000_000_000;
const SHARDS = 4;
const RING_BYTES = 4096;
const GROUP = Array.from({ length: 6 }, (_, i) => `group:${i}`);
const SCHEDULES = 75;

function server(name: string): SimulatedServer {
  const shape = { shards: SHARDS, shardMebibytes: 2, ringBytes: RING_BYTES };
  return new SimulatedServer(name, shape, HASH_KEY, () => name.padEnd(40, '0'));
}

function groupOf(of: SimulatedServer): Set<string> {
  return new Set(GROUP.map((key) => of.execute(NOW, 0, 'GET', key)));
}

function schedule(seed: number): { again: number; overrunLater: boolean } {
  const random = new Random(seed);
  const primary = server('primary');
  const replica = server('replica');
  for (let i = 0; i < 400; i++) primary.execute(NOW, 0, 'SET', `key:${i}`, 'v'.repeat(200));
  primary.startJournal();
  replica.following = primary;
  replica.installSink();
  prepareFullSync(replica.shards, HASH_KEY);
  const link = new Link(primary, replica, null, null, random.pick([1, 2, SHARDS]), random);
  const steps = random.between(50, 400);
  for (let i = 0; i < 3000 && !link.progress.ready && link.failed === null; i++) {
    link.step();
    const written = i < steps ? random.below(4) : 0;
    for (let k = 0; k < written; k++) {
      const value = `${random.below(1000)}`.repeat(random.between(1, 60));
      if (random.chance(0.5)) primary.execute(NOW, 0, 'SET', `key:${random.below(500)}`, value);
      else primary.execute(NOW, 0, 'MSET', ...GROUP.flatMap((key) => [key, `${i} ${k}`]));
    }
    if (link.failed !== null) break;
  }
  if (link.progress.ready) assert.equal(groupOf(replica).size, 1, 'half a transaction is seen');
  if (link.failed === null) link.settle();
  const again = link.restartedShards;
  // Be it on the way or by what was written in the last step.
  if (link.failed !== null) {
    // After the last shard the stream is on its own.
    assert.match(link.failed, /no longer holds LSN/);
    assert.ok(link.shipped, 'a full sync fails before everything was shipped');
    link.cut();
    return { again, overrunLater: true };
  }
  assert.ok(link.progress.ready);
  assert.equal(groupOf(replica).size, 1);
  assert.deepEqual(replica.dump(NOW), primary.dump(NOW));
  assert.deepEqual(replica.heads(), primary.heads());
  replica.check();
  link.cut();
  return { again, overrunLater: false };
}

test(`${SCHEDULES} full syncs under writes faster than the rings never start over`, (context) => {
  const seed = seedFromEnvironment();
  context.diagnostic(`DARTER_SEED=${seed}`);
  let again = 0;
  let later = 0;
  for (let i = 0; i < SCHEDULES; i++) {
    try {
      const outcome = schedule(seed + i);
      again += outcome.again;
      if (outcome.overrunLater) later++;
    } catch (error) {
      throw new Error(`schedule with seed ${seed + i} failed`, { cause: error });
    }
  }
  context.diagnostic(`${again} shards shipped again, ${later} overrun after the last`);
  assert.ok(again > SCHEDULES / 10);
  // Nothing holds the writers here, and a reader's place is what was acknowledged.
  assert.ok(later < SCHEDULES * 0.75);
});
