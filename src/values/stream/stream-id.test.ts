/** Ids as texts: what is written is the number, and is read as the same id. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newRegion } from '../../base/owned-region.js';
import { compareBytes, toBinary } from '../../base/region.js';
import { FORM_STRICT, idParser, idText, PACKED_ID_BYTES_MAX, StreamId } from './stream-id.js';

const half = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 2n ** 53n + 1n }),
  fc.nat(20).map((digits) => 10n ** BigInt(digits % 20)),
  fc.nat(19).map((digits) => 10n ** BigInt(digits) - 1n),
  fc.nat(9_007_199).map((billions) => BigInt(billions) * 1_000_000_000n),
  fc.integer({ min: 1, max: 9_007_199 }).map((billions) => BigInt(billions) * 1_000_000_000n - 1n),
);

function words(value: bigint): [number, number] {
  return [Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value))];
}

test('an id is written in decimal, and read again', () => {
  const read = new StreamId();
  fc.assert(
    fc.property(half, half, (ms, sequence) => {
      const id = new StreamId().set(...words(ms), ...words(sequence));
      const length = id.writeText(idText, 0);
      assert.equal(toBinary(idText, 0, length), `${ms}-${sequence}`);
      assert.ok(idParser.parse(idText, 0, length, FORM_STRICT, 0, read));
      assert.equal(read.compare(id), 0);
    }),
    { numRuns: 2000 },
  );
});

const edges = [0n, 1n, 2n ** 20n, 2n ** 32n, 2n ** 44n, 2n ** 64n - 1n];
const nearEdge = fc
  .tuple(fc.constantFrom(...edges), fc.integer({ min: -3, max: 3 }))
  .map(([edge, step]) => BigInt.asUintN(64, edge + BigInt(step)));
const anyHalf = fc.oneof(half, nearEdge);

test('packed ids compare as ids do, none begins another, and they are read again', () => {
  const one = newRegion(PACKED_ID_BYTES_MAX);
  const other = newRegion(PACKED_ID_BYTES_MAX);
  const read = new StreamId();
  fc.assert(
    fc.property(anyHalf, anyHalf, anyHalf, anyHalf, (ms, sequence, otherMs, otherSequence) => {
      const id = new StreamId().set(...words(ms), ...words(sequence));
      const next = new StreamId().set(...words(otherMs), ...words(otherSequence));
      const length = id.writePacked(one, 0);
      const otherLength = next.writePacked(other, 0);
      assert.equal(read.readPacked(one, 0), length);
      assert.equal(read.compare(id), 0);
      const shared = Math.min(length, otherLength);
      const order = compareBytes(one, 0, shared, other, 0, shared);
      assert.equal(Math.sign(order), Math.sign(id.compare(next)));
    }),
    { numRuns: 5000 },
  );
});
