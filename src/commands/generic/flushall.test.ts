import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { flushall, flushdb } from './flushall.js';

function tester(): CommandTester {
  const t = new CommandTester([set, flushall, flushdb]);
  for (let database = 0; database < 3; database++) {
    t.session.database = database;
    for (let i = 0; i < 100; i++) t.run('SET', `key${i}`, 'x'.repeat(i * 200));
  }
  t.session.database = 1;
  t.takeEffects();
  return t;
}

test('FLUSHDB empties the current database, FLUSHALL all of them', () => {
  const t = tester();
  assert.equal(t.run('FLUSHDB'), '+OK');
  assert.equal(t.changes, 100);
  assert.deepEqual(t.takeEffects(), Array(4).fill('1 FLUSHDB'), 'one for each shard');
  assert.equal(t.dump().size, 200);
  assert.equal(t.run('FLUSHDB', 'async'), '+OK');
  assert.deepEqual(t.takeEffects(), [], 'nothing was there');
  assert.equal(t.run('FLUSHALL', 'SYNC'), '+OK');
  assert.equal(t.dump().size, 0);
  assert.equal(t.takeEffects().length, 8);
  t.check();
});

test('other modes are a syntax error and nothing goes', () => {
  const t = tester();
  for (const command of ['FLUSHALL foo', 'FLUSHDB SYNC ASYNC', 'FLUSHALL SYNC SYNC']) {
    assert.equal(t.run(...command.split(' ')), '-ERR syntax error');
  }
  assert.equal(t.dump().size, 300);
});
