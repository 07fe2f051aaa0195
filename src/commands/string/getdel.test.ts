import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { getdel } from './getdel.js';
import { set } from './set.js';

test('GETDEL answers with the value and removes the key', () => {
  const t = new CommandTester([set, getdel]);
  t.listen();
  assert.equal(t.run('GETDEL', 'k'), null);
  t.run('SET', 'k', 'v');
  t.takeEffects();
  t.takeEvents();
  assert.equal(t.run('GETDEL', 'k'), 'v');
  assert.deepEqual(t.takeEffects(), ['0 DEL k']);
  assert.deepEqual(t.takeEvents(), ['del k']);
  assert.equal(t.dump().size, 0);
});

test('GETDEL leaves what is no string', () => {
  const t = new CommandTester([set, getdel]);
  t.run('SET', 'k', 'v');
  t.keys.reencode(1);
  assert.match(String(t.run('GETDEL', 'k')), /^-WRONGTYPE /);
  assert.equal(t.dump().size, 1);
});
