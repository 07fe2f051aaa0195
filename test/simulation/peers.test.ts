/** What the other end of a link may not do: claim, hold back or repeat what it has no right to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../src/base/region.js';
import { vector } from '../../src/engine/testing.js';
import { writeAcknowledgement } from '../../src/replication/acknowledgement.js';
import { OUTPUT_BYTES_MIN, PrimaryFlow } from '../../src/replication/primary/primary-flow.js';
import { SyncSession } from '../../src/replication/primary/sync-session.js';
import { PendingStreams } from '../../src/replication/replica/pending-streams.js';
import type { EffectTarget } from '../../src/replication/replica/record-applier.js';
import { ReplicaFlow } from '../../src/replication/replica/replica-flow.js';
import { prepareFullSync } from '../../src/replication/replica/shard-writer.js';
import { SyncProgress } from '../../src/replication/replica/sync-progress.js';
import {
  BLOCK_CLEAR,
  BLOCK_FRAME,
  BLOCK_HEADER_BYTES,
  BLOCK_HEARTBEAT,
  BLOCK_JOURNAL,
  Block,
  readBlock,
  sealBlock,
} from '../../src/replication/wire.js';
import { SimulatedServer } from './server.js';

const WINDOW_BYTES = 65_536;
/** With it the key b lies in shard 0 and a in shard 1. */
const HASH_KEY = { key0: 1, key1: 6, spread: 2 };
const NOW = 1_700_000_000_000;
const SHARDS = 2;
/** And the stream without keys, which is the first flow's. */
const STREAMS = SHARDS + 1;
const MINE = [[0, 2], [1]];
const out = new Region(new SharedArrayBuffer(OUTPUT_BYTES_MIN + 64), 0);

function newServer(name: string): SimulatedServer {
  const shape = { shards: SHARDS, shardMebibytes: 4, ringBytes: 262_144 };
  return new SimulatedServer(name, shape, HASH_KEY, () => 'a'.repeat(40));
}

/** A key that lies on this shard. */
function keyOn(shard: number): string {
  const { shards } = newServer('any');
  for (let i = 0; ; i++) {
    const { region, length } = vector([`key${i}`]);
    if (shards.shardOf(region, 0, length[0]!) === shard) return `key${i}`;
  }
}

function newPrimaryFlow(server: SimulatedServer, mine: number[], windowBytes = WINDOW_BYTES) {
  const session = new SyncSession(SyncSession.create(STREAMS, true), STREAMS, 1);
  const options = { ...server.primaryParts, mine, session, raw: true, from: null, half: null };
  const flow = new PrimaryFlow({ ...options, windowBytes });
  return { flow, session };
}

function newReplica(
  bufferBytesMax?: number,
  targetOf: (applier: EffectTarget) => EffectTarget = (applier) => applier,
) {
  const server = newServer('replica');
  prepareFullSync(server.shards, HASH_KEY);
  const progress = new SyncProgress(SyncProgress.create(STREAMS, null), STREAMS, 1);
  const pending = new PendingStreams(PendingStreams.create(STREAMS, WINDOW_BYTES, 4 << 20), 1);
  const flows = [0, 1].map((shard) => {
    const options = {
      ...server.replicaParts(),
      primaryShards: SHARDS,
      mine: MINE[shard]!,
      progress,
      pending,
      target: targetOf(server.applier),
    };
    return new ReplicaFlow(bufferBytesMax === undefined ? options : { ...options, bufferBytesMax });
  });
  return { server, progress, flows };
}

/** Everything that a flow has to send, block by block. */
function blocksOf(flow: PrimaryFlow): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  const block = new Block();
  for (;;) {
    const end = flow.produce(out, 0, out.length);
    assert.equal(flow.failed, null);
    if (end === 0) return blocks;
    for (let at = 0; at < end; at = block.end) {
      assert.equal(readBlock(out, at, end, block), 1);
      blocks.push(out.bytes.slice(at, block.end));
    }
  }
}

/** A copy of a block after a change of its header or payload, with right checksums. */
function forge(bytes: Uint8Array, change: (block: Block, region: Region) => void): Uint8Array {
  const region = new Region(new SharedArrayBuffer(bytes.length + 64), 0);
  region.bytes.set(bytes);
  const block = new Block();
  assert.equal(readBlock(region, 0, bytes.length, block), 1);
  change(block, region);
  return region.bytes.slice(0, sealBlock(region, 0, block));
}

const typeOf = (bytes: Uint8Array) => bytes[4]!;

test('an acknowledgement beyond what was sent closes the link and counts for nothing', () => {
  const primary = newServer('primary');
  primary.startJournal();
  primary.execute(NOW, 0, 'SET', 'a', '1');
  const { flow, session } = newPrimaryFlow(primary, [0, 1, 2]);
  blocksOf(flow);
  const heads = Float64Array.from(primary.heads());
  assert.equal(flow.acknowledge(writeAcknowledgement(heads)), null);
  assert.deepEqual([...session.acknowledged], [...heads]);
  primary.execute(NOW, 0, 'MSET', keyOn(0), '2', keyOn(1), '2');
  for (const shard of [0, 1]) {
    const lie = Float64Array.from(heads);
    lie[shard] = primary.heads()[shard]!;
    const wrong = flow.acknowledge(writeAcknowledgement(lie));
    assert.match(wrong ?? '', /acknowledgement of LSN \d+ of shard [01], sent to \d+/);
    assert.equal(session.acknowledged[shard], heads[shard]);
  }
});

test('an older acknowledgement takes nothing back', () => {
  const primary = newServer('primary');
  primary.startJournal();
  primary.execute(NOW, 0, 'SET', 'a', '1');
  const { flow, session } = newPrimaryFlow(primary, [0, 1, 2]);
  blocksOf(flow);
  const heads = Float64Array.from(primary.heads());
  assert.equal(flow.acknowledge(writeAcknowledgement(heads)), null);
  assert.equal(flow.acknowledge(writeAcknowledgement(new Float64Array(STREAMS))), null);
  assert.deepEqual([...session.acknowledged], [...heads]);
});

/** A replica that follows; of each transaction only the part on shard 0 arrives. */
function halfPairs(windowBytes: number) {
  const primary = newServer('primary');
  primary.startJournal();
  const { flow, session } = newPrimaryFlow(primary, [0, 1, 2], windowBytes);
  const replica = newReplica();
  const { flows, progress } = replica;
  for (const bytes of blocksOf(flow)) flows[bytes[6]! % 2]!.feed(bytes);
  assert.equal(progress.ready, true);
  flow.acknowledge(writeAcknowledgement(progress.applied));
  const heldBack: Uint8Array[] = [];
  let most = 0;
  for (let i = 0; i < 8; i++) {
    primary.execute(NOW, 0, 'MSET', keyOn(0), `${i}`.repeat(30_000), keyOn(1), '1');
    for (const bytes of blocksOf(flow)) {
      if (bytes[6] === 0) flows[0]!.feed(bytes);
      else heldBack.push(bytes);
    }
    if (flows[0]!.failed === null) most = Math.max(most, progress.pendingBytes);
  }
  return { ...replica, primary, flow, session, heldBack, most };
}

test('a primary sends a shard no further than its window while parts are missing', () => {
  const { primary, server, flow, flows, progress, heldBack, most } = halfPairs(WINDOW_BYTES);
  assert.equal(flows[0]!.failed, null);
  assert.ok(most > WINDOW_BYTES / 2 && most <= WINDOW_BYTES, `${most} bytes wait`);
  assert.equal(flow.idle, true, 'only an acknowledgement opens the window');
  for (const bytes of heldBack) flows[1]!.feed(bytes);
  for (let i = 0; i < 3; i++) {
    flow.acknowledge(writeAcknowledgement(progress.applied));
    for (const bytes of blocksOf(flow)) flows[bytes[6]! % 2]!.feed(bytes);
  }
  assert.deepEqual([...progress.applied], primary.heads());
  assert.equal(progress.pendingBytes, 0);
  assert.deepEqual(server.dump(NOW), primary.dump(NOW));
});

test('a primary that sends more than its window is left', () => {
  const { flows, progress, most } = halfPairs(1 << 20);
  assert.match(flows[0]!.failed ?? '', /shard 0 was sent more than its window/);
  assert.ok(most <= 2 * WINDOW_BYTES);
  assert.equal(progress.failed, true, 'only a full sync helps');
});

test('payloads in pieces have one bound over all flows of a replica', () => {
  const clear = fullSync().find((bytes) => typeOf(bytes) === BLOCK_CLEAR && bytes[6]! < SHARDS)!;
  const shard = clear[6]!;
  const piece = forge(clear, (block) => {
    block.type = BLOCK_JOURNAL;
    block.length = 48;
    block.more = true;
  });
  for (const [others, expected] of [
    [150, /^$/],
    [160, /payloads of 208 bytes are kept, more than 200/],
  ] as const) {
    const { flows, progress } = newReplica(200);
    progress.kept[1 - shard] = others;
    flows[shard]!.feed(clear);
    flows[shard]!.feed(piece);
    assert.match(flows[shard]!.failed ?? '', expected);
    flows[shard]!.close();
    assert.equal(progress.kept[shard], 0);
  }
});

/** The blocks of a full sync of a primary with some keys. */
function fullSync(): Uint8Array[] {
  const primary = newServer('primary');
  for (let i = 0; i < 50; i++) primary.execute(NOW, 0, 'SET', `key:${i}`, `value ${i}`);
  primary.startJournal();
  return blocksOf(newPrimaryFlow(primary, [0, 1, 2]).flow);
}

/** Feeds blocks to a fresh replica. @returns why it refuses them, or null */
function refusal(blocks: readonly Uint8Array[]): string | null {
  const { flows, server } = newReplica();
  for (const bytes of blocks) flows[bytes[6]! % 2]!.feed(bytes);
  server.check();
  return flows[0]!.failed ?? flows[1]!.failed;
}

test('a frame whose header lies is refused', () => {
  const blocks = fullSync();
  assert.equal(refusal(blocks), null);
  const cases: [word: number, change: number, expected: RegExp][] = [
    [0, 99, /database 99/],
    [1, 8, /another length than it says/],
    [1, -8, /another length than it says/],
    [1, -2_000_000_000, /another length than it says/],
    [2, 8, /another length than it says/],
    [2, -16, /another length than it says/],
    [3, 1, /entries, not/],
    [3, -1, /entries, not/],
  ];
  for (const [word, change, expected] of cases) {
    const lies = blocks.map((bytes) =>
      typeOf(bytes) !== BLOCK_FRAME
        ? bytes
        : forge(bytes, (_block, region) => {
            region.words[BLOCK_HEADER_BYTES / 4 + word]! += change;
          }),
    );
    assert.match(refusal(lies) ?? 'accepted', expected);
  }
});

test('a frame of another shard is refused', () => {
  const moved = fullSync().map((bytes) =>
    typeOf(bytes) !== BLOCK_FRAME
      ? bytes
      : forge(bytes, (block) => {
          block.shard = 1 - block.shard;
        }),
  );
  const [clear0, clear1] = [0, 1].map((shard) =>
    moved.find((bytes) => typeOf(bytes) === BLOCK_CLEAR && bytes[6] === shard),
  );
  const frame = moved.find((bytes) => typeOf(bytes) === BLOCK_FRAME)!;
  assert.match(refusal([clear0!, clear1!, frame]) ?? 'accepted', /broken entry/);
});

test('a walk whose cursor goes back, or a cursor outside of a walk, is refused', () => {
  const blocks = fullSync();
  const frame = blocks.findIndex((bytes) => typeOf(bytes) === BLOCK_FRAME);
  const again = [...blocks.slice(0, frame + 1)];
  const forward = forge(blocks[frame]!, (block) => {
    block.database += 1;
  });
  assert.match(refusal([...again.slice(0, -1), forward, blocks[frame]!]) ?? '', /goes back to/);
  const moved = forge(blocks.at(-1)!, (block) => {
    block.type = BLOCK_HEARTBEAT;
    block.position = 1;
  });
  assert.match(refusal([...blocks, moved]) ?? '', /a cursor in a block of type 7/);
});

test('an exception amid a transaction over two flows leaves nothing held', () => {
  for (const part of [0, 1]) {
    const primary = newServer('primary');
    primary.startJournal();
    const { flow } = newPrimaryFlow(primary, [0, 1, 2]);
    let left = Number.POSITIVE_INFINITY;
    const { server, flows, progress } = newReplica(undefined, (applier) => ({
      apply: (...words: Parameters<EffectTarget['apply']>) => {
        if (left-- === 0) throw new Error('out of luck');
        return applier.apply(...words);
      },
    }));
    for (const bytes of blocksOf(flow)) flows[bytes[6]! % 2]!.feed(bytes);
    primary.execute(NOW, 0, 'MSET', 'b', '1', 'a', '1');
    primary.execute(NOW, 0, 'MSET', 'b', '2', 'a', '2');
    left = part;
    const [first, second] = blocksOf(flow).sort((a, b) => a[6]! - b[6]!);
    flows[0]!.feed(first!);
    assert.equal(flows[0]!.failed, null, 'it waits for the other part');
    flows[1]!.feed(second!);
    assert.match(flows[1]!.failed ?? '', /internal error: Error: out of luck/);
    assert.equal(progress.failed, true, 'half of it may be there: only a full sync helps');
    // The other flow may still get bytes. It is not to wait for what the first has left.
    flows[0]!.feed(first!);
    assert.equal(flows[0]!.failed, 'another flow failed');
    for (const replicaFlow of flows) replicaFlow.close();
    for (const shard of [0, 1]) {
      assert.throws(() => server.shards.assertLocked(shard), 'a lock stays taken');
    }
    prepareFullSync(server.shards, HASH_KEY);
    server.check();
  }
});

test('blocks out of order, with payloads they cannot have, or that go on are refused', () => {
  const blocks = fullSync();
  const clear = blocks.find((bytes) => typeOf(bytes) === BLOCK_CLEAR)!;
  const later = blocks.filter((bytes) => bytes[6] === clear[6] && bytes !== clear);
  for (const bytes of later) {
    if (typeOf(bytes) !== BLOCK_HEARTBEAT) assert.match(refusal([bytes]) ?? '', /not begun/);
  }
  const withPayload = forge(clear, (block) => {
    block.length = 8;
  });
  assert.match(refusal([withPayload]) ?? '', /with a payload/);
  const goesOn = forge(clear, (block) => {
    block.more = true;
  });
  assert.match(refusal([goesOn]) ?? '', /that continues/);
  const journal = (more: boolean) =>
    forge(clear, (block) => {
      block.type = BLOCK_JOURNAL;
      block.length = 8;
      block.more = more;
    });
  const heartbeat = forge(clear, (block) => {
    block.type = BLOCK_HEARTBEAT;
  });
  assert.match(refusal([clear, journal(true), heartbeat]) ?? '', /inside one of type 4/);
});

test('a flow that is refused memory gives its lock back and ends', () => {
  const primary = newServer('primary');
  primary.execute(NOW, 0, 'SET', 'large', 'x'.repeat(600_000));
  primary.startJournal();
  const session = new SyncSession(SyncSession.create(STREAMS, true), STREAMS, 1);
  const { shards } = primary;
  const options = {
    ...primary.primaryParts,
    mine: [0, 1, 2],
    session,
    raw: false,
    from: null,
    half: null,
  };
  const flow = new PrimaryFlow({ ...options, windowBytes: WINDOW_BYTES });
  const real = globalThis.SharedArrayBuffer;
  globalThis.SharedArrayBuffer = class extends real {
    constructor(length?: number) {
      if (length! > 0) throw new RangeError('Array buffer allocation failed');
      super(length);
    }
  };
  try {
    for (let i = 0; i < 20 && flow.failed === null; i++) flow.produce(out, 0, out.length);
  } finally {
    globalThis.SharedArrayBuffer = real;
  }
  assert.match(flow.failed ?? '', /Array buffer allocation failed/);
  for (const shard of [0, 1]) {
    assert.throws(() => shards.assertLocked(shard));
    assert.ok(shards.tryLock(shard), 'the lock is free');
    shards.unlock(shard);
  }
  flow.close();
});

test('changes of a shard without its lock throw', () => {
  const server = newServer('server');
  const { shards } = server;
  assert.throws(() => shards.assertLocked(1), /shard 1 is not locked by this thread/);
  shards.lock(1);
  shards.assertLocked(1);
  assert.throws(() => shards.assertLocked(0), /not locked/);
  shards.unlock(1);
});
