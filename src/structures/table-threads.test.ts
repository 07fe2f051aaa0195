/**
 * Several threads, each with its own Space and Table objects over the same memory, change the same
 * tables under the shards' locks; then everything has to add up.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { Region } from '../base/region.js';
import { lockBlocking, unlock } from '../memory/lock.js';
import { Space } from '../memory/space.js';
import { LOCK_WORD, ROOTS_OFFSET } from '../memory/space-layout.js';
import { Table } from './table.js';
import { KeyFinder } from './testing.js';

const SPACES = 4;
const THREADS = 3;
const ROUNDS = 60_000;
const KEYS = 3000;

interface Shared {
  readonly buffers: SharedArrayBuffer[];
  readonly counters: Int32Array;
  /** Of every key: how often it was incremented, less its value when it was removed. */
  readonly sums: Int32Array;
  readonly thread: number;
}

function openAll({ buffers, counters }: Shared): { table: Table; keys: KeyFinder }[] {
  return buffers.map((buffer) => {
    const space = new Space(new Region(buffer, 0), counters, 0);
    const table = new Table(space, ROOTS_OFFSET);
    return { table, keys: new KeyFinder(space, table) };
  });
}

/**
 * A key's value is its number, how often it was incremented (in two places) and as many bytes as
 * that; whoever removes it takes the count off the sums.
 */
function hammer(shared: Shared): void {
  const tables = openAll(shared);
  let state = shared.thread * 77 + 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < ROUNDS; round++) {
    const number = random(KEYS);
    const { table, keys } = tables[number % SPACES]!;
    const { words, view, bytes } = keys.space.region;
    lockBlocking(words, LOCK_WORD, shared.thread + 1);
    try {
      const found = keys.find(`key:${number}`);
      const count = found ? view.getInt32(table.valueOffset + 4, true) : 0;
      if (found) assert.equal(view.getInt32(table.valueOffset, true), number);
      if (found) assert.equal(bytes[table.valueOffset + table.valueLength - 1], count & 255);
      if (found && random(10) === 0) {
        table.remove();
        shared.sums[number]! -= count;
      } else {
        const length = 9 + ((count * 61) % 700) + (number % 97 === 0 ? 9000 : 0);
        const at = table.put(number & 31, length, 0);
        assert.ok(at > 0);
        view.setInt32(at, number, true);
        view.setInt32(at + 4, count + 1, true);
        bytes[at + length - 1] = (count + 1) & 255;
        shared.sums[number]!++;
      }
      if (random(200) === 0) table.maintain(2);
    } finally {
      unlock(words, LOCK_WORD);
    }
  }
}

async function hammerTogether(): Promise<void> {
  const counters = new Int32Array(new SharedArrayBuffer(64));
  const sums = new Int32Array(new SharedArrayBuffer(KEYS * 4));
  const buffers: SharedArrayBuffer[] = [];
  for (let i = 0; i < SPACES; i++) {
    buffers.push(new SharedArrayBuffer(32 << 20));
    Space.format(new Region(buffers[i]!, 0), 5, 6);
  }
  const workers = Array.from({ length: THREADS }, (_, thread) => {
    const shared: Shared = { buffers, counters, sums, thread };
    return new Worker(new URL(import.meta.url), { workerData: shared });
  });
  const codes = await Promise.all(workers.map((worker) => once(worker, 'exit')));
  assert.deepEqual(codes, Array(THREADS).fill([0]));

  const tables = openAll({ buffers, counters, sums, thread: 0 });
  for (let number = 0; number < KEYS; number++) {
    const { table, keys } = tables[number % SPACES]!;
    const found = keys.find(`key:${number}`);
    const { view } = keys.space.region;
    const count = found ? view.getInt32(table.valueOffset + 4, true) : 0;
    assert.equal(count, sums[number], `increments of key ${number}`);
  }
  let pages = 0;
  for (const { table, keys } of tables) {
    table.check();
    keys.space.check();
    pages += keys.space.residentPages;
    assert.ok(table.size > 300);
  }
  assert.equal(counters[0], pages, 'pages of the process');
  for (const { table } of tables) table.clear();
  assert.equal(counters[0], 0);
}

if (isMainThread) test('threads that share tables lose nothing', hammerTogether);
else hammer(workerData as Shared);
