/**
 * Threads run commands while the hash key of the data set changes again and again, as a full sync
 * changes it. Every key lies in its shard whenever all is looked at; no lock stays taken.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { BUSY, DONE } from '../base/outcome.js';
import { del } from '../commands/generic/del.js';
import { get } from '../commands/string/get.js';
import { mset } from '../commands/string/mset.js';
import { set } from '../commands/string/set.js';
import { exec } from '../commands/transactions/exec.js';
import { multi } from '../commands/transactions/multi.js';
import { watch } from '../commands/transactions/watch.js';
import { sleep } from '../memory/sleep.js';
import {
  checkAll,
  createShards,
  lockedShards,
  openShards,
  replaceData,
  type SharedShards,
  TestEngine,
} from './testing.js';

const DEFINITIONS = [del, exec, get, mset, multi, set, watch];
const SHARDS = 16;
const THREADS = 2;
const CHANGES = 400;
const NAMES = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? `plain:${i}` : `{tag}:${i}`));
/** Words that the threads share: rounds of each, whether they should end. */
const ENDED = THREADS;

interface Shared {
  readonly shards: SharedShards;
  readonly thread: number;
  readonly words: Int32Array;
}

/** One thread of clients: it runs until it is told to end. */
function hammer({ shards, thread, words }: Shared): void {
  const engine = new TestEngine(shards, thread, DEFINITIONS);
  let state = thread + 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    return (state >>> 8) % below;
  };
  const insistently = (command: string): string => {
    for (let tries = 0; ; tries++) {
      const outcome = engine.dispatch(0, command);
      if (outcome === DONE) return engine.answer;
      assert.equal(outcome, BUSY);
      if (tries > 0) sleep(0.05);
      engine.turn();
    }
  };
  while (Atomics.load(words, ENDED) === 0) {
    const name = NAMES[random(NAMES.length)]!;
    const second = NAMES[random(NAMES.length)]!;
    const action = random(5);
    if (action === 0) insistently(`SET ${name} 1`);
    else if (action === 1) insistently(`MSET ${name} 1 ${second} 2`);
    else if (action === 2) insistently(`DEL ${name} ${second}`);
    else if (action === 3) insistently(`GET ${name}`);
    else {
      if (random(2) === 0) insistently(`WATCH ${second}`);
      insistently('MULTI');
      insistently(`SET ${name} 3`);
      insistently(`SET ${second} 3`);
      assert.match(insistently('EXEC'), /^\*(2\r\n\+OK\r\n\+OK|-1)\r\n$/);
    }
    Atomics.add(words, thread, 1);
  }
  assert.deepEqual(engine.failures, []);
}

async function changeWhileServing(): Promise<void> {
  const shared = createShards(SHARDS);
  const words = new Int32Array(new SharedArrayBuffer(64));
  const workers = Array.from({ length: THREADS }, (_, thread) => {
    return new Worker(new URL(import.meta.url), { workerData: { shards: shared, thread, words } });
  });
  const exits = workers.map((worker) => once(worker, 'exit'));
  const shards = openShards(shared, THREADS);
  const rounds = () => Math.min(...words.subarray(0, THREADS));
  const deadlineMs = performance.now() + 120_000;
  for (let change = 1; change <= CHANGES; change++) {
    const from = rounds();
    while (rounds() < from + 5 && performance.now() < deadlineMs) sleep(0.2);
    checkAll(shards);
    replaceData(shards, change);
  }
  const served = rounds();
  Atomics.store(words, ENDED, 1);
  assert.deepEqual(await Promise.all(exits), Array(THREADS).fill([0]));
  assert.ok(served >= CHANGES * 5, `${served} rounds of commands in time`);
  checkAll(shards);
  assert.deepEqual(lockedShards(shards), []);
  const last = new TestEngine(shared, THREADS, DEFINITIONS);
  last.dispatch(0, `MSET ${NAMES.map((name) => `${name} last`).join(' ')}`);
  assert.equal(checkAll(shards), NAMES.length, 'each key is there once');
}

if (isMainThread)
  test('threads serve while the hash key changes again and again', changeWhileServing);
else hammer(workerData as Shared);
