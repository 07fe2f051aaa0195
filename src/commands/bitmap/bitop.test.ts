import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { STRING_RAW } from '../../keyspace/kinds.js';
import { CommandTester } from '../contract/test-support.js';
import { get } from '../string/get.js';
import { set } from '../string/set.js';
import { bitop } from './bitop.js';

function tester(): CommandTester {
  return new CommandTester([set, get, bitop]);
}

test('BITOP stores the combination, shorter values followed by zeroes', () => {
  const t = tester();
  t.run('SET', 'a', '\xf0\x0f\xff');
  t.run('SET', 'b', '\xff\xff');
  t.run('SET', 'd', 'x', 'EX', 10);
  t.takeEffects();
  t.listen();
  assert.equal(t.run('BITOP', 'AND', 'd', 'a', 'b'), 3);
  assert.deepEqual(t.dump().get('0 d'), { kind: STRING_RAW, expiry: 0, value: '\xf0\x0f\0' });
  assert.equal(t.run('BITOP', 'or', 'd', 'b', 'a'), 3);
  assert.equal(t.run('BITOP', 'XOR', 'd', 'a', 'b', 'absent'), 3);
  assert.equal(t.run('BITOP', 'NOT', 'd', 'd'), 3);
  assert.equal(t.run('BITOP', 'AND', 'd', 'd', 'absent'), 3);
  const effects = ['\xf0\x0f\0', '\xff\xff\xff', '\x0f\xf0\xff', '\xf0\x0f\0', '\0\0\0'];
  assert.deepEqual(
    t.takeEffects(),
    effects.map((value) => `0 SET d ${value}`),
  );
  assert.deepEqual(t.takeEvents(), Array(5).fill('set d'));
});

test('BITOP of nothing removes the destination', () => {
  const t = tester();
  t.run('SET', 'd', 'x');
  t.takeEffects();
  t.listen();
  assert.equal(t.run('BITOP', 'AND', 'd', 'absent'), 0);
  assert.equal(t.run('BITOP', 'NOT', 'd', 'absent'), 0);
  assert.deepEqual(t.takeEffects(), ['0 DEL d']);
  assert.deepEqual(t.takeEvents(), ['del d']);
});

test('BITOP refuses in the order Redis does, and changes nothing then', () => {
  const t = tester();
  t.run('SET', 'list', 'v');
  t.keys.setKind(1);
  t.run('SET', 'a', 'v');
  t.takeEffects();
  assert.equal(t.run('BITOP', 'FOO', 'd', 'list'), '-ERR syntax error');
  const single = '-ERR BITOP NOT must be called with a single source key.';
  assert.equal(t.run('BITOP', 'NOT', 'd', 'list', 'a'), single);
  assert.match(String(t.run('BITOP', 'AND', 'd', 'a', 'list')), /^-WRONGTYPE /);
  assert.deepEqual(t.takeEffects(), []);
});

test('BITOP over several shards, the destination among the sources', () => {
  const t = tester();
  const value = fc.uint8Array({ maxLength: 40 }).map((bytes) => String.fromCharCode(...bytes));
  const operation = fc.constantFrom('AND', 'OR', 'XOR');
  fc.assert(
    fc.property(operation, fc.array(value, { minLength: 1, maxLength: 5 }), (name, values) => {
      const length = Math.max(...values.map((text) => text.length));
      let expected = '';
      for (let i = 0; i < length; i++) {
        const bytes = values.map((text) => (i < text.length ? text.charCodeAt(i) : 0));
        const byte = bytes.reduce((left, right) => {
          if (name === 'AND') return left & right;
          return name === 'OR' ? left | right : left ^ right;
        });
        expected += String.fromCharCode(byte);
      }
      values.forEach((text, i) => {
        t.run('SET', `key${i}`, text);
      });
      const keys = values.map((_, i) => `key${i}`);
      assert.equal(t.run('BITOP', name, keys.at(-1)!, ...keys), length);
      assert.equal(t.run('GET', keys.at(-1)!), length === 0 ? null : expected);
    }),
    { numRuns: 300 },
  );
});
