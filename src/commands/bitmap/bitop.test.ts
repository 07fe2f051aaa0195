import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { STRING_RAW } from '../../values/string/type.js';
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
  t.keys.reencode(1);
  t.run('SET', 'a', 'v');
  t.takeEffects();
  assert.equal(t.run('BITOP', 'FOO', 'd', 'list'), '-ERR syntax error');
  const single = '-ERR BITOP NOT must be called with a single source key.';
  assert.equal(t.run('BITOP', 'NOT', 'd', 'list', 'a'), single);
  assert.match(String(t.run('BITOP', 'AND', 'd', 'a', 'list')), /^-WRONGTYPE /);
  assert.deepEqual(t.takeEffects(), []);
});

test('a destination that is a source loses its end, with one event', () => {
  const t = tester();
  t.run('SET', 'a', '\xff\x01');
  t.run('SET', 'd', '7', 'EX', 10);
  t.takeEffects();
  t.listen();
  assert.equal(t.run('BITOP', 'OR', 'd', 'a', 'd'), 2);
  assert.deepEqual(t.dump().get('0 d'), { kind: STRING_RAW, expiry: 0, value: '\xff\x01' });
  assert.deepEqual(t.takeEffects(), ['0 SET d \xff\x01']);
  assert.deepEqual(t.takeEvents(), ['set d']);
});

/** What BITOP should make of these values. */
function combined(name: string, values: readonly string[]): string {
  const length = Math.max(...values.map((text) => text.length));
  let result = '';
  for (let i = 0; i < length; i++) {
    const bytes = values.map((text) => (i < text.length ? text.charCodeAt(i) : 0));
    const byte = bytes.reduce((left, right) => {
      if (name === 'AND') return left & right;
      return name === 'OR' ? left | right : left ^ right;
    });
    result += String.fromCharCode(byte);
  }
  return result;
}

test('BITOP over any keys in any shards, the destination among the sources or not', () => {
  const t = tester();
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array(20_000)));
  const value = bytes.map((given) => String.fromCharCode(...given));
  const operation = fc.constantFrom('AND', 'OR', 'XOR');
  const key = fc.nat(3);
  const values = fc.tuple(value, value, value, value);
  const sources = fc.array(key, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(operation, values, key, sources, (name, texts, target, indexes) => {
      texts.forEach((text, i) => {
        // One of the four may be absent.
        if (text === '') t.run('BITOP', 'AND', `key${i}`, 'absent');
        else t.run('SET', `key${i}`, text, 'EX', 100);
      });
      const expected = combined(
        name,
        indexes.map((i) => texts[i]!),
      );
      const keys = indexes.map((i) => `key${i}`);
      assert.equal(t.run('BITOP', name, `key${target}`, ...keys), expected.length);
      assert.equal(t.run('GET', `key${target}`), expected === '' ? null : expected);
      t.check();
    }),
    { numRuns: 300 },
  );
});
