/**
 * A replica with fewer shards than its primary: one of its tables has the keys of several of the
 * primary's shards. SWAPDB reaches these one after the other while the data is shipped.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../support/random.js';
import { CollectionWrites } from './collection-writes.js';
import { DATABASES } from './server.js';
import { NOW, Pair } from './pair.js';
import type { SimulatedServer } from './server.js';

const KEYS = 200;
const ELEMENTS = 200;
const SCHEDULES = 6;
const STEPS_MAX = 100;

/** Both databases have some of the keys, with other values; and collections of all types. */
function fill(server: SimulatedServer): void {
  for (let database = 0; database < DATABASES; database++) {
    for (let i = database * 50; i < KEYS; i++) {
      server.execute(NOW, database, 'SET', `key:${i}`, `${database} has ${i}`);
      if (i % 5 === 0) server.execute(NOW, database, 'PEXPIREAT', `key:${i}`, NOW + 1e6 + i);
    }
    server.execute(NOW, database, 'SET', 'long', `${database}`.repeat(30_000));
    const collections = new CollectionWrites(new Random(database + 1), ELEMENTS);
    collections.fill((...words) => server.execute(NOW, database, ...words));
  }
}

/** Steps until some shards are shipped and others are not. */
function untilHalfShipped(pair: Pair, shards: number): void {
  const done = () => Array.from({ length: shards }, (_, i) => pair.progress.isDone(i));
  while (done().filter(Boolean).length < shards / 2) assert.ok(!pair.step());
}

for (const [shards, replicaShards] of [
  [2, 1],
  [8, 2],
] as const) {
  const servers = `${shards} shards to ${replicaShards}`;
  const begin = () => {
    const pair = new Pair(fill, { shards, replicaShards, partBytes: 2000 });
    untilHalfShipped(pair, shards);
    return pair;
  };

  test(`SWAPDB when half of the shards are shipped: ${servers}`, () => {
    const pair = begin();
    pair.run('SWAPDB', 0, 1);
    pair.finish();
  });

  test(`SWAPDB twice, with writes between, and of a database with itself: ${servers}`, () => {
    const pair = begin();
    pair.run('SWAPDB', 0, 1);
    for (let i = 0; i < KEYS; i += 3) pair.runIn(i % DATABASES, 'SET', `key:${i}`, 'between');
    pair.run('SWAPDB', 1, 1);
    pair.step();
    pair.run('SWAPDB', 1, 0);
    pair.finish();
  });

  test(`SWAPDB of an empty database, either way: ${servers}`, () => {
    for (const empty of [0, 1]) {
      const pair = begin();
      pair.runIn(empty, 'FLUSHDB');
      pair.run('SWAPDB', 0, 1);
      pair.finish();
    }
  });

  test(`SWAPDB amid a transaction: ${servers}`, () => {
    const pair = begin();
    pair.run('MULTI');
    pair.run('MSET', 'key:1', 'before', 'key:2', 'before', 'key:3', 'before');
    pair.run('SWAPDB', 0, 1);
    pair.run('MSET', 'key:1', 'after', 'key:4', 'after', 'key:5', 'after');
    pair.run('SWAPDB', 0, 1);
    pair.run('SWAPDB', 1, 0);
    pair.run('DEL', 'key:6', 'key:7', 'long');
    pair.run('EXEC');
    pair.finish();
  });

  test(`SWAPDB again and again among writes, at any moment: ${servers}`, () => {
    for (let seed = 1; seed <= SCHEDULES; seed++) schedule(seed, shards, replicaShards);
  });
}

function schedule(seed: number, shards: number, replicaShards: number): void {
  const random = new Random(seed);
  const pair = new Pair(fill, { shards, replicaShards, partBytes: random.pick([300, 20_000]) });
  const collections = new CollectionWrites(random, ELEMENTS);
  const swaps = random.pick([0.02, 0.2]);
  for (let i = 0; i < STEPS_MAX && !pair.step(); i++) {
    const database = random.below(DATABASES);
    const key = () => `key:${random.below(KEYS)}`;
    if (random.chance(swaps)) pair.run('SWAPDB', 0, 1);
    else if (random.chance(0.02)) pair.runIn(database, 'FLUSHDB');
    else if (random.chance(0.3)) collections.write((...words) => pair.runIn(database, ...words));
    else pair.runIn(database, 'MSET', key(), `${i}`, key(), `${i}`, key(), `${i}`);
  }
  pair.finish();
}
