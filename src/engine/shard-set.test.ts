/** Sets of shards locked together: all or none, whoever else holds some of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ShardSet } from './shard-set.js';
import { createShards, lockedShards, openShards } from './testing.js';

const COUNT = 64;
const shared = createShards(COUNT);
const shards = openShards(shared, 0);
const others = openShards(shared, 1);

const anyShards = fc.uniqueArray(fc.integer({ min: 0, max: COUNT - 1 }));

test('a set holds what was added, and locks exactly that', () => {
  const set = new ShardSet(shards);
  fc.assert(
    fc.property(anyShards, fc.boolean(), (wanted, sleeping) => {
      for (const shard of [...wanted, ...wanted]) set.add(shard);
      assert.equal(set.size, wanted.length);
      assert.equal(set.only, wanted.length === 1 ? wanted[0] : -1);
      for (let shard = 0; shard < COUNT; shard++) {
        assert.equal(set.has(shard), wanted.includes(shard));
      }
      assert.equal(set.locked, false);
      assert.ok(sleeping ? set.lockBefore(0) : set.tryLock(0));
      assert.equal(set.locked, true);
      assert.deepEqual(
        lockedShards(shards),
        [...wanted].sort((a, b) => a - b),
      );
      set.unlock();
      assert.equal(set.locked, false);
      assert.equal(set.size, 0);
      assert.deepEqual(lockedShards(shards), []);
    }),
  );
});

test('a set with a taken shard locks nothing, but keeps its marks for another try', () => {
  const set = new ShardSet(shards);
  fc.assert(
    fc.property(anyShards, anyShards, fc.boolean(), (wanted, taken, sleeping) => {
      for (const shard of wanted) set.add(shard);
      for (const shard of taken) assert.ok(others.tryLock(shard));
      const disjoint = !wanted.some((shard) => taken.includes(shard));
      const locked = sleeping ? set.lockBefore(performance.now() + 0.1) : set.tryLock(100);
      assert.equal(locked, disjoint);
      assert.equal(set.locked, disjoint);
      assert.equal(set.size, wanted.length);
      const held = disjoint ? [...wanted, ...taken] : taken;
      assert.deepEqual(
        lockedShards(shards).filter((shard) => shard < COUNT),
        [...held].sort((a, b) => a - b),
      );
      for (const shard of taken) others.unlock(shard);
      if (!locked) assert.ok(set.tryLock(0));
      set.unlock();
      assert.deepEqual(lockedShards(shards), []);
    }),
    { numRuns: 300 },
  );
});

test('all shards, whether they fill a word or not', () => {
  for (const count of [1, 2, 16, 32, 64]) {
    const few = openShards(createShards(count), 0);
    const set = new ShardSet(few);
    set.add(0);
    set.addAll();
    assert.equal(set.size, count);
    assert.ok(set.tryLock(0));
    assert.equal(lockedShards(few).length, count);
    set.unlock();
    assert.deepEqual(lockedShards(few), []);
  }
});

test('one thread at a time waits for shards while it holds others', () => {
  const set = new ShardSet(shards);
  set.add(3);
  assert.ok(others.lockOrder(0));
  assert.equal(set.lockBefore(performance.now() + 1), false);
  assert.equal(set.locked, false);
  others.unlockOrder();
  assert.ok(set.lockBefore(performance.now() + 1));
  set.unlock();
});
