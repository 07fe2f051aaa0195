import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from './set.js';
import { strlen } from './strlen.js';

test('STRLEN counts bytes', () => {
  const t = new CommandTester([set, strlen]);
  assert.equal(t.run('STRLEN', 'k'), 0);
  t.run('SET', 'k', '\xc3\xa4\0');
  assert.equal(t.run('STRLEN', 'k'), 3);
  assert.deepEqual([t.keys.hits, t.keys.misses], [1, 1]);
  t.keys.reencode(1);
  assert.match(String(t.run('STRLEN', 'k')), /^-WRONGTYPE /);
});
