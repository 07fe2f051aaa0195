import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { mget } from './mget.js';
import { set } from './set.js';

test('MGET answers null for what is not there and for what is no string', () => {
  const t = new CommandTester([set, mget]);
  t.run('SET', 'list', 'x');
  t.keys.reencode(1);
  t.run('SET', 'a', '1');
  t.run('SET', 'b', '');
  assert.deepEqual(t.run('MGET', 'a', 'b', 'c', 'list', 'a'), ['1', '', null, null, '1']);
  assert.deepEqual([t.keys.hits, t.keys.misses], [4, 1]);
});
