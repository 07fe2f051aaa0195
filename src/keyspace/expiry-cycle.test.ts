import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandTester, START_MS } from '../commands/contract/test-support.js';
import { dbsize } from '../commands/generic/dbsize.js';
import { del } from '../commands/generic/del.js';
import { exists } from '../commands/generic/exists.js';
import { keys } from '../commands/generic/keys.js';
import { swapdb } from '../commands/generic/swapdb.js';
import { flushdb } from '../commands/generic/flushall.js';
import { hpexpire } from '../commands/hash/hexpire.js';
import { hset } from '../commands/hash/hset.js';
import { set } from '../commands/string/set.js';
import { ExpiryCycle } from './expiry-cycle.js';
import { PENDING_PAGES_KEPT } from '../memory/space.js';
import { WORD_LOCK } from './shard-words.js';

const BUDGET_MS = 1000;

function tester(): CommandTester {
  return new CommandTester([set, del, dbsize, exists], { shards: 4, shardBytes: 1 << 24 });
}

/** Steps until nothing is pressing, that is to the end of a round. */
function round(cycle: ExpiryCycle, nowMs: number): void {
  for (let steps = 0; cycle.step(nowMs, BUDGET_MS) > 0; steps++) assert.ok(steps < 100_000);
}

function count(t: CommandTester, database = 0): number {
  t.session.database = database;
  return t.run('DBSIZE') as number;
}

test('a round removes every key past its time, in every database, and no other', () => {
  const t = tester();
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  for (const database of [0, 3]) {
    t.session.database = database;
    for (let i = 0; i < 3000; i++) t.run('SET', `gone:${i}`, i, 'PX', 1 + (i % 10));
    for (let i = 0; i < 500; i++) t.run('SET', `later:${i}`, i, 'PX', 1000);
    for (let i = 0; i < 500; i++) t.run('SET', `stays:${i}`, i);
  }
  t.takeEffects();
  t.listen();
  round(cycle, START_MS + 500);
  assert.deepEqual([count(t, 0), count(t, 3)], [1000, 1000]);
  assert.equal(t.keys.expired, 6000);
  const effects = t.takeEffects();
  assert.equal(new Set(effects).size, 6000);
  assert.ok(effects.every((effect) => /^[03] DEL gone:\d+$/.test(effect)));
  assert.ok(t.takeEvents().every((event) => event.startsWith('expired gone:')));
  round(cycle, START_MS + 1001);
  assert.deepEqual([count(t, 0), count(t, 3)], [500, 500]);
  t.check();
});

test('the threads share the shards', () => {
  const t = tester();
  for (let i = 0; i < 400; i++) t.run('SET', `k${i}`, i, 'PX', 1);
  const shards = t.keys.shards;
  const cycles = [0, 1, 2].map((thread) => new ExpiryCycle(t.keys, thread, 3));
  round(cycles[1]!, START_MS + 2);
  const left = Array.from({ length: 4 }, (_, shard) => shards.table(shard, 0).size > 0);
  assert.deepEqual(left, [true, false, true, true]);
  for (const cycle of [...cycles, new ExpiryCycle(t.keys, 5, 6)]) round(cycle, START_MS + 2);
  assert.equal(count(t), 0);
});

test('a shard that another thread holds is left for later', () => {
  const t = tester();
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  for (let i = 0; i < 400; i++) t.run('SET', `k${i}`, i, 'PX', 1);
  const words = t.keys.shards.spaces[2]!.region.words;
  const held = t.keys.shards.table(2, 0).size;
  words[WORD_LOCK] = 7;
  round(cycle, START_MS + 2);
  assert.equal(count(t), held);
  assert.equal(words[WORD_LOCK], 7);
  words[WORD_LOCK] = 0;
  round(cycle, START_MS + 2);
  assert.equal(count(t), 0);
});

test('a replica keeps its keys, and so does everyone while the cycle is off', () => {
  const t = tester();
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  t.run('SET', 'k', 1, 'PX', 1);
  t.keys.expiresKeys = false;
  round(cycle, START_MS + 5);
  t.keys.expiresKeys = true;
  cycle.active = false;
  round(cycle, START_MS + 5);
  assert.equal(t.dump().size, 1);
  cycle.active = true;
  round(cycle, START_MS + 5);
  assert.equal(t.dump().size, 0);
});

test('shards that defer expiry keep expired keys, hidden, until a write finds them', () => {
  const t = tester();
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  for (let i = 0; i < 400; i++) t.run('SET', `k${i}`, i, 'PX', 1);
  const held = t.keys.shards.table(2, 0).size;
  t.keys.defersExpiry = (shard) => shard === 2;
  round(cycle, START_MS + 2);
  assert.equal(count(t), held);
  t.now = START_MS + 2;
  t.takeEffects();
  for (let i = 0; i < 400; i++) assert.equal(t.run('EXISTS', `k${i}`), 0);
  assert.equal(count(t), held, 'reads leave them there');
  for (let i = 0; i < 400; i++) assert.equal(t.run('DEL', `k${i}`), 0);
  assert.equal(count(t), 0);
  assert.equal(t.takeEffects().length, held, 'each expiry is an effect');
});

test('fields expire in a database that changes places while the cycle walks through it', () => {
  const t = new CommandTester([dbsize, hpexpire, hset, keys, swapdb], {
    shards: 1,
    shardBytes: 1 << 25,
  });
  for (let i = 0; i < 1500; i++) {
    t.run('HSET', `hash:${i}`, 'f', i);
    t.run('HPEXPIRE', `hash:${i}`, 100_000, 'FIELDS', 1, 'f');
  }
  const names = t.run('KEYS', '*') as string[];
  t.run('HPEXPIRE', names.at(-1)!, 10, 'FIELDS', 1, 'f');
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  const isComplete = cycle.step(START_MS + 20, 0) === 0;
  assert.deepEqual([isComplete, count(t)], [false, 1500], 'it has not come to the last one yet');
  t.run('SWAPDB', 0, 1);
  round(cycle, START_MS + 20);
  round(cycle, START_MS + 20);
  assert.deepEqual([count(t, 0), count(t, 1)], [0, 1499]);
});

test('frames are tidied and memory given back, also on a replica', () => {
  const t = tester();
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  t.keys.expiresKeys = false;
  for (let i = 0; i < 20_000; i++) t.run('SET', `k${i}`, 'x'.repeat(100));
  const shards = t.keys.shards;
  const pages = () => [0, 1, 2, 3].reduce((sum, s) => sum + shards.table(s, 0).allocatedPages, 0);
  const full = pages();
  for (let i = 0; i < 20_000; i++) if (i % 20 !== 0) t.run('DEL', `k${i}`);
  round(cycle, START_MS);
  assert.ok(pages() < full / 8, `${pages()} of ${full}`);
  assert.equal(count(t), 1000);
  t.check();
});

test('what an emptied database leaves is given back to the system', () => {
  const t = new CommandTester([set, del, flushdb], { shards: 4, shardBytes: 1 << 24 });
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  for (let i = 0; i < 3000; i++) t.run('SET', `k${i}`, 'x'.repeat(1000));
  t.run('FLUSHDB');
  const pending = () => t.keys.shards.spaces.reduce((sum, space) => sum + space.pendingPages, 0);
  round(cycle, START_MS);
  assert.ok(pending() > 4 * PENDING_PAGES_KEPT, `${pending()}`);
  round(cycle, START_MS);
  round(cycle, START_MS);
  assert.ok(pending() <= 4 * PENDING_PAGES_KEPT, `${pending()}`);
  t.check();
});

test('a slice ends soon, and wants to go on while there is work', () => {
  const t = tester();
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  for (let i = 0; i < 20_000; i++) t.run('SET', `k${i}`, i, 'PX', 1);
  const wanted = cycle.step(START_MS + 2, 0.2);
  assert.ok(wanted >= 1, `${wanted}`);
  assert.ok(count(t) > 0);
  while (cycle.step(START_MS + 2, 0.2) > 0);
  assert.equal(count(t), 0);
});

test('a key too long for its frame is told whole', () => {
  const t = tester();
  const long = 'key'.repeat(10_000);
  t.run('SET', long, 'x'.repeat(50_000), 'PX', 1);
  t.takeEffects();
  round(new ExpiryCycle(t.keys, 0, 1), START_MS + 2);
  assert.deepEqual(t.takeEffects(), [`0 DEL ${long}`]);
  t.check();
});

test('property: after a round the count is that of the keys that live', () => {
  const key = fc.record({
    id: fc.integer({ min: 0, max: 3000 }),
    ttl: fc.integer({ min: 0, max: 60 }),
    size: fc.constantFrom(0, 10, 500, 9000),
  });
  fc.assert(
    fc.property(
      fc.array(key, { minLength: 1, maxLength: 400 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 }),
      (keys, jumps) => {
        const t = tester();
        const cycle = new ExpiryCycle(t.keys, 0, 1);
        const model = new Map<string, number>();
        for (const { id, ttl, size } of keys) {
          const words = ttl > 0 ? ['PX', ttl] : [];
          t.run('SET', `k${id}`, 'x'.repeat(size), ...words);
          model.set(`k${id}`, ttl > 0 ? START_MS + ttl : Number.POSITIVE_INFINITY);
        }
        let nowMs = START_MS;
        for (const jump of jumps) {
          nowMs += jump;
          round(cycle, nowMs);
          const alive = [...model.values()].filter((expiry) => expiry >= nowMs).length;
          assert.equal(count(t), alive);
        }
        t.check();
      },
    ),
    { numRuns: 40 },
  );
});
