/**
 * Several threads with a dispatcher each run commands over the same few shards. Every command is
 * answered at last, none runs twice or by halves, and no lock stays taken.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { BUSY, DONE } from '../base/outcome.js';
import { keys } from '../commands/generic/keys.js';
import { get } from '../commands/string/get.js';
import { incr } from '../commands/string/incr.js';
import { mget } from '../commands/string/mget.js';
import { mset } from '../commands/string/mset.js';
import { exec } from '../commands/transactions/exec.js';
import { multi } from '../commands/transactions/multi.js';
import { watch } from '../commands/transactions/watch.js';
import { sleep } from '../memory/sleep.js';
import { createShards, lockedShards, type SharedShards, TestEngine } from './testing.js';

const DEFINITIONS = [exec, get, incr, keys, mget, mset, multi, watch];
const SHARDS = 8;
const THREADS = 3;
const CLIENTS = 6;
const ROUNDS = 15_000;
/** Keys that only ever change together, in all shards. */
const TOGETHER = Array.from({ length: 12 }, (_, i) => `together:${i}`);
const COUNTERS = Array.from({ length: 6 }, (_, i) => `counter:${i}`);

interface Shared {
  readonly shards: SharedShards;
  readonly thread: number;
  /** What each counter must be in the end; by thread, answers BUSY and the most in a row. */
  readonly sums: Int32Array;
  readonly busy: Int32Array;
}

class Hammer {
  private readonly engine: TestEngine;
  private state: number;

  constructor(private readonly shared: Shared) {
    this.state = shared.thread * 77 + 1;
    this.engine = new TestEngine(shared.shards, shared.thread, DEFINITIONS, CLIENTS);
  }

  private random(below: number): number {
    this.state = (Math.imul(this.state, 1103515245) + 12345) | 0;
    return (this.state >>> 8) % below;
  }

  /** As the frontend does it: BUSY is tried again in a later turn. */
  private run(client: number, command: string): string {
    const { engine, shared } = this;
    for (let tries = 0; ; tries++) {
      const outcome = engine.dispatch(client, command);
      if (outcome === DONE) return engine.answer;
      assert.equal(outcome, BUSY);
      assert.equal(engine.answer, '');
      const { busy, thread } = shared;
      busy[2 * thread]!++;
      busy[2 * thread + 1] = Math.max(busy[2 * thread + 1]!, tries + 1);
      if (tries > 0) sleep(0.05);
      engine.turn();
    }
  }

  private count(counter: number): void {
    Atomics.add(this.shared.sums, counter, 1);
  }

  round(number: number): void {
    const client = number % CLIENTS;
    const action = this.random(100);
    if (number % 16 === 0) this.engine.turn();
    if (action < 40) {
      const value = `${this.shared.thread}:${number}`;
      this.run(client, `MSET ${TOGETHER.map((key) => `${key} ${value}`).join(' ')}`);
    } else if (action < 70) {
      this.checkTogether(this.run(client, `MGET ${TOGETHER.join(' ')}`));
    } else if (action < 95) {
      this.transaction(client);
    } else if (action < 97) {
      this.run(client, 'KEYS counter:*');
    } else {
      const counter = this.random(COUNTERS.length);
      assert.match(this.run(client, `INCR ${COUNTERS[counter]}`), /^:\d+\r\n$/);
      this.count(counter);
    }
  }

  private transaction(client: number): void {
    const first = this.random(COUNTERS.length);
    const second = this.random(COUNTERS.length);
    const watches = this.random(2) === 0;
    if (watches) this.run(client, `WATCH ${COUNTERS[first]} ${TOGETHER[0]}`);
    this.run(client, 'MULTI');
    this.run(client, `INCR ${COUNTERS[first]}`);
    this.run(client, `INCR ${COUNTERS[second]}`);
    this.run(client, `MGET ${TOGETHER.join(' ')}`);
    const answer = this.run(client, 'EXEC');
    if (watches && answer === '*-1\r\n') return;
    assert.match(answer, /^\*3\r\n:\d+\r\n:\d+\r\n/);
    this.count(first);
    this.count(second);
    this.checkTogether(answer.slice(answer.indexOf('*', 1)));
  }

  private checkTogether(answer: string): void {
    const values = answer.split('\r\n').filter((line) => line !== '' && !/^[*$]/.test(line));
    assert.equal(new Set(values).size, values.length === 0 ? 0 : 1, answer);
    assert.ok(values.length === 0 || values.length === TOGETHER.length);
  }

  finish(): void {
    assert.deepEqual(this.engine.failures, []);
  }
}

function hammer(shared: Shared): void {
  const own = new Hammer(shared);
  for (let round = 0; round < ROUNDS; round++) own.round(round);
  own.finish();
}

async function hammerTogether(): Promise<void> {
  const shards = createShards(SHARDS);
  const sums = new Int32Array(new SharedArrayBuffer(COUNTERS.length * 4));
  const busy = new Int32Array(new SharedArrayBuffer(THREADS * 8));
  const workers = Array.from({ length: THREADS }, (_, thread) => {
    const shared: Shared = { shards, sums, busy, thread };
    return new Worker(new URL(import.meta.url), { workerData: shared });
  });
  const codes = await Promise.all(workers.map((worker) => once(worker, 'exit')));
  assert.deepEqual(codes, Array(THREADS).fill([0]));
  const engine = new TestEngine(shards, THREADS, DEFINITIONS);
  assert.deepEqual(lockedShards(engine.shards), []);
  for (const [i, counter] of COUNTERS.entries()) {
    assert.equal(engine.dispatch(0, `GET ${counter}`), DONE);
    assert.equal(engine.answer.split('\r\n')[1], String(sums[i]), counter);
  }
  for (let thread = 0; thread < THREADS; thread++) {
    assert.ok(busy[2 * thread]! > 0, 'they met');
    assert.ok(busy[2 * thread + 1]! < 100, `${busy[2 * thread + 1]} times BUSY in a row`);
  }
}

if (isMainThread) test('threads that share shards lose nothing and starve nobody', hammerTogether);
else hammer(workerData as Shared);
