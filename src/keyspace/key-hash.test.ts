import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import { Space } from '../memory/space.js';
import { HashState, hashBytes } from '../structures/hash.js';
import { KeyHash, SHARD_SPREAD_MAX } from './key-hash.js';
import { checkShard } from './shard-check.js';
import { formatShard, Shards } from './shards.js';

const MIB = 1 << 20;
/** From 1 to 1024: numbers of shards, too. */
const SPREADS = Array.from({ length: 11 }, (_, i) => 1 << i);

const source = new Region(new SharedArrayBuffer(1 << 16), 0);
const state = new HashState();

function keyHash(spread: number, key0 = 1, key1 = 2): KeyHash {
  const region = new Region(new SharedArrayBuffer(MIB), 0);
  Space.format(region, 0, 0);
  const space = new Space(region, new Int32Array(1), 0);
  space.setHashKey(key0, key1, spread);
  return new KeyHash(space);
}

function shardHash(keys: KeyHash, key: string | Uint8Array): number {
  const bytes = typeof key === 'string' ? Buffer.from(key, 'latin1') : key;
  source.bytes.set(bytes, 5);
  return keys.hash(state, source, 5, bytes.length);
}

/** How many of the keys lie in each shard. */
function census(keys: KeyHash, shards: number, names: readonly string[]): number[] {
  const counts = new Array<number>(shards).fill(0);
  for (const name of names) counts[shardHash(keys, name) & (shards - 1)]! += 1;
  return counts;
}

const plain = Array.from({ length: 64_000 }, (_, i) => `user:${i}:name`);

/** So far from the mean of a thousand keys by shard no count comes by chance. */
function assertEven(counts: readonly number[], mean: number): void {
  for (const count of counts) assert.ok(Math.abs(count - mean) < 6 * Math.sqrt(mean), `${count}`);
}

test('keys without a tag lie in all shards, equally many, whatever the spread', () => {
  for (const spread of [1, 8, SHARD_SPREAD_MAX]) {
    assertEven(census(keyHash(spread), 64, plain), 1000);
  }
});

test('keys with one tag lie in as many shards as the spread, equally many in each', () => {
  for (const spread of [1, 2, 8, 32]) {
    const names = Array.from({ length: spread * 1000 }, (_, i) => `{user:1000}:${i}`);
    const counts = census(keyHash(spread), 64, names).filter((count) => count > 0);
    assert.equal(counts.length, spread);
    assertEven(counts, 1000);
  }
});

test('a spread of all shards and more is no limit', () => {
  const names = Array.from({ length: 16_000 }, (_, i) => `{tag}${i}`);
  for (const spread of [16, 64, SHARD_SPREAD_MAX]) {
    assertEven(census(keyHash(spread), 16, names), 1000);
  }
});

test('the groups of different tags cover all shards', () => {
  const names = Array.from({ length: 64_000 }, (_, i) => `{user:${i}}:name`);
  for (const spread of SPREADS) assertEven(census(keyHash(spread), 64, names), 1000);
});

test('with a spread of 1 the shard of a key is that of its tag', () => {
  const keys = keyHash(1);
  const anyText = fc.string({ unit: 'binary-ascii', maxLength: 20 });
  const tag = anyText.filter((text) => text !== '' && !text.includes('}'));
  const before = anyText.filter((text) => !text.includes('{'));
  fc.assert(
    fc.property(before, tag, anyText, (first, middle, last) => {
      source.bytes.set(Buffer.from(middle, 'latin1'));
      hashBytes(state, source, 0, middle.length, 1, 2);
      const expected = state.h2 >>> 16;
      assert.equal(shardHash(keys, `${first}{${middle}}${last}`), expected);
    }),
  );
});

test('what is no tag counts as any other text: {} at first, braces without a partner', () => {
  const keys = keyHash(1);
  for (const key of ['foo{}{bar}', 'foo{bar', 'foo}bar{', '{}', '{', '}', '', '}{a']) {
    const hash = shardHash(keys, key);
    assert.equal(hash, state.h2 >>> 16, key);
  }
  assert.equal(shardHash(keys, 'foo{{bar}}zap'), shardHash(keys, 'x{{bar}y'));
  assert.equal(shardHash(keys, 'foo{bar}{zap}'), shardHash(keys, '{bar}'));
  assert.equal(shardHash(keys, `${'k'.repeat(5000)}{bar}`), shardHash(keys, '{bar}'));
});

const anyKey = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc
    .tuple(fc.string(), fc.string(), fc.string())
    .map(([a, b, c]) => new Uint8Array(Buffer.from(`${a}{${b}}${c}`))),
);

test('shards are nested: those of more shards lie within those of fewer, for every spread', () => {
  const counters = new Int32Array(new SharedArrayBuffer(64));
  const servers = SPREADS.map((spread) => {
    const region = new Region(new SharedArrayBuffer(MIB), 0);
    formatShard(region, 1, counters, 0, { key0: 3, key1: -4, spread });
    // Only the header is read: one space stands for all shards.
    const ofCount = (count: number) => new Shards(Array(count).fill(region), 1, counters, 0, 0);
    return SPREADS.map(ofCount);
  });
  fc.assert(
    fc.property(anyKey, fc.nat(SPREADS.length - 1), (key, spread) => {
      source.bytes.set(key, 5);
      const homes = servers[spread]!.map((shards) => shards.shardOf(source, 5, key.length));
      for (const [i, more] of homes.entries()) {
        assert.ok(more >= 0 && more < SPREADS[i]!);
        for (let j = 0; j < i; j++) assert.equal(more & (SPREADS[j]! - 1), homes[j]);
      }
    }),
    { numRuns: 500 },
  );
});

test('the keys of a shard fill directory and buckets evenly: they share no bits', () => {
  const keys = keyHash(8);
  const top = new Array<number>(16).fill(0);
  const fingerprints = new Array<number>(16).fill(0);
  for (const name of plain) {
    if ((shardHash(keys, name) & 3) !== 2) continue;
    top[state.h1 >>> 28]! += 1;
    fingerprints[(state.h2 & 0xffff) >>> 12]! += 1;
  }
  assertEven(top, 1000);
  assertEven(fingerprints, 1000);
});

test('the check of a shard finds a key that belongs to another one', () => {
  const counters = new Int32Array(new SharedArrayBuffer(64));
  const regions = [0, 1, 2, 3].map(() => {
    const region = new Region(new SharedArrayBuffer(MIB), 0);
    formatShard(region, 1, counters, 0, { key0: 1, key1: 2, spread: 4 });
    return region;
  });
  const shards = new Shards(regions, 1, counters, 0, 0);
  for (let shard = 0; shard < 4; shard++) shards.lock(shard);
  for (let i = 0; i < 40; i++) {
    const name = `{tag}${i}`;
    const hash = shardHash(shards.keyHash, name);
    const table = shards.table(hash & 3, 0);
    assert.equal(table.find(source, 5, name.length, state.h1, state.h2), false);
    assert.ok(table.put(0, 0, 0) >= 0);
  }
  for (let shard = 0; shard < 4; shard++) checkShard(shards, shard);
  shards.changeHashKey({ key0: 1, key1: 2, spread: 1 });
  const misplaced = [0, 1, 2, 3].filter((shard) => {
    try {
      checkShard(shards, shard);
      return false;
    } catch (error) {
      assert.match(String(error), /shard \d has a key of shard \d/);
      return true;
    }
  });
  assert.equal(misplaced.length, 3);
});
