/** Large regions between two uses: the last one first, a few of them, and not for ever. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { installPageRelease } from '../base/page-release.js';
import { Region } from '../base/region.js';
import { RegionPool } from './region-pool.js';

const MEBIBYTE = 1 << 20;

let released: Region[];
let pool: RegionPool;

const createRegion = (bytes: number) => new Region(new SharedArrayBuffer(bytes), 0);

beforeEach(() => {
  released = [];
  installPageRelease((region) => released.push(region));
  pool = new RegionPool(createRegion);
});

afterEach(() => installPageRelease(() => {}));

test('the region used last is taken first, if it is long enough', () => {
  const [first, second, short] = [2, 2, 1].map((size) => createRegion(size * MEBIBYTE));
  for (const region of [first!, second!, short!]) pool.give(region);
  assert.equal(pool.take(2 * MEBIBYTE), second);
  assert.equal(pool.take(MEBIBYTE), short);
  assert.equal(pool.take(MEBIBYTE), first);
  assert.equal(pool.take(MEBIBYTE).length, MEBIBYTE);
  assert.deepEqual(released, []);
});

test('four are kept, those used last, and none of more than 8 MiB', () => {
  const regions = Array.from({ length: 6 }, () => createRegion(MEBIBYTE));
  for (const region of regions) pool.give(region);
  assert.deepEqual(released, regions.slice(0, 2));
  const huge = createRegion(8 * MEBIBYTE + 8);
  pool.give(huge);
  assert.equal(released.at(-1), huge);
  for (const region of regions.slice(2).reverse()) assert.equal(pool.take(MEBIBYTE), region);
});

test('their memory goes back when nobody has given one between two looks', () => {
  const region = createRegion(MEBIBYTE);
  pool.give(region);
  pool.trim();
  assert.deepEqual(released, []);
  pool.give(pool.take(MEBIBYTE));
  pool.trim();
  assert.deepEqual(released, []);
  pool.trim();
  assert.deepEqual(released, [region]);
});
