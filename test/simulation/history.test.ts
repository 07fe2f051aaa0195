/**
 * What a server's new history must not do to those who follow it: threads of a flow live on for a
 * moment after the server has decided to be a primary, and clients may write at once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROTOCOL_VERSION } from '../../src/replication/primary/primary-state.js';
import { prepareFullSync } from '../../src/replication/replica/shard-writer.js';
import { Random } from '../support/random.js';
import { Link } from './link.js';
import { DATABASES, SimulatedServer } from './server.js';

const HASH_KEY = { key0: 5, key1: 6, spread: 2 };
const NOW = 1_700_000_000_000;
const SHAPE = { shards: 2, shardMebibytes: 2, ringBytes: 65_536 };

function server(letter: string): SimulatedServer {
  let ids = 0;
  const newId = () => `${ids++}`.padStart(40, letter);
  return new SimulatedServer(letter, SHAPE, HASH_KEY, newId);
}

/** A link in stable sync. */
function synced(from: SimulatedServer, to: SimulatedServer): Link {
  to.following = from;
  to.installSink();
  prepareFullSync(to.shards, HASH_KEY);
  const link = new Link(from, to, null, null, 2, new Random(1));
  link.settle();
  assert.ok(link.progress.ready);
  to.journaling = true;
  to.primary.adopt(from.primary.replicationId, null);
  return link;
}

function write(to: SimulatedServer, first: number, last: number, value: string): void {
  for (let i = first; i < last; i++) to.execute(NOW, 0, 'SET', `key:${i}`, value);
}

/** A chain a -> b -> c; then b is cut off, a is written on, and b is promoted and written as well. */
function promotedInTheMiddle() {
  const [a, b, c] = [server('a'), server('b'), server('c')];
  write(a, 0, 50, 'common');
  a.startJournal();
  const upper = synced(a, b);
  const lower = synced(b, c);
  write(a, 0, 10, 'common too');
  upper.settle();
  lower.settle();
  upper.cut();
  write(a, 0, 40, 'longer than that of the other');
  b.primary.promote(a.primary.replicationId, b.heads());
  lower.end('promoted');
  b.following = null;
  b.installSink();
  write(b, 0, 20, 'other');
  return { a, b, c, lower };
}

test('a flow whose session was ended sends nothing of what is written afterwards', () => {
  const { b, lower } = promotedInTheMiddle();
  const before = lower.applied;
  lower.settle();
  assert.deepEqual(lower.applied, before);
  assert.deepEqual(lower.applied, b.primary.secondLsns);
  assert.equal(lower.failed, 'the sync was ended');
  assert.equal(lower.progress.failed, false);
  lower.cut();
});

test('so the replica of a promoted server continues anywhere, and its data is right', () => {
  for (const to of ['a', 'b'] as const) {
    const servers = promotedInTheMiddle();
    const { c, lower } = servers;
    lower.settle();
    lower.cut();
    const primary = servers[to];
    const request = {
      version: PROTOCOL_VERSION,
      replicationId: servers.a.primary.replicationId,
      lsns: lower.applied,
      half: null,
      shards: SHAPE.shards,
      databases: DATABASES,
    };
    assert.deepEqual(primary.primary.decide(request, primary.rings), { kind: 'continue' });
    const link = new Link(primary, c, lower.applied, null, 2, new Random(1));
    link.settle();
    assert.equal(link.failed, null);
    assert.deepEqual(c.dump(NOW), primary.dump(NOW));
    link.cut();
  }
});
