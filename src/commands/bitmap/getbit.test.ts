import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { getbit } from './getbit.js';

test('GETBIT reads each bit, and 0 beyond the end', () => {
  const t = new CommandTester([set, getbit]);
  t.run('SET', 'k', '\xa5\x01');
  const bits = Array.from({ length: 20 }, (_, bit) => t.run('GETBIT', 'k', bit));
  assert.equal(bits.join(''), '10100101000000010000');
  assert.equal(t.run('GETBIT', 'k', 4_294_967_295), 0);
  assert.equal(t.run('GETBIT', 'absent', 0), 0);
  assert.deepEqual([t.keys.hits, t.keys.misses], [21, 1]);
});
