import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../../base/region.js';
import { JournalRing } from '../../../journal/ring.js';
import { formatShard, Shards } from '../../../keyspace/shards.js';
import { StreamLocks } from '../../../replication/stream-locks.js';
import { JournalAnchors } from './anchors.js';

const LIMITS = { stayMs: 1000, bytesMax: 1 << 20 };

/** Rings of one shard and of the stream without keys, both with an anchor. */
function anchored() {
  const counters = new Int32Array(new SharedArrayBuffer(64));
  const region = new Region(new SharedArrayBuffer(1 << 20), 0);
  formatShard(region, 1, counters, 0, { key0: 1, key1: 2, spread: 1 });
  const shards = new Shards([region], 1, counters, 0, 0);
  const rings = [0, 1].map(
    () => new JournalRing(new Region(JournalRing.create(4096, 8192, 8192), 0)),
  );
  for (const ring of rings) ring.anchor(0);
  const anchors = new JournalAnchors(rings, new StreamLocks(shards, rings, 1));
  return { anchors, areKept: () => rings.every((ring) => ring.isAnchored) };
}

test('journals are kept until a replica that left has caught up again', () => {
  const { anchors, areKept } = anchored();
  anchors.left('a', 0);
  for (let nowMs = 0; nowMs < 900; nowMs += 100) anchors.tick(nowMs, () => false, LIMITS);
  for (let nowMs = 900; nowMs < 3000; nowMs += 100) anchors.tick(nowMs, () => true, LIMITS);
  assert.equal(areKept(), true, 'it is back, and has not caught up');
  anchors.caughtUp('a');
  anchors.tick(3000, () => true, LIMITS);
  assert.equal(areKept(), true, 'a flow may just have left one: at the second look');
  anchors.tick(3100, () => true, LIMITS);
  assert.equal(areKept(), false);
});

test('they are kept for all that are away, but not for ever, and not beyond their bound', () => {
  const first = anchored();
  first.anchors.left('a', 0);
  first.anchors.left('b', 500);
  for (let nowMs = 0; nowMs <= 1500; nowMs += 100) first.anchors.tick(nowMs, () => false, LIMITS);
  assert.equal(first.areKept(), true);
  for (const nowMs of [1600, 1700]) first.anchors.tick(nowMs, () => false, LIMITS);
  assert.equal(first.areKept(), false);
  const second = anchored();
  second.anchors.left('a', 0);
  for (const nowMs of [0, 1])
    second.anchors.tick(nowMs, () => false, { stayMs: 1000, bytesMax: -1 });
  assert.equal(second.areKept(), false);
});
