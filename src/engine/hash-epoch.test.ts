/**
 * A full sync gives the data set another hash key and spread while clients are served. What a thread
 * hashed before, and whatever it waited for since, does not reach a key in the wrong shard.
 */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { BUSY, DONE } from '../base/outcome.js';
import type { ServerPort } from '../commands/contract/server-port.js';
import { del } from '../commands/generic/del.js';
import { debug } from '../commands/server/debug.js';
import { get } from '../commands/string/get.js';
import { incr } from '../commands/string/incr.js';
import { mget } from '../commands/string/mget.js';
import { mset } from '../commands/string/mset.js';
import { set } from '../commands/string/set.js';
import { exec } from '../commands/transactions/exec.js';
import { multi } from '../commands/transactions/multi.js';
import { unwatch, watch } from '../commands/transactions/watch.js';
import { WORD_WATCHED } from '../keyspace/shard-words.js';
import type { Shards } from '../keyspace/shards.js';
import {
  checkAll,
  createShards,
  lockedShards,
  openShards,
  replaceData,
  TestEngine,
} from './testing.js';

const DEFINITIONS = [debug, del, exec, get, incr, mget, mset, multi, set, unwatch, watch];
const SHARDS = 16;
const NAMES = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? `plain:${i}` : `{tag}:${i}`));

let engine: TestEngine;
let other: Shards;

/** Dispatches until it is no longer BUSY. @returns how often it was */
function insist(command: string, client = 0): number {
  for (let busy = 0; ; busy++) {
    const outcome = engine.dispatch(client, command);
    if (outcome === DONE) return busy;
    assert.equal(outcome, BUSY);
    assert.equal(engine.answer, '');
    assert.deepEqual(lockedShards(other), [], 'a command that starts over holds nothing');
    engine.turn();
  }
}

beforeEach(() => {
  const shared = createShards(SHARDS);
  engine = new TestEngine(shared, 0, DEFINITIONS, 2);
  other = openShards(shared, 1);
});

test('a command whose key was hashed with the old key starts over once', () => {
  for (const [i, name] of NAMES.entries()) {
    replaceData(other, i + 1);
    assert.equal(insist(`SET ${name} 1`), 1);
    assert.equal(insist(`GET ${name}`), 0);
    assert.equal(engine.answer, '$1\r\n1\r\n');
    assert.equal(checkAll(other), 1);
  }
});

test('so does a command on several keys, and none of them is lost', () => {
  for (let i = 1; i < 20; i++) {
    replaceData(other, i);
    assert.equal(insist(`MSET ${NAMES.map((name) => `${name} ${i}`).join(' ')}`), 1);
    assert.equal(checkAll(other), NAMES.length);
    assert.equal(insist(`MGET ${NAMES.join(' ')}`), 0);
    assert.equal(engine.answer, `*12\r\n${`$${`${i}`.length}\r\n${i}\r\n`.repeat(12)}`);
  }
});

test('so does EXEC with the keys of its queue', () => {
  for (let i = 1; i < 20; i++) {
    insist('MULTI');
    for (const name of NAMES) insist(`INCR ${name}`);
    replaceData(other, i);
    assert.equal(insist('EXEC'), 1);
    assert.equal(engine.answer, `*12\r\n${':1\r\n'.repeat(12)}`);
    assert.equal(checkAll(other), NAMES.length);
  }
});

test('so does what locks key by key', () => {
  const configuration = { value: () => 'yes' } as unknown as ServerPort['configuration'];
  engine.dispatcher.server = { ...engine.dispatcher.server, configuration };
  for (let i = 1; i < 10; i++) {
    replaceData(other, i);
    insist('DEBUG POPULATE 200 {tag}');
    assert.equal(engine.answer, '+OK\r\n');
    assert.equal(checkAll(other), 200);
  }
  for (const command of ['DEBUG OBJECT nothing', 'DEBUG DIGEST-VALUE nothing']) {
    replaceData(other, 10);
    const none = command.includes('OBJECT') ? /^-ERR no such key/ : /^\*1\r\n\+0{40}\r\n$/;
    insist(command);
    assert.match(engine.answer, none);
    assert.deepEqual(lockedShards(other), []);
  }
});

test('EXEC is null when the hash key changed since WATCH, whether the key was there or not', () => {
  for (const [i, prepare] of ['SET {tag}:1 v', 'DEL {tag}:1'].entries()) {
    insist(prepare);
    insist('WATCH {tag}:1');
    replaceData(other, i + 1);
    insist('MULTI');
    insist('SET {tag}:1 w');
    insist('EXEC');
    assert.equal(engine.answer, '*-1\r\n', prepare);
    assert.equal(checkAll(other), 0);
    const watched = other.spaces.map(({ words }) => words[WORD_WATCHED]!);
    assert.deepEqual(watched, Array(SHARDS).fill(0), 'nothing stays watched');
  }
  insist('WATCH {tag}:1');
  insist('MULTI');
  insist('SET {tag}:1 w');
  insist('EXEC');
  assert.equal(engine.answer, '*1\r\n+OK\r\n', 'a WATCH of the new epoch counts');
});

test('keys watched before the hash key changed are unwatched where they were', () => {
  for (const name of NAMES) insist(`WATCH ${name}`);
  replaceData(other, 3);
  for (const name of NAMES) insist(`WATCH ${name}`);
  insist('UNWATCH');
  const watched = other.spaces.map(({ words }) => words[WORD_WATCHED]!);
  assert.deepEqual(watched, Array(SHARDS).fill(0));
});
