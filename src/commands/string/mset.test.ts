import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { mset } from './mset.js';
import { set } from './set.js';

test('MSET stores every pair, the last one of equals, with one effect each', () => {
  const t = new CommandTester([set, mset]);
  t.run('SET', 'a', 'x', 'EX', 100);
  t.takeEffects();
  assert.equal(t.run('MSET', 'a', '1', 'b', '2', 'a', '3'), '+OK');
  assert.deepEqual(t.takeEffects(), ['0 SET a 1', '0 SET b 2', '0 SET a 3']);
  assert.deepEqual(t.dump().get('0 a'), { kind: 0, expiry: 0, value: '3' });
  assert.equal(t.dump().get('0 b')?.value, '2');
});

test('MSET wants pairs', () => {
  const t = new CommandTester([mset]);
  const error = "-ERR wrong number of arguments for 'mset' command";
  assert.equal(t.run('MSET', 'a', '1', 'b'), error);
  assert.equal(t.run('MSET', 'a'), error);
  assert.equal(t.dump().size, 0);
});
