import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { lcs } from './lcs.js';
import { set } from './set.js';
import { setrange } from './setrange.js';

function tester(): CommandTester {
  const t = new CommandTester([set, setrange, lcs]);
  t.run('SET', 'a', 'ohmytext');
  t.run('SET', 'b', 'mynewtext');
  return t;
}

test('LCS answers with the subsequence, its length, or where it is', () => {
  const t = tester();
  assert.equal(t.run('LCS', 'a', 'b'), 'mytext');
  assert.equal(t.run('LCS', 'a', 'b', 'LEN'), 6);
  const text = [
    [4, 7],
    [5, 8],
  ];
  const my = [
    [2, 3],
    [0, 1],
  ];
  assert.deepEqual(t.run('LCS', 'a', 'b', 'idx'), ['matches', [text, my], 'len', 6]);
  const longer = ['matches', [[...text, 4]], 'len', 6];
  assert.deepEqual(t.run('LCS', 'a', 'b', 'IDX', 'MINMATCHLEN', 4, 'WITHMATCHLEN'), longer);
  t.session.protocol = 3;
  assert.deepEqual(
    t.run('LCS', 'a', 'b', 'IDX', 'MINMATCHLEN', -1),
    new Map<string, unknown>([
      ['matches', [text, my]],
      ['len', 6],
    ]),
  );
});

test('LCS takes a key that is not there for an empty string', () => {
  const t = tester();
  assert.equal(t.run('LCS', 'a', 'absent'), '');
  assert.equal(t.run('LCS', 'absent', 'b', 'LEN'), 0);
  assert.deepEqual(t.run('LCS', 'absent', 'absent', 'IDX'), ['matches', [], 'len', 0]);
});

test('LCS refuses in the order Redis does', () => {
  const t = tester();
  assert.equal(
    t.run('LCS', 'a', 'b', 'IDX', 'LEN'),
    '-ERR If you want both the length and indexes, please just use IDX.',
  );
  assert.equal(t.run('LCS', 'a', 'b', 'FOO'), '-ERR syntax error');
  assert.equal(t.run('LCS', 'a', 'b', 'MINMATCHLEN'), '-ERR syntax error');
  assert.equal(
    t.run('LCS', 'a', 'b', 'IDX', 'LEN', 'MINMATCHLEN', 'x'),
    '-ERR value is not an integer or out of range',
  );
  t.run('SET', 'list', 'x');
  t.keys.reencode(1);
  const notStrings = '-ERR The specified keys must contain string values';
  assert.equal(t.run('LCS', 'absent', 'list', 'FOO'), notStrings);
});

test('LCS refuses pairs of strings for which Redis has no memory', () => {
  const t = tester();
  t.run('SETRANGE', 'a', 8190, 'x');
  t.run('SETRANGE', 'b', 16_383, 'x');
  assert.equal(
    t.run('LCS', 'a', 'b', 'LEN'),
    '-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len',
  );
});
