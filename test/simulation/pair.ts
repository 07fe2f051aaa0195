/** A full sync that goes on step by step, so that tests can write between its parts. */
import assert from 'node:assert/strict';
import { Region } from '../../src/base/region.js';
import { OUTPUT_BYTES_MIN, PrimaryFlow } from '../../src/replication/primary/primary-flow.js';
import { SyncSession } from '../../src/replication/primary/sync-session.js';
import { PendingStreams } from '../../src/replication/replica/pending-streams.js';
import { ReplicaFlow } from '../../src/replication/replica/replica-flow.js';
import { SyncProgress } from '../../src/replication/replica/sync-progress.js';
import { BLOCK_BYTES_MAX, BLOCK_VALUES, Block, readBlock } from '../../src/replication/wire.js';
import { SimulatedServer } from './server.js';

export const NOW = 1_700_000_000_000;
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
export class Pair {
  readonly primary: SimulatedServer;
  readonly replica: SimulatedServer;
  /** Blocks with values so far. */
  valueBlocks = 0;
  readonly progress: SyncProgress;
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
    this.progress = new SyncProgress(SyncProgress.create(streams, null), streams, 1);
    this.replicaFlow = new ReplicaFlow({
      ...this.replica.replicaParts(same),
      buffer,
      primaryShards: count,
      mine,
      progress: this.progress,
      pending: new PendingStreams(PendingStreams.create(streams, WINDOW_BYTES, 4 << 20), 1),
    });
  }

  run(...words: (string | number)[]): string {
    return this.runIn(0, ...words);
  }

  runIn(database: number, ...words: (string | number)[]): string {
    const reply = this.primary.execute(NOW, database, ...words);
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
