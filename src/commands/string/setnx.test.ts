import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { get } from './get.js';
import { setnx } from './setnx.js';

test('SETNX stores only where nothing is', () => {
  const t = new CommandTester([setnx, get]);
  assert.equal(t.run('SETNX', 'k', 'a'), 1);
  assert.equal(t.run('SETNX', 'k', 'b'), 0);
  assert.equal(t.run('GET', 'k'), 'a');
  assert.deepEqual(t.takeEffects(), ['0 SET k a']);
});
