/** Lists are what arrays are, in both forms, through every conversion, in full shards and on replicas. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Word } from '../contract/test-support.js';
import {
  assertNothingLeft,
  elementsOf,
  ListModel,
  listTester,
  pagesOf,
  replay,
} from './lib/testing.js';

const KEYS = ['a', 'b', 'c'];
const key = fc.constantFrom(...KEYS);

/** Texts that repeat, integers of all widths, and long ones up to what needs pages of its own. */
const element = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('x', 'y', 'z', '', '7', '-1', '007') },
  { weight: 3, arbitrary: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String) },
  { weight: 2, arbitrary: fc.string({ maxLength: 90, unit: 'binary-ascii' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(63, 64, 1000, 2042, 2043, 4090, 4096, 20_000).map((length) => {
      return 'l'.repeat(length);
    }),
  },
);
const some = fc.oneof(
  { weight: 6, arbitrary: fc.array(element, { minLength: 1, maxLength: 6 }) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 700 }).map(manyElements) },
);
const index = fc.oneof(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -900, max: 900 }));
const end = fc.constantFrom('LEFT', 'RIGHT');

function manyElements(count: number): string[] {
  return Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 'x' : `element ${i}`));
}

const command: fc.Arbitrary<Word[]> = fc.oneof(
  fc
    .tuple(fc.constantFrom('LPUSH', 'RPUSH', 'RPUSH', 'LPUSHX', 'RPUSHX'), key, some)
    .map(([name, k, elements]) => [name, k, ...elements]),
  fc.tuple(fc.constantFrom('LPOP', 'RPOP'), key),
  fc.tuple(fc.constantFrom('LPOP', 'RPOP'), key, fc.constantFrom(0, 1, 2, 5, 300)),
  fc.tuple(fc.constant('LSET'), key, index, element),
  fc.tuple(fc.constant('LINSERT'), key, fc.constantFrom('BEFORE', 'AFTER'), element, element),
  fc.tuple(fc.constant('LREM'), key, fc.constantFrom(0, 1, -1, 2, -2, 50, -50), element),
  fc.tuple(fc.constant('LTRIM'), key, index, index),
  fc.tuple(fc.constant('LMOVE'), key, key, end, end),
  fc.tuple(fc.constant('RPOPLPUSH'), key, key),
  fc.tuple(fc.constant('LRANGE'), key, index, index),
  fc.tuple(fc.constant('LINDEX'), key, index),
);

test('a list is what an array is, and so is its replica', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (commands) => {
      const [t, replica] = [
        listTester({ shardBytes: 8 << 20 }),
        listTester({ shardBytes: 8 << 20 }),
      ];
      const base = pagesOf(t);
      const model = new ListModel();
      for (const words of commands) assert.deepEqual(t.run(...words), model.run(words));
      replay(t, replica);
      for (const name of KEYS) {
        const expected = model.lists.get(name) ?? [];
        assert.deepEqual(elementsOf(t, name), expected);
        assert.deepEqual(elementsOf(replica, name), expected);
        assert.deepEqual(indexesBackwards(t, name), expected);
      }
      assertNothingLeft(t, base);
    }),
    { numRuns: 150 },
  );
});

/** The elements as LPOS, which goes from the tail, and LINDEX see them. */
function indexesBackwards(t: ReturnType<typeof listTester>, name: string): unknown[] {
  const elements = elementsOf(t, name) as string[];
  for (const text of ['x', '7', 'l'.repeat(20_000)]) {
    const own = elements.flatMap((each, i) => (each === text ? [i] : []));
    assert.deepEqual(t.run('LPOS', name, text, 'COUNT', 0), own);
    assert.deepEqual(t.run('LPOS', name, text, 'COUNT', 0, 'RANK', -1), own.reverse());
  }
  return elements.map((_, i) => t.run('LINDEX', name, i - elements.length));
}

test('a full shard refuses what finds no room, and nothing has changed then', () => {
  let refused = 0;
  fc.assert(
    fc.property(fc.array(command, { minLength: 20, maxLength: 120, size: 'max' }), (commands) => {
      const t = listTester({ shards: 1, shardBytes: 1 << 20 });
      const base = pagesOf(t);
      t.run('SET', 'a', 'creates the first frame');
      t.run('DEL', 'a');
      const free = leavePages(t, 1);
      const model = new ListModel();
      for (const words of commands) {
        const before = new Map([...model.lists].map(([name, list]) => [name, [...list]]));
        const expected = model.run(words);
        const answer = t.run(...words);
        if (String(answer).startsWith('-OOM')) {
          refused++;
          model.lists.clear();
          for (const [name, list] of before) model.lists.set(name, list);
        } else assert.deepEqual(answer, expected);
        for (const name of KEYS) {
          assert.deepEqual(elementsOf(t, name), model.lists.get(name) ?? []);
        }
      }
      free();
      assertNothingLeft(t, base);
    }),
    { numRuns: 30 },
  );
  assert.ok(refused > 5, `${refused} commands were refused`);
});

test('every allocation of a conversion may be the one that finds no room', () => {
  const commands = [
    ['RPUSH', 'k', ...manyElements(2000)],
    ['LSET', 'k', '50', 'x'.repeat(9000)],
    ['LINSERT', 'k', 'AFTER', 'element 7', 'y'.repeat(5000)],
    ['LPUSH', 'new', ...manyElements(600)],
    ['RPUSH', 'sequence', ...manyElements(1000), 'z'.repeat(9000)],
  ];
  for (const words of commands) {
    let refused = 0;
    for (let pages = 0, done = false; !done; pages++) {
      const t = listTester({ shards: 1, shardBytes: 1 << 20 });
      const base = pagesOf(t);
      t.run('RPUSH', 'k', ...Array.from({ length: 100 }, (_, i) => `element ${i}`));
      t.run('RPUSH', 'sequence', ...manyElements(600));
      const before = [elementsOf(t, 'k'), elementsOf(t, 'sequence'), pagesOf(t)];
      const free = leavePages(t, pages);
      done = !String(t.run(...words)).startsWith('-OOM');
      if (!done) {
        refused++;
        assert.deepEqual([elementsOf(t, 'k'), elementsOf(t, 'sequence'), pagesOf(t)], before);
      }
      free();
      assertNothingLeft(t, base);
    }
    assert.ok(refused > 2, `${words[0]} ${words[1]} was refused ${refused} times`);
  }
});

/** Takes all pages of the only shard but a few. @returns gives them back */
function leavePages(t: ReturnType<typeof listTester>, pages: number): () => void {
  const space = t.keys.shards.spaces[0]!;
  const taken: number[] = [];
  for (let page = space.allocate(1); page !== 0; page = space.allocate(1)) taken.push(page);
  for (const page of taken.splice(0, pages)) space.free(page, 1);
  return () => {
    for (const page of taken) space.free(page, 1);
  };
}
