import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandTester, type Word } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { del } from './del.js';
import { scan } from './scan.js';

function tester(keys = 0): CommandTester {
  const t = new CommandTester([set, del, scan]);
  for (let i = 0; i < keys; i++) t.run('SET', `key:${i}`, i);
  return t;
}

/** Scans to the end, doing `between` after each call. */
function scanAll(t: CommandTester, words: Word[], between: () => void = () => {}): string[] {
  const found: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = t.run('SCAN', cursor, ...words) as [string, string[]];
    found.push(...keys);
    cursor = next;
    between();
  } while (cursor !== '0');
  return found;
}

test('an empty database is scanned in one call', () => {
  assert.deepEqual(tester().run('SCAN', 0), ['0', []]);
});

test('every key comes exactly once while nothing changes', () => {
  const t = tester(3000);
  for (const count of [1, 7, 100, 100_000]) {
    const found = scanAll(t, ['COUNT', count]);
    assert.equal(found.length, 3000, `COUNT ${count}`);
    assert.equal(new Set(found).size, 3000);
  }
});

test('COUNT is about how many come at once', () => {
  const t = tester(3000);
  const [, few] = t.run('SCAN', 0) as [string, string[]];
  assert.ok(few.length >= 10 && few.length < 60, `${few.length}`);
  const [, many] = t.run('SCAN', 0, 'COUNT', 1000) as [string, string[]];
  assert.ok(many.length >= 1000 && many.length < 1060, `${many.length}`);
});

test('MATCH and TYPE choose, expired keys never come', () => {
  const t = tester(200);
  t.run('SET', 'key:gone', 1, 'PX', 5);
  t.now += 6;
  assert.equal(scanAll(t, []).length, 200);
  assert.deepEqual(scanAll(t, ['MATCH', 'key:19?', 'COUNT', 50]).sort(), [
    ...Array.from({ length: 10 }, (_, i) => `key:19${i}`),
  ]);
  assert.equal(scanAll(t, ['TYPE', 'STRING']).length, 200);
  assert.equal(scanAll(t, ['type', 'hash']).length, 0);
  assert.equal(scanAll(t, ['TYPE', 'no-such-type']).length, 0);
  assert.equal(scanAll(t, ['MATCH', '*', 'MATCH', 'nothing']).length, 0);
});

test('only the current database is scanned', () => {
  const t = tester(10);
  t.session.database = 1;
  t.run('SET', 'other', 1);
  assert.deepEqual(scanAll(t, []), ['other']);
});

test('cursors are read as Redis reads them, and one from elsewhere is the end', () => {
  const t = tester(3);
  for (const cursor of ['x', ' 0', '-', '+', '+\0', '0x1', '1 ', '18446744073709551616']) {
    assert.equal(t.run('SCAN', cursor, 'FOO'), '-ERR invalid cursor', cursor);
  }
  for (const cursor of ['', '000', '+0', '-0', '\0', '0\0x']) {
    assert.equal((t.run('SCAN', cursor) as [string, string[]])[1].length, 3, cursor);
  }
  for (const cursor of ['-1', '18446744073709551615', `${4 * 2 ** 32}`]) {
    assert.deepEqual(t.run('SCAN', cursor), ['0', []], cursor);
  }
});

test('wrong options', () => {
  const t = tester();
  for (const words of ['FOO', 'MATCH', 'COUNT', 'TYPE', 'COUNT 0', 'COUNT -5', 'MATCH a FOO b']) {
    assert.equal(t.run('SCAN', 0, ...words.split(' ')), '-ERR syntax error', words);
  }
  const notInteger = '-ERR value is not an integer or out of range';
  assert.equal(t.run('SCAN', 0, 'COUNT', 'x', 'FOO'), notInteger);
});

test('property: what is there all the time is returned, whatever comes and goes', () => {
  const burst = fc.record({ add: fc.boolean(), keys: fc.integer({ min: 0, max: 1500 }) });
  fc.assert(
    fc.property(
      fc.array(burst, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 20, max: 900 }),
      (bursts, count) => {
        const t = tester(2000);
        let step = 0;
        let low = 0;
        let high = 0;
        const found = scanAll(t, ['COUNT', count], () => {
          const { add, keys } = bursts[step++ % bursts.length]!;
          for (let i = 0; i < keys && high - low < 20_000; i++) {
            if (add) t.run('SET', `other:${high++}`, 'x'.repeat(50));
            else if (low < high) t.run('DEL', `other:${low++}`);
          }
          for (let shard = 0; shard < t.keys.shards.count; shard++) {
            t.keys.shards.table(shard, 0).maintain(10);
          }
        });
        const returned = new Set(found);
        for (let i = 0; i < 2000; i++) assert.ok(returned.has(`key:${i}`), `key:${i}`);
      },
    ),
    { numRuns: 15 },
  );
});
