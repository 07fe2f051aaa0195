/**
 * The stream of a flow from a hostile or broken primary: blocks forged with right checksums, damaged,
 * left out, doubled, exchanged, cut anywhere. The replica refuses or applies them; its tables stay
 * sound, no lock stays taken, and nothing is an internal error.
 */
import assert from 'node:assert/strict';
import { Region } from '../../../src/base/region.js';
import { OUTPUT_BYTES_MIN, PrimaryFlow } from '../../../src/replication/primary/primary-flow.js';
import { SyncSession } from '../../../src/replication/primary/sync-session.js';
import { PendingStreams } from '../../../src/replication/replica/pending-streams.js';
import { ReplicaFlow } from '../../../src/replication/replica/replica-flow.js';
import { prepareFullSync } from '../../../src/replication/replica/shard-writer.js';
import { SyncProgress } from '../../../src/replication/replica/sync-progress.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_HEADER_BYTES,
  Block,
  readBlock,
  sealBlock,
} from '../../../src/replication/wire.js';
import { SimulatedServer } from '../../simulation/server.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';

const NOW = 1_700_000_000_000;
const SHARDS = 2;
/** And the stream without keys. */
const STREAMS = SHARDS + 1;
const MINE = [0, 1, 2];
const HASH_KEY = { key0: 1, key1: 6, spread: 2 };

const out = new Region(new SharedArrayBuffer(OUTPUT_BYTES_MIN + 64), 0);
const scratch = new Region(new SharedArrayBuffer(BLOCK_BYTES_MAX + 64), 0);
const buffer = new Region(new SharedArrayBuffer(BLOCK_BYTES_MAX + 4096), 0);
const WINDOW_BYTES = 65_536;
const block = new Block();
const replica = newServer('replica');
const streams = [true, false].map(record);

function newServer(name: string): SimulatedServer {
  const shape = { shards: SHARDS, shardMebibytes: 2, ringBytes: 65_536 };
  return new SimulatedServer(name, shape, HASH_KEY, () => 'a'.repeat(40));
}

/** The blocks of a short full sync with updates, transactions, FLUSHDB, and the stream after it. */
function record(raw: boolean): Uint8Array[] {
  const server = newServer('primary');
  for (let i = 0; i < 24; i++) {
    server.execute(NOW, i % 2, 'SET', `key:${i}`, 'v'.repeat(i % 8 === 0 ? 9000 : i * 3));
  }
  server.startJournal();
  const session = new SyncSession(SyncSession.create(STREAMS, true), STREAMS, 1);
  const options = { ...server.primaryParts, mine: MINE, session, raw, from: null, half: null };
  const flow = new PrimaryFlow({ ...options, windowBytes: WINDOW_BYTES });
  const blocks: Uint8Array[] = [];
  for (let i = 0; i < 12; i++) {
    const end = flow.produce(out, 0, OUTPUT_BYTES_MIN);
    for (let at = 0; at < end; at = block.end) {
      assert.equal(readBlock(out, at, end, block), 1);
      blocks.push(out.bytes.slice(at, block.end));
    }
    server.execute(NOW, 0, 'SET', `key:${i}`, 'new');
    server.keyless.note('name', `${i}`);
    server.execute(NOW, 0, 'MSET', 'a', `${i}`, 'b', `${i}`, 'c', `${i}`);
    if (i === 8) server.execute(NOW, 1, 'FLUSHDB');
    if (i === 10) server.execute(NOW, 1, 'SWAPDB', 0, 1);
  }
  flow.close();
  return blocks;
}

/** A copy of a block with changes in header and payload, and right checksums. */
function forge(random: Random, bytes: Uint8Array): Uint8Array {
  scratch.bytes.set(bytes);
  assert.equal(readBlock(scratch, 0, bytes.length, block), 1);
  for (let i = random.between(1, 4); i > 0 && block.length > 0; i--) {
    const first = random.chance(0.6) ? Math.min(block.length, 100) : block.length;
    const at = BLOCK_HEADER_BYTES + random.below(first);
    scratch.bytes[at] = random.chance(0.5) ? random.below(256) : scratch.bytes[at]! ^ 4;
  }
  if (random.chance(0.1)) block.type = random.between(1, 8);
  if (random.chance(0.1)) block.shard = random.below(STREAMS + 1);
  if (random.chance(0.1)) block.length = random.below(block.length + 1);
  if (random.chance(0.1)) block.more = !block.more;
  if (random.chance(0.1)) block.to += 4 * random.below(100);
  return scratch.bytes.slice(0, sealBlock(scratch, 0, block));
}

/** The blocks of a stream as a hostile primary sends them. */
function hostile(random: Random): Uint8Array[] {
  const blocks = [...random.pick(streams)];
  const at = random.below(blocks.length);
  const what = random.below(10);
  if (what < 6) blocks[at] = forge(random, blocks[at]!);
  else if (what === 6) blocks.splice(at, 1);
  else if (what === 7) blocks.splice(at, 0, blocks[random.below(blocks.length)]!);
  else if (what === 8) {
    const other = random.below(blocks.length);
    const moved = blocks[at]!;
    blocks[at] = blocks[other]!;
    blocks[other] = moved;
  } else {
    const damaged = Uint8Array.from(blocks[at]!);
    damaged[random.below(damaged.length)]! ^= 1 << random.below(8);
    blocks[at] = damaged;
  }
  return blocks;
}

export const target: FuzzTarget = {
  name: 'replication-stream',
  summary: 'Forged, damaged and misplaced blocks are refused or applied, and harm nothing.',
  run(random: Random) {
    prepareFullSync(replica.shards, HASH_KEY);
    const progress = new SyncProgress(SyncProgress.create(STREAMS, null), STREAMS, 1);
    const flow = new ReplicaFlow({
      ...replica.replicaParts(),
      buffer,
      primaryShards: SHARDS,
      mine: MINE,
      progress,
      pending: new PendingStreams(PendingStreams.create(STREAMS, WINDOW_BYTES, 1 << 20), 1),
      bufferBytesMax: 1 << 20,
    });
    for (const bytes of hostile(random)) {
      const cut = random.chance(0.2) ? random.below(bytes.length) : bytes.length;
      flow.feed(bytes.subarray(0, cut));
      flow.feed(bytes.subarray(cut));
      if (flow.failed !== null) break;
    }
    assert.doesNotMatch(flow.failed ?? '', /internal error/);
    flow.close();
    assert.ok(progress.kept.every((bytes) => bytes === 0));
    replica.check();
    for (let shard = 0; shard < SHARDS; shard++) {
      assert.throws(() => replica.shards.assertLocked(shard), 'a lock stays taken');
    }
  },
};
