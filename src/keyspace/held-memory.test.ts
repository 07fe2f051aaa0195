/** What a thread keeps of the memory that a large value needed for a moment. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../base/region.js';
import { EffectBuilder, VECTOR_HEADER_BYTES } from './effects.js';
import { Keyspace } from './keyspace.js';
import { formatShard, Shards } from './shards.js';

const LARGE_BYTES = 8 << 20;
const KEPT_BYTES_MAX = 1 << 20;

test('an effect of a large value leaves no large region behind, and the next one is whole', () => {
  const keyRegion = new Region(new SharedArrayBuffer(8), 0);
  const key = { shard: 0, h1: 0, soughtDatabase: 0, keyRegion, keyOffset: 0, keyLength: 3 };
  const builder = new EffectBuilder(key);
  const seen: { held: number; length: number; last: number }[] = [];
  builder.sink = {
    append({ region, offset, length }) {
      seen.push({ held: region.length, length, last: region.bytes[offset + length - 1]! });
    },
  };
  const large = new Region(new SharedArrayBuffer(LARGE_BYTES), 0);
  large.bytes.fill(7);
  for (const length of [10, LARGE_BYTES, 20]) {
    builder.begin('SET').bytes(large, 0, length).end();
  }
  const header = VECTOR_HEADER_BYTES + 4 + 'SET'.length + 4 + 'key'.length + 4;
  assert.deepEqual(
    seen.map(({ length, last }) => [length - header, last]),
    [
      [10, 7],
      [LARGE_BYTES, 7],
      [20, 7],
    ],
  );
  assert.ok(seen[2]!.held <= KEPT_BYTES_MAX, `${seen[2]!.held} bytes are held`);
});

test('scratch memory is as small as before once it is trimmed', () => {
  const counters = new Int32Array(new SharedArrayBuffer(64));
  const region = new Region(new SharedArrayBuffer(1 << 22), 0);
  formatShard(region, 1, counters, 0, { key0: 1, key1: 2, spread: 8 });
  const keys = new Keyspace(new Shards([region], 1, counters, 0, 0));
  const before = keys.scratch(1);
  keys.trimScratch();
  assert.equal(keys.scratch(1), before, 'what has not grown is kept');
  assert.ok(keys.scratch(LARGE_BYTES).length >= LARGE_BYTES);
  keys.trimScratch();
  assert.equal(keys.scratch(1).length, before.length);
});
