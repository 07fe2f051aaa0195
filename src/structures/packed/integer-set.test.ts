import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import { Int64 } from './integer.js';
import {
  EMPTY_BYTES,
  findInteger,
  formatIntegerSet,
  insertInteger,
  integerCount,
  lengthWith,
  readInteger,
  removeInteger,
  verifyIntegerSet,
} from './integer-set.js';

const AT = 5;

function int64Of(integer: bigint): Int64 {
  const value = new Int64();
  value.high = Number(BigInt.asIntN(32, integer >> 32n));
  value.low = Number(BigInt.asIntN(32, integer));
  return value;
}

test('a set of integers is what a sorted set is, through every width', () => {
  const integer = fc.oneof(
    fc.bigInt(-200n, 200n),
    fc.bigInt(-40_000n, 40_000n),
    fc.bigInt(-(2n ** 31n) - 2n, 2n ** 31n + 2n),
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(integer, fc.nat(3)), { maxLength: 100 }), (operations) => {
      const region = new Region(new SharedArrayBuffer(4096), 0);
      formatIntegerSet(region, AT);
      let length = EMPTY_BYTES;
      const model = new Set<bigint>();
      for (const [number, kind] of operations) {
        const wanted = kind === 0 && model.size > 0 ? [...model][0]! : number;
        const value = int64Of(wanted);
        const index = findInteger(region, AT, length, value);
        assert.equal(index >= 0, model.has(wanted));
        if (index < 0) {
          const longer = lengthWith(region, AT, length, value);
          insertInteger(region, AT, length, -1 - index, value);
          length = longer;
          model.add(wanted);
        } else if (kind === 0) {
          length = removeInteger(region, AT, length, index);
          model.delete(wanted);
        }
        assert.equal(verifyIntegerSet(region, AT, length), '');
      }
      const all: string[] = [];
      const value = new Int64();
      for (let i = 0; i < integerCount(region, AT, length); i++) {
        readInteger(region, AT, i, value);
        all.push(value.toText());
      }
      assert.deepEqual(all, [...model].sort((a, b) => (a < b ? -1 : 1)).map(String));
    }),
    { numRuns: 500 },
  );
});

test('bytes of a hostile peer are refused where they are no set of integers', () => {
  const region = new Region(new SharedArrayBuffer(64), 0);
  region.bytes.set([2, 1, 0, 2, 0]);
  assert.equal(verifyIntegerSet(region, 0, 5), '');
  assert.match(verifyIntegerSet(region, 0, 4), /4 bytes/);
  region.bytes.set([2, 2, 0, 2, 0]);
  assert.match(verifyIntegerSet(region, 0, 5), /order/);
  region.bytes[0] = 3;
  assert.match(verifyIntegerSet(region, 0, 4), /width/);
  assert.match(verifyIntegerSet(region, 0, 0), /bounds/);
  assert.match(verifyIntegerSet(region, 60, 5), /bounds/);
});
