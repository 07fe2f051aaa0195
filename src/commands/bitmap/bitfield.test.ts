import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STRING_AUTO, STRING_RAW } from '../../values/string/type.js';
import { CommandTester } from '../contract/test-support.js';
import { get } from '../string/get.js';
import { set } from '../string/set.js';
import { bitfield, bitfieldReadOnly } from './bitfield.js';

const TYPE =
  '-ERR Invalid bitfield type. Use something like i16 u8. ' +
  'Note that u64 is not supported but i64 is.';
const OFFSET = '-ERR bit offset is not an integer or out of range';
const SYNTAX = '-ERR syntax error';

function tester(): CommandTester {
  return new CommandTester([set, get, bitfield, bitfieldReadOnly]);
}

/** Runs the operations written as one line. */
function fields(t: CommandTester, operations: string, command = 'BITFIELD') {
  return t.run(command, 'k', ...operations.split(' '));
}

test('BITFIELD reads, writes and adds, in order', () => {
  const t = tester();
  assert.deepEqual(fields(t, 'INCRBY i5 100 1 GET u4 0'), [1, 0]);
  assert.deepEqual(fields(t, 'SET u8 #1 200 GET u8 8 GET i8 8 GET u4 #3'), [0, 200, -56, 8]);
  assert.deepEqual(fields(t, 'SET u8 #1 7 INCRBY u8 #1 250'), [200, 1]);
  assert.equal(t.dump().get('0 k')?.value.length, 14);
  assert.equal(t.dump().get('0 k')?.kind, STRING_RAW);
});

test('overflows wrap, saturate or fail, until another OVERFLOW comes', () => {
  const t = tester();
  const add = 'INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1';
  assert.deepEqual(
    [1, 2, 3, 4].map(() => fields(t, add)),
    [
      [1, 1],
      [2, 2],
      [3, 3],
      [0, 3],
    ],
  );
  assert.deepEqual(fields(t, 'OVERFLOW FAIL INCRBY u2 102 1 GET u2 102'), [null, 3]);
  assert.deepEqual(fields(t, 'SET i8 0 127 INCRBY i8 0 1'), [0, -128]);
  assert.deepEqual(fields(t, 'OVERFLOW SAT INCRBY i8 0 -1 SET u8 0 -1 GET u8 0'), [-128, 128, 255]);
  assert.deepEqual(fields(t, 'OVERFLOW FAIL SET u8 0 256 OVERFLOW WRAP SET u8 0 -2 GET u8 0'), [
    null,
    255,
    254,
  ]);
});

test('all 64 bits are exact', () => {
  const t = tester();
  const max = 9223372036854775807n;
  assert.deepEqual(fields(t, `SET i64 3 ${max} INCRBY i64 3 1`), [0, -max - 1n]);
  assert.deepEqual(fields(t, `OVERFLOW SAT INCRBY i64 3 -1 INCRBY i64 3 ${max}`), [-max - 1n, -1]);
  assert.deepEqual(fields(t, 'SET u63 3 9007199254740993 INCRBY u63 3 0 GET u63 3'), [
    max,
    9007199254740993n,
    9007199254740993n,
  ]);
  assert.deepEqual(fields(t, `SET u8 80 200 INCRBY u8 80 ${max} GET u8 80`), [0, 199, 199]);
});

test('reading creates nothing and keeps the encoding', () => {
  const t = tester();
  assert.deepEqual(fields(t, 'GET u8 0 GET i64 7'), [0, 0]);
  assert.deepEqual(fields(t, 'OVERFLOW WRAP'), []);
  assert.deepEqual(t.run('BITFIELD', 'k'), []);
  assert.equal(t.dump().size, 0);
  t.run('SET', 'k', '5');
  assert.deepEqual(fields(t, 'GET u8 0 GET u16 0', 'BITFIELD_RO'), [53, 53 * 256]);
  assert.equal(t.dump().get('0 k')?.kind, STRING_AUTO);
});

test('one change, one event, one effect, however many operations', () => {
  const t = tester();
  t.listen();
  fields(t, 'SET u8 0 1 SET u8 8 2');
  fields(t, 'SET u8 0 9 SET u8 8 9');
  assert.deepEqual(t.takeEvents(), ['setbit k', 'setbit k']);
  assert.deepEqual(t.takeEffects(), [
    '0 BITFIELD k SET u8 0 1 SET u8 8 2',
    '0 BITFIELD k SET u8 0 9 SET u8 8 9',
  ]);
  fields(t, 'SET u8 0 9 OVERFLOW FAIL INCRBY u8 8 255');
  assert.equal(t.changes, 0);
  assert.deepEqual(t.takeEffects(), []);
});

test('a value that grows while every write fails is no change, but replicas get it', () => {
  const t = tester();
  t.listen();
  assert.deepEqual(fields(t, 'OVERFLOW FAIL INCRBY i14 195 9007199254740991'), [null]);
  assert.equal(t.dump().get('0 k')?.value.length, 27);
  assert.equal(t.changes, 0);
  assert.deepEqual(t.takeEvents(), []);
  const effect = '0 BITFIELD k OVERFLOW FAIL INCRBY i14 195 9007199254740991';
  assert.deepEqual(t.takeEffects(), [effect]);
  fields(t, 'OVERFLOW FAIL INCRBY u8 400 256 SET u8 400 0');
  assert.equal(t.changes, 1, 'a field was written as it was, in a value that has grown');
  assert.deepEqual(t.takeEvents(), ['setbit k']);
});

test('BITFIELD refuses before it does anything', () => {
  const t = tester();
  for (const type of ['u64', 'i65', 'u0', 'i0', 'u', 'U8', 'u08', 'x8', 'i-1']) {
    assert.equal(fields(t, `SET u8 0 1 GET ${type} 0`), TYPE, type);
  }
  assert.equal(t.run('BITFIELD', 'k', 'GET', '', 0), TYPE);
  for (const offset of ['-1', 'a', '#a', '4294967296', '#536870912', '#9223372036854775807', '#']) {
    assert.equal(fields(t, `SET u8 0 1 GET u8 ${offset}`), OFFSET, offset);
  }
  for (const operations of ['GET', 'GET u8', 'SET u8 0', 'INCRBY u8 0', 'OVERFLOW', 'FOO']) {
    assert.equal(fields(t, `SET u8 0 1 ${operations}`), SYNTAX, operations);
  }
  assert.equal(fields(t, 'OVERFLOW FOO'), '-ERR Invalid OVERFLOW type specified');
  const notInteger = '-ERR value is not an integer or out of range';
  assert.equal(fields(t, 'SET u8 0 1.5'), notInteger);
  assert.equal(fields(t, 'SET u8 0 a', 'BITFIELD_RO'), notInteger);
  assert.equal(t.dump().size, 0);
});

test('BITFIELD_RO refuses to write, before it looks at the key', () => {
  const t = tester();
  t.run('SET', 'k', 'v');
  t.keys.reencode(1);
  const readOnly = '-ERR BITFIELD_RO only supports the GET subcommand';
  assert.equal(fields(t, 'GET u8 0 SET u8 0 1', 'BITFIELD_RO'), readOnly);
  assert.equal(fields(t, 'INCRBY u8 0 1', 'BITFIELD_RO'), readOnly);
  assert.match(String(fields(t, 'GET u8 0', 'BITFIELD_RO')), /^-WRONGTYPE /);
  assert.match(String(fields(t, 'SET u8 0 1')), /^-WRONGTYPE /);
  assert.match(String(t.run('BITFIELD', 'k')), /^-WRONGTYPE /);
});
