import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import fc from 'fast-check';
import { installPagePopulation, installPageRelease } from '../base/page-release.js';
import { Region } from '../base/region.js';
import { listOf } from './page-runs.js';
import { Space } from './space.js';
import { FRAME_BYTES, FRAME_PAGES, LIST_COUNT, PAGE_BYTES } from './space-layout.js';

const COUNTER = 3;

function newSpace(mebibytes: number): Space {
  const region = new Region(new SharedArrayBuffer(mebibytes * 2 ** 20), 0);
  Space.format(region, 1, 2);
  return new Space(region, new Int32Array(new SharedArrayBuffer(64)), COUNTER);
}

afterEach(() => {
  installPageRelease(() => {});
  installPagePopulation(() => {});
});

const runPages = fc.oneof(
  { weight: 4, arbitrary: fc.constant(FRAME_PAGES) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 2, arbitrary: fc.integer({ min: 40, max: 200 }) },
  { weight: 1, arbitrary: fc.integer({ min: 200, max: 900 }) },
);
const step = fc.oneof(
  { weight: 10, arbitrary: fc.tuple(fc.constant('allocate' as const), runPages) },
  { weight: 8, arbitrary: fc.tuple(fc.constant('free' as const), fc.nat()) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('cut' as const), fc.nat()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('trim' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('trimUnused' as const)) },
);

test('runs never overlap, and everything can be had again when all are freed', () => {
  const steps = fc.array(fc.noBias(step), { minLength: 400, maxLength: 400 });
  fc.assert(
    fc.property(steps, fc.boolean(), (list, sparse) => {
      const space = newSpace(sparse ? 64 : 4);
      const owner = new Int32Array(space.region.length / PAGE_BYTES);
      const runs: { offset: number; pages: number }[] = [];
      let used = 0;
      const own = (offset: number, pages: number, from: number, to: number): void => {
        for (let p = offset / PAGE_BYTES; p < offset / PAGE_BYTES + pages; p++) {
          assert.equal(owner[p], from);
          owner[p] = to;
        }
        used += to === 1 ? pages : -pages;
      };
      for (const [i, op] of list.entries()) {
        if (op[0] === 'allocate') {
          const offset = space.allocate(op[1]);
          if (offset === 0) continue;
          assert.ok(offset % PAGE_BYTES === 0 && offset >= PAGE_BYTES);
          own(offset, op[1], 0, 1);
          runs.push({ offset, pages: op[1] });
        } else if (op[0] === 'trim') {
          space.trim();
        } else if (op[0] === 'trimUnused') {
          space.trimUnused();
        } else if (runs.length > 0) {
          const at = op[1] % runs.length;
          const run = runs[at]!;
          const keep = op[0] === 'cut' ? run.pages >> 1 : 0;
          own(run.offset + keep * PAGE_BYTES, run.pages - keep, 1, 0);
          space.free(run.offset + keep * PAGE_BYTES, run.pages - keep);
          run.pages = keep;
          if (keep === 0) runs.splice(at, 1);
        }
        assert.equal(space.freePages, space.dataPages - used);
        if (i % 20 === 0) space.check();
      }
      for (const { offset, pages } of runs) space.free(offset, pages);
      space.trim();
      space.check();
      const whole = space.allocate(space.dataPages);
      assert.notEqual(whole, 0, 'all pages in one run');
      assert.equal(space.freePages, 0);
      assert.equal(space.allocate(1), 0);
    }),
    { numRuns: 100 },
  );
});

test('freed pages are all given back, in few calls, and each exactly once', () => {
  const space = newSpace(64);
  const released = new Uint8Array(space.region.length / PAGE_BYTES);
  let calls = 0;
  installPageRelease((region, offset, length) => {
    assert.equal(region, space.region);
    calls++;
    for (let p = offset / PAGE_BYTES; p < (offset + length) / PAGE_BYTES; p++) released[p]!++;
  });
  const frames: number[] = [];
  for (let frame = space.allocate(16); frame !== 0; frame = space.allocate(16)) frames.push(frame);
  assert.ok(frames.length >= 1000);
  assert.ok(frames.every((frame) => frame % FRAME_BYTES === 0));
  for (const frame of frames) space.free(frame, 16);
  space.trim();
  for (const frame of frames) {
    for (let i = 0; i < 16; i++) assert.equal(released[frame / PAGE_BYTES + i], 1);
  }
  assert.ok(calls <= frames.length / 10, `${calls} calls`);
});

test('a short run that was just freed is had again before it is given back', () => {
  const space = newSpace(4);
  let calls = 0;
  installPageRelease(() => calls++);
  const a = space.allocate(16);
  space.free(a, 16);
  assert.equal(space.allocate(16), a);
  assert.equal(calls, 0);
  const long = space.allocate(100);
  space.free(long, 100);
  assert.equal(calls, 1);
});

test('freed pages that nobody needs for a while are given back, and those that come and go stay', () => {
  const space = newSpace(4);
  let calls = 0;
  installPageRelease(() => calls++);
  let run = space.allocate(40);
  space.free(run, 40);
  for (let i = 0; i < 5; i++) {
    run = space.allocate(40);
    space.free(run, 40);
    space.trimUnused();
  }
  assert.equal(calls, 0);
  assert.ok(space.holdsUnused);
  space.trimUnused();
  assert.equal(calls, 1);
  assert.equal(space.pendingPages, 0);
  assert.ok(!space.holdsUnused);
  space.check();
});

test('a request that fails for pending runs alone flushes them', () => {
  const space = newSpace(1);
  const runs: number[] = [];
  for (let run = space.allocate(4); run !== 0; run = space.allocate(4)) runs.push(run);
  for (const run of runs.slice(0, 30)) space.free(run, 4);
  assert.notEqual(space.allocate(100), 0);
});

test('a frame and a run on both sides of a wilderness that is used up become one with it', () => {
  const space = newSpace(1);
  const frames = Array.from({ length: 7 }, () => space.allocate(FRAME_PAGES));
  const upperRuns = space.freePages / (FRAME_PAGES / 2);
  const upper = Array.from({ length: upperRuns }, () => space.allocate(FRAME_PAGES / 2));
  assert.equal(space.freePages, 0);
  assert.equal(frames.at(-1)! + FRAME_BYTES, upper.at(-1));
  space.free(frames.pop()!, FRAME_PAGES);
  space.free(upper.pop()!, FRAME_PAGES / 2);
  space.trim();
  upper.push(space.allocate(FRAME_PAGES / 2));
  space.check();
  for (const offset of frames) space.free(offset, FRAME_PAGES);
  for (const offset of upper) space.free(offset, FRAME_PAGES / 2);
  space.trim();
  space.check();
  assert.notEqual(space.allocate(space.dataPages), 0);
});

test('commit counts pages in the space and in the counter shared by all', () => {
  const counters = new Int32Array(new SharedArrayBuffer(64));
  const spaces = [0, 1].map(() => {
    const region = new Region(new SharedArrayBuffer(1 << 20), 0);
    Space.format(region, 0, 0);
    return new Space(region, counters, COUNTER);
  });
  spaces[0]!.allocate(20);
  spaces[1]!.allocate(20);
  spaces[0]!.commit(20);
  spaces[1]!.commit(7);
  spaces[0]!.commit(-5);
  assert.deepEqual(
    spaces.map((space) => space.residentPages),
    [15, 7],
  );
  assert.equal(counters[COUNTER], 22);
});

test('reset frees everything with at most two releases', () => {
  const space = newSpace(16);
  for (let i = 0; i < 60; i++) {
    const pages = i % 3 === 0 ? 16 : i;
    const run = space.allocate(Math.max(1, pages));
    space.region.bytes[run] = 1;
    space.commit(Math.max(1, pages));
    if (i % 5 === 0) space.free(run, Math.max(1, pages));
    if (i % 5 === 0) space.commit(-Math.max(1, pages));
  }
  let calls = 0;
  installPageRelease(() => calls++);
  space.reset();
  space.check();
  assert.ok(calls <= 2);
  assert.equal(space.residentPages, 0);
  assert.equal(space.counters[COUNTER], 0);
  assert.equal(space.freePages, space.dataPages);
  assert.notEqual(space.allocate(space.dataPages), 0);
});

test('the hash key is that of all who look at the space', () => {
  const space = newSpace(1);
  const other = new Space(space.region, space.counters, COUNTER);
  assert.deepEqual([other.hashKey0, other.hashKey1], [1, 2]);
  const epoch = other.hashEpoch;
  space.setHashKey(-5, 7, 16);
  assert.deepEqual([other.hashKey0, other.hashKey1, other.hashSpread], [-5, 7, 16]);
  assert.equal(other.hashEpoch, epoch + 1, 'hashes from before are stale');
});

test('reserved pages belong to no run, and reset leaves them alone', () => {
  const region = new Region(new SharedArrayBuffer(4 << 20), 0);
  Space.format(region, 1, 2, 40);
  const space = new Space(region, new Int32Array(new SharedArrayBuffer(64)), COUNTER);
  const end = space.reservedOffset + 40 * PAGE_BYTES;
  region.bytes.fill(7, space.reservedOffset, end);
  const runs: number[] = [];
  for (let run = space.allocate(1); run !== 0; run = space.allocate(1)) runs.push(run);
  assert.equal(runs.length, space.dataPages);
  assert.ok(runs.every((run) => run >= end));
  for (const run of runs) region.bytes.fill(9, run, run + PAGE_BYTES);
  installPageRelease((_, offset, length) => region.bytes.fill(0, offset, offset + length));
  space.reset();
  space.check();
  assert.ok(region.bytes.subarray(space.reservedOffset, end).every((byte) => byte === 7));
});

test('sizes mixed from 3 to 200 pages leave little that cannot be used', () => {
  const space = newSpace(256);
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    return (state >>> 8) % below;
  };
  const runs: { offset: number; pages: number }[] = [];
  const size = (): number => (random(2) === 0 ? 16 : 3 + random(198));
  let used = 0;
  let failures = 0;
  for (let i = 0; i < 40_000; i++) {
    // Held at 85 % full, where a bad allocator begins to fail.
    if (used < space.dataPages * 0.85) {
      const pages = size();
      const offset = space.allocate(pages);
      if (offset === 0) failures++;
      else {
        runs.push({ offset, pages });
        used += pages;
      }
    }
    if (used >= space.dataPages * 0.85 || random(4) === 0) {
      const at = random(runs.length);
      const run = runs[at]!;
      space.free(run.offset, run.pages);
      used -= run.pages;
      runs[at] = runs[runs.length - 1]!;
      runs.pop();
    }
  }
  space.check();
  assert.equal(failures, 0);
});

test('half a gigabyte is one run, and offsets reach the end of 2 GiB', () => {
  const space = newSpace(2048);
  const pages = (512 << 20) / PAGE_BYTES;
  const runs = [0, 1, 2].map(() => space.allocate(pages));
  assert.ok(runs.every((run) => run > 0 && run + pages * PAGE_BYTES <= 2 ** 31));
  let frames = 0;
  for (let frame = space.allocate(16); frame !== 0; frame = space.allocate(16)) frames++;
  assert.equal(space.freePages, (space.dataPages - 3 * pages) % 16);
  assert.ok(frames > 8000);
  for (const run of runs) space.free(run, pages);
  space.check();
});

test('every length has a list, in order', () => {
  let last = 0;
  for (let pages = 1; pages <= 2 ** 19; pages++) {
    const list = listOf(pages);
    assert.ok(list >= last && list < LIST_COUNT);
    last = list;
  }
});

test('a region that is not formatted, or of a wrong size, is refused', () => {
  const region = new Region(new SharedArrayBuffer(1 << 20), 0);
  assert.throws(() => new Space(region, new Int32Array(1), 0), /not formatted/);
  const odd = new Region(new SharedArrayBuffer(1 << 19), 0);
  assert.throws(() => Space.format(odd, 0, 0), /1 MiB/);
});

test('pages that are announced are populated in one call, unless others are taken before fresh ones', () => {
  const populated: number[][] = [];
  installPagePopulation((_region, offset, length) => populated.push([offset, length]));
  const space = newSpace(1);
  space.populateAhead(3);
  const taken = [1, 2, 3].map(() => space.allocate(1));
  assert.deepEqual(populated, [[taken.at(-1), 3 * PAGE_BYTES]]);
  space.populateAhead(space.untouchedPages + 1);
  space.free(taken[1]!, 1);
  space.trim();
  space.populateAhead(1);
  assert.equal(populated.length, 1);
  assert.equal(space.allocate(1), taken[1]);
  space.populateAhead(1);
  assert.equal(populated.length, 2);
});
