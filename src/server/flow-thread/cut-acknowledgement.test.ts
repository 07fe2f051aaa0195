/** A cut is acknowledged when all of it is applied, not a rest later: somebody may wait for it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, mock, test } from 'node:test';
import { setImmediate as settle } from 'node:timers/promises';
import { Cut } from '../../journal/cuts.js';
import { DurableLsns } from '../../memory/durable-lsns.js';
import { SharedSignal } from '../../memory/signal.js';
import { AcknowledgementReader } from '../../replication/acknowledgement.js';
import { PendingStreams } from '../../replication/replica/pending-streams.js';
import type { ReplicaFlow } from '../../replication/replica/replica-flow.js';
import { SyncProgress } from '../../replication/replica/sync-progress.js';
import type { FollowFlow } from '../channel/main-flow.js';
import { FollowedFlow } from './followed-flow.js';

const SHARDS = 2;

/** The flow of shard 0 of a replica, at LSN 0. Each byte that the primary sends does the next step. */
async function begin(steps: (() => void)[], progress: SyncProgress) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const command: FollowFlow = {
    ...{ kind: 'follow', flow: 1, host: '127.0.0.1', port, user: '', password: '', tls: null },
    ...{ syncId: '1-a', index: 0, mine: [0], primaryShards: SHARDS },
    progress: progress.buffer,
    pending: PendingStreams.create(SHARDS, 4096, 1 << 20),
  };
  const appliedSignal = new SharedSignal(new Int32Array(new SharedArrayBuffer(8)), 0);
  const parts = {
    ...{ progress, appliedSignal, times: { timeoutMs: 60_000 } },
    durable: new DurableLsns(DurableLsns.create(SHARDS)),
  };
  const next = () => steps.shift()!();
  const feed = (bytes: Uint8Array) => {
    if (bytes.length > 0) next();
  };
  const applier = {
    failed: null,
    target: new Uint8Array(1),
    received: next,
    feed,
    close: () => {},
  };
  let flow!: FollowedFlow;
  const connected = new Promise<void>((resolve) => {
    flow = new FollowedFlow(command, parts, () => applier as unknown as ReplicaFlow, {
      ...{ connected: resolve, coming: () => {}, applied: () => {}, ended: () => {} },
    });
  });
  const [primary] = (await once(server, 'connection')) as [Socket];
  await once(primary, 'data');
  const cuts: number[] = [];
  const reader = new AcknowledgementReader([0], {
    lsn: () => null,
    cut: (offset) => {
      if (offset >= 0) cuts.push(offset);
      return null;
    },
    durable: () => null,
  });
  primary.on('data', (bytes) => assert.equal(reader.feed(bytes), null));
  primary.write('+OK\r\n');
  await connected;
  flow.go();
  return {
    ...{ cuts, appliedSignal },
    step: () => primary.write('.'),
    close: () => {
      flow.end('');
      primary.destroy();
      server.close();
    },
  };
}

function cutAt(...lsns: number[]): Cut {
  const cut = new Cut(SHARDS);
  cut.lsns.set(lsns);
  cut.offset = lsns.reduce((sum, lsn) => sum + lsn);
  cut.madeMs = 1;
  return cut;
}

afterEach(() => mock.timers.reset());

test('a cut whose parts are all applied is acknowledged with them', async () => {
  // No rest ends any more.
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const progress = new SyncProgress(SyncProgress.create(SHARDS, [0, 0]), SHARDS, 1);
  const apply = () => {
    progress.takeCut(cutAt(10, 0));
    progress.applied[0] = 10;
  };
  const { cuts, step, close } = await begin([apply], progress);
  step();
  while (cuts.length === 0) await settle();
  assert.deepEqual(cuts, [10]);
  close();
});

test('a cut is acknowledged when another flow has applied the last part of it', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const progress = new SyncProgress(SyncProgress.create(SHARDS, [0, 0]), SHARDS, 1);
  let isTaken = false;
  const take = () => {
    progress.takeCut(cutAt(10, 5));
    progress.takeCut(cutAt(10, 9));
    progress.applied[0] = 10;
    isTaken = true;
  };
  const { cuts, step, close, appliedSignal } = await begin([take], progress);
  step();
  while (!isTaken) await settle();
  for (let i = 0; i < 20; i++) await settle();
  assert.deepEqual(cuts, []);
  for (const lsn of [5, 7, 9]) {
    progress.applied[1] = lsn;
    appliedSignal.raise();
    for (let i = 0; i < 20; i++) await settle();
  }
  while (cuts.length < 2) await settle();
  assert.deepEqual(cuts, [15, 19]);
  close();
});

test('a link that goes on from an earlier cut waits for the next one, and its thread for nothing', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const progress = new SyncProgress(SyncProgress.create(SHARDS, [10, 5], 12), SHARDS, 1);
  const { cuts, step, close, appliedSignal } = await begin(
    [() => progress.takeCut(cutAt(10, 9))],
    progress,
  );
  step();
  while (!progress.awaitsCut) await settle();
  for (let i = 0; i < 20; i++) await settle();
  assert.deepEqual(cuts, []);
  progress.applied[1] = 9;
  appliedSignal.raise();
  while (cuts.length === 0) await settle();
  assert.deepEqual(cuts, [19]);
  close();
});
