import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { bitcount } from './bitcount.js';

const SYNTAX = '-ERR syntax error';

function tester(): CommandTester {
  const t = new CommandTester([set, bitcount]);
  t.run('SET', 'k', 'foobar');
  return t;
}

test('BITCOUNT counts all, or the bytes or bits of a range', () => {
  const t = tester();
  assert.equal(t.run('BITCOUNT', 'k'), 26);
  assert.equal(t.run('BITCOUNT', 'k', 0, 0), 4);
  assert.equal(t.run('BITCOUNT', 'k', 1, 1, 'byte'), 6);
  assert.equal(t.run('BITCOUNT', 'k', -2, -1), 7);
  assert.equal(t.run('BITCOUNT', 'k', 5, 30, 'BIT'), 17);
  assert.equal(t.run('BITCOUNT', 'k', -8, -1, 'bit'), 4);
  assert.equal(t.run('BITCOUNT', 'k', 5, 2), 0);
  assert.equal(t.run('BITCOUNT', 'k', -100, 100), 26);
  assert.equal(t.run('BITCOUNT', 'k', 100, 200), 0);
  assert.equal(t.run('BITCOUNT', 'k', '-9007199254740993', '-9223372036854775808'), 0);
});

test('BITCOUNT looks at the key first, then at the rest in the order Redis does', () => {
  const t = tester();
  assert.equal(t.run('BITCOUNT', 'absent', 'a', 'b', 'c'), 0);
  assert.equal(t.run('BITCOUNT', 'k', 1), SYNTAX);
  assert.equal(t.run('BITCOUNT', 'k', 1, 2, 'BIT', 3), SYNTAX);
  assert.equal(t.run('BITCOUNT', 'k', 1, 2, 'foo'), SYNTAX);
  assert.equal(
    t.run('BITCOUNT', 'k', 'a', 2, 'foo'),
    '-ERR value is not an integer or out of range',
  );
  assert.equal(t.run('BITCOUNT', 'k', -1, -2, 'foo'), 0);
  t.run('SET', 'list', 'v');
  t.keys.reencode(1);
  assert.match(String(t.run('BITCOUNT', 'list', 'a')), /^-WRONGTYPE /);
});
