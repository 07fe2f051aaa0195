import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { move } from './move.js';

test('MOVE takes a key with its end to another database', () => {
  const t = new CommandTester([set, move]);
  t.run('SET', 'k', 'v', 'PX', 50);
  const before = t.dump().get('0 k');
  t.takeEffects();
  t.listen();
  assert.equal(t.run('MOVE', 'k', 3), 1);
  assert.deepEqual([...t.dump()], [['3 k', before]]);
  assert.deepEqual(t.takeEffects(), [`3 SET k v PXAT ${START_MS + 50}`, '0 DEL k']);
  assert.deepEqual(t.takeEvents(), ['move_from k', 'move_to k']);
  assert.equal(t.run('MOVE', 'k', 3), 0);
  t.run('SET', 'k', 'here');
  assert.equal(t.run('MOVE', 'k', 3), 0, 'it is there already');
  assert.equal(t.changes, 0);
  t.now += 51;
  assert.equal(t.run('MOVE', 'k', 3), 1, 'what was there has ended');
});

test('errors', () => {
  const t = new CommandTester([set, move]);
  const cases: [string, string][] = [
    ['MOVE k x', '-ERR value is not an integer or out of range'],
    ['MOVE k 4', '-ERR DB index is out of range'],
    ['MOVE k -1', '-ERR DB index is out of range'],
    ['MOVE k 0', '-ERR source and destination objects are the same'],
  ];
  for (const [command, error] of cases) assert.equal(t.run(...command.split(' ')), error);
});
