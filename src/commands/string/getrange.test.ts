import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandTester } from '../contract/test-support.js';
import { getrange, substr } from './getrange.js';
import { set } from './set.js';

function tester(): CommandTester {
  return new CommandTester([set, getrange, substr]);
}

test('GETRANGE and SUBSTR take a part, negative ends counting from the end', () => {
  const t = tester();
  t.run('SET', 'k', 'This is a string');
  for (const name of ['GETRANGE', 'SUBSTR']) {
    assert.equal(t.run(name, 'k', 0, 3), 'This');
    assert.equal(t.run(name, 'k', -3, -1), 'ing');
    assert.equal(t.run(name, 'k', 0, -1), 'This is a string');
    assert.equal(t.run(name, 'k', 10, 100), 'string');
    assert.equal(t.run(name, 'k', 5, 3), '');
    assert.equal(t.run(name, 'k', -1, -5), '');
    assert.equal(
      t.run(name, 'k', '-9223372036854775808', '9223372036854775807'),
      'This is a string',
    );
    assert.equal(t.run(name, 'k', -100, -99), 'T');
    assert.equal(t.run(name, 'k', -99, -100), '');
    assert.equal(t.run(name, 'k', '-9007199254740993', '-9223372036854775808'), '');
    assert.equal(t.run(name, 'absent', 0, -1), '');
  }
});

test('GETRANGE looks at its arguments before the key', () => {
  const t = tester();
  t.run('SET', 'k', 'v');
  t.keys.reencode(1);
  const notInteger = '-ERR value is not an integer or out of range';
  assert.equal(t.run('GETRANGE', 'k', 'a', 0), notInteger);
  assert.equal(t.run('GETRANGE', 'absent', 0, '1.0'), notInteger);
  assert.match(String(t.run('GETRANGE', 'k', 0, 0)), /^-WRONGTYPE /);
});

test('within the value, GETRANGE is slice', () => {
  const t = tester();
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary-ascii', maxLength: 30 }),
      fc.nat(30),
      fc.nat(30),
      (s, a, b) => {
        t.run('SET', 'k', s);
        assert.equal(t.run('GETRANGE', 'k', a, b), a <= b ? s.slice(a, b + 1) : '');
      },
    ),
  );
});
