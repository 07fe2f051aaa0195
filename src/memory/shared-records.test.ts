/** Records that threads share: two views of one memory see the same, whoever added it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SharedRecords } from './shared-records.js';

const BYTES = 4096;

function views(bytes = BYTES): [SharedRecords, SharedRecords] {
  const one = SharedRecords.create(bytes);
  return [one, new SharedRecords(one.buffer)];
}

function textOf(records: SharedRecords, name: string): string | undefined {
  const place = records.find(name);
  return place === undefined ? undefined : records.text(place);
}

describe('shared records', () => {
  test('what one view adds, the other finds', () => {
    const [one, other] = views();
    assert.equal(textOf(other, 'a'), undefined);
    assert.ok(one.add('a', 'text \0\xff', 0));
    assert.ok(other.add('b', '', 0));
    assert.equal(textOf(other, 'a'), 'text \0\xff');
    assert.equal(textOf(one, 'b'), '');
    assert.ok(other.add('a', 'ignored: the name is there', 1));
    assert.equal(textOf(one, 'a'), 'text \0\xff');
    assert.equal(one.count, 2);
  });

  test('after clear nothing is left, and the generation is another one', () => {
    const [one, other] = views();
    one.add('a', 'x', 1);
    other.find('a');
    const { generation } = other;
    one.clear();
    assert.equal(textOf(other, 'a'), undefined);
    assert.notEqual(other.generation, generation);
    assert.deepEqual([other.count, other.usedBytes], [0, 0]);
    other.add('a', 'y', 0);
    assert.equal(textOf(one, 'a'), 'y');
  });

  test('without room those with tag 0 go first; then there is none', () => {
    const [one, other] = views(200);
    assert.ok(one.add('kept', 'k'.repeat(40), 1));
    assert.ok(one.add('dropped', 'd'.repeat(40), 0));
    assert.ok(other.add('raised', 'r'.repeat(20), 0));
    assert.ok(other.add('raised', '', 1));
    assert.ok(other.add('new', 'n'.repeat(60), 1));
    assert.equal(textOf(one, 'dropped'), undefined);
    assert.equal(textOf(one, 'kept'), 'k'.repeat(40));
    assert.equal(textOf(one, 'raised'), 'r'.repeat(20));
    assert.equal(one.add('more', 'm'.repeat(60), 0), false);
    assert.equal(textOf(other, 'new'), 'n'.repeat(60));
    assert.equal(one.count, 3);
  });

  test('random work on two views is that on a map', () => {
    const step = fc.record({
      view: fc.nat(1),
      kind: fc.constantFrom('add', 'add', 'add', 'find', 'clear'),
      name: fc.constantFrom('a', 'bb', 'ccc', 'dddd', 'eeeee'),
      length: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const both = views();
        const model = new Map<string, string>();
        for (const { view, kind, name, length } of steps) {
          const records = both[view]!;
          if (kind === 'clear') {
            records.clear();
            model.clear();
          } else if (kind === 'add') {
            const text = name.repeat(length);
            assert.ok(records.add(name, text, 1));
            if (!model.has(name)) model.set(name, text);
          } else assert.equal(textOf(records, name), model.get(name));
        }
        for (const records of both) assert.equal(records.count, model.size);
      }),
      { numRuns: 100 },
    );
  });
});
