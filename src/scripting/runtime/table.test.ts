/** Tables keep what is stored in them, whatever the order, and can be walked while keys go. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LuaTable } from './table.js';
import type { LuaValue } from './values.js';

const keys = fc.oneof(
  fc.integer({ min: -3, max: 40 }),
  fc.double({ noNaN: true }),
  fc.string({ maxLength: 3 }),
  fc.boolean(),
);
const changes = fc.array(fc.tuple(keys, fc.option(fc.integer(), { nil: undefined })), {
  maxLength: 200,
});

function walk(table: LuaTable): Map<LuaValue, LuaValue> {
  const found = new Map<LuaValue, LuaValue>();
  for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
    assert.ok(!found.has(table.keyAt(at)), 'no key comes twice');
    assert.equal(table.positionOf(table.keyAt(at)), at);
    found.set(table.keyAt(at), table.valueAt(at));
  }
  return found;
}

describe('a table', () => {
  it('has what was stored last under each key', () => {
    fc.assert(
      fc.property(changes, (list) => {
        const table = new LuaTable();
        const model = new Map<LuaValue, LuaValue>();
        for (const [key, value] of list) {
          table.set(key, value);
          if (value === undefined) model.delete(key);
          else model.set(key, value);
        }
        for (const [key] of list) assert.equal(table.get(key), model.get(key));
        assert.deepEqual(walk(table), model);
      }),
    );
  });

  it('has a border that is one', () => {
    fc.assert(
      fc.property(changes, (list) => {
        const table = new LuaTable();
        for (const [key, value] of list) table.set(key, value);
        const border = table.length();
        assert.ok(border === 0 || table.get(border) !== undefined);
        assert.equal(table.get(border + 1), undefined);
      }),
    );
  });

  it('is walked to its end while the keys met are deleted', () => {
    fc.assert(
      fc.property(changes, (list) => {
        const table = new LuaTable();
        for (const [key, value] of list) table.set(key, value ?? 1);
        const count = walk(table).size;
        let met = 0;
        for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
          table.set(table.keyAt(at), undefined);
          met++;
        }
        assert.equal(met, count);
        assert.equal(table.nextPosition(0), 0);
      }),
    );
  });

  it('puts the keys 1 to n into its array part, also when they come backwards', () => {
    const table = new LuaTable();
    for (let i = 64; i >= 1; i--) table.set(i, i);
    assert.equal(table.arraySize, 64);
    assert.equal(table.length(), 64);
  });

  it('treats -0 and 0 as one key and finds no NaN', () => {
    const table = new LuaTable();
    table.set(-0, 'zero');
    assert.equal(table.get(0), 'zero');
    assert.ok(Object.is(table.keyAt(table.nextPosition(0)), 0));
    assert.equal(table.get(Number.NaN), undefined);
  });
});
