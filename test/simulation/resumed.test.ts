/**
 * Full syncs whose link is cut at any moment, and that go on over the next one while the primary is
 * written: the data is right in the end, and what was shipped is not shipped again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareFullSync } from '../../src/replication/replica/shard-writer.js';
import { SUM_KEYS } from '../../src/replication/replica/sync-progress.js';
import { DONE, WALKING } from '../../src/replication/shard-states.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { Link } from './link.js';
import { SimulatedServer } from './server.js';

const HASH_KEY = { key0: 5, key1: 6, spread: 2 };
const NOW = 1_700_000_000_000;
const KEYS = 1200;
const LARGE = 'large';
const SCHEDULES = 20;
const CUTS_MAX = 40;

function newServer(letter: string, shards: number, ringBytes: number): SimulatedServer {
  const shape = { shards, shardMebibytes: 4, ringBytes };
  return new SimulatedServer(letter, shape, HASH_KEY, () => letter.repeat(40));
}

function fill(server: SimulatedServer): void {
  for (let i = 0; i < KEYS; i++) server.execute(NOW, i % 2, 'SET', `key:${i}`, 'v'.repeat(100));
  const fields = Array.from({ length: 3000 }, (_, i) => [`field:${i}`, `${i}`]).flat();
  server.execute(NOW, 0, 'HSET', LARGE, ...fields);
  server.keyless.note('name', 'before');
}

function write(server: SimulatedServer, random: Random): void {
  const key = () => `key:${random.below(KEYS * 2)}`;
  const what = random.below(100);
  if (what < 50) server.execute(NOW, random.below(2), 'SET', key(), `${random.next()}`);
  else if (what < 65) server.execute(NOW, random.below(2), 'DEL', key(), key());
  else if (what < 80) server.execute(NOW, 0, 'MSET', key(), 'a', key(), 'b', key(), 'c');
  else if (what < 85) server.execute(NOW, 0, 'HSET', LARGE, `field:${random.below(4000)}`, 'x');
  else if (what < 87) server.execute(NOW, 0, 'DEL', LARGE);
  else server.keyless.note('name', `${random.next()}`);
}

interface Case {
  readonly replicaShards: number;
  readonly ringBytes: number;
  /** What happens between two links besides writes. */
  readonly between?: (primary: SimulatedServer, random: Random) => void;
  readonly writes: number;
}

/** One full sync over several links. @returns keys that came, over all of them, and how many links */
function run(seed: number, { replicaShards, ringBytes, between, writes }: Case) {
  const random = new Random(seed);
  const primary = newServer('a', 2, ringBytes);
  const replica = newServer('b', replicaShards, ringBytes);
  fill(primary);
  primary.startJournal();
  prepareFullSync(replica.shards, HASH_KEY);
  let link = new Link(primary, replica, null, null, 2, random);
  let links = 1;
  for (; links < CUTS_MAX && !link.progress.ready; links++) {
    for (let i = random.between(1, 60); i > 0 && link.failed === null; i--) {
      link.step();
      if (writes > 0 && random.chance(0.3)) write(primary, random);
    }
    assert.match(link.failed ?? '', /^$|the journal no longer holds/);
    link.cut();
    const { half } = link.progress;
    if (half === null) break;
    for (let i = random.below(writes + 1); i > 0; i--) write(primary, random);
    between?.(primary, random);
    const progress = link.progress.buffer;
    link = new Link(primary, replica, null, { progress, streams: half }, 2, random);
  }
  link.settle();
  assert.equal(link.progress.ready, true, `${link.failed}`);
  assert.deepEqual(replica.dump(NOW), primary.dump(NOW));
  replica.check();
  link.cut();
  return { keys: link.progress.sums[SUM_KEYS]!, links };
}

for (const replicaShards of [1, 2, 4]) {
  test(`cut at any moment, with ${replicaShards} shards for 2`, (context) => {
    const seed = seedFromEnvironment();
    context.diagnostic(`DARTER_SEED=${seed}`);
    let links = 0;
    for (let i = 0; i < SCHEDULES; i++) {
      links += run(seed + i, { replicaShards, ringBytes: 1 << 20, writes: 20 }).links;
    }
    assert.ok(links > SCHEDULES * 2, `${links} links`);
  });
}

test('nothing comes twice while the journal holds what came meanwhile', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { keys, links } = run(seed, { replicaShards: 2, ringBytes: 1 << 20, writes: 0 });
    assert.ok(links > 2);
    assert.equal(keys, KEYS + 1, `${links} links`);
  }
});

test('shards whose journal was overrun meanwhile begin again, alone', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const hot = (primary: SimulatedServer) => {
      for (let i = 0; i < 100; i++) primary.execute(NOW, 0, 'SET', 'key:0', 'x'.repeat(1000));
    };
    run(seed, { replicaShards: 2, ringBytes: 65_536, writes: 0, between: hot });
  }
});

test('SWAPDB and FLUSHDB between two links', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const between = (primary: SimulatedServer, random: Random) => {
      if (random.chance(0.2)) primary.execute(NOW, 0, 'SWAPDB', 0, 1);
      if (random.chance(0.05)) primary.execute(NOW, random.below(2), 'FLUSHDB');
    };
    run(seed, { replicaShards: 2, ringBytes: 1 << 20, writes: 10, between });
  }
});

test('a collection that was shipped in part and is removed meanwhile leaves nothing', () => {
  let partly = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const random = new Random(seed);
    const primary = newServer('a', 1, 1 << 20);
    const replica = newServer('b', 1, 1 << 20);
    fill(primary);
    primary.startJournal();
    prepareFullSync(replica.shards, HASH_KEY);
    const link = new Link(primary, replica, null, null, 1, random);
    for (let i = 0; i < 4000 && !link.progress.isDone(0); i++) {
      link.step();
      if (replica.execute(NOW, 0, 'EXISTS', LARGE) === ':1\r\n' && random.chance(0.3)) break;
    }
    link.cut();
    const half = link.progress.half!;
    if (half[0]!.state === WALKING) partly++;
    primary.execute(NOW, 0, 'DEL', LARGE);
    const progress = link.progress.buffer;
    const next = new Link(primary, replica, null, { progress, streams: half }, 1, random);
    next.settle();
    assert.deepEqual(replica.dump(NOW), primary.dump(NOW));
    next.cut();
  }
  assert.ok(partly > 2, `${partly} times in the midst of the walk`);
});

test('a primary with another history begins anew, as does one that no ring helps', () => {
  const primary = newServer('a', 2, 65_536);
  const replica = newServer('b', 2, 65_536);
  fill(primary);
  primary.startJournal();
  prepareFullSync(replica.shards, HASH_KEY);
  const link = new Link(primary, replica, null, null, 2, new Random(1));
  while (!link.progress.isDone(0)) link.step();
  link.cut();
  const half = link.progress.half!;
  assert.equal(half[0]!.state, DONE);
  const request = { ...replica.state.request(), replicationId: 'a'.repeat(40), half };
  const kindOf = (changes: object) =>
    primary.primary.decide({ ...request, ...changes }, primary.rings).kind;
  assert.equal(kindOf({}), 'resume');
  assert.equal(kindOf({ replicationId: 'c'.repeat(40) }), 'full');
  assert.equal(kindOf({ half: half.slice(1) }), 'full');
  for (const wrong of [
    { state: 3 },
    { state: -1 },
    { lsn: 2 },
    { lsn: 1e9 },
    { lsn: Number.NaN },
    { database: 3 },
    { database: 2, position: 1 },
    { position: 2 ** 32 },
  ]) {
    assert.equal(kindOf({ half: half.with(0, { ...half[0]!, ...wrong }) }), 'full');
  }
  for (const ring of primary.rings) ring.loseHistory();
  assert.equal(kindOf({}), 'full');
});
