import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  NO_ID,
  PROTOCOL_VERSION,
  PrimaryState,
  type SyncRequest,
} from './primary/primary-state.js';
import {
  RETRY_MS_FIRST,
  RETRY_MS_MAX,
  ReplicaState,
  type SyncReply,
} from './replica/replica-state.js';

const ids = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(40));

function newPrimary(): PrimaryState {
  let next = 0;
  return new PrimaryState(2, 16, () => ids[next++]!);
}

const request: SyncRequest = {
  version: PROTOCOL_VERSION,
  replicationId: ids[0]!,
  lsns: [100, 200, 8],
  half: null,
  shards: 2,
  databases: 16,
};
const rings = [
  { start: 100, head: 400 },
  { start: 0, head: 400 },
  { start: 0, head: 8 },
];

test('a replica continues exactly while its history is ours and the rings hold it', () => {
  const primary = newPrimary();
  const kind = (changes: Partial<SyncRequest>) =>
    primary.decide({ ...request, ...changes }, rings).kind;
  assert.equal(kind({}), 'continue');
  assert.equal(kind({ lsns: [400, 400, 8] }), 'continue');
  assert.equal(kind({ lsns: [96, 200, 8] }), 'full');
  assert.equal(kind({ lsns: [404, 200, 8] }), 'full');
  assert.equal(kind({ lsns: [102, 200, 8] }), 'full');
  assert.equal(kind({ lsns: [Number.NaN, 200, 8] }), 'full');
  assert.equal(kind({ lsns: [100, 200] }), 'full');
  assert.equal(kind({ lsns: [100, 200, 12] }), 'full');
  assert.equal(kind({ replicationId: ids[1]! }), 'full');
  assert.equal(kind({ replicationId: NO_ID }), 'full');
  assert.equal(kind({ version: PROTOCOL_VERSION + 1 }), 'refuse');
  assert.equal(kind({ databases: 8 }), 'refuse');
  assert.equal(kind({ shards: 3 }), 'refuse');
  assert.equal(primary.decide(request, null).kind, 'full');
  const other = primary.decide({ ...request, shards: 4, replicationId: '?' }, rings);
  assert.deepEqual(other, { kind: 'full', why: 'it has no data yet', raw: false, first: true });
});

test('after a promotion siblings continue with the old id, up to where it ends', () => {
  const primary = newPrimary();
  primary.promote(ids[3]!, [120, 200, 8]);
  const kind = (replicationId: string, lsns: number[]) =>
    primary.decide({ ...request, replicationId, lsns }, rings).kind;
  assert.equal(kind(ids[3]!, [120, 200, 8]), 'continue');
  assert.equal(kind(ids[3]!, [124, 200, 8]), 'full');
  assert.equal(kind(ids[1]!, [124, 200, 8]), 'continue');
  assert.equal(primary.adopt(ids[1]!, [400, 400, 8]), false);
  assert.equal(primary.adopt(ids[2]!, [300, 300, 8]), true);
  assert.equal(kind(ids[1]!, [300, 300, 8]), 'continue');
  assert.equal(kind(ids[1]!, [304, 300, 8]), 'full');
  primary.startAnew();
  assert.equal(kind(ids[1]!, [300, 300, 8]), 'full');
});

const reply: SyncReply = {
  version: PROTOCOL_VERSION,
  replicationId: ids[0]!,
  shards: 2,
  databases: 16,
  hashKey0: 1,
  hashKey1: 2,
  spread: 8,
  flows: 2,
  windowBytes: 65_536,
  mode: 'FULL',
  syncId: 1,
};

test('a replica has no history from the start of a full sync to its end', () => {
  const replica = new ReplicaState(2, 16);
  replica.follow('host', 1, 0);
  assert.ok(replica.due(0));
  replica.connected(0);
  assert.deepEqual(replica.answered(reply, 0), { kind: 'start-full', same: true });
  replica.lost(10, [4, 4, 4], false);
  assert.equal(replica.request().replicationId, '?');
  assert.equal(replica.due(10 + RETRY_MS_FIRST - 1), false);
  assert.equal(replica.due(10 + RETRY_MS_FIRST), true);
  for (let i = 0; i < 10; i++) replica.lost(0, [], false);
  assert.equal(replica.retryAtMs, RETRY_MS_MAX);
  replica.connected(0);
  replica.answered(reply, 0);
  replica.ready(0);
  assert.equal(replica.step, 'online');
  replica.lost(0, [8, 12, 4], false);
  assert.equal(replica.retryAtMs, RETRY_MS_FIRST);
  assert.deepEqual(replica.request().lsns, [8, 12, 4]);
  assert.equal(replica.request().replicationId, ids[0]);
  replica.connected(0);
  const again = { ...reply, mode: 'CONTINUE', replicationId: ids[1]! } as const;
  assert.deepEqual(replica.answered(again, 0), { kind: 'start-continue', from: [8, 12, 4] });
  replica.lost(0, [16, 16, 4], false);
  assert.equal(replica.request().replicationId, ids[1], 'the id that the primary has now');
  assert.deepEqual(replica.unfollow(0, [0, 0]), { id: ids[1], lsns: [16, 16, 4] });
});

test('a promoted server does not come back with the history that it had before', () => {
  const replica = new ReplicaState(2, 16);
  replica.follow('host', 1, 0, { id: ids[0]!, lsns: [4, 4, 4] });
  assert.deepEqual(replica.unfollow(0, []), { id: ids[0]!, lsns: [4, 4, 4] });
  // What it wrote as a primary was not recorded: there is no history to offer.
  replica.follow('host', 1, 0);
  assert.equal(replica.request().replicationId, '?');
  assert.deepEqual(replica.request().lsns, []);
});

test('a replica whose data may be wrong starts over', () => {
  const replica = new ReplicaState(2, 16);
  replica.follow('host', 1, 0, { id: ids[0]!, lsns: [4, 4, 4] });
  replica.connected(0);
  replica.answered({ ...reply, mode: 'CONTINUE' }, 0);
  replica.lost(0, [8, 8, 4], true);
  assert.equal(replica.request().replicationId, '?');
  assert.equal(replica.unfollow(0, []), null);
});

test('answers that make no sense are given up', () => {
  const replica = new ReplicaState(2, 16);
  const wrong: Partial<SyncReply>[] = [
    { version: PROTOCOL_VERSION + 1 },
    { replicationId: 'x' },
    { shards: 3 },
    { shards: 0 },
    { databases: 17 },
    { spread: 0 },
    { spread: 6 },
    { spread: 2048 },
    { flows: 0 },
    { flows: 1e9 },
    { mode: 'CONTINUE' },
  ];
  for (const change of wrong) {
    assert.equal(replica.answered({ ...reply, ...change }, 0).kind, 'give-up');
  }
  replica.follow('host', 1, 0, { id: ids[0]!, lsns: [4] });
  assert.equal(replica.answered({ ...reply, mode: 'CONTINUE' }, 0).kind, 'give-up');
});
