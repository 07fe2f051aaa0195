/** The ring of receive buffers grows with what the kernel needs at once, and shrinks when that is over. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { installPageRelease } from '../../base/page-release.js';
import { libc } from './libc.js';
import { FIRST_BUFFERS, QUIET_MS, ReceiveBuffers } from './uring-buffers.js';

const COUNT = 512;
const skip = libc === undefined && 'no native calls here';

function grown(): ReceiveBuffers {
  const buffers = new ReceiveBuffers({ register: () => 0 }, COUNT);
  assert.equal(buffers.hasGrown, false);
  while (buffers.inUse < COUNT) buffers.grow();
  return buffers;
}

/** A turn in which the kernel has used these buffers. */
function turn(buffers: ReceiveBuffers, first: number, count: number): void {
  for (let i = 0; i < count; i++) buffers.recycle(first + i);
  buffers.publish();
}

afterEach(() => installPageRelease(() => {}));

test('after a quiet while its memory goes back, and each buffer leaves when it was used', {
  skip,
}, () => {
  const buffers = grown();
  let released = 0;
  installPageRelease((_region, _offset, length) => {
    released += length;
  });
  buffers.shrink(0);
  turn(buffers, 0, 3);
  buffers.shrink(QUIET_MS - 1);
  assert.equal(released, 0);
  buffers.shrink(QUIET_MS);
  assert.equal(released, buffers.region.length);
  turn(buffers, 3, COUNT - FIRST_BUFFERS - 1);
  assert.equal(buffers.hasGrown, true);
  turn(buffers, 500, 1);
  assert.equal(buffers.hasGrown, false);
  // What is used now stays.
  turn(buffers, 501, 8);
  assert.equal(buffers.hasGrown, false);
  while (buffers.inUse < COUNT) buffers.grow();
});

test('turns that need them keep them', { skip }, () => {
  const buffers = grown();
  let released = 0;
  installPageRelease((_region, _offset, length) => {
    released += length;
  });
  for (let ms = 0; ms < 5 * QUIET_MS; ms += QUIET_MS / 4) {
    buffers.shrink(ms);
    turn(buffers, 0, COUNT / 2 + 1);
  }
  assert.equal(released, 0);
  assert.equal(buffers.inUse, COUNT);
});
