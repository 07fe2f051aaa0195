/** When a replica may say that its data is whole: the order of things that a schedule seldom hits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../src/base/region.js';
import { OUTPUT_BYTES_MIN, PrimaryFlow } from '../../src/replication/primary/primary-flow.js';
import { SyncSession } from '../../src/replication/primary/sync-session.js';
import { PendingStreams } from '../../src/replication/replica/pending-streams.js';
import { ReplicaFlow } from '../../src/replication/replica/replica-flow.js';
import { prepareFullSync } from '../../src/replication/replica/shard-writer.js';
import { SyncProgress } from '../../src/replication/replica/sync-progress.js';
import { SimulatedServer } from './server.js';

const WINDOW_BYTES = 65_536;
/** Two shards, and the stream without keys, which is the first flow's. */
const STREAMS = 3;
const MINE = [[0, 2], [1]];
/** With it the keys of the test lie in different shards. */
const HASH_KEY = { key0: 1, key1: 6, spread: 2 };
const NOW = 1_700_000_000_000;
const out = new Region(new SharedArrayBuffer(OUTPUT_BYTES_MIN + 64), 0);

/** A primary of two shards and a replica, one flow for each of the shards. */
class Pair {
  readonly primary = Pair.server('primary', 2);
  readonly replica: SimulatedServer;
  readonly progress: SyncProgress;
  private readonly flows: { primaryFlow: PrimaryFlow; replicaFlow: ReplicaFlow }[];

  private static server(name: string, shards: number): SimulatedServer {
    const shape = { shards, shardMebibytes: 2, ringBytes: 65_536 };
    return new SimulatedServer(name, shape, HASH_KEY, () => 'a'.repeat(40));
  }

  constructor(replicaShards = 2) {
    this.replica = Pair.server('replica', replicaShards);
    const { primary, replica } = this;
    const same = replicaShards === 2;
    primary.startJournal();
    const session = new SyncSession(SyncSession.create(STREAMS, true), STREAMS, 1);
    const progress = new SyncProgress(SyncProgress.create(STREAMS, null), STREAMS, 1);
    const pending = new PendingStreams(PendingStreams.create(STREAMS, WINDOW_BYTES, 1 << 20), 1);
    this.progress = progress;
    prepareFullSync(replica.shards, HASH_KEY);
    this.flows = [0, 1].map((shard) => ({
      primaryFlow: new PrimaryFlow({
        ...primary.primaryParts,
        mine: MINE[shard]!,
        session,
        raw: same,
        from: null,
        half: null,
        windowBytes: WINDOW_BYTES,
      }),
      replicaFlow: new ReplicaFlow({
        ...replica.replicaParts(same),
        primaryShards: 2,
        mine: MINE[shard]!,
        progress,
        pending,
      }),
    }));
  }

  /** Takes everything a flow has to send now; what it returns may be fed later. */
  take(flow: number): Uint8Array {
    const { primaryFlow } = this.flows[flow]!;
    const parts: number[] = [];
    for (;;) {
      const end = primaryFlow.produce(out, 0, out.length);
      if (end === 0) break;
      parts.push(...out.bytes.subarray(0, end));
    }
    assert.equal(primaryFlow.failed, null);
    return Uint8Array.from(parts);
  }

  feed(flow: number, bytes: Uint8Array): void {
    const { replicaFlow } = this.flows[flow]!;
    replicaFlow.feed(bytes);
    assert.equal(replicaFlow.failed, null);
  }

  write(value: string): void {
    this.primary.execute(NOW, 0, 'MSET', ...KEYS.flatMap((key) => [key, value]));
  }

  /** The values of both keys on the replica. */
  get seen(): string {
    const values = KEYS.map((key) => this.replica.execute(NOW, 0, 'GET', key));
    return values.map((text) => text.split('\r\n')[1] || 'nothing').join(' ');
  }
}

/** One key in each shard. */
const KEYS = ['a', 'b'];

test('the keys lie in different shards', () => {
  const pair = new Pair();
  pair.write('1');
  const heads = pair.primary.heads().slice(0, KEYS.length);
  assert.ok(heads.every((head) => head > 4));
});

test('a transaction that came half in a frame is waited for', () => {
  const pair = new Pair();
  pair.feed(1, pair.take(1));
  pair.write('1');
  pair.feed(0, pair.take(0));
  assert.ok(
    [0, 1].every((shard) => pair.progress.isDone(shard)),
    'all shards are there',
  );
  assert.equal(pair.seen.includes('nothing'), true, 'but a half of the transaction');
  assert.equal(pair.progress.ready, false);
  pair.feed(1, pair.take(1));
  assert.equal(pair.progress.ready, true);
  assert.equal(pair.seen, '1 1');
});

test('a transaction that was applied by halves before the other shard was done is waited for', () => {
  const pair = new Pair();
  const [first, second] = [pair.take(0), pair.take(1)];
  const cut = pair.take(0);
  pair.write('1');
  const [third, fourth] = [pair.take(0), pair.take(1)];
  pair.feed(0, first);
  pair.feed(0, cut);
  pair.feed(0, third);
  pair.feed(1, second);
  assert.equal(pair.progress.ready, false);
  pair.feed(1, fourth);
  assert.equal(pair.progress.ready, true);
  assert.equal(pair.seen, '1 1');
});

test('afterwards nobody sees a half, whichever flow is late', () => {
  const pair = new Pair();
  pair.write('0');
  for (const flow of [0, 1, 0, 1]) pair.feed(flow, pair.take(flow));
  assert.equal(pair.progress.ready, true);
  for (let i = 1; i < 20; i++) {
    pair.write(`${i}`);
    pair.write(`${i}+`);
    const late = i % 2;
    pair.feed(1 - late, pair.take(1 - late));
    assert.equal(pair.seen, i === 1 ? '0 0' : `${i - 1}+ ${i - 1}+`);
    pair.feed(late, pair.take(late));
    // The flow that had waited goes on with the second.
    pair.feed(1 - late, new Uint8Array(0));
    pair.feed(late, new Uint8Array(0));
    assert.equal(pair.seen, `${i}+ ${i}+`);
  }
  pair.replica.check();
});

test('SWAPDB that one shard was shipped with is not done to all keys of a replica with fewer', () => {
  for (const first of [0, 1]) {
    const pair = new Pair(1);
    pair.write('1');
    pair.feed(first, pair.take(first));
    pair.primary.execute(NOW, 0, 'SWAPDB', 0, 1);
    pair.feed(1 - first, pair.take(1 - first));
    assert.ok(
      [0, 1].every((shard) => pair.progress.isDone(shard)),
      'all shards are there',
    );
    assert.notEqual(pair.seen, '1 1');
    for (const flow of [first, 1 - first, first]) pair.feed(flow, pair.take(flow));
    assert.equal(pair.progress.ready, true);
    assert.deepEqual(pair.replica.dump(NOW), pair.primary.dump(NOW));
  }
});

test('SWAPDB that no shard was shipped with is followed by a replica with fewer', () => {
  const pair = new Pair(1);
  pair.write('1');
  for (const flow of [0, 1, 0, 1]) pair.feed(flow, pair.take(flow));
  assert.equal(pair.seen, '1 1');
  pair.primary.execute(NOW, 0, 'SWAPDB', 0, 1);
  for (const flow of [0, 1]) pair.feed(flow, pair.take(flow));
  assert.equal(pair.seen, 'nothing nothing');
});
