import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { getex } from './getex.js';
import { set } from './set.js';

function tester(): CommandTester {
  const t = new CommandTester([set, getex]);
  t.run('SET', 'k', 'v');
  t.takeEffects();
  t.listen();
  return t;
}

test('GETEX without options is GET', () => {
  const t = tester();
  assert.equal(t.run('GETEX', 'k'), 'v');
  assert.equal(t.run('GETEX', 'absent', 'EX', 10), null);
  assert.deepEqual(t.takeEffects(), []);
  assert.equal(t.changes, 0);
});

test('GETEX sets the end of the key, and PERSIST takes it away', () => {
  const t = tester();
  assert.equal(t.run('GETEX', 'k', 'ex', 10), 'v');
  assert.equal(t.dump().get('0 k')?.expiry, START_MS + 10_000);
  assert.equal(t.run('GETEX', 'k', 'PXAT', START_MS + 1), 'v');
  assert.equal(t.run('GETEX', 'k', 'PERSIST'), 'v');
  assert.equal(t.run('GETEX', 'k', 'PERSIST', 'PERSIST'), 'v');
  assert.equal(t.dump().get('0 k')?.expiry, 0);
  assert.deepEqual(t.takeEffects(), [
    `0 PEXPIREAT k ${START_MS + 10_000}`,
    `0 PEXPIREAT k ${START_MS + 1}`,
    '0 PERSIST k',
  ]);
  assert.deepEqual(t.takeEvents(), ['expire k', 'expire k', 'persist k']);
});

test('GETEX with a time that has come removes the key', () => {
  const t = tester();
  assert.equal(t.run('GETEX', 'k', 'EXAT', 1), 'v');
  assert.equal(t.dump().size, 0);
  assert.deepEqual(t.takeEffects(), ['0 DEL k']);
  assert.deepEqual(t.takeEvents(), ['del k']);
});

test('GETEX refuses the options of SET, and looks at the time last', () => {
  const t = tester();
  for (const options of ['KEEPTTL', 'NX', 'GET', 'FOO', 'EX', 'PERSIST EX 1', 'EX 1 PERSIST']) {
    assert.equal(t.run('GETEX', 'k', ...options.split(' ')), '-ERR syntax error', options);
  }
  const invalid = "-ERR invalid expire time in 'getex' command";
  assert.equal(t.run('GETEX', 'k', 'EX', 0), invalid);
  assert.equal(t.run('GETEX', 'absent', 'EX', 0), null);
  assert.equal(t.run('GETEX', 'k', 'EX', 'a'), '-ERR value is not an integer or out of range');
  t.keys.reencode(1);
  assert.match(String(t.run('GETEX', 'k', 'EX', 0)), /^-WRONGTYPE /);
});
