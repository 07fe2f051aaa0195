import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { type } from './type.js';

test('TYPE', () => {
  const t = new CommandTester([set, type]);
  t.run('SET', 'k', 'v');
  assert.equal(t.run('TYPE', 'k'), '+string');
  assert.equal(t.run('TYPE', 'absent'), '+none');
  assert.deepEqual([t.keys.hits, t.keys.misses], [1, 1]);
});
