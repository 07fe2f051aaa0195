import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newRegion } from '../../base/owned-region.js';
import { Crc64 } from './crc64.js';
import { joinChecksum } from './crc64-join.js';

test('the checksum of a file is that of its parts, whatever these are', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), (parts) => {
      const bytes = Buffer.concat(parts);
      const region = newRegion(Math.max(8, bytes.length));
      region.bytes.set(bytes);
      const whole = new Crc64();
      whole.update(region, 0, bytes.length);
      const joined = new Crc64();
      let at = 0;
      for (const { length } of parts) {
        const part = new Crc64();
        part.update(region, at, length);
        joinChecksum(joined, length, part.low, part.high);
        at += length;
      }
      assert.deepEqual([joined.low | 0, joined.high | 0], [whole.low, whole.high]);
    }),
  );
});

test('a long part counts whole', () => {
  const bytes = 3 * 1024 * 1024 + 5;
  const region = newRegion(bytes + 3);
  for (let i = 0; i < bytes; i++) region.bytes[i] = (i * 2654435761) >>> 24;
  const whole = new Crc64();
  whole.update(region, 0, bytes);
  const joined = new Crc64();
  joined.update(region, 0, 7);
  const rest = new Crc64();
  rest.update(region, 7, bytes - 7);
  joinChecksum(joined, bytes - 7, rest.low, rest.high);
  assert.deepEqual([joined.low | 0, joined.high | 0], [whole.low, whole.high]);
});
