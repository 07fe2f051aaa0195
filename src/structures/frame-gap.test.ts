import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ROOTS_OFFSET } from '../memory/space-layout.js';
import { Table } from './table.js';
import { KeyFinder, testSpace } from './testing.js';

function newTable(): { table: Table; keys: KeyFinder } {
  const space = testSpace(8);
  const table = new Table(space, ROOTS_OFFSET);
  return { table, keys: new KeyFinder(space, table) };
}

function resize(table: Table, keys: KeyFinder, key: string, length: number): number {
  assert.ok(keys.find(key));
  assert.ok(table.resize(length) >= 0);
  table.check();
  return table.entryOffset;
}

test('a value that shrinks and grows again stays where it is', () => {
  const { table, keys } = newTable();
  for (const key of ['a', 'b', 'c']) keys.put(key, 1, key.repeat(100));
  const at = resize(table, keys, 'b', 100);
  for (const length of [60, 90, 100, 40, 20, 70, 100]) {
    assert.equal(resize(table, keys, 'b', length), at, `${length} bytes`);
  }
  // Longer than it ever was, it has to move.
  assert.notEqual(resize(table, keys, 'b', 101), at);
});

test('what an entry leaves is taken by the next one that fits', () => {
  const { table, keys } = newTable();
  for (const key of ['a', 'b', 'c', 'd']) keys.put(key, 1, key.repeat(100));
  const at = resize(table, keys, 'b', 100);
  assert.ok(keys.find('b'));
  table.remove();
  table.check();
  keys.put('e', 1, 'e'.repeat(100));
  assert.ok(keys.find('e'));
  assert.equal(table.entryOffset, at);
  table.check();
  const left = resize(table, keys, 'a', 100);
  resize(table, keys, 'a', 120);
  keys.put('f', 1, 'f'.repeat(30));
  assert.ok(keys.find('f'));
  assert.equal(table.entryOffset, left);
  table.check();
});

test('values that change their lengths keep their bytes', () => {
  const step = fc.record({
    key: fc.integer({ min: 0, max: 30 }),
    length: fc.integer({ min: 0, max: 400 }),
    action: fc.constantFrom('put', 'resize', 'resize', 'expiry', 'remove'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const { table, keys } = newTable();
      const model = new Map<string, string>();
      for (const { key: number, length, action } of steps) {
        const key = `key:${number}`;
        const before = model.get(key);
        if (action === 'put') {
          const value = String.fromCharCode(97 + (number % 26)).repeat(length);
          keys.put(key, 1, value);
          model.set(key, value);
        } else if (before !== undefined) {
          assert.ok(keys.find(key));
          if (action === 'resize') {
            assert.ok(table.resize(length) >= 0);
            model.set(key, before.slice(0, length).padEnd(length, '\0'));
          } else if (action === 'expiry') assert.ok(table.setExpiry(length * 1e9));
          else {
            table.remove();
            model.delete(key);
          }
        }
      }
      table.check();
      for (const [key, value] of model) assert.equal(keys.get(key), value, key);
    }),
  );
});
