import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { get } from './get.js';
import { set } from './set.js';

test('GET answers with the value, with null, or that the type is wrong', () => {
  const t = new CommandTester([set, get]);
  assert.equal(t.runRaw('GET', 'k'), '$-1\r\n');
  t.session.protocol = 3;
  assert.equal(t.runRaw('GET', 'k'), '_\r\n');
  const large = 'v'.repeat(100_000);
  t.run('SET', 'k', large);
  assert.equal(t.run('GET', 'k'), large);
  assert.deepEqual([t.keys.hits, t.keys.misses], [1, 2]);
  t.keys.reencode(1);
  assert.match(String(t.run('GET', 'k')), /^-WRONGTYPE /);
});

test('a key past its time is not there, and its end reaches the replicas', () => {
  const t = new CommandTester([set, get]);
  t.run('SET', 'k', 'v', 'PX', 10);
  t.takeEffects();
  t.now += 10;
  assert.equal(t.run('GET', 'k'), 'v');
  t.now += 1;
  assert.equal(t.run('GET', 'k'), null);
  assert.deepEqual(t.takeEffects(), ['0 DEL k']);
});

test('databases are apart', () => {
  const t = new CommandTester([set, get]);
  t.run('SET', 'k', 'zero');
  t.session.database = 1;
  assert.equal(t.run('GET', 'k'), null);
  t.run('SET', 'k', 'one');
  assert.deepEqual(t.takeEffects(), ['0 SET k zero', '1 SET k one']);
  t.session.database = 0;
  assert.equal(t.run('GET', 'k'), 'zero');
});
