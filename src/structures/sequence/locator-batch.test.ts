/** Entries that come to a locator together are those that come one by one, however their hashes lie. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../base/region.js';
import { PAGE_SHIFT } from '../../memory/space-layout.js';
import { testSpace } from '../testing.js';
import { LOCATOR_ROOT_BYTES, Locator, placeOf } from './locator.js';
import { LocatorBatch } from './locator-batch.js';

const LEAVES = Int32Array.from([100, 7, 200], (page) => page << PAGE_SHIFT);

function newLocator(): Locator {
  const locator = new Locator(testSpace(16));
  locator.attach(new Region(new SharedArrayBuffer(LOCATOR_ROOT_BYTES), 0), 0);
  assert.ok(locator.create());
  return locator;
}

/** Hash and place of all entries, in their order. */
function entriesOf(locator: Locator): string[] {
  const found: string[] = [];
  for (let position = 0; position < 2 ** 32; ) {
    const bucket = locator.bucketOf(position | 0);
    const entries = locator.region.words[bucket >> 2]!;
    for (let i = 0; i < entries; i++) {
      found.push(`${locator.hashAt(bucket, i) >>> 0} ${locator.placeAt(bucket, i)}`);
    }
    position = locator.bucketEnd(bucket, position | 0);
  }
  return found;
}

const HASHES: readonly (readonly [string, (i: number) => number])[] = [
  ['even', (i) => Math.imul(i + 1, 0x9e3779b1)],
  ['close to each other', (i) => 0x7fff0000 + ((i * 7919) % 60_000) * 256],
  ['falling', (i) => -i * 100_003],
];

for (const [name, hashOf] of HASHES) {
  test(`entries with hashes that are ${name}, in several batches`, () => {
    const together = newLocator();
    const single = newLocator();
    const batch = new LocatorBatch();
    for (let from = 0; from < 6000; from += 1500) {
      batch.count = 0;
      for (let i = from; i < from + 1500; i++) {
        const hash = hashOf(i) | 0;
        batch.note(hash, i % 3, i % 8192);
        assert.ok(single.reserve(hash));
        single.insert(hash, placeOf(LEAVES[i % 3]!, i % 8192));
      }
      batch.sort();
      assert.ok(!batch.knowsAny(together));
      assert.ok(batch.reserve(together));
      batch.merge(together, LEAVES);
      assert.ok(batch.knowsAny(together));
    }
    // Entries of one hash have no order.
    assert.deepEqual(entriesOf(together).sort(), entriesOf(single).sort());
    const hashes = entriesOf(together).map((entry) => Number(entry.split(' ')[0]));
    assert.ok(hashes.every((hash, i) => i === 0 || hashes[i - 1]! <= hash));
  });
}
