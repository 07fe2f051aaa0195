import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STRING_RAW } from '../../values/string/type.js';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { append } from './append.js';
import { get } from './get.js';
import { set } from './set.js';
import { setrange } from './setrange.js';

function tester(): CommandTester {
  return new CommandTester([set, get, append, setrange]);
}

test('SETRANGE writes over, beyond the end and into nothing', () => {
  const t = tester();
  t.run('SET', 'k', 'Hello World', 'PX', 9);
  assert.equal(t.run('SETRANGE', 'k', 6, 'Darter'), 12);
  assert.equal(t.run('SETRANGE', 'k', 0, 'J'), 12);
  assert.equal(t.run('SETRANGE', 'k', 14, '!'), 15);
  assert.deepEqual(t.dump().get('0 k'), {
    kind: STRING_RAW,
    expiry: START_MS + 9,
    value: 'Jello Darter\0\0!',
  });
  assert.equal(t.run('SETRANGE', 'new', 3, 'x'), 4);
  assert.equal(t.run('GET', 'new'), '\0\0\0x');
});

test('the bytes between are zero where other values were before', () => {
  const t = new CommandTester([set, get, setrange], { shards: 1 });
  for (const length of [10, 100, 5000, 20_000, 300_000]) {
    t.run('SET', 'k', 'z'.repeat(length + 10));
    t.run('SET', 'k', '');
    t.run('SET', 'k2', 'z'.repeat(length));
    t.run('SET', 'k2', '');
    assert.equal(t.run('SETRANGE', `new${length}`, length, 'x'), length + 1);
    assert.equal(t.run('SETRANGE', 'k', length, 'x'), length + 1);
    assert.equal(t.run('GET', `new${length}`), `${'\0'.repeat(length)}x`);
    assert.equal(t.run('GET', 'k'), `${'\0'.repeat(length)}x`);
  }
});

test('SETRANGE of nothing changes nothing', () => {
  const t = tester();
  assert.equal(t.run('SETRANGE', 'k', 5, ''), 0);
  assert.equal(t.dump().size, 0);
  t.run('SET', 'k', '5');
  assert.equal(t.run('SETRANGE', 'k', '9223372036854775807', ''), 1);
  assert.equal(t.changes, 0);
  assert.equal(t.dump().get('0 k')?.kind, 0);
});

test('SETRANGE refuses in the order Redis does', () => {
  const t = tester();
  const tooLong = '-ERR string exceeds maximum allowed size (proto-max-bulk-len)';
  t.run('SET', 'k', 'v');
  assert.equal(t.run('SETRANGE', 'k', 'a', ''), '-ERR value is not an integer or out of range');
  assert.equal(t.run('SETRANGE', 'k', 536_870_912, 'a'), tooLong);
  assert.equal(t.run('SETRANGE', 'k', 536_870_911, 'ab'), tooLong);
  assert.equal(t.run('SETRANGE', 'k', '9223372036854775807', 'a'), tooLong);
  t.keys.reencode(1);
  assert.equal(t.run('SETRANGE', 'k', -1, ''), '-ERR offset is out of range');
  assert.match(String(t.run('SETRANGE', 'k', 0, '')), /^-WRONGTYPE /);
});
