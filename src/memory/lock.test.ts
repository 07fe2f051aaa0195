/** Locks between real threads: they exclude, wake those who sleep, and give up in time. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { yieldToOthers } from '../platform/ffi/thread-priority.js';
import {
  holdsLock,
  lockBefore,
  lockBlocking,
  lockInTurn,
  spinUntilFree,
  tryLock,
  unlock,
} from './lock.js';
import { sleep } from './sleep.js';

const THREADS = 4;
const ROUNDS = 4000;
const LOCK = 0;
const COUNT = 1;
const GIVEN_UP = 2;

type Role = 'counts' | 'hammers' | 'waits in turn';

interface Shared {
  readonly role: Role;
  readonly words: Int32Array;
  readonly owner: number;
}

const TURNS = 30;
/** Far more than HEIR_AFTER_MS, as the machine may be busy. */
const TURN_MS_MAX = 4000;

/** Counts without atomics under the lock; now and then a holder sleeps, so that others do too. */
function hammer({ words, owner }: Shared): void {
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 3 === 0) lockBlocking(words, LOCK, owner);
    else if (round % 3 === 1) lockInTurn(words, LOCK, owner);
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

/** Takes the lock whenever it is free, and holds it for a moment, until COUNT says that it is over. */
function takeAlways({ words, owner }: Shared): void {
  while (Atomics.load(words, COUNT) < 0) {
    if (!tryLock(words, LOCK, owner)) continue;
    const untilMs = performance.now() + 0.02;
    while (performance.now() < untilMs);
    unlock(words, LOCK);
  }
}

/** Takes the lock TURNS times; COUNT is the longest wait in milliseconds, -1 first. */
function waitInTurn({ words, owner }: Shared): void {
  yieldToOthers(19);
  let longestMs = 0;
  for (let turn = 0; turn < TURNS; turn++) {
    const begunMs = performance.now();
    lockInTurn(words, LOCK, owner);
    longestMs = Math.max(longestMs, performance.now() - begunMs);
    assert.ok(holdsLock(words, LOCK, owner));
    unlock(words, LOCK);
  }
  Atomics.store(words, COUNT, Math.ceil(longestMs));
}

function run(shared: Shared): void {
  if (shared.role === 'counts') hammer(shared);
  else if (shared.role === 'hammers') takeAlways(shared);
  else waitInTurn(shared);
}

function declareTests(): void {
  test('several threads count under a lock, asleep and awake', async () => {
    const words = new Int32Array(new SharedArrayBuffer(64));
    const workers = Array.from({ length: THREADS }, (_, thread) => {
      const shared: Shared = { role: 'counts', words, owner: thread + 1 };
      return new Worker(new URL(import.meta.url), { workerData: shared });
    });
    const codes = await Promise.all(workers.map((worker) => once(worker, 'exit')));
    assert.deepEqual(codes, Array(THREADS).fill([0]));
    assert.equal(words[COUNT], THREADS * ROUNDS);
    assert.equal(words[LOCK], 0);
  });

  test('at the lowest priority, who waits in turn gets the lock in time among those that spin', async () => {
    const words = new Int32Array(new SharedArrayBuffer(64));
    words[COUNT] = -1;
    const start = (role: Role, owner: number) =>
      once(
        new Worker(new URL(import.meta.url), {
          workerData: { role, words, owner } satisfies Shared,
        }),
        'exit',
      );
    const ends = [start('hammers', 1), start('hammers', 2), start('waits in turn', 3)];
    assert.deepEqual(await Promise.all(ends), [[0], [0], [0]]);
    assert.ok(words[COUNT]! >= 0 && words[COUNT]! <= TURN_MS_MAX, `${words[COUNT]} ms`);
    assert.equal(words[LOCK], 0);
  });

  test('an heir gets the lock from the next unlock, and nobody else before', () => {
    const words = new Int32Array(new SharedArrayBuffer(64));
    const heir = 5;
    assert.ok(tryLock(words, LOCK, 1));
    words[LOCK] = words[LOCK]! | (heir << 14) | (1 << 30);
    assert.ok(holdsLock(words, LOCK, 1));
    unlock(words, LOCK);
    assert.ok(holdsLock(words, LOCK, heir));
    assert.equal(tryLock(words, LOCK, 1), false);
    assert.equal(lockBefore(words, LOCK, 3, performance.now() + 1), false);
    lockInTurn(words, LOCK, heir);
    unlock(words, LOCK);
    assert.equal(words[LOCK], 0);
  });

  test('who gives up in time leaves the lock with its holder', () => {
    const words = new Int32Array(new SharedArrayBuffer(64));
    assert.ok(tryLock(words, LOCK, 1));
    const begunMs = performance.now();
    assert.equal(lockBefore(words, LOCK, 2, begunMs + 20), false);
    assert.ok(performance.now() >= begunMs + 20);
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
else run(workerData as Shared);
