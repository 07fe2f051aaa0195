import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { randomkey } from './randomkey.js';

test('RANDOMKEY of an empty database is null', () => {
  const t = new CommandTester([set, randomkey]);
  t.run('SET', 'k', 1);
  t.session.database = 1;
  assert.equal(t.run('RANDOMKEY'), null);
});

test('RANDOMKEY meets every key, of every shard', () => {
  const t = new CommandTester([set, randomkey]);
  for (let i = 0; i < 20; i++) t.run('SET', `key:${i}`, 1);
  const met = new Set<unknown>();
  // A key is missed in 4000 tries once in 10^80 runs.
  for (let i = 0; i < 4000; i++) met.add(t.run('RANDOMKEY'));
  assert.equal(met.size, 20);
});

test('RANDOMKEY passes over expired keys and removes them', () => {
  const t = new CommandTester([set, randomkey]);
  const long = 'long'.repeat(1000);
  t.run('SET', long, 1, 'PX', 1);
  for (let i = 0; i < 50; i++) t.run('SET', `key:${i}`, 1, 'PX', 1);
  t.now += 2;
  t.takeEffects();
  assert.equal(t.run('RANDOMKEY'), null);
  assert.equal(t.dump().size, 0);
  const effects = t.takeEffects();
  assert.equal(effects.length, 51);
  assert.ok(effects.includes(`0 DEL ${long}`));
});

test('on a replica an expired key stays', () => {
  const t = new CommandTester([set, randomkey]);
  t.run('SET', 'k', 1, 'PX', 1);
  t.now += 2;
  t.keys.expiresKeys = false;
  assert.equal(t.run('RANDOMKEY'), null);
  assert.equal(t.dump().size, 1);
});
