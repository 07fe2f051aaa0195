import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester, type Decoded } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { keys } from './keys.js';

function sorted(reply: Decoded): string[] {
  return (reply as string[]).sort();
}

test('KEYS lists what matches in the current database', () => {
  const t = new CommandTester([set, keys]);
  for (const key of ['one', 'two', 'three', '', 'o*']) t.run('SET', key, 1);
  t.session.database = 1;
  t.run('SET', 'elsewhere', 1);
  t.session.database = 0;
  assert.deepEqual(sorted(t.run('KEYS', '*')), ['', 'o*', 'one', 'three', 'two']);
  assert.deepEqual(sorted(t.run('KEYS', 't*')), ['three', 'two']);
  assert.deepEqual(t.run('KEYS', 'o\\*'), ['o*']);
  assert.deepEqual(t.run('KEYS', 'x?'), []);
  assert.deepEqual(t.run('KEYS', ''), [''], 'the empty pattern is for the empty key');
});

test('KEYS does not show expired keys, and leaves them', () => {
  const t = new CommandTester([set, keys]);
  t.run('SET', 'gone', 1, 'PX', 1);
  t.run('SET', 'here', 1, 'PX', 100);
  t.now += 2;
  assert.deepEqual(t.run('KEYS', '*'), ['here']);
  assert.equal(t.dump().size, 2);
});

test('KEYS of many keys', () => {
  const t = new CommandTester([set, keys]);
  for (let i = 0; i < 5000; i++) t.run('SET', `key:${i}`, 'x'.repeat(i % 100));
  assert.equal(new Set(t.run('KEYS', 'key:*') as string[]).size, 5000);
  assert.equal((t.run('KEYS', 'key:1*') as string[]).length, 1111);
});
