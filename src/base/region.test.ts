import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundedBinary, prefixBinary, Region, TEXT_BYTES_MAX } from './region.js';

const LONG_BYTES = TEXT_BYTES_MAX + 1;
const region = new Region(new SharedArrayBuffer((LONG_BYTES + 15) & ~7), 0);
region.bytes.fill(0x61);

test('a text longer than the bound is cut, and equals no text that was not', () => {
  const whole = boundedBinary(region, 0, TEXT_BYTES_MAX);
  assert.equal(whole, 'a'.repeat(TEXT_BYTES_MAX));
  const cut = boundedBinary(region, 0, LONG_BYTES);
  assert.ok(cut.startsWith(whole) && cut.length < LONG_BYTES + 8);
  assert.ok(cut.charCodeAt(cut.length - 1) > 0xff, 'no argument has such a char');
  const asBytes = Array.from(cut.slice(-3), (char) => char.charCodeAt(0) & 0xff);
  assert.equal(String.fromCharCode(...asBytes), '...', 'a client sees that it was cut');
});

test('a prefix has so many bytes at most', () => {
  assert.equal(prefixBinary(region, 0, LONG_BYTES, 3), 'aaa');
  assert.equal(prefixBinary(region, 0, 2, 3), 'aa');
  assert.equal(prefixBinary(region, 0, 0, 3), '');
});
