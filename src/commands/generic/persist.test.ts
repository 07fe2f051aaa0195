import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { persist } from './persist.js';

test('PERSIST removes the expiry', () => {
  const t = new CommandTester([set, persist]);
  t.run('SET', 'k', 'v', 'PX', 50);
  t.takeEffects();
  t.listen();
  assert.equal(t.run('PERSIST', 'k'), 1);
  assert.deepEqual(t.takeEffects(), ['0 PERSIST k']);
  assert.deepEqual(t.takeEvents(), ['persist k']);
  assert.equal(t.run('PERSIST', 'k'), 0);
  assert.equal(t.run('PERSIST', 'absent'), 0);
  assert.deepEqual(t.takeEffects(), []);
  t.now += 51;
  assert.equal(t.dump().get('0 k')?.value, 'v');
});
