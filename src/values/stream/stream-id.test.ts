/** Ids as texts: what is written is the number, and is read as the same id. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toBinary } from '../../base/region.js';
import { FORM_STRICT, idParser, idText, StreamId } from './stream-id.js';

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
