import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { get } from '../string/get.js';
import { set } from '../string/set.js';
import { copy } from './copy.js';

function tester(): CommandTester {
  const t = new CommandTester([set, get, copy]);
  t.run('SET', 'k', 'value', 'PX', 50);
  t.takeEffects();
  t.listen();
  return t;
}

test('COPY stores value and end under another key', () => {
  const t = tester();
  assert.equal(t.run('COPY', 'k', 'other'), 1);
  assert.deepEqual(t.dump().get('0 other'), t.dump().get('0 k'));
  assert.deepEqual(t.takeEffects(), [`0 SET other value PXAT ${START_MS + 50}`]);
  assert.deepEqual(t.takeEvents(), ['copy_to other']);
  assert.equal(t.run('COPY', 'absent', 'other', 'REPLACE'), 0);
  assert.deepEqual([t.keys.hits, t.keys.misses], [1, 1]);
});

test('a target that is there stays, without REPLACE', () => {
  const t = tester();
  t.run('SET', 'other', 'old');
  assert.equal(t.run('COPY', 'k', 'other'), 0);
  assert.equal(t.changes, 0);
  assert.equal(t.run('COPY', 'k', 'other', 'replace'), 1);
  assert.equal(t.run('GET', 'other'), 'value');
});

test('DB names another database, where the key may have the same name', () => {
  const t = tester();
  assert.equal(t.run('COPY', 'k', 'k', 'DB', 2), 1);
  assert.deepEqual(t.dump().get('2 k'), t.dump().get('0 k'));
  assert.deepEqual(t.takeEffects(), [`2 SET k value PXAT ${START_MS + 50}`]);
  assert.equal(t.run('COPY', 'k', 'k', 'DB', 2), 0);
  assert.equal(t.run('COPY', 'k', 'k', 'REPLACE', 'DB', 1, 'DB', 2), 1);
  assert.equal(t.dump().has('1 k'), false, 'the last DB counts');
});

test('errors, in Redis order', () => {
  const t = tester();
  const same = '-ERR source and destination objects are the same';
  const cases: [string, string][] = [
    ['COPY k k', same],
    ['COPY absent absent', same],
    ['COPY k k DB 0', same],
    ['COPY k k DB', '-ERR syntax error'],
    ['COPY k k FOO', '-ERR syntax error'],
    ['COPY k k DB x', '-ERR value is not an integer or out of range'],
    ['COPY k k DB 4', '-ERR DB index is out of range'],
    ['COPY k k DB -1', '-ERR DB index is out of range'],
    [
      'COPY k k DB 2147483648',
      '-ERR value is out of range, value must between -2147483648 and 2147483647',
    ],
  ];
  for (const [command, error] of cases) assert.equal(t.run(...command.split(' ')), error, command);
});
