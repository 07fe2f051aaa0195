import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { getset } from './getset.js';
import { set } from './set.js';

test('GETSET answers with the old value and removes the expiry', () => {
  const t = new CommandTester([set, getset]);
  assert.equal(t.run('GETSET', 'k', 'a'), null);
  t.run('SET', 'k', 'a', 'EX', 10);
  assert.equal(t.run('GETSET', 'k', 'longer than before'), 'a');
  assert.deepEqual(t.dump().get('0 k'), { kind: 0, expiry: 0, value: 'longer than before' });
  t.keys.reencode(1);
  t.takeEffects();
  assert.match(String(t.run('GETSET', 'k', 'b')), /^-WRONGTYPE /);
  assert.deepEqual(t.takeEffects(), []);
});
