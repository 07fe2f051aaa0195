/** When a thread has its heap collected. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { ThreadHeap } from './thread-heap.js';

const MIB = 1 << 20;
let used: number;
let live: number;
let collections: number;
let releases: number;
let heap: ThreadHeap;

function look(bytes: number): void {
  used = bytes;
  heap.look();
}

beforeEach(() => {
  [used, live, collections, releases] = [9 * MIB, 9 * MIB, 0, 0];
  heap = new ThreadHeap({
    usedBytes: () => used,
    collect: () => {
      collections++;
      used = live;
    },
    release: () => {
      releases++;
    },
  });
});

test('a heap that has grown is collected when it grows no more, and free memory released after that', () => {
  for (const mib of [9, 20, 30, 40]) look(mib * MIB);
  assert.equal(collections, 0);
  look(40 * MIB);
  assert.deepEqual([collections, releases], [1, 0]);
  look(used);
  assert.deepEqual([collections, releases], [1, 1]);
  for (let i = 0; i < 10; i++) look(used);
  assert.deepEqual([collections, releases], [1, 1]);
});

test('one whose bytes are all in use is collected once, and again when a quarter has come to it', () => {
  live = 80 * MIB;
  look(live);
  for (let i = 0; i < 10; i++) look(live);
  assert.equal(collections, 1);
  for (let mib = 80; mib < 99; mib++) look(mib * MIB);
  look(used);
  assert.equal(collections, 1);
  look(102 * MIB);
  look(102 * MIB);
  assert.equal(collections, 2);
});

test('what comes and goes by itself is left to the collector of V8', () => {
  for (let i = 0; i < 50; i++) look((9 + (i % 7)) * MIB);
  assert.equal(collections, 0);
});
