import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import { PairChange } from './pair-change.js';

/** Unlike any byte of a pair. */
const NEW = 0xff;
const AT = 7;

test('a pair that goes, comes, or does both moves what lies between and behind', () => {
  const sizes = fc.array(fc.integer({ min: 2, max: 40 }), { maxLength: 12 });
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(), fc.nat({ max: 40 }), (pairs, from, to, size) => {
      const region = new Region(new SharedArrayBuffer(1024), 0);
      const starts = [0];
      for (const bytes of pairs) starts.push(starts.at(-1)! + bytes);
      const length = starts.at(-1)!;
      for (const [i, bytes] of pairs.entries()) {
        region.bytes.fill(i + 1, AT + starts[i]!, AT + starts[i]! + bytes);
      }
      const change = new PairChange();
      change.clear();
      const removed = pairs.length === 0 ? 0 : from % (pairs.length + 1);
      if (removed < pairs.length) change.remove(starts[removed]!, pairs[removed]!);
      const place = to % (pairs.length + 1);
      if (size > 0) change.insert(starts[place]!, size);
      const expected = pairs.flatMap((bytes, i) => [
        ...(i === place ? Array<number>(size).fill(NEW) : []),
        ...(i === removed ? [] : Array<number>(bytes).fill(i + 1)),
      ]);
      if (place === pairs.length) expected.push(...Array<number>(size).fill(NEW));
      change.move(region, AT, length);
      if (size > 0) {
        region.bytes.fill(NEW, AT + change.insertedAt, AT + change.insertedAt + size);
      }
      assert.equal(change.growth, expected.length - length);
      const bytes = Array.from(region.bytes.subarray(AT, AT + expected.length));
      assert.deepEqual(bytes, expected);
    }),
    { numRuns: 1000 },
  );
});
