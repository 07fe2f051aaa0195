/** A leaf beside a list of texts: changes at both ends and within, with its front open and closed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Region, toBinary } from '../../base/region.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { testSpace } from '../testing.js';
import {
  appendElements,
  closeElements,
  elementEnd,
  elementStart,
  formatLeaf,
  formOf,
  LEAF_HEADER_BYTES,
  leafCount,
  leafFree,
  leafFront,
  nextLeaf,
  openElement,
  previousLeaf,
  resizeElement,
  SLOT_BYTES,
  setNextLeaf,
  setPreviousLeaf,
} from './leaf.js';

const LEAF = PAGE_BYTES * 40;
const OTHER = PAGE_BYTES * 41;

class Model {
  readonly texts: string[] = [];
  /** Elements that were moved to make room for others. */
  moved = 0;
  private made = 0;

  constructor(
    readonly region: Region,
    readonly leaf: number,
  ) {
    formatLeaf(region.words, leaf);
    setNextLeaf(region.words, leaf, PAGE_BYTES * 77);
    setPreviousLeaf(region.words, leaf, PAGE_BYTES * 78);
  }

  private text(size: number): string {
    return String.fromCharCode(97 + (this.made++ % 26)).repeat(size);
  }

  private write(at: number, text: string): void {
    this.region.bytes.set(Buffer.from(text), at);
  }

  has(bytes: number): boolean {
    return leafFree(this.region, this.leaf) >= bytes;
  }

  insert(index: number, size: number): void {
    if (!this.has(size + SLOT_BYTES)) return;
    const text = this.text(size);
    const { view } = this.region;
    const last = this.texts.length - 1;
    const before = last < 0 ? 0 : elementStart(view, this.leaf, last);
    this.write(openElement(this.region, this.leaf, index, index & 3, size), text);
    this.texts.splice(index, 0, text);
    if (index <= last && elementStart(view, this.leaf, last + 1) !== before) this.moved++;
  }

  remove(index: number, removed: number): void {
    closeElements(this.region, this.leaf, index, removed);
    this.texts.splice(index, removed);
  }

  resize(index: number, size: number): void {
    const old = this.texts[index]!;
    if (!this.has(size - old.length)) return;
    const at = resizeElement(this.region, this.leaf, index, 2, size);
    const kept = Math.min(size, old.length);
    const tail = toBinary(this.region, at + size - kept, kept);
    assert.equal(tail, old.slice(old.length - kept));
    const text = this.text(size);
    this.write(at, text);
    this.texts[index] = text;
  }

  check(): void {
    const { region, leaf } = this;
    const { view, words } = region;
    const count = leafCount(words, leaf);
    const read = Array.from({ length: count }, (_, i) => {
      const start = elementStart(view, leaf, i);
      assert.ok(formOf(view, leaf, i) < 4);
      return toBinary(region, start, elementEnd(view, leaf, i) - start);
    });
    assert.deepEqual(read, this.texts);
    assert.equal(nextLeaf(words, leaf), PAGE_BYTES * 77);
    assert.equal(previousLeaf(words, leaf), PAGE_BYTES * 78);
    const slots = LEAF_HEADER_BYTES + (leafFront(words, leaf) + count) * SLOT_BYTES;
    const low = count === 0 ? PAGE_BYTES : elementStart(view, leaf, count - 1) - leaf;
    assert.ok(slots <= low && elementEnd(view, leaf, 0) <= leaf + PAGE_BYTES);
  }
}

const place = fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
const size = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 900 }));
const step = fc.oneof(
  fc.record({ kind: fc.constant('insert'), place, size, times: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant('remove'), place, size: fc.constant(0), times: fc.nat(30) }),
  fc.record({ kind: fc.constant('resize'), place, size, times: fc.constant(1) }),
  fc.record({ kind: fc.constant('append'), place, size, times: fc.constant(1) }),
);

test('a leaf holds what a list of texts holds', () => {
  const { region } = testSpace(1);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const [leaf, other] = [new Model(region, LEAF), new Model(region, OTHER)];
      for (const { kind, place, size, times } of steps) {
        const { length } = leaf.texts;
        const index = Math.round(place * (kind === 'insert' ? length : length - 1));
        if (kind === 'insert') {
          for (let i = 0; i < times; i++)
            leaf.insert(index === length ? leaf.texts.length : index, size);
        } else if (length === 0) continue;
        else if (kind === 'remove') leaf.remove(index, Math.min(times, length - index));
        else if (kind === 'resize') leaf.resize(index, size);
        else {
          const bytes = leaf.texts.slice(index).reduce((sum, text) => sum + text.length + 2, 0);
          if (!other.has(bytes)) other.remove(0, other.texts.length);
          if (other.texts.length > 2) other.remove(0, 2);
          if (!other.has(bytes)) continue;
          appendElements(region, LEAF, index, length, OTHER);
          other.texts.push(...leaf.texts.slice(index));
          leaf.remove(index, length - index);
        }
        leaf.check();
        other.check();
      }
    }),
    { numRuns: 500 },
  );
});

test('a stack and a queue move no element, and fill the page', () => {
  const { region } = testSpace(1);
  const stack = new Model(region, LEAF);
  while (stack.has(16 + SLOT_BYTES)) stack.insert(0, 16);
  assert.equal(stack.texts.length, 227);
  assert.equal(leafFree(region, LEAF), 2);
  // Once, when the second element came.
  assert.equal(stack.moved, 1);
  for (let i = 0; i < 100; i++) stack.remove(0, 1);
  for (let i = 0; i < 100; i++) stack.insert(0, 16);
  assert.equal(stack.moved, 1);
  stack.check();
  const queue = new Model(region, OTHER);
  for (let i = 0; i < 200; i++) queue.insert(i, 16);
  for (let i = 0; i < 150; i++) queue.remove(0, 1);
  queue.check();
  assert.equal(leafFront(region.words, OTHER), 150);
  while (queue.has(16 + SLOT_BYTES)) queue.insert(queue.texts.length, 16);
  assert.equal(queue.texts.length, 227, 'the front was closed when its room was needed');
  queue.check();
});
