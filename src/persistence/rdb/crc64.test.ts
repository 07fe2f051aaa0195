/** Long runs of bytes have the checksum that they have piece by piece, wherever they lie. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newRegion } from '../../base/owned-region.js';
import { randomBits } from '../../base/random.js';
import { Crc64 } from './crc64.js';

const BYTES_MAX = 100_000;

test('a long run is as many short ones, from any offset and with any register before it', () => {
  const region = newRegion(BYTES_MAX + 100);
  for (let i = 0; i < region.words.length; i++) region.words[i] = randomBits();
  fc.assert(
    fc.property(
      fc.nat(99),
      fc.nat(BYTES_MAX),
      fc.integer(),
      fc.integer(),
      (from, length, low, high) => {
        const [long, short] = [new Crc64(), new Crc64()];
        for (const sum of [long, short]) {
          sum.low = low;
          sum.high = high;
        }
        long.update(region, from, length);
        for (let done = 0; done < length; done += 1000) {
          short.update(region, from + done, Math.min(1000, length - done));
        }
        assert.deepEqual([long.low, long.high], [short.low, short.high]);
      },
    ),
  );
});
