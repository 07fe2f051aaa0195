import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommandDefinition, keysAt } from '../commands/contract/definition.js';
import { KeyPlaces, keyFlagBits, keyFlagNames } from '../commands/contract/key-flags.js';
import { compileKeys, findKeys } from './key-places.js';
import { vector } from './testing.js';

type Keys = NonNullable<CommandDefinition['keys']>;

/** 'index:flags' of each key, or null when the vector is malformed. */
function places(keys: Keys, command: string): string | null {
  const found = new KeyPlaces();
  const words = command.split(' ').map((word) => (word === '""' ? '' : word));
  if (!findKeys(compileKeys(keys), vector(words), found)) return null;
  return Array.from(
    { length: found.count },
    (_, i) => `${found.index[i]}:${keyFlagNames(found.flags[i]!).join('+')}`,
  ).join(' ');
}

test('a range of arguments', () => {
  assert.equal(
    places([keysAt(1, -1, 2, 'OW', 'update')], 'MSET a 1 b 2'),
    '1:OW+update 3:OW+update',
  );
  assert.equal(places([keysAt(1, -2, 1, 'RW')], 'BLPOP a b 0'), '1:RW 2:RW');
  assert.equal(places([keysAt(2, 3, 1, 'RO')], 'OP x a'), null, 'the range ends behind the vector');
  assert.equal(places([keysAt(2, 2, 1, 'RO')], 'OP x'), '', 'there is none');
  assert.equal(places([keysAt(1, 0, 1, 'not_key', 'RO')], 'OP x'), '');
});

test('several specifications give their keys with their own flags', () => {
  const keys = [keysAt(1, 0, 1, 'RW', 'access'), keysAt(2, 0, 1, 'OW', 'update')];
  assert.equal(places(keys, 'RENAME a b'), '1:RW+access 2:OW+update');
});

test('a count before the keys is read from its bytes', () => {
  const keys: Keys = [
    {
      flags: ['RO'],
      begin: { index: 2 },
      find: { keyCountIndex: 0, firstKey: 1, step: 1 },
    },
  ];
  assert.equal(places(keys, 'EVAL script 2 a b x'), '3:RO 4:RO');
  assert.equal(places(keys, 'EVAL script 0 x'), '');
  for (const count of ['3', '-1', 'x', '""', '1e1', '01', '99999999999999999999', '4294967297']) {
    assert.equal(places(keys, `EVAL script ${count} a b`), null, count);
  }
  assert.equal(places(keys, 'EVAL script'), '', 'where nothing begins there are no keys');
});

test('keys behind a keyword, in any case, from the front or from the end', () => {
  const find = { last: -1, step: 1, limit: 2 };
  const front: Keys = [{ flags: ['RO'], begin: { keyword: 'streams', startFrom: 1 }, find }];
  assert.equal(places(front, 'XREAD COUNT 1 Streams a b 0 0'), '4:RO 5:RO');
  assert.equal(places(front, 'XREAD COUNT 1'), '');
  const back: Keys = [
    {
      flags: ['OW'],
      begin: { keyword: 'STORE', startFrom: -2 },
      find: { last: 0, step: 1, limit: 0 },
    },
  ];
  assert.equal(places(back, 'SORT a LIMIT 0 1 store b'), '6:OW');
  assert.equal(places(back, 'SORT store b'), '2:OW');
  assert.equal(places(back, 'SORT a b'), '');
});

test('flags may depend on the vector', () => {
  const reads = keyFlagBits(['RO']);
  const writes = keyFlagBits(['RW', 'update']);
  const keys: Keys = [
    { ...keysAt(1, 0, 1, 'RW'), flagsOf: (args) => (args.count === 2 ? reads : writes) },
  ];
  assert.equal(places(keys, 'OP a'), '1:RO');
  assert.equal(places(keys, 'OP a x'), '1:RW+update');
});

test('there is room for any number of keys', () => {
  const words = Array.from({ length: 5000 }, (_, i) => `k${i}`);
  const text = places([keysAt(1, -1, 1, 'RO')], `DEL ${words.join(' ')}`);
  assert.equal(text!.split(' ').length, 5000);
});
