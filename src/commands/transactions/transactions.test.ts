/** MULTI, EXEC, DISCARD, WATCH and UNWATCH with the real dispatcher, on two clients. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region, toBinary } from '../../base/region.js';
import { Dispatcher } from '../../engine/dispatch.js';
import { Registry } from '../../engine/registry.js';
import { ClientSession } from '../../engine/session.js';
import { vector } from '../../engine/testing.js';
import { Transactions } from '../../engine/transactions.js';
import { WORD_LOCK, WORD_WATCHED } from '../../keyspace/shard-words.js';
import { formatShard, Shards } from '../../keyspace/shards.js';
import { Reply } from '../../protocol/reply.js';
import { bitfield } from '../bitmap/bitfield.js';
import { select } from '../connection/select.js';
import type { ServerPort } from '../contract/server-port.js';
import { type Decoded, ReplyDecoder } from '../contract/test-decoder.js';
import { copy } from '../generic/copy.js';
import { dbsize } from '../generic/dbsize.js';
import { del } from '../generic/del.js';
import { expire } from '../generic/expire.js';
import { flushall } from '../generic/flushall.js';
import { keys } from '../generic/keys.js';
import { rename } from '../generic/rename.js';
import { swapdb } from '../generic/swapdb.js';
import { get } from '../string/get.js';
import { incr } from '../string/incr.js';
import { set } from '../string/set.js';
import { discard } from './discard.js';
import { exec } from './exec.js';
import { multi } from './multi.js';
import { unwatch, watch } from './watch.js';

const DEFINITIONS = [
  ...[bitfield, copy, dbsize, del, discard, exec, expire, flushall, get, incr, keys, multi, rename],
  ...[select, set, swapdb, unwatch, watch],
];
const SHARDS = 4;

class Server {
  readonly dispatcher: Dispatcher;
  private readonly reply = new Reply(new Region(new SharedArrayBuffer(4096), 0));
  private readonly sessions = [1, 2].map((id) => new ClientSession(id, id, '', '', 0, () => true));

  constructor() {
    const counters = new Int32Array(new SharedArrayBuffer(64));
    const regions = Array.from({ length: SHARDS }, () => {
      const region = new Region(new SharedArrayBuffer(1 << 22), 0);
      formatShard(region, 4, counters, 0, { key0: 1, key1: 2, spread: 8 });
      return region;
    });
    const registry = new Registry(DEFINITIONS);
    const zeroes = () => new Float64Array(registry.all.length);
    this.dispatcher = new Dispatcher(
      registry,
      new Shards(regions, 4, counters, 0, 0),
      this.reply,
      {
        calls: zeroes(),
        microseconds: zeroes(),
        rejected: zeroes(),
        failed: zeroes(),
        timeEverything: false,
        errorReply() {},
        timed() {},
      },
      {
        failed: (_, error) => assert.fail(String(error)),
        attacked: () => {},
        waiting: () => assert.fail(),
        resumed: () => assert.fail(),
      },
      this.sessions[0]!,
    );
    const server: Partial<ServerPort> = { transactions: new Transactions(this.dispatcher) };
    this.dispatcher.server = server as ServerPort;
    this.dispatcher.beginTurn(1_700_000_000_000, 0);
  }

  /** Runs commands of client 1 or 2, and returns the last reply. Checks that no lock stays taken. */
  run(client: 1 | 2, ...commands: string[]): Decoded {
    let decoded: Decoded = null;
    for (const command of commands) {
      this.reply.rewind(0);
      this.dispatcher.dispatch(this.sessions[client - 1]!, vector(command.split(' ')));
      const { region, start, length } = this.reply;
      decoded = new ReplyDecoder(toBinary(region, start, length)).next();
      for (const space of this.dispatcher.shards.spaces) {
        assert.equal(space.region.words[WORD_LOCK], 0, `no lock is left after ${command}`);
      }
    }
    return decoded;
  }

  watched(): number {
    const { spaces } = this.dispatcher.shards;
    return spaces.reduce((sum, space) => sum + space.region.words[WORD_WATCHED]!, 0);
  }
}

test('EXEC runs what was queued and answers with all replies', () => {
  const s = new Server();
  assert.equal(s.run(1, 'MULTI'), '+OK');
  assert.equal(s.run(1, 'SET a 1'), '+QUEUED');
  assert.equal(s.run(2, 'GET a'), null, 'nothing has run yet');
  s.run(1, 'INCR a', 'RENAME a b', 'INCR absent', 'KEYS b*', 'DBSIZE');
  assert.deepEqual(s.run(1, 'EXEC'), ['+OK', 2, '+OK', 1, ['b'], 2]);
  assert.equal(s.run(2, 'GET b'), '2');
  assert.deepEqual(s.run(1, 'MULTI', 'EXEC'), []);
});

test('a watched key whose time comes makes EXEC fail, also where it is only hidden', () => {
  for (const hides of ['', 'defersExpiry', 'replica']) {
    const s = new Server();
    const { keys } = s.dispatcher;
    if (hides === 'defersExpiry') keys.defersExpiry = () => true;
    if (hides === 'replica') keys.expiresKeys = false;
    s.run(1, 'SET a 1', 'EXPIRE a 1', 'WATCH a', 'MULTI', 'SET b 1');
    s.dispatcher.beginTurn(1_700_000_002_000, 0);
    assert.equal(s.run(1, 'EXEC'), null);
    assert.equal(s.run(1, 'GET b'), null);
    // It was gone already for who watches it now.
    s.run(2, 'WATCH a', 'MULTI', 'SET b 2', 'GET a');
    assert.deepEqual(s.run(2, 'EXEC'), ['+OK', null]);
    assert.equal(s.watched(), 0);
  }
});

test('an error while it runs does not stop the others', () => {
  const s = new Server();
  s.run(1, 'SET a x', 'MULTI', 'INCR a', 'SET b 1');
  assert.deepEqual(s.run(1, 'EXEC'), ['-ERR value is not an integer or out of range', '+OK']);
});

test('a command that was refused aborts the transaction', () => {
  const s = new Server();
  s.run(1, 'MULTI', 'SET a 1', 'GET', 'SET b 1');
  const aborted = '-EXECABORT Transaction discarded because of previous errors.';
  assert.equal(s.run(1, 'EXEC'), aborted);
  assert.equal(s.run(1, 'DBSIZE'), 0);
  assert.equal(s.run(1, 'MULTI', 'FOO', 'EXEC'), aborted);
  assert.deepEqual(s.run(1, 'MULTI', 'DBSIZE', 'EXEC'), [0]);
});

test('what MULTI, WATCH, EXEC and DISCARD refuse, and that this does not abort', () => {
  const s = new Server();
  assert.equal(s.run(1, 'EXEC'), '-ERR EXEC without MULTI');
  assert.equal(s.run(1, 'DISCARD'), '-ERR DISCARD without MULTI');
  s.run(1, 'MULTI');
  assert.equal(s.run(1, 'MULTI'), '-ERR MULTI calls can not be nested');
  assert.equal(s.run(1, 'WATCH a'), '-ERR WATCH inside MULTI is not allowed');
  assert.equal(s.run(1, 'UNWATCH'), '+QUEUED');
  assert.deepEqual(s.run(1, 'EXEC'), ['+OK']);
});

test('DISCARD forgets the queue and what was watched', () => {
  const s = new Server();
  s.run(1, 'WATCH a b', 'MULTI', 'SET a 1');
  assert.equal(s.watched(), 2);
  assert.equal(s.run(1, 'DISCARD'), '+OK');
  assert.equal(s.watched(), 0);
  assert.equal(s.run(1, 'DBSIZE'), 0);
});

test('a BITFIELD whose writes all fail changes no watched key, though the value grows', () => {
  const s = new Server();
  s.run(1, 'WATCH a', 'BITFIELD a OVERFLOW FAIL INCRBY i14 195 9007199254740991', 'MULTI');
  assert.deepEqual(s.run(1, 'EXEC'), []);
  s.run(1, 'WATCH a', 'BITFIELD a SET u8 0 1', 'MULTI');
  assert.equal(s.run(1, 'EXEC'), null);
});

test('EXEC is null when a watched key has changed, whoever did it and however', () => {
  const changes: [before: string, change: string][] = [
    ['DEL k', 'SET k 1'],
    ['SET k 1', 'SET k 1'],
    ['SET k 1', 'DEL k'],
    ['SET k 1', 'INCR k'],
    ['SET k 1', 'EXPIRE k 100'],
    ['SET k 1', 'EXPIRE k -1'],
    ['SET k 1', 'RENAME k other'],
    ['SET other 1', 'RENAME other k'],
    ['SET other 1', 'COPY other k'],
    ['SET k 1', 'FLUSHALL'],
    ['SET k 1', 'SWAPDB 0 1'],
  ];
  for (const [before, change] of changes) {
    for (const client of [1, 2] as const) {
      const s = new Server();
      s.run(2, before);
      s.run(1, 'WATCH x k y');
      s.run(client, change);
      assert.equal(s.run(1, 'MULTI', 'SET done 1', 'EXEC'), null, `${change} by ${client}`);
      assert.equal(s.run(1, 'GET done'), null);
      assert.equal(s.watched(), 0);
      assert.deepEqual(s.run(1, 'MULTI', 'GET done', 'EXEC'), [null], 'it was for one time');
    }
  }
});

test('what is no change to a watched key', () => {
  const harmless: [before: string, other: string][] = [
    ['SET k 1', 'GET k'],
    ['SET k 1', 'DEL absent'],
    ['DEL k', 'DEL k'],
    ['DEL k', 'FLUSHALL'],
    ['SET k 1', 'COPY k other'],
    ['SET k 1', 'SWAPDB 1 2'],
    ['DEL k', 'SWAPDB 0 1'],
    ['DEL k', 'EXPIRE k 10'],
  ];
  for (const [before, other] of harmless) {
    const s = new Server();
    s.run(2, before);
    s.run(1, 'WATCH k');
    s.run(2, other);
    assert.deepEqual(s.run(1, 'MULTI', 'SET done 1', 'EXEC'), ['+OK'], other);
  }
});

test('a missing key that SWAPDB replaces with an expired one is still missing', () => {
  const s = new Server();
  s.run(2, 'SELECT 1', 'SET k 1 PX 5');
  s.run(1, 'WATCH k');
  s.dispatcher.beginTurn(1_700_000_000_010, 0);
  s.run(2, 'SWAPDB 0 1');
  assert.deepEqual(s.run(1, 'MULTI', 'GET k', 'EXEC'), [null]);
  s.run(1, 'WATCH k');
  s.run(2, 'SELECT 0', 'SET k 2');
  assert.equal(s.run(1, 'MULTI', 'GET k', 'EXEC'), null, 'set anew, it is there');
});

test('a key of the same name in another database is another key', () => {
  const s = new Server();
  s.run(1, 'WATCH k');
  s.run(2, 'SELECT 1', 'SET k 1');
  assert.deepEqual(s.run(1, 'MULTI', 'SET k 2', 'EXEC'), ['+OK']);
});

test('UNWATCH forgets, and EXEC too', () => {
  const s = new Server();
  s.run(1, 'WATCH k');
  s.run(2, 'SET k 1');
  assert.equal(s.run(1, 'UNWATCH'), '+OK');
  assert.deepEqual(s.run(1, 'MULTI', 'GET k', 'EXEC'), ['1']);
  s.run(1, 'WATCH k', 'MULTI', 'EXEC');
  s.run(2, 'SET k 2');
  assert.deepEqual(s.run(1, 'MULTI', 'GET k', 'EXEC'), ['2']);
});

test('who watches after SWAPDB sees the key that came with it go', () => {
  const s = new Server();
  s.run(2, 'SELECT 1', 'SET k 1');
  s.run(1, 'WATCH k');
  s.run(2, 'SWAPDB 0 1', 'SELECT 0', 'WATCH k');
  s.run(1, 'FLUSHALL');
  assert.equal(s.run(2, 'MULTI', 'DBSIZE', 'EXEC'), null);
});

test('SELECT inside a transaction holds for the rest of it, and afterwards', () => {
  const s = new Server();
  s.run(1, 'MULTI', 'SET k 0', 'SELECT 2', 'SET k 2', 'EXEC');
  assert.equal(s.run(1, 'GET k'), '2');
  assert.equal(s.run(2, 'GET k'), '0');
});
