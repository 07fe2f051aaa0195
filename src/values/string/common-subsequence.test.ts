import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import { commonLength, commonRuns } from './common-subsequence.js';

function regionOf(text: string, offset: number): Region {
  const region = new Region(new SharedArrayBuffer((text.length + offset + 15) & ~7), 0);
  for (let i = 0; i < text.length; i++) region.bytes[offset + i] = text.charCodeAt(i);
  return region;
}

/** The length by plain recursion over prefixes. */
function lengthOf(a: string, b: string, known = new Map<string, number>()): number {
  if (a === '' || b === '') return 0;
  const key = `${a.length} ${b.length}`;
  let length = known.get(key);
  if (length === undefined) {
    length =
      a.at(-1) === b.at(-1)
        ? lengthOf(a.slice(0, -1), b.slice(0, -1), known) + 1
        : Math.max(lengthOf(a.slice(0, -1), b, known), lengthOf(a, b.slice(0, -1), known));
    known.set(key, length);
  }
  return length;
}

test('the runs are a common subsequence, and none is longer', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 25 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      const left = regionOf(a, 5);
      const right = regionOf(b, 2);
      const runs = commonRuns(left, 5, a.length, right, 2, b.length);
      let length = 0;
      let aBefore = a.length;
      let bBefore = b.length;
      for (let i = 0; i < runs.length; i += 4) {
        const [aFirst, aLast, bFirst, bLast] = runs.slice(i, i + 4) as [
          number,
          number,
          number,
          number,
        ];
        assert.equal(a.slice(aFirst, aLast + 1), b.slice(bFirst, bLast + 1));
        assert.ok(aFirst <= aLast && aLast < aBefore && bLast < bBefore, 'from the end on');
        length += aLast - aFirst + 1;
        aBefore = aFirst;
        bBefore = bFirst;
      }
      assert.equal(length, lengthOf(a, b));
      assert.equal(commonLength(left, 5, a.length, right, 2, b.length), length);
    }),
    { numRuns: 400 },
  );
});
