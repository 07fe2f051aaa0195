/**
 * What becomes of commands whose shards are taken by another thread. Two engines over the same
 * shards, the second one only holding locks; how threads get along is in dispatch-threads.test.ts.
 */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { BUSY, DEFERRED, DONE } from '../base/outcome.js';
import { toBinary } from '../base/region.js';
import { ping } from '../commands/connection/ping.js';
import type { CommandDefinition } from '../commands/contract/definition.js';
import { dbsize } from '../commands/generic/dbsize.js';
import { del } from '../commands/generic/del.js';
import { flushall } from '../commands/generic/flushall.js';
import { keys } from '../commands/generic/keys.js';
import { move } from '../commands/generic/move.js';
import { sort } from '../commands/generic/sort.js';
import { lpop } from '../commands/list/pop.js';
import { rpush } from '../commands/list/push.js';
import { get } from '../commands/string/get.js';
import { incr } from '../commands/string/incr.js';
import { mget } from '../commands/string/mget.js';
import { mset } from '../commands/string/mset.js';
import { set } from '../commands/string/set.js';
import { exec } from '../commands/transactions/exec.js';
import { multi } from '../commands/transactions/multi.js';
import { watch } from '../commands/transactions/watch.js';
import { WORD_WATCHED } from '../keyspace/shard-words.js';
import type { Shards } from '../keyspace/shards.js';
import { createShards, lockedShards, openShards, TestEngine } from './testing.js';

/** A command whose effect has no key. */
const pong: CommandDefinition = { ...ping, run: ({ reply }) => reply.simple('PONG') };
const message: CommandDefinition = { ...pong, name: 'message', flags: ['may_replicate'] };
const DEFINITIONS = [
  ...[message, pong],
  ...[dbsize, del, exec, flushall, get, incr, keys, mget, mset],
  ...[lpop, move, multi, rpush, set, sort, watch],
];
const SHARDS = 8;

let engine: TestEngine;
let other: Shards;
let waits: number;
let whileWaiting: () => void;

beforeEach(() => {
  const shared = createShards(SHARDS);
  waits = 0;
  whileWaiting = () => {};
  engine = new TestEngine(shared, 0, DEFINITIONS, 2, {
    waiting: () => {
      waits++;
      whileWaiting();
    },
  });
  other = openShards(shared, 1);
});

function shardOf(key: string): number {
  const { region, offset, length } = { ...regionOf(key) };
  return other.shardOf(region, offset, length);
}

function regionOf(key: string) {
  const { dispatcher } = engine;
  const { region } = dispatcher.reply;
  region.bytes.set(Buffer.from(key), 2000);
  return { region, offset: 2000, length: key.length };
}

/** Dispatches while another thread holds the shard of a key. */
function against(key: string, command: string): number {
  const shard = shardOf(key);
  assert.ok(other.tryLock(shard));
  engine.turn();
  const outcome = engine.dispatch(0, command);
  assert.deepEqual(lockedShards(other), [shard], `${command} leaves no other lock`);
  assert.equal(engine.dispatcher.locks.isEmpty, true);
  assert.deepEqual(engine.dispatcher.locks.held, []);
  other.unlock(shard);
  return outcome;
}

function run(command: string, client = 0): string {
  assert.equal(engine.dispatch(client, command), DONE, command);
  assert.deepEqual(lockedShards(other), []);
  assert.deepEqual(engine.failures, []);
  return engine.answer;
}

test('a command over several shards answers BUSY and has done nothing', () => {
  run('MSET a 1 b 2');
  const { processed } = engine.dispatcher;
  const { totalChanges } = engine.dispatcher.keys;
  for (const command of ['MSET a 8 b 9', 'DEL a b', 'FLUSHALL', 'MGET a b', 'SET b 9']) {
    assert.equal(against('b', command), BUSY, command);
    assert.equal(engine.answer, '');
  }
  assert.equal(engine.dispatcher.processed, processed);
  assert.equal(engine.dispatcher.keys.totalChanges, totalChanges);
  assert.equal(run('MGET a b'), '*2\r\n$1\r\n1\r\n$1\r\n2\r\n');
});

test('other shards are served meanwhile', () => {
  assert.notEqual(shardOf('a'), shardOf('b'));
  assert.equal(against('a', 'SET b 1'), DONE);
  assert.equal(engine.answer, '+OK\r\n');
});

test('EXEC that answers BUSY has its transaction still to run, once', () => {
  run('WATCH w');
  run('MULTI');
  for (const command of ['INCR a', 'MSET b 1 c 1', 'INCR a']) run(command);
  for (const taken of ['a', 'b', 'w']) assert.equal(against(taken, 'EXEC'), BUSY, taken);
  assert.equal(engine.answer, '');
  assert.equal(run('GET a', 1), '$-1\r\n');
  assert.equal(run('EXEC'), '*3\r\n:1\r\n+OK\r\n:2\r\n');
  assert.equal(run('EXEC'), '-ERR EXEC without MULTI\r\n');
  assert.equal(run('GET a'), '$1\r\n2\r\n');
});

test('EXEC put off by BUSY still sees that a watched key has changed', () => {
  run('WATCH w');
  run('MULTI');
  run('SET a 1');
  assert.equal(against('w', 'EXEC'), BUSY);
  run('SET w 1', 1);
  assert.equal(run('EXEC'), '*-1\r\n');
});

test('a transaction with a command that locks as it goes needs all shards', () => {
  run('SET a 1');
  run('MULTI');
  run('KEYS *');
  assert.equal(against('zzz', 'EXEC'), BUSY);
  assert.equal(run('EXEC'), '*1\r\n*1\r\n$1\r\na\r\n');
});

test('SORT needs all shards where it reads keys that follow from the elements, else its keys', () => {
  run('RPUSH k 2 1');
  run('SET w1 9');
  for (const taken of ['zzz', 'w1', 'k']) {
    assert.equal(against(taken, 'SORT k BY w*'), BUSY, taken);
    assert.equal(against(taken, 'SORT k BY nosort GET w*'), BUSY, taken);
  }
  assert.equal(run('SORT k BY w*'), '*2\r\n$1\r\n2\r\n$1\r\n1\r\n');
  assert.notEqual(shardOf('k'), shardOf('a'));
  assert.equal(against('a', 'SORT k GET #'), DONE);
  assert.equal(against('a', 'SORT k STORE a'), BUSY);
  run('MULTI');
  run('SORT k BY w* STORE a');
  assert.equal(against('zzz', 'EXEC'), BUSY);
  assert.equal(run('EXEC'), '*1\r\n:2\r\n');
  assert.equal(run('LPOP a'), '$1\r\n2\r\n');
});

test('effects of a command that answered BUSY are not begun', () => {
  const calls: string[] = [];
  engine.dispatcher.keys.effects.sink = {
    append: () => calls.push('effect'),
    beginTransaction: () => calls.push('begin'),
    endTransaction: () => calls.push('end'),
  };
  assert.equal(against('b', 'MSET a 1 b 1'), BUSY);
  run('MULTI');
  run('SET a 2');
  assert.equal(against('a', 'EXEC'), BUSY);
  assert.deepEqual(calls, []);
  run('EXEC');
  run('MSET a 1 b 1');
  assert.deepEqual(calls, ['begin', 'effect', 'end', 'begin', 'effect', 'effect', 'end']);
});

test('several effects of a command on one key are one whole, one effect is no transaction', () => {
  const calls: string[] = [];
  engine.dispatcher.keys.effects.sink = {
    append: ({ region, offset, length, database }) =>
      calls.push(`${toBinary(region, offset, length).match(/[A-Z]+/)?.[0]} ${database}`),
    beginTransaction: () => calls.push('begin'),
    endTransaction: () => calls.push('end'),
    lost: () => calls.push('lost'),
  };
  const callsOf = (command: string): string[] => {
    calls.length = 0;
    run(command);
    return calls;
  };
  assert.deepEqual(callsOf('SET a 1'), ['SET 0']);
  assert.deepEqual(callsOf('GET a'), []);
  assert.deepEqual(callsOf('MOVE a 1'), ['begin', 'SET 1', 'DEL 0', 'end']);
  assert.deepEqual(callsOf('GET a'), []);
  run('MULTI');
  run('SET a 2');
  run('MOVE a 1');
  run('SET a 3');
  assert.deepEqual(callsOf('EXEC'), ['begin', 'SET 0', 'SET 0', 'end']);
});

test('back-pressure puts EXEC off for the shards it writes to, not for those it reads', () => {
  const pressed = shardOf('a');
  engine.dispatcher.pressure = { mustWait: (shard) => shard === pressed };
  run('MULTI');
  run('GET a');
  run('SET b 1');
  assert.equal(run('EXEC'), '*2\r\n$-1\r\n+OK\r\n');
  run('MULTI');
  run('GET b');
  run('SET a 1');
  assert.equal(engine.dispatch(0, 'EXEC'), DEFERRED);
  assert.equal(engine.answer, '');
  assert.deepEqual(lockedShards(other), []);
  engine.dispatcher.pressure = null;
  assert.equal(run('EXEC'), '*2\r\n$1\r\n1\r\n+OK\r\n');
});

test('back-pressure puts a command without keys off for the stream that takes its effects', () => {
  engine.dispatcher.pressure = { mustWait: (stream) => stream === SHARDS };
  assert.equal(engine.dispatch(0, 'MESSAGE'), DEFERRED);
  assert.equal(run('PING'), '+PONG\r\n');
  assert.equal(run('SET a 1'), '+OK\r\n');
  engine.dispatcher.pressure = null;
  assert.equal(run('MESSAGE'), '+PONG\r\n');
});

test('after many BUSY in a row a client sleeps for its locks, but once a turn in vain', () => {
  const shard = shardOf('b');
  const timed = (command: string, client: number) => {
    const begunMs = performance.now();
    assert.equal(engine.dispatch(client, command), BUSY);
    return performance.now() - begunMs;
  };
  for (const command of ['MSET a 1 b 1', 'SET b 1']) {
    assert.ok(other.tryLock(shard));
    engine.sessions[0]!.busyInRow = 0;
    for (let i = 0; i < 8; i++) {
      engine.turn();
      assert.equal(engine.dispatch(0, command), BUSY);
    }
    engine.turn();
    assert.ok(timed(command, 0) >= 10, 'sleeps');
    engine.sessions[1]!.busyInRow = 100;
    assert.ok(timed(command, 1) < 10, 'in the same turn no other client does');
    assert.deepEqual(lockedShards(other), [shard]);
    other.unlock(shard);
    engine.turn();
    run(command);
  }
  run('MSET a 1 b 1');
  assert.equal(engine.sessions[0]!.busyInRow, 0);
});

test('a command that locks as it goes serves questions of other threads while it waits', () => {
  run('MSET a 1 b 1');
  const shard = shardOf('b');
  assert.ok(other.tryLock(shard));
  whileWaiting = () => {
    assert.equal(engine.dispatcher.isWaiting, true);
    assert.deepEqual(lockedShards(other), [shard], 'it holds nothing');
    if (waits === 2) other.unlock(shard);
  };
  run('KEYS *');
  assert.equal(engine.dispatcher.isWaiting, false);
  run('KEYS *');
  assert.equal(waits, 2);
});

test('keys of a client that has gone are unwatched when their shard is free', () => {
  const { transactions } = engine.dispatcher.server;
  const watched = () =>
    other.spaces.reduce((sum, { region }) => sum + region.words[WORD_WATCHED]!, 0);
  run('WATCH a b');
  const shard = shardOf('b');
  assert.ok(other.tryLock(shard));
  transactions.unwatchAll(engine.sessions[0]!);
  assert.equal(watched(), 1);
  transactions.unwatchLeft();
  assert.equal(watched(), 1);
  other.unlock(shard);
  transactions.unwatchLeft();
  assert.equal(watched(), 0);
  transactions.unwatchLeft();
  assert.deepEqual(lockedShards(other), []);
});

test('keys are found in their shards whatever was marked before', () => {
  const names = Array.from({ length: 1500 }, (_, i) => `key:${i}`);
  run(`MSET ${names.map((name, i) => `${name} ${i}`).join(' ')}`);
  for (const [i, name] of names.entries()) {
    if (i % 100 !== 0) continue;
    assert.equal(run(`GET ${name}`), `$${String(i).length}\r\n${i}\r\n`);
    assert.equal(run(`DEL x ${name} ${name}`), ':1\r\n');
    assert.equal(run(`INCR ${name}`), ':1\r\n');
  }
  const values = run(`MGET ${names.join(' ')}`).split('\r\n');
  for (const i of names.keys()) {
    assert.equal(values[2 + i * 2], i % 100 === 0 ? '1' : String(i));
  }
  assert.equal(run('DBSIZE'), ':1500\r\n');
});
