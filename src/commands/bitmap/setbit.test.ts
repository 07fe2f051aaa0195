import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STRING_RAW } from '../../values/string/type.js';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { set } from '../string/set.js';
import { getbit } from './getbit.js';
import { setbit } from './setbit.js';

const BAD_OFFSET = '-ERR bit offset is not an integer or out of range';
const BAD_BIT = '-ERR bit is not an integer or out of range';

function tester(): CommandTester {
  return new CommandTester([set, setbit, getbit]);
}

test('SETBIT sets and clears, bit 0 being the highest, and answers with the old bit', () => {
  const t = tester();
  assert.equal(t.run('SETBIT', 'k', 7, 1), 0);
  assert.equal(t.run('SETBIT', 'k', 7, 1), 1);
  assert.equal(t.run('SETBIT', 'k', 8, 1), 0);
  assert.equal(t.run('SETBIT', 'k', 7, 0), 1);
  assert.deepEqual(t.dump().get('0 k'), { kind: STRING_RAW, expiry: 0, value: '\0\x80' });
  assert.equal(t.run('GETBIT', 'k', 8), 1);
});

test('SETBIT makes room with zeroes, whatever was there before', () => {
  const t = new CommandTester([set, setbit], { shards: 1 });
  t.run('SET', 'k', 'z'.repeat(5000), 'PX', 9);
  t.run('SET', 'k', 'z', 'KEEPTTL');
  assert.equal(t.run('SETBIT', 'k', 39_999, 1), 0);
  assert.deepEqual(t.dump().get('0 k'), {
    kind: STRING_RAW,
    expiry: START_MS + 9,
    value: `z${'\0'.repeat(4998)}\x01`,
  });
  assert.equal(t.run('SETBIT', 'new', 39_992, 1), 0);
  assert.equal(t.dump().get('0 new')?.value, `${'\0'.repeat(4999)}\x80`);
});

test('SETBIT that changes nothing is no change, though the value counts as written to', () => {
  const t = tester();
  t.run('SET', 'k', '5');
  t.takeEffects();
  t.listen();
  assert.equal(t.run('SETBIT', 'k', 0, 0), 0);
  assert.equal(t.dump().get('0 k')?.kind, STRING_RAW);
  assert.equal(t.changes, 0);
  // Growing is a change, even by zeroes.
  assert.equal(t.run('SETBIT', 'k', 8, 0), 0);
  assert.equal(t.run('SETBIT', 'k', 8, 1), 0);
  assert.deepEqual(t.takeEffects(), ['0 SETBIT k 8 0', '0 SETBIT k 8 1']);
  assert.deepEqual(t.takeEvents(), ['setbit k', 'setbit k']);
});

test('SETBIT refuses in the order Redis does', () => {
  const t = tester();
  t.run('SET', 'k', 'v');
  t.keys.reencode(1);
  for (const offset of ['a', '-1', '4294967296', '9223372036854775807', '#1', '', '1.0']) {
    assert.equal(t.run('SETBIT', 'k', offset, 2), BAD_OFFSET, offset);
    assert.equal(t.run('GETBIT', 'k', offset), BAD_OFFSET, offset);
  }
  for (const bit of ['2', '-1', 'a', '', '01']) {
    assert.equal(t.run('SETBIT', 'k', 1, bit), BAD_BIT, bit);
  }
  assert.match(String(t.run('SETBIT', 'k', 1, 1)), /^-WRONGTYPE /);
  assert.match(String(t.run('GETBIT', 'k', 1)), /^-WRONGTYPE /);
});
