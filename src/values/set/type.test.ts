/** What sets answer for as a type; test/differential compares digests and serialized lengths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../base/region.js';
import { numbers, SetTester, words } from '../../commands/set/lib/test-support.js';
import { EFFECT_ELEMENTS_MAX } from '../rebuilding.js';
import {
  INTEGERS_BYTES_MAX,
  PACKED_BYTES_MAX,
  SET_INTEGER_TABLE,
  SET_INTEGERS,
  SET_PACKED,
  SET_TABLE,
} from './kinds.js';
import { setType } from './type.js';

const FAR_MS = '4102444800000';

/** Whether bytes, one char each, are a value of a kind. */
function verifies(kind: number, bytes: string): boolean {
  const region = new Region(new SharedArrayBuffer((bytes.length + 15) & ~7), 0);
  for (let i = 0; i < bytes.length; i++) region.bytes[3 + i] = bytes.charCodeAt(i);
  return setType.verify(kind, region, 3, bytes.length);
}

function storedBytes(...members: string[]): { kind: number; value: string } {
  const t = new SetTester();
  t.run('SADD', 's', ...members);
  return t.dump().get('0 s')!;
}

test('the commands that rebuild a set: the key goes, bounded vectors of members, the expiry', () => {
  const t = new SetTester();
  const members = [...words(2000), 'x'.repeat(100_000)];
  t.run('SADD', 's', ...members);
  t.run('PEXPIREAT', 's', FAR_MS);
  t.takeEffects();
  t.run('COPY', 's', 'copy');
  const vectors = t.effectVectors.map((effect) => effect.words);
  assert.deepEqual(vectors[0], ['DEL', 'copy']);
  assert.deepEqual(vectors.at(-1), ['PEXPIREAT', 'copy', FAR_MS]);
  const added = vectors.slice(1, -1).map(([name, key, ...rest]) => {
    assert.equal(`${name} ${key}`, 'SADD copy');
    assert.ok(rest.length <= EFFECT_ELEMENTS_MAX);
    return rest;
  });
  assert.deepEqual(added.flat().sort(), [...members].sort());
});

test('the bytes of small sets are verified; those that refer to pages never are a value', () => {
  for (const members of [['1'], numbers(500), ['a'], ['', '1', 'x'.repeat(70)], words(200)]) {
    const { kind, value } = storedBytes(...members);
    assert.ok(verifies(kind, value));
    assert.ok(!verifies(kind, value.slice(0, -1)), 'cut');
    assert.ok(!verifies(kind, `${value}x`), 'too long');
    assert.ok(!verifies(SET_TABLE, value) && !verifies(SET_INTEGER_TABLE, value));
  }
  assert.ok(!verifies(SET_TABLE, '\0'.repeat(64)));
});

test('a set from a peer has members, each once, and is no larger than sets in an entry are', () => {
  assert.ok(!verifies(SET_INTEGERS, '\x02'), 'no integers');
  assert.ok(!verifies(SET_PACKED, '\0\0'), 'no members');
  assert.ok(!verifies(SET_PACKED, '\x02\0\x05\x05'), 'a member twice');
  assert.ok(!verifies(SET_INTEGERS, '\x02\x05\0\x05\0'), 'an integer twice');
  assert.ok(!verifies(SET_INTEGERS, '\x02\x05\0\x04\0'), 'out of order');
  const many = (count: number): string => {
    const { kind, value } = storedBytes('1');
    assert.equal(kind, SET_INTEGERS);
    let bytes = value.slice(0, 1);
    for (let i = 0; i < count; i++) bytes += String.fromCharCode(i & 255, (i >> 8) & 127);
    return bytes;
  };
  assert.ok(verifies(SET_INTEGERS, many((INTEGERS_BYTES_MAX - 2) / 2)));
  assert.ok(!verifies(SET_INTEGERS, many(INTEGERS_BYTES_MAX / 2)));
  const long = 'x'.repeat(PACKED_BYTES_MAX);
  assert.ok(!verifies(SET_PACKED, `\x01\0\xcf\xc0${long.slice(0, 64 + 4032)}`));
});

test('memory is the pages of the table, none for a set in its entry', () => {
  const t = new SetTester();
  t.run('SADD', 'small', ...numbers(500));
  t.run('SADD', 'large', ...words(5000));
  t.checkAll();
  assert.equal(setType.memory({ ...stored(t, 'small') }), 0);
  assert.ok(setType.memory({ ...stored(t, 'large') }) > 5000 * 16);
});

function stored(t: SetTester, key: string): Parameters<typeof setType.memory>[0] {
  t.run('SCARD', key);
  const { space, region, kind, expiry, valueOffset, valueLength } = t.keys;
  return { space, region, kind, expiry, valueOffset, valueLength };
}
