/** Strings of a journal that are gathered are what they are when each effect runs by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../src/base/region.js';
import { OUTPUT_BYTES_MIN, PrimaryFlow } from '../../src/replication/primary/primary-flow.js';
import { NO_WINDOW_BYTES } from '../../src/replication/primary/send-window.js';
import { SyncSession } from '../../src/replication/primary/sync-session.js';
import { PendingStreams } from '../../src/replication/replica/pending-streams.js';
import { ReplicaFlow } from '../../src/replication/replica/replica-flow.js';
import { prepareFullSync } from '../../src/replication/replica/shard-writer.js';
import { SyncProgress } from '../../src/replication/replica/sync-progress.js';
import { BLOCK_JOURNAL, Block, readBlock } from '../../src/replication/wire.js';
import {
  type GatheredStrings,
  gatherStrings,
} from '../../src/server/flow-thread/gathered-strings.js';
import { RandomWrites } from '../replication/random-writes.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { SimulatedServer } from './server.js';

const HASH_KEY = { key0: 1, key1: 6, spread: 2 };
const SHARDS = 2;
const STREAMS = SHARDS + 1;
const MINE = [0, 1, 2];
const NOW = 1_700_000_000_000;
const KEYS = 6000;
const out = new Region(new SharedArrayBuffer(OUTPUT_BYTES_MIN + 64), 0);
const block = new Block();

function newServer(name: string, shardMebibytes = 32): SimulatedServer {
  const shape = { shards: SHARDS, shardMebibytes, ringBytes: 1 << 20 };
  const server = new SimulatedServer(name, shape, HASH_KEY, () => 'a'.repeat(40));
  prepareFullSync(server.shards, HASH_KEY);
  return server;
}

/** Whoever loads the journal of a server: all streams in one flow. */
class Loading {
  readonly gathered: GatheredStrings | null;
  readonly progress: SyncProgress;
  private readonly flow: ReplicaFlow;

  constructor(
    readonly server: SimulatedServer,
    from: readonly number[],
    gathers: boolean,
  ) {
    this.gathered = gathers ? gatherStrings(server.applier, SHARDS, MINE) : null;
    this.progress = new SyncProgress(SyncProgress.createForFiles(STREAMS, from), STREAMS, 1);
    const parts = server.replicaParts();
    this.flow = new ReplicaFlow({
      ...{ ...parts, primaryShards: SHARDS, mine: MINE, progress: this.progress },
      target: this.gathered ?? parts.target,
      pending: new PendingStreams(PendingStreams.create(STREAMS, 1 << 20, 4 << 20), 1),
    });
  }

  take(offset: number, bytes: number): string | null {
    if (this.gathered !== null) {
      this.gathered.fileOffset = offset;
      this.gathered.fileBytes = 2 * bytes;
    }
    this.flow.takeStream(out, block);
    return this.flow.failed;
  }
}

/** A server that writes, and what loads its journal as it is written. */
class Written {
  readonly primary = newServer('primary');
  private readonly source: PrimaryFlow;
  private offset = 1;
  private database = 0;
  readonly from: number[];

  constructor() {
    this.primary.startJournal();
    this.from = this.primary.heads();
    this.source = new PrimaryFlow({
      ...{ ...this.primary.primaryParts, mine: MINE, from: this.from, half: null, raw: true },
      session: new SyncSession(SyncSession.create(STREAMS, false), STREAMS, 1),
      windowBytes: NO_WINDOW_BYTES,
    });
  }

  run(...words: string[]): void {
    if (words[0] === 'SELECT') this.database = Number(words[1]);
    else this.primary.execute(NOW, this.database, ...words);
  }

  /** Has the journal loaded that is new. @returns the first error of each */
  load(loadings: readonly Loading[]): (string | null)[] {
    const failed = loadings.map((): string | null => null);
    for (;;) {
      const end = this.source.produce(out, 0, out.length);
      assert.equal(this.source.failed, null);
      if (end === 0) return failed;
      for (let at = 0; at < end; at = block.end) {
        assert.equal(readBlock(out, at, end, block), 1);
        if (block.type !== BLOCK_JOURNAL) continue;
        this.offset += block.length;
        const { payload, from, to, length } = block;
        loadings.forEach((loading, i) => {
          Object.assign(block, { payload, from, to, length });
          failed[i] ??= loading.take(this.offset, 1 << 26);
        });
      }
    }
  }
}

/** Writes of which most are plain strings, a few thousand keys in two databases. */
class StringWrites {
  private readonly others: RandomWrites;

  constructor(private readonly random: Random) {
    this.others = new RandomWrites(random, 'w', 60);
  }

  private key(): string {
    return `${this.random.chance(0.1) ? '{tag}' : ''}key:${this.random.below(KEYS)}`;
  }

  private value(): string {
    const { random } = this;
    const length = random.chance(0.01) ? 3000 : random.below(200);
    return random.chance(0.1) ? String(random.next()) : 'v'.repeat(length);
  }

  next(): string[][] {
    const { random } = this;
    const key = this.key();
    const what = random.below(1000);
    if (what < 700) return [['SET', key, this.value()]];
    if (what < 780) return [['SET', key, this.value(), 'PX', String(random.between(1, 9e6))]];
    if (what < 850) return [['MSET', key, this.value(), this.key(), this.value()]];
    if (what < 950) return [this.onKey(key)];
    if (what < 990) return this.others.next();
    if (what < 998) return [['SELECT', String(random.below(2))]];
    return [random.chance(0.1) ? ['FLUSHDB'] : ['SWAPDB', '0', '1']];
  }

  private onKey(key: string): string[] {
    const { random } = this;
    return random.pick([
      ['DEL', key],
      ['APPEND', key, 'more'],
      ['PEXPIRE', key, String(random.between(1, 9e6))],
      ['PERSIST', key],
      ['RENAME', key, this.key()],
      ['COPY', key, this.key(), 'REPLACE'],
      ['SETRANGE', key, '3', 'range'],
      ['LPUSH', `list:${key}`, 'element'],
      ['INCR', `count:${random.below(50)}`],
      ['DEL', key, this.key(), this.key()],
      ['BITOP', 'NOT', this.key(), key],
    ]);
  }
}

test('random effects leave the same data, whether strings are gathered or not', (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`DARTER_SEED=${seed}`);
  let most = 0;
  for (let round = 0; round < 4; round++) {
    const random = new Random(seed + round);
    const written = new Written();
    const writes = new StringWrites(random);
    const plain = new Loading(newServer('plain'), written.from, false);
    const gathering = new Loading(newServer('gathering'), written.from, true);
    for (let i = 0; i < 15_000; i++) {
      for (const command of writes.next()) written.run(...command);
      if (i % 64 === 0) assert.deepEqual(written.load([plain, gathering]), [null, null]);
    }
    assert.deepEqual(written.load([plain, gathering]), [null, null]);
    assert.equal(gathering.gathered!.settleAll(), null);
    const expected = plain.server.dump(0);
    most = Math.max(most, expected.size);
    assert.deepEqual(gathering.server.dump(0), expected);
    assert.deepEqual(written.primary.dump(0), expected);
    assert.deepEqual([...gathering.progress.applied], written.primary.heads());
    assert.deepEqual(gathering.server.heads(), plain.server.heads());
    gathering.server.check();
  }
  assert.ok(most > 1000);
});

test('new strings get their frames at once, and tables are whole', () => {
  const written = new Written();
  const plain = new Loading(newServer('plain'), written.from, false);
  const gathering = new Loading(newServer('gathering'), written.from, true);
  for (let i = 0; i < 60_000; i++) {
    written.run('SET', `key:${i}`, `value ${i}`.padEnd(60));
    if (i % 512 === 0) assert.deepEqual(written.load([plain, gathering]), [null, null]);
  }
  assert.deepEqual(written.load([plain, gathering]), [null, null]);
  assert.equal(gathering.gathered!.settleAll(), null);
  assert.equal(gathering.server.shards.table(0, 0).size, plain.server.shards.table(0, 0).size);
  assert.deepEqual(gathering.server.dump(0), plain.server.dump(0));
  gathering.server.check();
});

test('a string for which there is no room is told with its place in the file', () => {
  const written = new Written();
  const gathering = new Loading(newServer('small', 2), written.from, true);
  const { gathered } = gathering;
  let failed: string | null = null;
  for (let i = 0; i < 40_000 && failed === null; i++) {
    written.run('SET', `key:${i}`, 'v'.repeat(100));
    if (i % 128 === 0) failed = written.load([gathering])[0]!;
  }
  assert.match(failed ?? '', /^OOM shard [01] of 2 is full/);
  assert.equal(gathered!.failed, failed);
  assert.ok(gathered!.failedOffset > 0 && gathered!.failedOffset < gathered!.fileOffset);
});

test('large values that strings take the place of do not fill a shard while these wait', () => {
  const written = new Written();
  const gathering = new Loading(newServer('small', 2), written.from, true);
  for (let i = 0; i < 600; i++) {
    written.run('SET', `job:${i}`, 'v'.repeat(100_000));
    if (i >= 5) written.run('SET', `job:${i - 5}`, 'done');
    assert.deepEqual(written.load([gathering]), [null]);
  }
  assert.equal(gathering.gathered!.settleAll(), null);
  assert.deepEqual(gathering.server.dump(0), written.primary.dump(0));
});
