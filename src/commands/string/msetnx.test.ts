import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { msetnx } from './msetnx.js';

test('MSETNX stores all or nothing', () => {
  const t = new CommandTester([msetnx]);
  assert.equal(t.run('MSETNX', 'a', '1', 'b', '2'), 1);
  assert.deepEqual(t.takeEffects(), ['0 SET a 1', '0 SET b 2']);
  assert.equal(t.run('MSETNX', 'c', '1', 'b', '3'), 0);
  assert.deepEqual(t.takeEffects(), []);
  assert.deepEqual([...t.dump().keys()], ['0 a', '0 b']);
  // A key named twice is not there when it is looked for.
  assert.equal(t.run('MSETNX', 'z', '1', 'z', '2'), 1);
  assert.equal(t.dump().get('0 z')?.value, '2');
  assert.equal(
    t.run('MSETNX', 'a', '1', 'b'),
    "-ERR wrong number of arguments for 'msetnx' command",
  );
});
