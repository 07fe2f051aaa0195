import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CACHED_BYTES_MAX, StringCache } from './string-cache.js';

test('a cache of strings gives the string of the bytes, whatever it gave before', () => {
  const cache = new StringCache();
  const bytes = fc.uint8Array({ minLength: 1, maxLength: CACHED_BYTES_MAX });
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 50 }), (all) => {
      for (const one of [...all, ...all]) {
        const buffer = Buffer.from([7, ...one, 8]);
        const expected = Buffer.from(one).toString('latin1');
        assert.equal(cache.get(buffer, 1, 1 + one.length), expected);
      }
    }),
    { numRuns: 200 },
  );
});

test('the same bytes give the same string, also when other strings differ in their beginning only', () => {
  const cache = new StringCache();
  for (let i = 0; i < 5000; i++) {
    const text = `${i % 50}:job:with:a:long:end:marker`;
    assert.equal(cache.get(Buffer.from(text), 0, text.length), text);
  }
});
