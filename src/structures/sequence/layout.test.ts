/** The drawn layouts, derived again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAGE_BYTES, ROOT_BYTES } from '../../memory/space-layout.js';
import { testSpace } from '../testing.js';
import { ORDERED_CHILDREN_MAX, PLAIN_CHILDREN_MAX, separatorWord } from './inner.js';
import { LEAF_ELEMENT_MAX, LEAF_ROOM_BYTES, splitPoint } from './leaf.js';
import { BUCKET_ENTRIES, LOCATOR_ROOT_BYTES } from './locator.js';
import { ORDER_SCORE, SEQUENCE_ROOT_BYTES, SequenceRoot } from './root.js';
import { SCORED_SET_ROOT_BYTES } from './scored-set.js';
import { TextList } from './testing.js';

test('roots fit a block of roots, and their fields lie where they are drawn', () => {
  assert.ok(SCORED_SET_ROOT_BYTES <= ROOT_BYTES);
  assert.equal(SEQUENCE_ROOT_BYTES + LOCATOR_ROOT_BYTES, SCORED_SET_ROOT_BYTES);
  const space = testSpace(1);
  const { view } = space.region;
  const root = new SequenceRoot(space);
  const at = 2051;
  root.place(space.region, at);
  root.format(ORDER_SCORE);
  root.node = 4096 * 700;
  root.height = 3;
  root.reclaiming = true;
  root.first = 4096 * 701;
  root.last = 4096 * 702;
  const { generation } = root;
  root.changed(77);
  root.allocateRun(5);
  assert.equal(view.getUint32(at, true), 700);
  assert.deepEqual(
    [4, 5, 6].map((field) => view.getUint8(at + field)),
    [3, ORDER_SCORE, 1],
  );
  assert.equal(view.getUint32(at + 8, true), 701);
  assert.equal(view.getUint32(at + 12, true), 702);
  assert.equal(view.getUint32(at + 16, true), 77);
  assert.equal(view.getUint32(at + 20, true), 5);
  assert.equal(view.getInt32(at + 24, true), (generation + 1) | 0);
  assert.equal(view.getUint32(at + 28, true), 1);
});

test('a leaf is what is drawn', () => {
  const list = new TextList(testSpace(1));
  for (const text of ['first', '1000', 'third']) list.push(text);
  const { view, bytes } = list.space.region;
  const leaf = list.sequence.root.node;
  assert.equal(view.getUint32(leaf, true) >>> 19, 3);
  assert.equal(view.getUint32(leaf, true) & 0x7ffff, 0);
  assert.equal(view.getUint32(leaf + 4, true), 0);
  const slots = [0, 1, 2].map((i) => view.getUint16(leaf + 8 + 2 * i, true));
  assert.deepEqual(slots, [4091, (1 << 13) | 4089, 4084]);
  const text = Buffer.from(bytes.slice(leaf + 4084, leaf + 4096)).toString('latin1');
  assert.equal(text, 'third\xe8\x03first');
});

test('inner nodes and buckets fit their pages', () => {
  assert.equal(8 + PLAIN_CHILDREN_MAX * 8, PAGE_BYTES);
  assert.equal(8 + ORDERED_CHILDREN_MAX * 4, 688);
  assert.equal(separatorWord(0, 0) * 4, 1368);
  assert.ok(separatorWord(0, ORDERED_CHILDREN_MAX) * 4 <= PAGE_BYTES);
  assert.equal(8 + BUCKET_ENTRIES * 8, PAGE_BYTES);
});

test('a full leaf and the longest element always fit in two leaves', () => {
  const list = new TextList(testSpace(1));
  const sizes = [LEAF_ELEMENT_MAX, LEAF_ELEMENT_MAX];
  for (const size of sizes) list.push('x'.repeat(size));
  const leaf = list.sequence.root.node;
  for (const index of [0, 1, 2]) {
    for (const size of [1, 16, 1000, LEAF_ELEMENT_MAX]) {
      const cut = splitPoint(list.space.region, leaf, index, size);
      const all = sizes.toSpliced(index, 0, size).map((one) => one + 2);
      const left = all.slice(0, cut).reduce((sum, one) => sum + one, 0);
      const right = all.slice(cut).reduce((sum, one) => sum + one, 0);
      assert.ok(left <= LEAF_ROOM_BYTES && right <= LEAF_ROOM_BYTES && left > 0 && right > 0);
    }
  }
});
