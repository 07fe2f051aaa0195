/**
 * Collections that are shipped in parts while they change: whatever happens between two parts, the
 * replica has the primary's data in the end.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../src/base/region.js';
import { OUTPUT_BYTES_MIN, PrimaryFlow } from '../../src/replication/primary/primary-flow.js';
import { SyncSession } from '../../src/replication/primary/sync-session.js';
import { PendingStreams } from '../../src/replication/replica/pending-streams.js';
import { ReplicaFlow } from '../../src/replication/replica/replica-flow.js';
import { SyncProgress } from '../../src/replication/replica/sync-progress.js';
import { BLOCK_BYTES_MAX, BLOCK_VALUES, Block, readBlock } from '../../src/replication/wire.js';
import { Random } from '../support/random.js';
import { CollectionWrites } from './collection-writes.js';
import { SimulatedServer } from './server.js';

const NOW = 1_700_000_000_000;
const HASH_KEY = { key0: 5, key1: 9, spread: 1 };
const ROUNDS_MAX = 100_000;
const WINDOW_BYTES = 1 << 20;

const out = new Region(new SharedArrayBuffer(OUTPUT_BYTES_MIN + 64), 0);
const buffer = new Region(new SharedArrayBuffer(BLOCK_BYTES_MAX + 4096), 0);

interface PairOptions {
  readonly shards?: number;
  readonly replicaShards?: number;
  readonly partBytes?: number;
}

/** A primary, its replica, and a full sync between them that goes on step by step. */
class Pair {
  readonly primary: SimulatedServer;
  readonly replica: SimulatedServer;
  /** Blocks with values so far. */
  valueBlocks = 0;
  private readonly primaryFlow: PrimaryFlow;
  private readonly replicaFlow: ReplicaFlow;
  private readonly block = new Block();

  constructor(fill: (primary: SimulatedServer) => void, options: PairOptions = {}) {
    const count = options.shards ?? 1;
    const replicaShards = options.replicaShards ?? count;
    this.primary = newServer('primary', count);
    this.replica = newServer('replica', replicaShards);
    fill(this.primary);
    this.primary.startJournal();
    const { rings } = this.primary;
    const streams = rings.length;
    const mine = rings.map((_, shard) => shard);
    const same = count === replicaShards;
    this.primaryFlow = new PrimaryFlow({
      ...this.primary.primaryParts,
      mine,
      session: new SyncSession(SyncSession.create(streams, true), streams, 1),
      raw: same,
      from: null,
      half: null,
      windowBytes: WINDOW_BYTES,
      partBytes: options.partBytes ?? 300,
    });
    this.replicaFlow = new ReplicaFlow({
      ...this.replica.replicaParts(same),
      buffer,
      primaryShards: count,
      mine,
      progress: new SyncProgress(SyncProgress.create(streams, null), streams, 1),
      pending: new PendingStreams(PendingStreams.create(streams, WINDOW_BYTES, 4 << 20), 1),
    });
  }

  run(...words: (string | number)[]): string {
    const reply = this.primary.execute(NOW, 0, ...words);
    assert.doesNotMatch(
      reply,
      /^-(?!WRONGTYPE|BUSYGROUP|NOGROUP|ERR (no such|hash value|index|value|source|The ))/,
      words.join(' '),
    );
    return reply;
  }

  /** One step of the sync. @returns whether it has come to its end */
  step(): boolean {
    const end = this.primaryFlow.produce(out, 0, out.length);
    for (let at = 0; at < end; at = this.block.end) {
      assert.equal(readBlock(out, at, end, this.block), 1);
      const isOfKey = this.block.shard < this.primary.shards.count;
      if (this.block.type === BLOCK_VALUES && isOfKey) this.valueBlocks++;
    }
    this.replicaFlow.feed(out.bytes.slice(0, end));
    assert.equal(this.primaryFlow.failed, null);
    assert.equal(this.replicaFlow.failed, null);
    return this.primaryFlow.streaming;
  }

  /** Steps until so many blocks with values have come. */
  until(valueBlocks: number): void {
    while (this.valueBlocks < valueBlocks) assert.ok(!this.step(), 'the sync came to its end');
  }

  /** Ends the sync and compares. */
  finish(): void {
    for (let i = 0; !this.step(); i++) assert.ok(i < ROUNDS_MAX);
    for (let i = 0; i < 20; i++) this.step();
    const expected = this.primary.dump(NOW);
    const actual = this.replica.dump(NOW);
    for (const [key, value] of expected) assert.equal(actual.get(key), value, key);
    assert.equal(actual.size, expected.size);
    this.primary.check();
    this.replica.check();
    this.primaryFlow.close();
    this.replicaFlow.close();
  }
}

function newServer(name: string, shards: number): SimulatedServer {
  const shape = { shards, shardMebibytes: 16, ringBytes: 1 << 20 };
  return new SimulatedServer(name, shape, HASH_KEY, () => 'a'.repeat(40));
}

function fields(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => [`f${from + i}`, `v${from + i}`]).flat();
}

function items(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `item ${from + i}`);
}

const COUNT = 2000;

function fillHash(server: SimulatedServer): void {
  server.execute(NOW, 0, 'HSET', 'k', ...fields(0, COUNT));
}

function fillList(server: SimulatedServer): void {
  server.execute(NOW, 0, 'RPUSH', 'k', ...items(0, COUNT));
}

test('a collection that nobody changes comes in parts, each field once', () => {
  const pair = new Pair(fillHash);
  pair.until(20);
  pair.finish();
  assert.ok(pair.valueBlocks > 25);
});

test('the expiry of a collection in parts comes with its end', () => {
  const pair = new Pair(fillHash);
  pair.until(3);
  pair.run('PEXPIREAT', 'k', NOW + 100_000);
  pair.until(10);
  pair.finish();
  assert.match(pair.replica.dump(NOW).get('0 k') ?? '', new RegExp(`^4 ${NOW + 100_000} `));
});

const HASH_CASES: Readonly<Record<string, readonly (string | number)[][]>> = {
  'all fields are removed, then one is set': [
    ['HDEL', 'k', ...items(0, COUNT).map((_, i) => `f${i}`)],
    ['HSET', 'k', 'new', 'v'],
  ],
  'it is removed': [['DEL', 'k']],
  'it is removed and made anew': [
    ['DEL', 'k'],
    ['HSET', 'k', 'f1', 'other', 'new', 'v'],
  ],
  'it is removed and made anew, as large': [
    ['DEL', 'k'],
    ['HSET', 'k', ...fields(500, COUNT + 500)],
  ],
  'another type takes its place': [['SET', 'k', 'string']],
  'a large list takes its place': [
    ['DEL', 'k'],
    ['RPUSH', 'k', ...items(0, COUNT)],
  ],
  'half of each effect was shipped': [
    ['HSET', 'k', ...fields(0, COUNT).map((word) => `${word}x`)],
    ['HSET', 'k', ...fields(0, COUNT).map((word) => (word.startsWith('v') ? 'same' : word))],
    ['HDEL', 'k', ...items(0, COUNT / 2).map((_, i) => `f${i * 2}`)],
  ],
  'it is renamed to where the walk has been, and back': [
    ['RENAME', 'k', 'a'],
    ['RENAME', 'a', 'k'],
  ],
  'it is renamed to many places': Array.from({ length: 8 }, (_, i) => [
    'RENAME',
    i === 0 ? 'k' : `to ${i - 1}`,
    `to ${i}`,
  ]),
  'it is copied': [
    ['COPY', 'k', 'a'],
    ['COPY', 'k', 'b'],
    ['COPY', 'k', 'c'],
  ],
  'its database is emptied': [['FLUSHDB']],
  'its database is emptied, and it is made anew': [['FLUSHDB'], ['HSET', 'k', ...fields(5, COUNT)]],
  'databases are exchanged': [
    ['SWAPDB', 0, 1],
    ['HSET', 'k', 'f', 'v'],
  ],
  'in a transaction': [
    ['MULTI'],
    ['HINCRBY', 'k', 'n', 5],
    ['HDEL', 'k', 'f1', 'f2', 'f3'],
    ['EXEC'],
  ],
};

for (const [what, commands] of Object.entries(HASH_CASES)) {
  test(`a hash in parts: ${what}`, () => {
    for (const blocks of [1, 2, 12, 25]) {
      const pair = new Pair(fillHash);
      pair.until(blocks);
      for (const command of commands) pair.run(...command);
      pair.finish();
    }
  });
}

const LIST_CASES: Readonly<Record<string, readonly (string | number)[][]>> = {
  'elements come and go at both ends': [
    ['LPUSH', 'k', ...items(0, 50)],
    ['RPUSH', 'k', ...items(50, 100)],
    ['LPOP', 'k', 30],
    ['RPOP', 'k', 30],
    ['LPOP', 'k'],
    ['RPOP', 'k'],
  ],
  'more is popped from its head than was shipped': [
    ['LPOP', 'k', COUNT - 10],
    ['LPUSH', 'k', 'new'],
  ],
  'more is popped from its tail than was not': [['RPOP', 'k', COUNT - 3]],
  'all is popped': [
    ['LPOP', 'k', COUNT],
    ['LPUSH', 'k', ...items(0, 10)],
  ],
  'elements are replaced on both sides': [
    ['LSET', 'k', 0, 'first'],
    ['LSET', 'k', -1, 'last'],
    ['LSET', 'k', 700, 'some'],
    ['LSET', 'k', -COUNT, 'first again'],
  ],
  'elements are removed by value': [
    ['LREM', 'k', -1, 'item 5'],
    ['LREM', 'k', 1, `item ${COUNT - 5}`],
  ],
  'elements are inserted by value': [
    ['LINSERT', 'k', 'BEFORE', 'item 5', 'x'],
    ['LINSERT', 'k', 'AFTER', `item ${COUNT - 5}`, 'y'],
  ],
  'it is rotated': [
    ['RPOPLPUSH', 'k', 'k'],
    ['LMOVE', 'k', 'k', 'LEFT', 'RIGHT'],
  ],
  'it is trimmed': [['LTRIM', 'k', 10, 1500]],
  'elements move to another list': [
    ['LMOVE', 'k', 'other', 'LEFT', 'LEFT'],
    ['LMOVE', 'k', 'a', 'RIGHT', 'RIGHT'],
  ],
};

for (const [what, commands] of Object.entries(LIST_CASES)) {
  test(`a list in parts: ${what}`, () => {
    for (const blocks of [1, 2, 12, 25]) {
      const pair = new Pair(fillList);
      pair.until(blocks);
      for (const command of commands) pair.run(...command);
      pair.finish();
    }
  });
}

test('a list that is rotated and trimmed at each step goes on where its parts have come to', () => {
  const blocksWith = (...commands: readonly (readonly (string | number)[])[]): number => {
    const pair = new Pair(fillList);
    for (let i = 0; !pair.step(); i++) {
      assert.ok(i < 1000);
      // Its first part replaces whatever the replica has of it, so changes before it prove nothing.
      if (pair.valueBlocks > 0 && i < 20) pair.run(...(commands[i % commands.length] ?? ['PING']));
    }
    pair.finish();
    return pair.valueBlocks;
  };
  const undisturbed = blocksWith(['LLEN', 'k']);
  const rotated = blocksWith(['RPOPLPUSH', 'k', 'k'], ['LMOVE', 'k', 'k', 'LEFT', 'RIGHT']);
  const trimmed = blocksWith(['LTRIM', 'k', 1, -1], ['LTRIM', 'k', 0, -2], ['LTRIM', 'k', 1, -2]);
  assert.ok(undisturbed > 20, `${undisturbed} blocks`);
  // Begun again, it would have more blocks; and fewer once it is shipped whole.
  assert.ok(Math.abs(rotated - undisturbed) <= 2, `${rotated} blocks, ${undisturbed} otherwise`);
  assert.ok(Math.abs(trimmed - undisturbed) <= 2, `${trimmed} blocks, ${undisturbed} otherwise`);
});

test('a collection that is begun again at each step is shipped whole in the end', () => {
  const pair = new Pair(fillList);
  for (let i = 0; !pair.step(); i++) {
    assert.ok(i < 200);
    pair.run('LREM', 'k', 1, `item ${i}`);
  }
  pair.finish();
});

test('random writes between the steps', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const writes = new CollectionWrites(random, random.pick([50, 500, 1500]));
    const shards = random.pick([1, 2]);
    const options = {
      shards,
      replicaShards: random.chance(0.8) ? shards : 3 - shards,
      partBytes: random.pick([200, 1000, 5000]),
    };
    const pair = new Pair((server) => {
      const run = (...words: (string | number)[]) => server.execute(NOW, 0, ...words);
      writes.fill(run);
      writes.fill(run);
      for (let i = 0; i < 50; i++) run('SET', `string ${i}`, i);
    }, options);
    const each = random.pick([0.2, 1, 5]);
    try {
      for (let i = 0; i < 400 && !pair.step(); i++) {
        for (let j = random.below(each * 2 + 1); j >= 1; j--) {
          writes.write((...words) => pair.run(...words));
        }
      }
      pair.finish();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
