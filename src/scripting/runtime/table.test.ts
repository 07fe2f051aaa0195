/** Tables keep what is stored in them, whatever the order, and can be walked while keys go. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ScriptAbort } from './errors.js';
import { meter } from './meter.js';
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

  it('gives a list the least array part of 2^n places, whatever its first size', () => {
    for (let first = 0; first <= 9; first++) {
      const table = new LuaTable(first, 0);
      for (let i = 1; i <= 100; i++) {
        table.set(i, i);
        const wanted = i <= first ? first : 2 ** Math.ceil(Math.log2(i));
        assert.equal(table.arraySize, wanted, `${i} elements of a table made for ${first}`);
      }
      assert.deepEqual(
        table.array.slice(1, 101),
        Array.from({ length: 100 }, (_, i) => i + 1),
      );
    }
  });

  it('has holes and keys of other kinds counted when a list grows', () => {
    const holes = new LuaTable(4, 0);
    holes.set(4, 'd');
    // Two keys of 1 to 5: no array part is more than half in use.
    holes.set(5, 'e');
    assert.equal(holes.arraySize, 0);
    const mixed = new LuaTable(2, 1);
    for (const key of [1, 2, 'x', 4, 3]) mixed.set(key, key);
    assert.equal(mixed.arraySize, 4);
    assert.equal(mixed.get('x'), 'x');
  });

  it('treats -0 and 0 as one key and finds no NaN', () => {
    const table = new LuaTable();
    table.set(-0, 'zero');
    assert.equal(table.get(0), 'zero');
    assert.ok(Object.is(table.keyAt(table.nextPosition(0)), 0));
    assert.equal(table.get(Number.NaN), undefined);
  });

  it('is as it was when its script is ended while it grows, and grows the next time', () => {
    for (const [name, list] of Object.entries(growths)) {
      const model = new Map<LuaValue, LuaValue>();
      const whole = new LuaTable();
      meter.start({ memoryBytes: 2 ** 30, ticks: 700 }, undefined);
      for (const [key, value] of list) whole.set(key, value);
      const interrupted = new LuaTable();
      let ends = 0;
      for (const [key, value] of list) {
        ends += setInterrupted(interrupted, key, value, model);
        if (value === undefined) model.delete(key);
        else model.set(key, value);
      }
      assert.ok(ends > 3, `${name}: ended ${ends} times`);
      assert.deepEqual([...walk(interrupted)], [...walk(whole)], name);
      assert.equal(interrupted.arraySize, whole.arraySize, name);
    }
  });
});

const COUNT = 6000;
const range = Array.from({ length: COUNT }, (_, i) => i + 1);
const growths: Readonly<Record<string, readonly (readonly [LuaValue, LuaValue])[]>> = {
  names: range.map((i) => [`k${i}`, i]),
  'numbers that move to the array part': range.map((i) => [COUNT + 1 - i, i]),
  'numbers that leave the array part': [
    ...range.map((i) => [i, i] as const),
    ...range.map((i) => [i, i % 5 === 0 ? i : undefined] as const),
    ...range.map((i) => [`k${i}`, i] as const),
  ],
};

/** Stores a value. Its n-th try is ended at its n-th tick, if there are so many. @returns the tries that were */
function setInterrupted(
  table: LuaTable,
  key: LuaValue,
  value: LuaValue,
  before: ReadonlyMap<LuaValue, LuaValue>,
): number {
  let ticksLeft = 0;
  meter.start({ memoryBytes: 2 ** 30, ticks: 700 }, () => {
    if (ticksLeft-- === 0) throw new ScriptAbort('ended');
  });
  for (let ended = 0; ; ended++) {
    ticksLeft = ended;
    try {
      table.set(key, value);
      meter.finish();
      return ended;
    } catch (thrown) {
      assert.ok(thrown instanceof ScriptAbort);
      assert.deepEqual(walk(table), before);
    }
  }
}
