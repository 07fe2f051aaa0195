import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { randomBits } from '../base/random.js';
import { PAGE_BYTES, ROOTS_OFFSET } from '../memory/space-layout.js';
import { SLOTS } from './frame.js';
import {
  FRONT_SLOTS,
  ORDER_FREQUENCY,
  ORDER_RECENCY,
  type SlotOrder,
  slotAfterUse,
} from './slot-order.js';
import { Table } from './table.js';
import { KeyFinder, testSpace } from './testing.js';
import { BY_CHANCE, BY_EXPIRY, BY_ORDER, type VictimChoice, Victims } from './victims.js';

const MOST = SLOTS - 1;

function newTable(): { table: Table; keys: KeyFinder } {
  const space = testSpace(8);
  const table = new Table(space, ROOTS_OFFSET);
  return { table, keys: new KeyFinder(space, table) };
}

function put(keys: KeyFinder, order: SlotOrder, key: string, value = 'v', expiry = 0): void {
  const isNew = !keys.find(key);
  if (isNew) keys.put(key, 1, value, expiry);
  if (isNew) keys.table.placeNew(order);
  else keys.table.noteUse(order);
}

/** The slot of a key, counted from the front. */
function slotOf(keys: KeyFinder, key: string): number {
  assert.ok(keys.find(key), key);
  return MOST - keys.table.usefulness(MOST);
}

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom('put', 'use', 'use', 'place', 'remove'),
    key: fc.nat(120),
    bytes: fc.nat(300),
  }),
  { maxLength: 400 },
);

describe('the order of slots', () => {
  for (const order of [ORDER_RECENCY, ORDER_FREQUENCY] as const) {
    test(`any uses, changes and removals leave a table whole, order ${order}`, () => {
      fc.assert(
        fc.property(steps, (list) => {
          const { table, keys } = newTable();
          const model = new Map<string, string>();
          for (const { kind, key, bytes } of list) {
            const name = `key:${key}`;
            if (kind === 'put') {
              const value = 'x'.repeat(bytes);
              put(keys, order, name);
              keys.put(name, 1, value);
              model.set(name, value);
            } else if (keys.find(name)) {
              if (kind === 'use') table.noteUse(order);
              else if (kind === 'place') table.placeByUsefulness(bytes % SLOTS, MOST);
              else table.remove();
              if (kind === 'remove') model.delete(name);
            }
          }
          table.check();
          for (const [name, value] of model) assert.equal(keys.get(name), value);
          assert.equal(table.size, model.size);
        }),
        { numRuns: 60 },
      );
    });

    test(`the mutators go on from the place that a use has moved an entry to, order ${order}`, () => {
      const { table, keys } = newTable();
      for (let i = 0; i < 2000; i++) put(keys, order, `key:${i}`, 'v'.repeat(i % 50));
      for (let i = 0; i < 2000; i += 3) {
        assert.ok(keys.find(`key:${i}`));
        table.noteUse(order);
        if (i % 2 === 0) table.remove();
        else table.resize(60);
      }
      table.check();
      for (let i = 0; i < 2000; i++) assert.equal(keys.find(`key:${i}`), i % 6 !== 0, `${i}`);
    });
  }

  test('an entry moves forward until it is in the front, and then stays', () => {
    for (const order of [ORDER_RECENCY, ORDER_FREQUENCY] as const) {
      for (let slot = 0; slot < SLOTS; slot++) {
        const after = slotAfterUse(slot, order);
        if (slot < FRONT_SLOTS) assert.equal(after, slot);
        else assert.ok(after < slot);
      }
    }
  });

  test('an entry can be given any place, forward and back', () => {
    const { table, keys } = newTable();
    for (let i = 0; i < 300; i++) put(keys, ORDER_FREQUENCY, `key:${i}`);
    for (const useful of [MOST, 0, 7, 12, 0, MOST]) {
      assert.ok(keys.find('key:9'));
      table.placeByUsefulness(useful, MOST);
      assert.equal(slotOf(keys, 'key:9'), MOST - useful);
      table.check();
    }
    for (let i = 0; i < 300; i++) assert.ok(keys.find(`key:${i}`));
  });

  test('one use brings a key nearer to the front by recency than by frequency', () => {
    const uses = (order: SlotOrder) => slotAfterUse(SLOTS - 1, order);
    assert.ok(uses(ORDER_RECENCY) < uses(ORDER_FREQUENCY));
  });

  test('a key that is used stays before those that are not, whatever comes in', () => {
    for (const order of [ORDER_RECENCY, ORDER_FREQUENCY] as const) {
      const { keys } = newTable();
      for (let i = 0; i < 400; i++) {
        put(keys, order, `key:${i}`);
        if (i >= 10) put(keys, order, 'key:10');
      }
      assert.ok(slotOf(keys, 'key:10') < FRONT_SLOTS);
    }
  });
});

const victims = new Victims(randomBits, 0);

/** Evicts from a table until it has fewer pages than this. */
function evictTo(table: Table, pages: number, choice: VictimChoice): void {
  while (table.allocatedPages >= pages) {
    assert.ok(victims.choose(table, choice, 5), 'there is something to evict');
    const { position, count, offsets } = victims;
    const names: [number, number][] = [];
    for (let i = 0; i < count; i++) {
      table.decode(offsets[i]!);
      names.push([table.keyOffset, table.keyLength]);
    }
    remove(table, names);
    victims.noteRemoved(table.region);
    table.compactFrame(position);
  }
}

function remove(table: Table, names: readonly [number, number][]): void {
  const keys = new KeyFinder(table.space, table);
  const { bytes } = table.region;
  for (const [offset, length] of names) {
    assert.ok(keys.find(Uint8Array.from(bytes.subarray(offset, offset + length))));
    table.remove();
  }
}

const COUNT = 12_000;
const PAGES = 200;

function filled(order: SlotOrder, expiryOf: (i: number) => number): ReturnType<typeof newTable> {
  const made = newTable();
  for (let i = 0; i < COUNT; i++) put(made.keys, order, `key:${i}`, 'v'.repeat(100), expiryOf(i));
  return made;
}

describe('victims', () => {
  test('every round of eviction frees a page, and leaves a table whole', () => {
    const { table } = filled(ORDER_RECENCY, () => 0);
    evictTo(table, PAGES, { by: BY_ORDER, expiringOnly: false });
    table.check();
    assert.ok(table.size * 160 > PAGES * PAGE_BYTES, `${table.size} keys are left`);
  });

  test('what is used often is not evicted by order, and is by chance', () => {
    for (const order of [ORDER_RECENCY, ORDER_FREQUENCY] as const) {
      const left = [BY_ORDER, BY_CHANCE].map((by) => {
        const { table, keys } = filled(order, () => 0);
        for (let round = 0; round < 6; round++) {
          for (let i = 0; i < COUNT; i += 8) put(keys, order, `key:${i}`);
        }
        evictTo(table, PAGES, { by: by as 0, expiringOnly: false });
        let used = 0;
        for (let i = 0; i < COUNT; i += 8) if (keys.find(`key:${i}`)) used++;
        return used / (COUNT / 8);
      });
      assert.ok(left[0]! > 0.97, `${left[0]} of the used keys are left`);
      assert.ok(left[1]! < 0.7, `by chance ${left[1]}`);
    }
  });

  test('by chance, entries in any slot go equally often', () => {
    const { table, keys } = filled(ORDER_RECENCY, () => 0);
    const slots = Array.from({ length: COUNT }, (_, i) => slotOf(keys, `key:${i}`));
    evictTo(table, PAGES, { by: BY_CHANCE, expiringOnly: false });
    const share = (ofPart: (slot: number) => boolean) => {
      const part = slots.flatMap((slot, i) => (ofPart(slot) ? [i] : []));
      return part.filter((i) => keys.find(`key:${i}`)).length / part.length;
    };
    const [front, back] = [share((slot) => slot < 6), share((slot) => slot >= 6)];
    assert.ok(
      Math.abs(front - back) < 0.15,
      `${front} of those in front are left, ${back} of others`,
    );
  });

  test('only keys that expire are evicted where the policy says so', () => {
    for (const by of [BY_ORDER, BY_CHANCE, BY_EXPIRY] as const) {
      const { table, keys } = filled(ORDER_RECENCY, (i) => (i % 2 === 0 ? 0 : 1e12 + i));
      evictTo(table, PAGES + 60, { by, expiringOnly: true });
      table.check();
      for (let i = 0; i < COUNT; i += 2) assert.ok(keys.find(`key:${i}`));
    }
  });

  test('by expiry those go first that expire first', () => {
    const { table, keys } = filled(ORDER_RECENCY, (i) => 1e12 + ((i * 7919) % COUNT));
    evictTo(table, PAGES, { by: BY_EXPIRY, expiringOnly: true });
    const left = table.size;
    let late = 0;
    for (let i = 0; i < COUNT; i++) {
      if ((i * 7919) % COUNT >= COUNT - left && keys.find(`key:${i}`)) late++;
    }
    assert.ok(late > left * 0.8, `${late} of ${left} that are left expire late`);
    table.check();
  });

  test('nothing is chosen where nothing may go', () => {
    const { table } = filled(ORDER_RECENCY, () => 0);
    assert.equal(victims.choose(table, { by: BY_EXPIRY, expiringOnly: true }, 5), false);
    assert.equal(victims.choose(newTable().table, { by: BY_ORDER, expiringOnly: false }, 5), false);
  });
});
