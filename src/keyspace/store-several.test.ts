/** MSET and MSETNX on a shard that is nearly full: all or nothing, for values of every form. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandTester } from '../commands/contract/test-support.js';
import { del } from '../commands/generic/del.js';
import { mset } from '../commands/string/mset.js';
import { msetnx } from '../commands/string/msetnx.js';
import { set } from '../commands/string/set.js';

const SHARD_BYTES = 2 << 20;
const DEFINITIONS = [set, mset, msetnx, del];

function tester(): CommandTester {
  const t = new CommandTester(DEFINITIONS, { shards: 2, shardBytes: SHARD_BYTES, databases: 1 });
  t.listen();
  return t;
}

/** Fills both shards until values of `bytes` bytes find no room. */
function fill(t: CommandTester, bytes: number): void {
  for (let i = 0, refused = 0; refused < 8; i++) {
    if (t.run('SET', `fill:${bytes}:${i}`, 'f'.repeat(bytes)) !== '+OK') refused++;
  }
}

function residentPages(t: CommandTester): number[] {
  return t.keys.shards.spaces.map((space) => space.residentPages);
}

const key = fc.integer({ min: 0, max: 11 }).map((i) => `k${i}`);
const length = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 100, max: 300 }),
  fc.integer({ min: 8100, max: 8200 }),
  fc.integer({ min: 8200, max: 60_000 }),
  fc.integer({ min: 100_000, max: 300_000 }),
);
const pair = fc.tuple(key, length);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant('MSET'), fc.array(pair, { minLength: 1 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('MSETNX'), fc.array(pair, { minLength: 1 })) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant('SET'),
      fc.tuple(key, length).map((p) => [p]),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant('PX'),
      fc.tuple(key, length).map((p) => [p]),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constant('DEL'),
      fc.tuple(key, length).map((p) => [p]),
    ),
  },
);

test('property: MSET on a full shard stores all of its keys or changes nothing', () => {
  let refused = 0;
  let stored = 0;
  const property = fc.property(
    fc.constantFrom(150, 2000, 8000, 20_000),
    fc.array(step, { minLength: 5, maxLength: 25 }),
    (filling, steps) => {
      const t = tester();
      fill(t, 250_000);
      fill(t, filling);
      let number = 0;
      for (const [name, pairs] of steps) {
        const words = pairs.flatMap(([k, bytes]) => [k, `${number++}`.padEnd(bytes, 'v')]);
        if (name === 'DEL' || name === 'PX' || name === 'SET') {
          if (name === 'DEL') t.run('DEL', words[0]!);
          else if (name === 'SET') t.run('SET', ...words);
          else t.run('SET', ...words, 'PX', 100_000);
          continue;
        }
        const before = t.dump();
        const pages = residentPages(t);
        t.takeEffects();
        t.takeEvents();
        const answer = t.runRaw(name, ...words);
        if (answer.startsWith('-OOM shard ') || answer === ':0\r\n') {
          if (answer !== ':0\r\n') refused++;
          assert.deepEqual(t.dump(), before);
          assert.deepEqual([t.takeEffects(), t.takeEvents(), t.changes], [[], [], 0]);
          const grown = residentPages(t).map((now, i) => now - pages[i]!);
          assert.ok(Math.max(...grown) <= 64, `${grown} pages more, for nothing`);
        } else {
          assert.ok(answer === '+OK\r\n' || answer === ':1\r\n', answer);
          stored++;
          const expected = new Map(before);
          for (let i = 0; i < words.length; i += 2) {
            expected.set(`0 ${words[i]}`, { kind: 0, expiry: 0, value: words[i + 1]! });
          }
          assert.deepEqual(t.dump(), new Map([...expected].sort(([a], [b]) => (a < b ? -1 : 1))));
          assert.equal(t.takeEvents().length, words.length / 2);
        }
        t.check();
        for (const space of t.keys.shards.spaces) space.check();
      }
    },
  );
  fc.assert(property, { numRuns: 10 });
  assert.ok(refused > 5 && stored > 5, `${refused} refused, ${stored} stored`);
});

test('MSET of one key given several times stores the last value on a full shard too', () => {
  const t = tester();
  fill(t, 250_000);
  fill(t, 30);
  t.run('DEL', 'fill:30:0', 'fill:30:1', 'fill:30:2', 'fill:30:3');
  t.takeEvents();
  assert.equal(t.run('MSET', 'a', '1', 'a', '22', 'a', '3'), '+OK');
  assert.equal(t.dump().get('0 a')?.value, '3');
  assert.deepEqual(t.takeEvents(), ['set a', 'set a', 'set a']);
});
