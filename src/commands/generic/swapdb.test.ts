import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { swapdb } from './swapdb.js';

test('SWAPDB exchanges the content of two databases', () => {
  const t = new CommandTester([set, swapdb]);
  for (let i = 0; i < 100; i++) t.run('SET', `key:${i}`, i, 'PX', i + 5);
  t.session.database = 2;
  t.run('SET', 'other', 1);
  const before = t.dump();
  t.takeEffects();
  assert.equal(t.run('SWAPDB', 0, 2), '+OK');
  assert.ok(t.changes > 0);
  assert.deepEqual(t.takeEffects(), Array(4).fill('0 SWAPDB 0 2'), 'one for each shard');
  const swapped = [...before].map(([key, value]) => [
    (key.startsWith('0') ? '2' : '0') + key.slice(1),
    value,
  ]);
  assert.deepEqual(Object.fromEntries(t.dump()), Object.fromEntries(swapped));
  assert.equal(t.run('SWAPDB', 1, 1), '+OK');
  assert.equal(t.changes, 0);
  t.check();
});

test('errors, in Redis order', () => {
  const t = new CommandTester([swapdb]);
  const cases: [string, string][] = [
    ['SWAPDB x y', '-ERR invalid first DB index'],
    ['SWAPDB 99999999999 0', '-ERR invalid first DB index'],
    ['SWAPDB 99 y', '-ERR invalid second DB index'],
    ['SWAPDB 0 4', '-ERR DB index is out of range'],
    ['SWAPDB -1 0', '-ERR DB index is out of range'],
  ];
  for (const [command, error] of cases) assert.equal(t.run(...command.split(' ')), error);
});
