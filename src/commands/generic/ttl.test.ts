import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { expiretime, pexpiretime, pttl, ttl } from './ttl.js';

function tester(): CommandTester {
  return new CommandTester([set, ttl, pttl, expiretime, pexpiretime]);
}

test('no key is -2, no end is -1', () => {
  const t = tester();
  t.run('SET', 'k', 'v');
  for (const command of ['TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME']) {
    assert.equal(t.run(command, 'absent'), -2);
    assert.equal(t.run(command, 'k'), -1);
  }
  assert.deepEqual([t.keys.hits, t.keys.misses], [4, 4]);
});

test('seconds are rounded to the nearest', () => {
  const t = tester();
  for (const [ms, seconds] of [
    [499, 0],
    [500, 1],
    [1499, 1],
    [1500, 2],
  ] as const) {
    t.run('SET', 'k', 'v', 'PX', ms);
    assert.equal(t.run('PTTL', 'k'), ms);
    assert.equal(t.run('TTL', 'k'), seconds);
    assert.equal(t.run('PEXPIRETIME', 'k'), START_MS + ms);
    assert.equal(t.run('EXPIRETIME', 'k'), START_MS / 1000 + seconds);
  }
});

test('a key lives through the millisecond in which it ends', () => {
  const t = tester();
  t.run('SET', 'k', 'v', 'PX', 5);
  t.now += 5;
  assert.equal(t.run('PTTL', 'k'), 0);
  t.now += 1;
  assert.equal(t.run('PTTL', 'k'), -2);
  assert.equal(t.dump().size, 0);
});
