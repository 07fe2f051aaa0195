/** What a client's transaction and watched keys took is given back at once, also without a collection. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { giveBack, installRegionCreation, newRegion } from '../base/owned-region.js';
import { installPageRelease } from '../base/page-release.js';
import { Region } from '../base/region.js';
import { set } from '../commands/string/set.js';
import { discard } from '../commands/transactions/discard.js';
import { exec } from '../commands/transactions/exec.js';
import { multi } from '../commands/transactions/multi.js';
import { unwatch, watch } from '../commands/transactions/watch.js';
import { createShards, TestEngine } from './testing.js';

const LARGE = 'x'.repeat(1 << 20);
/** Large regions that were made and not given back. */
const held = new Set<Region>();

beforeEach(() => {
  held.clear();
  installRegionCreation((bytes) => {
    const region = new Region(new SharedArrayBuffer((bytes + 7) & ~7), 0);
    held.add(region);
    return region;
  });
  installPageRelease((region, offset, length) => {
    if (held.has(region)) assert.deepEqual([offset, length], [0, region.length]);
    held.delete(region);
  });
});

afterEach(() => {
  installRegionCreation((bytes) => new Region(new SharedArrayBuffer((bytes + 7) & ~7), 0));
  installPageRelease(() => {});
});

function newEngine(): TestEngine {
  return new TestEngine(createShards(8), 0, [discard, exec, multi, set, unwatch, watch], 2);
}

test('small regions are left to the collector, large ones are given back whole', () => {
  const small = newRegion(4096);
  const large = newRegion(1 << 20);
  assert.deepEqual([...held], [large]);
  giveBack(small);
  giveBack(large);
  assert.equal(held.size, 0);
});

test('a queue that grows gives back what it outgrew, and all of it when the transaction ends', () => {
  for (const end of ['EXEC', 'DISCARD']) {
    const engine = newEngine();
    engine.dispatch(0, 'MULTI');
    for (let i = 0; i < 5; i++) engine.dispatch(0, `SET k ${LARGE}`);
    assert.equal(held.size, 1, 'the queue has one region');
    engine.dispatch(0, end);
    assert.equal(held.size, 0, end);
  }
});

test('a key that is no longer watched takes no memory', () => {
  for (const end of ['UNWATCH', 'EXEC']) {
    const engine = newEngine();
    engine.dispatch(0, `WATCH ${LARGE}`);
    assert.equal(held.size, 1);
    if (end === 'EXEC') engine.dispatch(0, 'MULTI');
    engine.dispatch(0, end);
    assert.equal(held.size, 0, end);
  }
});
