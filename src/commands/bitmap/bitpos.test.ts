import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { bitpos } from './bitpos.js';

const NOT_INTEGER = '-ERR value is not an integer or out of range';
const SYNTAX = '-ERR syntax error';

test('BITPOS finds the first bit, in all or in a range', () => {
  const t = new CommandTester([set, bitpos]);
  t.run('SET', 'k', '\xff\xf0\x00');
  assert.equal(t.run('BITPOS', 'k', 0), 12);
  assert.equal(t.run('BITPOS', 'k', 1, 1), 8);
  assert.equal(t.run('BITPOS', 'k', 1, 2), -1);
  assert.equal(t.run('BITPOS', 'k', 0, -1, -1), 16);
  assert.equal(t.run('BITPOS', 'k', 1, 2, -1, 'byte'), -1);
  assert.equal(t.run('BITPOS', 'k', 0, 9, 14, 'BIT'), 12);
  assert.equal(t.run('BITPOS', 'k', 0, 9, 11, 'BIT'), -1);
  assert.equal(t.run('BITPOS', 'k', 1, 5, 3), -1);
});

test('zeroes follow a value, unless the range has an end', () => {
  const t = new CommandTester([set, bitpos]);
  t.run('SET', 'k', '\xff\xff\xff\xff\xff');
  assert.equal(t.run('BITPOS', 'k', 0), 40);
  assert.equal(t.run('BITPOS', 'k', 0, 1), 40);
  assert.equal(t.run('BITPOS', 'k', 0, 0, -1), -1);
  assert.equal(t.run('BITPOS', 'k', 0, 9), -1);
  t.run('SET', 'empty', '');
  assert.equal(t.run('BITPOS', 'empty', 0), -1);
  assert.equal(t.run('BITPOS', 'absent', 0), 0);
  assert.equal(t.run('BITPOS', 'absent', 1), -1);
});

test('BITPOS refuses in the order Redis does', () => {
  const t = new CommandTester([set, bitpos]);
  t.run('SET', 'k', 'v');
  assert.equal(t.run('BITPOS', 'absent', 2), '-ERR The bit argument must be 1 or 0.');
  assert.equal(t.run('BITPOS', 'absent', 'a'), NOT_INTEGER);
  assert.equal(t.run('BITPOS', 'absent', 1, 'a'), -1);
  assert.equal(t.run('BITPOS', 'k', 1, 'a', 'b', 'foo'), NOT_INTEGER);
  assert.equal(t.run('BITPOS', 'k', 1, 1, 'b', 'foo'), SYNTAX);
  assert.equal(t.run('BITPOS', 'k', 1, 1, 'b', 'BIT'), NOT_INTEGER);
  assert.equal(t.run('BITPOS', 'k', 1, 1, 2, 'BIT', 3), SYNTAX);
  t.keys.reencode(1);
  assert.match(String(t.run('BITPOS', 'k', 1, 'a')), /^-WRONGTYPE /);
});
