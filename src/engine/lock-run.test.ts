/**
 * Runs of commands on a shard that threads fight for: its lock is kept between the commands, and
 * given back before anything else happens. Two engines over the same shards, as two threads.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { beforeEach, test } from 'node:test';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { BUSY, DEFERRED, DONE, SUSPENDED } from '../base/outcome.js';
import type { CommandDefinition } from '../commands/contract/definition.js';
import { keys } from '../commands/generic/keys.js';
import { lrange } from '../commands/list/lrange.js';
import { rpush } from '../commands/list/push.js';
import { get } from '../commands/string/get.js';
import { incr } from '../commands/string/incr.js';
import { mset } from '../commands/string/mset.js';
import { exec } from '../commands/transactions/exec.js';
import { multi } from '../commands/transactions/multi.js';
import { watch } from '../commands/transactions/watch.js';
import { WORD_LOCK } from '../keyspace/shard-words.js';
import type { Shards } from '../keyspace/shards.js';
import {
  checkAll,
  createShards,
  lockedShards,
  openShards,
  type SharedShards,
  TestEngine,
} from './testing.js';

const waits: CommandDefinition = {
  ...get,
  name: 'waits',
  run: (context) => void context.suspend(() => {}),
};
const DEFINITIONS = [exec, get, incr, keys, lrange, mset, multi, rpush, waits, watch];
/** Bit of a lock's word: see memory/lock.ts. */
const AWAITED = 1 << 30;
const THREADS = 3;
const PUSHES = 4000;

let engine: TestEngine;
let other: Shards;
let hot: number;

function shardOf(key: string): number {
  const { region } = engine.reply;
  region.bytes.set(Buffer.from(key), 2000);
  return other.shardOf(region, 2000, key.length);
}

function run(command: string, client = 0): string {
  assert.equal(engine.dispatch(client, command), DONE, command);
  return engine.answer;
}

function beginRun(): void {
  engine.dispatcher.beginRun(hot, true);
  assert.deepEqual(lockedShards(other), [hot]);
}

/** Has a thread fall asleep for the shard that is kept, as its lock shows it. */
function fallAsleep(shard: number): void {
  const { words } = other.spaces[shard]!.region;
  assert.notEqual(words[WORD_LOCK], 0);
  words[WORD_LOCK] = words[WORD_LOCK]! | AWAITED;
}

function waitMs(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

if (isMainThread) {
  beforeEach(() => {
    const shared = createShards(8);
    engine = new TestEngine(shared, 0, DEFINITIONS, 2);
    other = openShards(shared, 1);
    hot = shardOf('a');
    assert.notEqual(hot, shardOf('b'));
  });

  test('a lock is kept within a run only, and only of the shard that was found taken', () => {
    run('INCR a');
    assert.deepEqual(lockedShards(other), []);
    beginRun();
    assert.equal(run('INCR a'), ':2\r\n');
    assert.equal(run('INCR a', 1), ':3\r\n');
    assert.deepEqual(lockedShards(other), [hot], 'kept');
    assert.deepEqual(engine.dispatcher.locks.held, [], 'by no command');
    run('INCR b');
    assert.deepEqual(lockedShards(other), [], 'given back before another is taken');
    run('INCR a');
    assert.deepEqual(lockedShards(other), [hot], 'and kept again');
    engine.dispatcher.endRun();
    assert.deepEqual(lockedShards(other), []);
    run('INCR a');
    assert.deepEqual(lockedShards(other), []);
  });

  test('commands that need more than the one shard find no lock kept', () => {
    for (const command of ['MSET a 1 b 1', 'KEYS *', 'MULTI', 'WATCH a b']) {
      beginRun();
      run('INCR a');
      run(command);
      if (command === 'MULTI') {
        run('INCR a');
        assert.equal(run('EXEC').slice(0, 5), '*1\r\n:');
      }
      assert.deepEqual(lockedShards(other), [], command);
      engine.dispatcher.endRun();
    }
  });

  test('a command that does not run to its end leaves no lock behind', () => {
    engine.dispatcher.pressure = { mustWait: () => true };
    beginRun();
    assert.equal(engine.dispatch(0, 'INCR a'), DEFERRED);
    assert.deepEqual(lockedShards(other), []);
    engine.dispatcher.pressure = {
      mustWait: () => {
        throw new Error('of back-pressure');
      },
    };
    beginRun();
    assert.equal(run('INCR a').slice(0, 4), '-ERR');
    assert.deepEqual(lockedShards(other), []);
    engine.dispatcher.pressure = null;
    beginRun();
    assert.equal(engine.dispatch(1, 'WAITS a'), SUSPENDED);
    assert.deepEqual(lockedShards(other), []);
  });

  test('each effect reaches the journal with its command, under the lock', () => {
    let appended = 0;
    engine.dispatcher.keys.effects.sink = {
      append: ({ shard }) => {
        appended++;
        assert.ok(engine.dispatcher.locks.holds(shard));
      },
    };
    beginRun();
    for (let i = 1; i <= 3; i++) {
      run('INCR a');
      assert.equal(appended, i);
    }
    engine.dispatcher.endRun();
  });

  test('a command whose keys are found one by one takes part when they are all of that shard', () => {
    const { dispatcher } = engine;
    assert.ok(other.tryLock(hot));
    assert.equal(engine.dispatch(0, 'MSET a 1'), BUSY);
    assert.equal(engine.sessions[0]!.takenShard, hot);
    other.unlock(hot);
    engine.turn();
    beginRun();
    run('MSET a 1');
    assert.deepEqual(lockedShards(other), [hot], 'kept');
    run('MSET a 2 a 3');
    assert.deepEqual(lockedShards(other), [hot], 'kept');
    assert.equal(dispatcher.lastShard, hot);
    run('MSET a 1 b 2');
    assert.deepEqual(lockedShards(other), [], 'given back');
    assert.equal(dispatcher.lastShard, -1);
    assert.equal(dispatcher.locks.held.length, 0);
    dispatcher.endRun();
    run('MSET a 1');
    assert.deepEqual(lockedShards(other), []);
  });

  test('a thread that sleeps for the shard gets its turn, and the rest of the run waits', () => {
    beginRun();
    run('INCR a');
    fallAsleep(hot);
    waitMs(1);
    const { processed } = engine.dispatcher;
    assert.equal(engine.dispatch(0, 'INCR a'), BUSY);
    assert.equal(engine.dispatch(1, 'INCR a'), BUSY);
    assert.equal(engine.sessions[1]!.takenShard, hot);
    assert.deepEqual(lockedShards(other), []);
    assert.equal(engine.dispatcher.processed, processed);
    run('INCR b');
    engine.dispatcher.endRun();
    assert.equal(run('INCR a'), ':2\r\n');
    assert.equal(engine.sessions[0]!.takenShard, -1);
  });

  test('a kept lock is given back after some hundred commands', () => {
    beginRun();
    fallAsleep(hot);
    let commands = 0;
    // On a busy machine the time may be over before the first.
    while (engine.dispatch(0, 'INCR a') === DONE) commands++;
    assert.ok(commands <= 256, `${commands} commands`);
    engine.dispatcher.endRun();
  });

  test('a run whose shard stays taken answers BUSY, and takes it when it may', () => {
    assert.ok(other.tryLock(hot));
    engine.dispatcher.beginRun(hot, true);
    assert.equal(engine.dispatch(0, 'INCR a'), BUSY);
    run('INCR b');
    other.unlock(hot);
    engine.turn();
    run('INCR a');
    assert.deepEqual(lockedShards(other), [hot]);
    engine.dispatcher.endRun();
    assert.deepEqual(lockedShards(other), []);
  });

  test('threads in runs on one shard lose nothing and starve nobody', hammerTogether);
} else hammer(workerData as Shared);

// Threads.

interface Shared {
  readonly shards: SharedShards;
  readonly thread: number;
}

function hammer({ shards, thread }: Shared): void {
  const own = new TestEngine(shards, thread, DEFINITIONS, 4);
  const { dispatcher } = own;
  let left = PUSHES;
  for (let turn = 0; left > 0; turn++) {
    assert.ok(turn < 100 * PUSHES, `thread ${thread} starves`);
    own.turn();
    dispatcher.beginRun(own.sessions[0]!.takenShard, turn % 3 > 0);
    for (let i = 0; i < 20 && left > 0; i++) {
      const outcome = own.dispatch(i & 3, `RPUSH a ${thread}:${PUSHES - left}`);
      if (outcome === BUSY) break;
      assert.equal(outcome, DONE);
      left--;
      if (left % 50 === 0) assert.ok(own.dispatch(0, 'INCR b') <= BUSY);
    }
    dispatcher.endRun();
    assert.equal(dispatcher.locks.held.length, 0);
  }
  assert.deepEqual(own.failures, []);
}

async function hammerTogether(): Promise<void> {
  const shards = createShards(8);
  const workers = Array.from({ length: THREADS }, (_, thread) => {
    const shared: Shared = { shards, thread };
    return new Worker(new URL(import.meta.url), { workerData: shared });
  });
  const codes = await Promise.all(workers.map((worker) => once(worker, 'exit')));
  assert.deepEqual(codes, Array(THREADS).fill([0]));
  const last = new TestEngine(shards, THREADS, DEFINITIONS);
  checkAll(last.shards);
  assert.deepEqual(lockedShards(last.shards), []);
  assert.equal(last.dispatch(0, 'LRANGE a 0 -1'), DONE);
  const pushed = last.answer.split('\r\n').filter((line) => line.includes(':'));
  for (let thread = 0; thread < THREADS; thread++) {
    const own = pushed.filter((element) => element.startsWith(`${thread}:`));
    assert.deepEqual(
      own,
      Array.from({ length: PUSHES }, (_, i) => `${thread}:${i}`),
    );
  }
}
