/** Locks between real threads: they exclude, wake those who sleep, and give up in time. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { holdsLock, lockBefore, lockBlocking, spinUntilFree, tryLock, unlock } from './lock.js';
import { sleep } from './sleep.js';

const THREADS = 4;
const ROUNDS = 4000;
const LOCK = 0;
const COUNT = 1;
const GIVEN_UP = 2;

interface Shared {
  readonly words: Int32Array;
  readonly owner: number;
}

/** Counts without atomics under the lock; now and then a holder sleeps, so that others do too. */
function hammer({ words, owner }: Shared): void {
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 3 === 0) lockBlocking(words, LOCK, owner);
    else {
      while (!lockBefore(words, LOCK, owner, performance.now() + 0.2)) words[GIVEN_UP]!++;
    }
    assert.ok(holdsLock(words, LOCK, owner));
    const count = words[COUNT]!;
    if (round % 500 === owner) sleep(1);
    words[COUNT] = count + 1;
    unlock(words, LOCK);
  }
}

function declareTests(): void {
  test('several threads count under a lock, asleep and awake', async () => {
    const words = new Int32Array(new SharedArrayBuffer(64));
    const workers = Array.from({ length: THREADS }, (_, thread) => {
      const shared: Shared = { words, owner: thread + 1 };
      return new Worker(new URL(import.meta.url), { workerData: shared });
    });
    const codes = await Promise.all(workers.map((worker) => once(worker, 'exit')));
    assert.deepEqual(codes, Array(THREADS).fill([0]));
    assert.equal(words[COUNT], THREADS * ROUNDS);
    assert.equal(words[LOCK], 0);
  });

  test('who gives up in time leaves the lock with its holder', () => {
    const words = new Int32Array(new SharedArrayBuffer(64));
    assert.ok(tryLock(words, LOCK, 1));
    const begunMs = performance.now();
    assert.equal(lockBefore(words, LOCK, 2, begunMs + 20), false);
    const tookMs = performance.now() - begunMs;
    assert.ok(tookMs >= 20 && tookMs < 2000, `${tookMs} ms`);
    assert.equal(tryLock(words, LOCK, 2), false);
    assert.ok(holdsLock(words, LOCK, 1));
    assert.equal(holdsLock(words, LOCK, 2), false);
    unlock(words, LOCK);
    assert.equal(words[LOCK], 0);
    assert.ok(lockBefore(words, LOCK, 2, 0), 'a free lock is taken even when it is late');
    unlock(words, LOCK);
  });

  test('a spin ends when the lock is free, and says what is left', () => {
    const words = new Int32Array(new SharedArrayBuffer(64));
    assert.equal(spinUntilFree(words, LOCK, 50), 50);
    assert.ok(tryLock(words, LOCK, 1));
    assert.equal(spinUntilFree(words, LOCK, 50), 0);
    assert.ok(spinUntilFree(words, LOCK, -3) <= 0);
    assert.ok(holdsLock(words, LOCK, 1));
  });
}

if (isMainThread) declareTests();
else hammer(workerData as Shared);
