import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { psetex, setex } from './setex.js';

test('SETEX and PSETEX store with an end', () => {
  const t = new CommandTester([setex, psetex]);
  t.listen();
  assert.equal(t.run('SETEX', 'k', 3, 'v'), '+OK');
  assert.equal(t.dump().get('0 k')?.expiry, START_MS + 3000);
  assert.equal(t.run('PSETEX', 'k', 3, 'w'), '+OK');
  assert.deepEqual(t.dump().get('0 k'), { kind: 0, expiry: START_MS + 3, value: 'w' });
  assert.deepEqual(t.takeEffects(), [
    `0 SET k v PXAT ${START_MS + 3000}`,
    `0 SET k w PXAT ${START_MS + 3}`,
  ]);
  assert.deepEqual(t.takeEvents(), ['set k', 'expire k', 'set k', 'expire k']);
});

test('SETEX and PSETEX refuse times that make no sense, each under its name', () => {
  const t = new CommandTester([setex, psetex]);
  for (const time of ['0', '-1', '9223372036854775807']) {
    assert.equal(t.run('SETEX', 'k', time, 'v'), "-ERR invalid expire time in 'setex' command");
    assert.equal(t.run('PSETEX', 'k', time, 'v'), "-ERR invalid expire time in 'psetex' command");
  }
  assert.equal(t.run('SETEX', 'k', 'a', 'v'), '-ERR value is not an integer or out of range');
  assert.equal(t.dump().size, 0);
});
