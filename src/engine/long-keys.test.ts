/** A long key is hashed once, however often its command is tried, also in a transaction. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { BUSY, DONE } from '../base/outcome.js';
import { toBinary } from '../base/region.js';
import { get } from '../commands/string/get.js';
import { mset } from '../commands/string/mset.js';
import { set } from '../commands/string/set.js';
import { exec } from '../commands/transactions/exec.js';
import { multi } from '../commands/transactions/multi.js';
import type { Arguments } from '../protocol/parser.js';
import { checkAll, createShards, openShards, replaceData, TestEngine, vector } from './testing.js';

const LONG = 'x'.repeat(5000);
const COMMANDS = [exec, get, mset, multi, set];

let engine: TestEngine;
let other: ReturnType<typeof openShards>;
/** The first letters of the long keys that were hashed. */
let hashed: string;

beforeEach(() => {
  const shared = createShards(8);
  engine = new TestEngine(shared, 0, COMMANDS, 3);
  other = openShards(shared, 1);
  hashed = '';
  const { keyHash } = engine.shards;
  const hash = keyHash.hash.bind(keyHash);
  keyHash.hash = (out, region, offset, length) => {
    if (length > 1024) hashed += toBinary(region, offset, 1);
    return hash(out, region, offset, length);
  };
});

function dispatch(args: Arguments, client = 0): number {
  engine.reply.rewind(0);
  engine.turn();
  return engine.dispatcher.dispatch(engine.sessions[client]!, args);
}

/** Tries a command while another thread holds all shards. */
function busy(args: Arguments, times: number, client = 0): void {
  for (let shard = 0; shard < other.count; shard++) other.lock(shard);
  for (let i = 0; i < times; i++) assert.equal(dispatch(args, client), BUSY);
  for (let shard = 0; shard < other.count; shard++) other.unlock(shard);
}

const long = (letter: string) => letter + LONG;
const words = (...all: string[]) => vector(all);

test('a command that is tried again hashes its long keys no second time', () => {
  const one = words('SET', long('a'), 'value');
  busy(one, 3);
  assert.equal(dispatch(one), DONE);
  assert.equal(hashed, 'a');
  const several = words('MSET', long('b'), '1', 'short', '2', long('c'), '3');
  busy(several, 3);
  assert.equal(dispatch(several), DONE);
  assert.equal(hashed, 'abc');
  assert.equal(checkAll(engine.shards), 4);
});

test('EXEC hashes the long keys of its queue once, however often it is tried', () => {
  dispatch(words('MULTI'));
  dispatch(words('SET', long('a'), '1'));
  dispatch(words('MSET', long('b'), '2', long('a'), '3'));
  const end = words('EXEC');
  busy(end, 3);
  assert.equal(dispatch(end), DONE);
  assert.equal(hashed, 'aba');
  assert.equal(engine.answer, '*2\r\n+OK\r\n+OK\r\n');
  assert.equal(checkAll(engine.shards), 2);
});

test('what was kept is of no use to another command, nor after another data set came', () => {
  const args = words('SET', long('a'), 'value');
  busy(args, 1);
  // The same bytes in the same place, but another client's.
  dispatch(args, 1);
  assert.equal(hashed, 'aa');
  busy(args, 1);
  dispatch(words('GET', 'short'), 2);
  assert.equal(dispatch(args), DONE);
  assert.equal(hashed, 'aaa');
  // It has ended: its place holds another key.
  args.region.bytes.fill(98, args.offset[1]!, args.offset[1]! + args.length[1]!);
  assert.equal(dispatch(args), DONE);
  assert.equal(hashed, 'aaab');
  busy(args, 1);
  assert.equal(hashed, 'aaabb');
  replaceData(other, 5);
  while (dispatch(args) !== DONE);
  assert.match(hashed, /^aaabbb+$/);
  assert.equal(checkAll(engine.shards), 1);
});
