import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import fc from 'fast-check';
import { installPageRelease } from '../../base/page-release.js';
import { copyBytes, Region } from '../../base/region.js';
import { PAGE_BYTES, ROOTS_OFFSET } from '../../memory/space-layout.js';
import { testSpace } from '../testing.js';
import { Cursor } from './cursor.js';
import { LEAF_ELEMENT_MAX } from './leaf.js';
import { SEQUENCE_ROOT_BYTES } from './root.js';
import { Sequence } from './sequence.js';
import { TextList } from './testing.js';

afterEach(() => installPageRelease(() => {}));

function newList(mebibytes: number): TextList {
  const space = testSpace(mebibytes);
  return new TextList(space);
}

/** Texts of all forms: short, integers, long ones, and ones that need a run. */
const text = fc
  .oneof(
    { weight: 4, arbitrary: fc.string({ maxLength: 30, unit: 'binary-ascii' }) },
    { weight: 2, arbitrary: fc.bigInt(-(2n ** 64n), 2n ** 64n).map(String) },
    { weight: 1, arbitrary: fc.integer().map(String) },
    { weight: 1, arbitrary: fc.constantFrom('', '-0', '007', '+1', '9223372036854775807') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(800, LEAF_ELEMENT_MAX, LEAF_ELEMENT_MAX + 1, 4096, 4097, 20_000),
    },
  )
  .map((value) => (typeof value === 'number' ? 'x'.repeat(value) : value));

type Operation =
  | ['insert', number, string]
  | ['many', number, number]
  | ['set', number, string]
  | ['remove', number, number]
  | ['cut', number];
const index = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant('insert' as const), index, text) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('many' as const), index, fc.integer({ min: 1, max: 700 })),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant('set' as const), index, text) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constant('remove' as const), index, fc.integer({ min: 1, max: 5 })),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('cut' as const), index) },
);

/** Runs one operation on the list and its model. */
function apply(list: TextList, model: string[], op: Operation, turn: number): void {
  const at = Math.floor(op[1] * (model.length + 1));
  if (op[0] === 'insert') {
    if (list.insert(at, op[2])) model.splice(at, 0, op[2]);
  } else if (op[0] === 'many') {
    for (let i = 0; i < op[2]; i++) {
      if (list.insert(at, `element ${turn} ${i}`)) model.splice(at, 0, `element ${turn} ${i}`);
    }
  } else if (op[0] === 'set') {
    if (at < model.length && list.set(at, op[2])) model[at] = op[2];
  } else {
    const count = op[0] === 'cut' ? Math.ceil(model.length / 3) : op[2];
    const removed = model.splice(at, count).length;
    assert.equal(list.remove(at, count), removed);
    assert.equal(list.cursor.rank, at);
    assert.equal(list.cursor.atElement ? list.text() : undefined, model[at]);
  }
}

test('a list is what an array is, whatever is done to it', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const list = newList(16);
      const model: string[] = [];
      operations.forEach((op, turn) => {
        apply(list, model, op, turn);
        list.sequence.check();
        assert.equal(list.sequence.count, model.length);
      });
      assert.deepEqual(list.toArray(), model);
      assert.deepEqual(list.toReversedArray(), model.toReversed());
      for (let i = 0; i < model.length; i += 1 + (model.length >> 4)) {
        assert.equal(list.at(i), model[i]);
      }
      assert.equal(list.space.residentPages, list.sequence.allocatedPages);
      while (!list.sequence.reclaimStep(3)) list.sequence.check();
      list.sequence.check();
      assert.equal(list.space.residentPages, 0);
      assert.equal(list.space.freePages, list.space.dataPages);
    }),
    { numRuns: 50 },
  );
});

test('a full space refuses what it cannot hold, and nothing has changed then', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 20, maxLength: 60 }), fc.nat(30), (ops, free) => {
      const list = newList(1);
      // All but a few pages are taken.
      for (let left = list.space.freePages; left > free; left--) {
        assert.notEqual(list.space.allocate(1), 0);
      }
      const model: string[] = [];
      ops.forEach((op, turn) => {
        apply(list, model, op, turn);
        list.sequence.check();
      });
      assert.deepEqual(list.toArray(), model);
      assert.equal(list.space.freePages, free - list.sequence.allocatedPages);
    }),
    { numRuns: 50 },
  );
});

test('both ends: a queue that runs for long keeps a few pages only', () => {
  const list = newList(16);
  const model: string[] = [];
  let next = 0;
  for (let turn = 0; turn < 60_000; turn++) {
    const grow = turn % 6000 < 3500;
    if (grow) {
      const name = `job ${next++}`;
      if (turn % 3 === 0) {
        assert.ok(list.sequence.pushFirst(list.cursor, list.prepare(name)));
        model.unshift(name);
      } else {
        assert.ok(list.push(name));
        model.push(name);
      }
    } else if (turn % 2 === 0) {
      assert.equal(list.at(0), model.shift());
      list.remove(0);
    } else {
      assert.equal(list.at(list.sequence.count - 1), model.pop());
      list.remove(list.sequence.count - 1);
    }
  }
  list.sequence.check();
  assert.deepEqual(list.toArray(), model);
  while (list.sequence.count > 0) list.remove(0);
  assert.equal(list.space.residentPages, 0);
});

test('1,000,000 appended elements of 16 bytes take at most 18.15 bytes each', () => {
  const list = newList(64);
  const count = 1_000_000;
  for (let i = 0; i < count; i++) list.push(`m:${i.toString().padStart(14, '0')}`);
  list.sequence.check();
  const perElement = (list.space.residentPages * PAGE_BYTES) / count;
  assert.ok(perElement <= 18.15, `${perElement.toFixed(2)} bytes`);
  assert.equal(list.sequence.root.height, 2);
  for (let i = 0; i < count; i += 9973) {
    assert.equal(list.at(i), `m:${i.toString().padStart(14, '0')}`);
    assert.equal(list.cursor.rank, i);
  }
});

test('elements pushed at the head fill their leaves as well', () => {
  const list = newList(16);
  const count = 100_000;
  for (let i = 0; i < count; i++) {
    list.sequence.pushFirst(list.cursor, list.prepare(`m:${i.toString().padStart(14, '0')}`));
  }
  list.sequence.check();
  const perElement = (list.space.residentPages * PAGE_BYTES) / count;
  assert.ok(perElement <= 18.2, `${perElement.toFixed(2)} bytes`);
});

test('elements inserted anywhere keep their leaves two thirds full on average', () => {
  const list = newList(16);
  let state = 1;
  const count = 100_000;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    list.insert((state >>> 1) % (i + 1), `m:${i.toString().padStart(14, '0')}`);
  }
  list.sequence.check();
  const perElement = (list.space.residentPages * PAGE_BYTES) / count;
  assert.ok(perElement <= 28, `${perElement.toFixed(2)} bytes`);
});

test('elements removed anywhere leave no tree of nearly empty leaves', () => {
  const list = newList(16);
  const count = 100_000;
  for (let i = 0; i < count; i++) list.push(`m:${i.toString().padStart(14, '0')}`);
  let state = 1;
  for (let left = count; left > 5000; left--) {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    list.remove((state >>> 1) % left);
  }
  list.sequence.check();
  const perElement = (list.space.residentPages * PAGE_BYTES) / 5000;
  assert.ok(perElement <= 50, `${perElement.toFixed(2)} bytes`);
});

test('a cursor knows when the sequence has changed without it', () => {
  const list = newList(1);
  for (let i = 0; i < 1000; i++) list.push(`${i} `);
  const other = new Cursor();
  list.sequence.seekIndex(other, 500);
  assert.ok(list.sequence.isCurrent(other));
  list.insert(100, 'new');
  assert.ok(!list.sequence.isCurrent(other));
  assert.throws(() => list.sequence.next(other), /stale/);
  assert.throws(() => list.sequence.remove(other, 1), /stale/);
  list.sequence.seekIndex(other, 501);
  assert.equal(list.text(other), '500 ');
  list.sequence.clear();
  list.sequence.create(ROOTS_OFFSET, 0);
  list.push('another list in its place');
  assert.ok(!list.sequence.isCurrent(other));
});

test('a cursor removes and goes on, as LREM does', () => {
  const list = newList(4);
  const model: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    list.push(`${i % 7}`);
    model.push(`${i % 7}`);
  }
  const { sequence, cursor } = list;
  const needle = list.prepare('3');
  for (let more = sequence.seekIndex(cursor, 0); more; ) {
    if (sequence.matches(cursor, needle)) {
      sequence.remove(cursor, 1);
      more = cursor.atElement;
    } else more = sequence.next(cursor);
  }
  sequence.check();
  assert.deepEqual(
    list.toArray(),
    model.filter((one) => one !== '3'),
  );
});

test('a root may be moved by a copy, and lie anywhere', () => {
  const space = testSpace(4);
  const page = space.allocate(1);
  const list = new TextList(space, page + 3);
  for (let i = 0; i < 5000; i++) list.push(`${i} `);
  const { bytes } = space.region;
  bytes.copyWithin(page + 777, page + 3, page + 3 + SEQUENCE_ROOT_BYTES);
  bytes.fill(255, page + 3, page + 3 + SEQUENCE_ROOT_BYTES);
  list.sequence.attach(page + 777);
  list.sequence.check();
  for (let i = 5000; i < 9000; i++) list.push(`${i} `);
  assert.deepEqual(
    list.toArray(),
    Array.from({ length: 9000 }, (_, i) => `${i} `),
  );
});

test('an element of the list itself can be put into it again', () => {
  const list = newList(4);
  const { sequence, cursor, element, view, space } = list;
  for (let i = 0; i < 3000; i++) list.push(i % 500 === 0 ? 'L'.repeat(9000) : `element ${i}`);
  const model = list.toArray();
  for (let turn = 0; turn < 4000; turn++) {
    sequence.seekIndex(cursor, model.length - 1);
    sequence.read(cursor, view);
    element.setBytes(space.region, view.offset, view.length);
    assert.ok(sequence.pushFirst(cursor, element));
    sequence.seekIndex(cursor, model.length);
    sequence.remove(cursor, 1);
    model.unshift(model.pop()!);
  }
  sequence.check();
  assert.deepEqual(list.toArray(), model);
});

test('a large sequence is freed in steps, each of which frees no more than its budget', () => {
  const list = newList(64);
  for (let i = 0; i < 200_000; i++) {
    list.push(i % 20_000 === 0 ? 'x'.repeat(1_000_000 + i) : `element number ${i}`);
  }
  const { space, sequence } = list;
  let steps = 0;
  for (let done = false; !done; steps++) {
    const before = space.residentPages;
    done = sequence.reclaimStep(50);
    assert.ok(before - space.residentPages <= 50 + sequence.root.height + 2);
    assert.ok(before - space.residentPages > 0);
    if (steps % 10 === 0) sequence.check();
  }
  assert.equal(space.residentPages, 0);
  assert.ok(steps > 60);
});

test('a list is reclaimed by a thread that knows the root only', () => {
  const list = newList(16);
  for (let i = 0; i < 50_000; i++) list.push(`element number ${i}`);
  for (let done = false; !done; ) {
    const other = new Sequence(list.space);
    other.attach(ROOTS_OFFSET);
    done = other.reclaimStep(20);
  }
  assert.equal(list.space.residentPages, 0);
});

test('a root outside of the space is as good: it is moved there and back', () => {
  const list = newList(16);
  const { sequence, cursor, space } = list;
  for (let i = 0; i < 3000; i++) list.push(`element number ${i}`);
  const aside = new Region(new SharedArrayBuffer(64), 0);
  copyBytes(aside, 8, space.region, ROOTS_OFFSET, SEQUENCE_ROOT_BYTES);
  sequence.attach(8, aside);
  for (let i = 3000; i < 6000; i++) list.push(`element number ${i}`);
  sequence.seekIndex(cursor, 0);
  sequence.remove(cursor, 10);
  copyBytes(space.region, ROOTS_OFFSET, aside, 8, SEQUENCE_ROOT_BYTES);
  sequence.attach(ROOTS_OFFSET);
  sequence.check();
  assert.equal(list.at(0), 'element number 10');
  assert.equal(list.at(5989), 'element number 5999');
  assert.equal(sequence.count, 5990);
  copyBytes(aside, 8, space.region, ROOTS_OFFSET, SEQUENCE_ROOT_BYTES);
  sequence.attach(8, aside);
  sequence.clear();
  assert.equal(space.residentPages, 0);
  sequence.create(8, 0, aside);
  assert.ok(list.push('again'));
  assert.deepEqual(list.toArray(), ['again']);
});

test('many empty elements share a leaf', () => {
  const list = newList(1);
  const model: string[] = [];
  for (let i = 0; i < 10_000; i++) {
    list.insert(i >> 1, i % 50 === 0 ? 'x' : '');
    model.splice(i >> 1, 0, i % 50 === 0 ? 'x' : '');
  }
  list.sequence.check();
  assert.deepEqual(list.toArray(), model);
});
