/** What is checked before a command runs, where the server's state cannot be had in a test of servers. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { DONE, PAUSED } from '../base/outcome.js';
import { get } from '../commands/string/get.js';
import { set } from '../commands/string/set.js';
import { exec } from '../commands/transactions/exec.js';
import { multi } from '../commands/transactions/multi.js';
import { GATE_LOADING, GATE_PAUSE_WRITES, GATE_READ_ONLY } from './gates.js';
import { createShards, TestEngine } from './testing.js';
import { TransactionQueue } from './transaction-queue.js';

let engine: TestEngine;

beforeEach(() => {
  engine = new TestEngine(createShards(2), 0, [exec, get, multi, set], 1);
});

function answer(command: string): string {
  assert.equal(engine.dispatch(0, command), DONE);
  return engine.answer;
}

function enter(gates: number): void {
  engine.dispatcher.beginTurn(1_700_000_000_000, gates);
}

test('EXEC is refused while data is loaded when one of its commands would be', () => {
  for (const command of ['GET a', 'SET a 1']) {
    answer('MULTI');
    answer(command);
    enter(GATE_LOADING);
    assert.match(answer('EXEC'), /^-EXECABORT Transaction discarded because of: LOADING /);
    assert.equal(answer('EXEC'), '-ERR EXEC without MULTI\r\n');
    enter(0);
  }
  answer('MULTI');
  enter(GATE_LOADING);
  assert.equal(answer('EXEC'), '*0\r\n');
});

test('traits of an earlier transaction do not count', () => {
  for (const command of ['MULTI', 'SET a 1', 'EXEC', 'MULTI', 'GET a']) answer(command);
  enter(GATE_READ_ONLY);
  assert.equal(answer('EXEC'), '*1\r\n$1\r\n1\r\n');
  enter(GATE_PAUSE_WRITES);
  for (const command of ['MULTI', 'GET a', 'EXEC']) answer(command);
  answer('MULTI');
  enter(0);
  answer('SET a 2');
  enter(GATE_PAUSE_WRITES);
  assert.equal(engine.dispatch(0, 'EXEC'), PAUSED);
  enter(0);
  assert.equal(answer('EXEC'), '*1\r\n+OK\r\n');
});

test('a transaction longer than offsets can tell is refused and discarded', () => {
  answer('MULTI');
  answer('SET a 1');
  const { queue } = engine.sessions[0]!;
  assert.ok(queue instanceof TransactionQueue);
  const { used } = queue as unknown as { used: number };
  Object.assign(queue, { used: 0x7fff_0000 - 10 });
  assert.equal(answer('SET a 2'), '-ERR the commands of a transaction may have 2 GiB in all\r\n');
  Object.assign(queue, { used });
  assert.equal(answer('EXEC'), '-EXECABORT Transaction discarded because of previous errors.\r\n');
  assert.equal(answer('GET a'), '$-1\r\n');
});
