import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { decrby, incrby } from './incrby.js';

// What they have in common with INCR is tested in incr.test.ts.
test('INCRBY adds and DECRBY subtracts, down to and through zero', () => {
  const t = new CommandTester([incrby, decrby]);
  assert.equal(t.run('INCRBY', 'k', 7), 7);
  assert.equal(t.run('DECRBY', 'k', 10), -3);
  assert.equal(t.run('INCRBY', 'k', 3), 0);
  assert.equal(t.run('DECRBY', 'k', 0), 0);
  assert.equal(t.dump().get('0 k')?.value, '0');
  assert.equal(t.run('DECRBY', 'absent', 0), 0);
  assert.equal(t.dump().get('0 absent')?.value, '0');
  assert.deepEqual(t.takeEffects().slice(0, 2), ['0 INCRBY k 7', '0 DECRBY k 10']);
});
