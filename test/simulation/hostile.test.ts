/** What a hostile or broken primary can send, with right checksums: refused, never harmful. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../src/base/region.js';
import { OUTPUT_BYTES_MIN, PrimaryFlow } from '../../src/replication/primary/primary-flow.js';
import { SyncSession } from '../../src/replication/primary/sync-session.js';
import { PendingStreams } from '../../src/replication/replica/pending-streams.js';
import { ReplicaFlow } from '../../src/replication/replica/replica-flow.js';
import { prepareFullSync } from '../../src/replication/replica/shard-writer.js';
import { SyncProgress } from '../../src/replication/replica/sync-progress.js';
import { BLOCK_HEADER_BYTES, Block, readBlock, sealBlock } from '../../src/replication/wire.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { SimulatedServer } from './server.js';

const WINDOW_BYTES = 131_072;
const HASH_KEY = { key0: 5, key1: 6, spread: 2 };
const NOW = 1_700_000_000_000;
const out = new Region(new SharedArrayBuffer(OUTPUT_BYTES_MIN * 2), 0);

function newServer(name: string, shards: number): SimulatedServer {
  const shape = { shards, shardMebibytes: 4, ringBytes: 65_536 };
  return new SimulatedServer(name, shape, HASH_KEY, () => 'a'.repeat(40));
}

function newPrimaryFlow(server: SimulatedServer, raw: boolean): PrimaryFlow {
  const streams = server.rings.length;
  const session = new SyncSession(SyncSession.create(streams, true), streams, 1);
  const mine = server.rings.map((_, shard) => shard);
  const options = { mine, session, raw, from: null, half: null, windowBytes: WINDOW_BYTES };
  return new PrimaryFlow({ ...server.primaryParts, ...options });
}

function newReplicaFlow(server: SimulatedServer): {
  replicaFlow: ReplicaFlow;
  progress: SyncProgress;
} {
  const streams = server.rings.length;
  const progress = new SyncProgress(SyncProgress.create(streams, null), streams, 1);
  const pending = new PendingStreams(PendingStreams.create(streams, WINDOW_BYTES, 1 << 20), 1);
  const mine = server.rings.map((_, stream) => stream);
  const options = { primaryShards: server.shards.count, mine, progress, pending };
  return { replicaFlow: new ReplicaFlow({ ...server.replicaParts(), ...options }), progress };
}

/** The blocks of a whole sync with updates, transactions and large values on the way. */
function record(raw: boolean): Uint8Array[] {
  const server = newServer('primary', 2);
  for (let i = 0; i < 300; i++) {
    const value = 'v'.repeat(i % 50 === 0 ? 9000 : i % 200);
    server.execute(NOW, i % 2, 'SET', `key:${i}`, value);
  }
  server.startJournal();
  const primaryFlow = newPrimaryFlow(server, raw);
  const blocks: Uint8Array[] = [];
  const block = new Block();
  for (let i = 0; i < 60; i++) {
    server.execute(NOW, 0, 'SET', `key:${i}`, 'new');
    server.execute(NOW, 0, 'MSET', 'a', `${i}`, 'b', `${i}`, 'c', `${i}`);
    server.keyless.message();
    server.keyless.note('name', `${i}`);
    if (i === 50) server.execute(NOW, 1, 'FLUSHDB');
    if (i === 55) server.execute(NOW, 1, 'SWAPDB', 0, 1);
    const end = primaryFlow.produce(out, 0, OUTPUT_BYTES_MIN + 64);
    for (let at = 0; at < end; at = block.end) {
      assert.equal(readBlock(out, at, end, block), 1);
      blocks.push(out.bytes.slice(at, block.end));
    }
  }
  primaryFlow.close();
  return blocks;
}

/** Changes a block and gives it right checksums again. */
function forge(bytes: Uint8Array, random: Random): Uint8Array {
  const region = new Region(new SharedArrayBuffer(bytes.length + 16), 0);
  region.bytes.set(bytes);
  const block = new Block();
  assert.equal(readBlock(region, 0, bytes.length, block), 1);
  for (let i = random.between(1, 4); i > 0 && block.length > 0; i--) {
    const first = random.chance(0.5) ? Math.min(block.length, 100) : block.length;
    region.bytes[BLOCK_HEADER_BYTES + random.below(first)] = random.below(256);
  }
  const type = random.chance(0.1) ? random.between(1, 7) : block.type;
  const shard = random.chance(0.1) ? random.below(4) : block.shard;
  const length = random.chance(0.1) ? random.below(block.length + 1) : block.length;
  const to = random.chance(0.1) ? block.to + 4 * random.below(100) : block.to;
  Object.assign(block, { type, shard, length, to });
  const end = sealBlock(region, 0, block);
  return region.bytes.slice(0, end);
}

for (const raw of [true, false]) {
  test(`forged blocks do no harm (${raw ? 'frames' : 'entries'})`, (context) => {
    const seed = seedFromEnvironment();
    context.diagnostic(`DARTER_SEED=${seed}`);
    const random = new Random(seed);
    const blocks = record(raw);
    let refused = 0;
    for (let run = 0; run < 300; run++) {
      const replica = newServer('replica', 2);
      prepareFullSync(replica.shards, HASH_KEY);
      const { replicaFlow, progress } = newReplicaFlow(replica);
      const forged = random.below(blocks.length);
      blocks.forEach((bytes, i) => {
        replicaFlow.feed(i === forged || random.chance(0.01) ? forge(bytes, random) : bytes);
      });
      replicaFlow.close();
      if (replicaFlow.failed !== null) refused++;
      assert.doesNotMatch(replicaFlow.failed ?? '', /internal error/, replicaFlow.failed ?? '');
      replica.check();
      assert.ok(progress.sums[0]! > 0);
    }
    assert.ok(refused > 100, `${refused} refused`);
  });
}

test('a stream cut at any byte leaves whole records only', () => {
  const blocks = record(true);
  const stream = new Uint8Array(blocks.reduce((sum, bytes) => sum + bytes.length, 0));
  let filled = 0;
  for (const bytes of blocks) {
    stream.set(bytes, filled);
    filled += bytes.length;
  }
  const random = new Random(7);
  for (let run = 0; run < 40; run++) {
    const replica = newServer('replica', 2);
    prepareFullSync(replica.shards, HASH_KEY);
    const { replicaFlow } = newReplicaFlow(replica);
    replicaFlow.feed(stream.subarray(0, random.below(stream.length)));
    assert.equal(replicaFlow.failed, null);
    replicaFlow.close();
    replica.check();
  }
});
