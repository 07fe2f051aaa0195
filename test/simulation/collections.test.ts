/**
 * Collections that are shipped in parts while they change: whatever happens between two parts, the
 * replica has the primary's data in the end.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../support/random.js';
import { CollectionWrites } from './collection-writes.js';
import { NOW, Pair } from './pair.js';
import type { SimulatedServer } from './server.js';

function fields(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => [`f${from + i}`, `v${from + i}`]).flat();
}

function items(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `item ${from + i}`);
}

const COUNT = 2000;

function fillHash(server: SimulatedServer): void {
  server.execute(NOW, 0, 'HSET', 'k', ...fields(0, COUNT));
}

function fillList(server: SimulatedServer): void {
  server.execute(NOW, 0, 'RPUSH', 'k', ...items(0, COUNT));
}

test('a collection that nobody changes comes in parts, each field once', () => {
  const pair = new Pair(fillHash);
  pair.until(20);
  pair.finish();
  assert.ok(pair.valueBlocks > 25);
});

test('the expiry of a collection in parts comes with its end', () => {
  const pair = new Pair(fillHash);
  pair.until(3);
  pair.run('PEXPIREAT', 'k', NOW + 100_000);
  pair.until(10);
  pair.finish();
  assert.match(pair.replica.dump(NOW).get('0 k') ?? '', new RegExp(`^4 ${NOW + 100_000} `));
});

const HASH_CASES: Readonly<Record<string, readonly (string | number)[][]>> = {
  'all fields are removed, then one is set': [
    ['HDEL', 'k', ...items(0, COUNT).map((_, i) => `f${i}`)],
    ['HSET', 'k', 'new', 'v'],
  ],
  'it is removed': [['DEL', 'k']],
  'it is removed and made anew': [
    ['DEL', 'k'],
    ['HSET', 'k', 'f1', 'other', 'new', 'v'],
  ],
  'it is removed and made anew, as large': [
    ['DEL', 'k'],
    ['HSET', 'k', ...fields(500, COUNT + 500)],
  ],
  'another type takes its place': [['SET', 'k', 'string']],
  'a large list takes its place': [
    ['DEL', 'k'],
    ['RPUSH', 'k', ...items(0, COUNT)],
  ],
  'half of each effect was shipped': [
    ['HSET', 'k', ...fields(0, COUNT).map((word) => `${word}x`)],
    ['HSET', 'k', ...fields(0, COUNT).map((word) => (word.startsWith('v') ? 'same' : word))],
    ['HDEL', 'k', ...items(0, COUNT / 2).map((_, i) => `f${i * 2}`)],
  ],
  'it is renamed to where the walk has been, and back': [
    ['RENAME', 'k', 'a'],
    ['RENAME', 'a', 'k'],
  ],
  'it is renamed to many places': Array.from({ length: 8 }, (_, i) => [
    'RENAME',
    i === 0 ? 'k' : `to ${i - 1}`,
    `to ${i}`,
  ]),
  'it is copied': [
    ['COPY', 'k', 'a'],
    ['COPY', 'k', 'b'],
    ['COPY', 'k', 'c'],
  ],
  'its database is emptied': [['FLUSHDB']],
  'its database is emptied, and it is made anew': [['FLUSHDB'], ['HSET', 'k', ...fields(5, COUNT)]],
  'databases are exchanged': [
    ['SWAPDB', 0, 1],
    ['HSET', 'k', 'f', 'v'],
  ],
  'in a transaction': [
    ['MULTI'],
    ['HINCRBY', 'k', 'n', 5],
    ['HDEL', 'k', 'f1', 'f2', 'f3'],
    ['EXEC'],
  ],
};

for (const [what, commands] of Object.entries(HASH_CASES)) {
  test(`a hash in parts: ${what}`, () => {
    for (const blocks of [1, 2, 12, 25]) {
      const pair = new Pair(fillHash);
      pair.until(blocks);
      for (const command of commands) pair.run(...command);
      pair.finish();
    }
  });
}

const LIST_CASES: Readonly<Record<string, readonly (string | number)[][]>> = {
  'elements come and go at both ends': [
    ['LPUSH', 'k', ...items(0, 50)],
    ['RPUSH', 'k', ...items(50, 100)],
    ['LPOP', 'k', 30],
    ['RPOP', 'k', 30],
    ['LPOP', 'k'],
    ['RPOP', 'k'],
  ],
  'more is popped from its head than was shipped': [
    ['LPOP', 'k', COUNT - 10],
    ['LPUSH', 'k', 'new'],
  ],
  'more is popped from its tail than was not': [['RPOP', 'k', COUNT - 3]],
  'all is popped': [
    ['LPOP', 'k', COUNT],
    ['LPUSH', 'k', ...items(0, 10)],
  ],
  'elements are replaced on both sides': [
    ['LSET', 'k', 0, 'first'],
    ['LSET', 'k', -1, 'last'],
    ['LSET', 'k', 700, 'some'],
    ['LSET', 'k', -COUNT, 'first again'],
  ],
  'elements are removed by value': [
    ['LREM', 'k', -1, 'item 5'],
    ['LREM', 'k', 1, `item ${COUNT - 5}`],
  ],
  'elements are inserted by value': [
    ['LINSERT', 'k', 'BEFORE', 'item 5', 'x'],
    ['LINSERT', 'k', 'AFTER', `item ${COUNT - 5}`, 'y'],
  ],
  'it is rotated': [
    ['RPOPLPUSH', 'k', 'k'],
    ['LMOVE', 'k', 'k', 'LEFT', 'RIGHT'],
  ],
  'it is trimmed': [['LTRIM', 'k', 10, 1500]],
  'elements move to another list': [
    ['LMOVE', 'k', 'other', 'LEFT', 'LEFT'],
    ['LMOVE', 'k', 'a', 'RIGHT', 'RIGHT'],
  ],
};

for (const [what, commands] of Object.entries(LIST_CASES)) {
  test(`a list in parts: ${what}`, () => {
    for (const blocks of [1, 2, 12, 25]) {
      const pair = new Pair(fillList);
      pair.until(blocks);
      for (const command of commands) pair.run(...command);
      pair.finish();
    }
  });
}

test('a list that is rotated and trimmed at each step goes on where its parts have come to', () => {
  const blocksWith = (...commands: readonly (readonly (string | number)[])[]): number => {
    const pair = new Pair(fillList);
    for (let i = 0; !pair.step(); i++) {
      assert.ok(i < 1000);
      // Its first part replaces whatever the replica has of it, so changes before it prove nothing.
      if (pair.valueBlocks > 0 && i < 20) pair.run(...(commands[i % commands.length] ?? ['PING']));
    }
    pair.finish();
    return pair.valueBlocks;
  };
  const undisturbed = blocksWith(['LLEN', 'k']);
  const rotated = blocksWith(['RPOPLPUSH', 'k', 'k'], ['LMOVE', 'k', 'k', 'LEFT', 'RIGHT']);
  const trimmed = blocksWith(['LTRIM', 'k', 1, -1], ['LTRIM', 'k', 0, -2], ['LTRIM', 'k', 1, -2]);
  assert.ok(undisturbed > 20, `${undisturbed} blocks`);
  // Begun again, it would have more blocks; and fewer once it is shipped whole.
  assert.ok(Math.abs(rotated - undisturbed) <= 2, `${rotated} blocks, ${undisturbed} otherwise`);
  assert.ok(Math.abs(trimmed - undisturbed) <= 2, `${trimmed} blocks, ${undisturbed} otherwise`);
});

test('a collection that is begun again at each step is shipped whole in the end', () => {
  const pair = new Pair(fillList);
  for (let i = 0; !pair.step(); i++) {
    assert.ok(i < 200);
    pair.run('LREM', 'k', 1, `item ${i}`);
  }
  pair.finish();
});

test('random writes between the steps', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const writes = new CollectionWrites(random, random.pick([50, 500, 1500]));
    const shards = random.pick([1, 2]);
    const options = {
      shards,
      replicaShards: random.chance(0.8) ? shards : 3 - shards,
      partBytes: random.pick([200, 1000, 5000]),
    };
    const pair = new Pair((server) => {
      const run = (...words: (string | number)[]) => server.execute(NOW, 0, ...words);
      writes.fill(run);
      writes.fill(run);
      for (let i = 0; i < 50; i++) run('SET', `string ${i}`, i);
    }, options);
    const each = random.pick([0.2, 1, 5]);
    try {
      for (let i = 0; i < 400 && !pair.step(); i++) {
        for (let j = random.below(each * 2 + 1); j >= 1; j--) {
          writes.write((...words) => pair.run(...words));
        }
      }
      pair.finish();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
