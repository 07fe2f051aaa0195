/** Regions with native addresses: copies, bounds, release of pages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { releasePages } from '../../base/page-release.js';
import { copyBytes, moveBytes, moveWords, Region } from '../../base/region.js';
import { libc } from './libc.js';
import {
  attachPagedRegion,
  attachRegion,
  createPagedRegion,
  createRegion,
  nativeAddress,
} from './region.js';

function filled(length: number): Region {
  const region = createRegion(length);
  for (let i = 0; i < length; i++) region.bytes[i] = i * 31;
  return region;
}

test('a region is zeroed, a multiple of 8 long, and has one address for everybody', () => {
  const region = createRegion(1001);
  assert.equal(region.length, 1008);
  assert.ok(region.bytes.every((byte) => byte === 0));
  assert.equal(attachRegion(region.buffer).address, region.address);
  assert.equal(region.address > 0, libc !== undefined);
});

test('a paged region begins at a page, and every thread finds it there', () => {
  const region = createPagedRegion(1 << 20);
  assert.equal(region.length, 1 << 20);
  assert.equal(region.words.length, 1 << 18);
  assert.equal(region.view.byteLength, 1 << 20);
  assert.equal(region.address % 4096, 0);
  const other = attachPagedRegion(region.buffer);
  assert.equal(other.address, region.address);
  region.words[1000] = 77;
  assert.equal(other.view.getInt32(4000, true), 77);
  assert.equal(other.bytes[4000], 77);
  const from = filled(5000);
  copyBytes(region, 100, from, 0, 5000);
  assert.deepEqual(other.bytes.slice(100, 5100), from.bytes.slice(0, 5000));
});

test('copies of every length are exact, between regions and downwards in one', () => {
  for (const length of [0, 1, 3, 4, 7, 100, 319, 320, 321, 4096, 100_000]) {
    const from = filled(length + 20);
    const to = createRegion(length + 20);
    copyBytes(to, 3, from, 7, length);
    assert.deepEqual(to.bytes.slice(3, 3 + length), from.bytes.slice(7, 7 + length));
    assert.ok(to.bytes.slice(3 + length).every((byte) => byte === 0));
    const expected = from.bytes.slice(10, 10 + length);
    copyBytes(from, 2, from, 10, length);
    assert.deepEqual(from.bytes.slice(2, 2 + length), expected);
  }
});

test('long copies are native between any regions, whoever has made them', () => {
  const buffer = new SharedArrayBuffer(16 * 1024);
  const plain = new Region(buffer, 0);
  const rest = new Region(buffer, 0, 4096, 8192);
  const from = filled(3000);
  copyBytes(rest, 5, from, 11, 2001);
  assert.deepEqual(rest.bytes.slice(5, 2006), from.bytes.slice(11, 2012));
  copyBytes(plain, 1, rest, 5, 2001);
  assert.deepEqual(plain.bytes.slice(1, 2002), from.bytes.slice(11, 2012));
  assert.equal(plain.address !== 0, libc !== undefined);
  assert.equal(rest.address - plain.address, libc === undefined ? 0 : 4096);
  for (const [region, offset] of [
    [rest, 8000],
    [plain, -1],
    [new Region(new SharedArrayBuffer(0), 0), 0],
  ] as const) {
    assert.throws(() => copyBytes(region, offset, from, 0, 1000), RangeError);
    assert.throws(() => copyBytes(from, 0, region, offset, 1000), RangeError);
  }
});

test('moves within a region are exact, either way and however short', () => {
  for (const make of [
    createRegion,
    (bytes: number) => new Region(new SharedArrayBuffer(bytes), 0),
  ]) {
    for (const length of [0, 1, 2, 3, 4, 5, 8, 63, 319, 320, 321, 5000]) {
      for (const distance of [1, 2, 3, 4, 5, 7, 8, 300, 6000]) {
        const region = make(12_000);
        for (let i = 0; i < region.length; i++) region.bytes[i] = i * 31 + (i >> 8);
        const [low, high] = [11, 11 + distance];
        for (const [to, from] of [
          [high, low],
          [low, high],
        ] as const) {
          const expected = region.bytes.slice();
          expected.set(expected.slice(from, from + length), to);
          moveBytes(region, to, from, length);
          assert.ok(Buffer.from(expected).equals(Buffer.from(region.bytes.slice())));
        }
      }
    }
  }
  const region = createRegion(1000);
  for (const [to, from, length] of [
    [600, 0, 401],
    [0, 600, 401],
    [996, 0, 5],
  ] as const) {
    assert.throws(() => moveBytes(region, to, from, length), RangeError);
  }
});

test('words move either way', () => {
  for (const [to, from, end] of [
    [5, 4, 20],
    [4, 5, 20],
    [0, 16, 32],
    [3, 3, 9],
    [7, 9, 9],
  ] as const) {
    const { words } = createRegion(200);
    words.forEach((_, i) => {
      words[i] = i * 77;
    });
    const expected = words.slice().copyWithin(to, from, end);
    moveWords(words, to, from, end);
    assert.deepEqual(words.slice(), expected);
  }
});

test('a copy that leaves a region throws and changes nothing', () => {
  const [from, to] = [filled(1000), createRegion(1000)];
  for (const [toOffset, fromOffset, length] of [
    [500, 0, 501],
    [0, 500, 501],
    [-8, 0, 400],
    [0, -8, 400],
  ] as const) {
    assert.throws(() => copyBytes(to, toOffset, from, fromOffset, length), RangeError);
  }
  assert.ok(to.bytes.every((byte) => byte === 0));
});

test('a region without address is copied too', () => {
  const [from, to] = [filled(1000), new Region(new SharedArrayBuffer(1000), 0)];
  copyBytes(to, 0, from, 0, 1000);
  assert.deepEqual(to.bytes.slice(), from.bytes.slice());
});

test('native addresses are bounds-checked', { skip: libc === undefined }, () => {
  const region = createRegion(64);
  assert.equal(nativeAddress(region, 10, 54), region.address + 10);
  assert.throws(() => nativeAddress(region, 10, 55), RangeError);
  assert.throws(() => nativeAddress(region, -1, 1), RangeError);
  assert.throws(() => nativeAddress(region, Number.NaN, 1), RangeError);
});

test('released pages read as zero, their neighbours stay', { skip: libc === undefined }, () => {
  const region = createRegion(1 << 20);
  region.bytes.fill(7);
  releasePages(region, 256 * 1024, 512 * 1024);
  const { bytes } = region;
  assert.ok(bytes.slice(0, 256 * 1024).every((byte) => byte === 7));
  assert.ok(bytes.slice(768 * 1024).every((byte) => byte === 7));
  const inside = bytes.slice(256 * 1024 + 4096, 768 * 1024 - 4096);
  assert.ok(inside.every((byte) => byte === 0));
  assert.throws(() => releasePages(region, 1 << 20, 4096), RangeError);
});
