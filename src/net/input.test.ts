/** The memory behind input that waits: what has moved to a larger region goes back. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { installPageRelease } from '../base/page-release.js';
import { Region } from '../base/region.js';
import { RequestParser } from '../protocol/parser.js';
import { Backlog, PartialCommand } from './input.js';
import { RegionPool } from './region-pool.js';

const MEBIBYTE = 1 << 20;

let created: Region[];
let released: Region[];

function createRegion(bytes: number): Region {
  const region = new Region(new SharedArrayBuffer(bytes), 0);
  created.push(region);
  return region;
}

beforeEach(() => {
  created = [];
  released = [];
  installPageRelease((region, offset, length) => {
    released.push(region);
    region.bytes.fill(0, offset, offset + length);
  });
});

afterEach(() => installPageRelease(() => {}));

function filled(bytes: number): Region {
  const region = new Region(new SharedArrayBuffer(bytes), 0);
  for (let i = 0; i < bytes; i++) region.bytes[i] = i % 251;
  return region;
}

function assertOnlyTheLastIsKept(last: Region): void {
  const outgrown = created.filter((region) => region !== last);
  assert.ok(outgrown.length > 0);
  assert.deepEqual(released, outgrown);
}

test('a command under assembly gives the regions back that it has outgrown', () => {
  const pool = new RegionPool(createRegion);
  const partial = new PartialCommand(new RequestParser(), pool, createRegion);
  const source = filled(MEBIBYTE);
  for (let i = 0; i < 8; i++) partial.append(source, 0, MEBIBYTE);
  pool.trim();
  pool.trim();
  assertOnlyTheLastIsKept(partial.region);
  for (let i = 0; i < 8; i++) {
    const copy = partial.region.bytes.subarray(i * MEBIBYTE, (i + 1) * MEBIBYTE);
    assert.ok(Buffer.from(copy).equals(source.bytes));
  }
});

test('a backlog gives the regions back that it has outgrown', () => {
  const backlog = new Backlog(createRegion);
  const source = filled(MEBIBYTE);
  for (let i = 0; i < 8; i++) backlog.append(source, 0, MEBIBYTE);
  assertOnlyTheLastIsKept(backlog.region);
  assert.equal(backlog.length, 8 * MEBIBYTE);
  const last = backlog.region.bytes.subarray(backlog.end - MEBIBYTE, backlog.end);
  assert.ok(Buffer.from(last).equals(source.bytes));
});
