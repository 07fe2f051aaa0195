import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { append } from '../string/append.js';
import { get } from '../string/get.js';
import { set } from '../string/set.js';
import { rename, renamenx } from './rename.js';

function tester(): CommandTester {
  return new CommandTester([set, get, append, rename, renamenx]);
}

test('RENAME moves value, kind and expiry and replaces the target', () => {
  const t = tester();
  t.run('SET', 'from', 'abc', 'PX', 50);
  t.run('APPEND', 'from', 'def');
  t.run('SET', 'to', 'old');
  const before = t.dump().get('0 from');
  t.takeEffects();
  t.listen();
  assert.equal(t.run('RENAME', 'from', 'to'), '+OK');
  assert.deepEqual([...t.dump()], [['0 to', before]]);
  assert.deepEqual(t.takeEffects(), [`0 SET to abcdef PXAT ${START_MS + 50}`, '0 DEL from']);
  assert.deepEqual(t.takeEvents(), ['rename_from from', 'rename_to to']);
});

test('a key without an expiry removes that of the target', () => {
  const t = tester();
  t.run('SET', 'from', 'new');
  t.run('SET', 'to', 'old', 'PX', 50);
  t.run('RENAME', 'from', 'to');
  assert.equal(t.dump().get('0 to')?.expiry, 0);
});

test('RENAME of no key, and to its own name', () => {
  const t = tester();
  assert.equal(t.run('RENAME', 'absent', 'absent'), '-ERR no such key');
  assert.equal(t.run('RENAMENX', 'absent', 'other'), '-ERR no such key');
  t.run('SET', 'k', 1);
  assert.equal(t.run('RENAME', 'k', 'k'), '+OK');
  assert.equal(t.changes, 0);
  assert.equal(t.run('RENAMENX', 'k', 'k'), 0);
  assert.equal(t.run('GET', 'k'), '1');
});

test('RENAMENX leaves a target that is there', () => {
  const t = tester();
  t.run('SET', 'from', 1);
  t.run('SET', 'to', 2, 'PX', 5);
  assert.equal(t.run('RENAMENX', 'from', 'to'), 0);
  assert.equal(t.changes, 0);
  t.now += 6;
  assert.equal(t.run('RENAMENX', 'from', 'to'), 1);
  assert.equal(t.run('GET', 'to'), '1');
  assert.equal(t.run('GET', 'from'), null);
});

test('values of all sizes arrive whole, within a shard and across', () => {
  const t = tester();
  const sizes = [0, 1, 100, 8000, 9000, 70_000, 1_000_000];
  for (const [i, size] of sizes.entries()) t.run('SET', `a${i}`, `${i}`.repeat(size));
  for (let round = 0; round < 30; round++) {
    const [from, to] = round % 2 === 0 ? ['a', 'b'] : ['b', 'a'];
    for (const i of sizes.keys()) assert.equal(t.run('RENAME', `${from}${i}`, `${to}${i}`), '+OK');
    t.check();
  }
  for (const [i, size] of sizes.entries()) assert.equal(t.run('GET', `a${i}`), `${i}`.repeat(size));
});

test('a target shard that is full refuses, and the key stays', () => {
  const t = new CommandTester([set, get, rename], { shards: 2, shardBytes: 1 << 20 });
  t.run('SET', '{b}from', 'x'.repeat(300_000));
  for (let i = 0; i < 40; i++) t.run('SET', `{a}fill${i}`, 'x'.repeat(30_000));
  const before = t.dump();
  assert.match(String(t.run('RENAME', '{b}from', '{a}to')), /^-OOM /);
  assert.deepEqual(t.dump(), before);
  t.check();
});
