/** What a flow may send beyond what is acknowledged, in every order of large records. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../base/region.js';
import type { JournalEffect } from '../../journal/record.js';
import { JournalRing } from '../../journal/ring.js';
import { JournalSink } from '../../journal/sink.js';
import { PrimaryShard } from './primary-shard.js';
import { SendWindow, windowBytesOf } from './send-window.js';
import { SyncSession } from './sync-session.js';

const WINDOW = 4096;
const LONG = 3 * WINDOW;
const SHARDS = 3;
const source = new Region(new SharedArrayBuffer(65 << 20), 0);

function effect(shard: number, length: number): JournalEffect {
  return { shard, length, database: 0, h1: 0, keyless: false, region: source, offset: 0 };
}

function setUp() {
  const rings = Array.from({ length: SHARDS }, () => {
    return new JournalRing(new Region(JournalRing.create(200 << 20), 0));
  });
  const session = new SyncSession(SyncSession.create(SHARDS, false), SHARDS, 1);
  const window = new SendWindow(session, WINDOW, SHARDS);
  const shards = rings.map((ring, shard) => new PrimaryShard(shard, ring));
  /** Sends as far as it is allowed to. */
  const send = (shard: number): number => {
    const shardState = shards[shard]!;
    for (;;) {
      const { ring, sent } = shardState;
      const next = Math.min(ring.head, window.limit(shardState));
      if (next === sent && (ring.head === sent || !window.grantLarge(shardState))) return sent;
      shardState.sent = next;
    }
  };
  const acknowledge = (shard: number, lsn: number): void => {
    assert.equal(window.acknowledge(shards[shard]!, lsn), null);
  };
  const transaction = (...lengths: readonly (readonly [number, number])[]): void => {
    const sink = new JournalSink(rings);
    sink.beginTransaction();
    for (const [shard, length] of lengths) sink.append(effect(shard, length));
    sink.endTransaction();
  };
  return { rings, session, window, shards, send, acknowledge, transaction };
}

test('short records go to the end of the window, and on with every acknowledgement', () => {
  const { rings, shards, window, send, acknowledge } = setUp();
  for (let i = 0; i < 100; i++) rings[0]!.append(effect(0, 84));
  assert.equal(send(0), WINDOW);
  assert.equal(window.isFull(shards[0]!), true);
  assert.equal(window.place(shards[0]!), 0, 'the ring keeps what is not acknowledged');
  acknowledge(0, 960);
  assert.equal(window.isFull(shards[0]!), false);
  assert.equal(send(0), 960 + WINDOW);
  assert.equal(window.place(shards[0]!), 960);
});

test('a long record is sent whole once all before it is acknowledged, and nothing behind it', () => {
  const { rings, shards, window, send, acknowledge } = setUp();
  rings[0]!.append(effect(0, 84));
  rings[0]!.append(effect(0, LONG));
  const end = rings[0]!.head;
  rings[0]!.append(effect(0, 84));
  assert.equal(send(0), WINDOW);
  acknowledge(0, 96);
  assert.equal(send(0), end);
  assert.equal(window.place(shards[0]!), end - WINDOW, 'the ring may drop what was sent of it');
  acknowledge(0, end);
  assert.equal(send(0), rings[0]!.head);
});

test('long records share a bound, and one that is longer goes alone', () => {
  const { rings, send, acknowledge } = setUp();
  rings[0]!.append(effect(0, 40 << 20));
  rings[1]!.append(effect(1, 40 << 20));
  assert.equal(send(0), rings[0]!.head);
  assert.equal(send(1), WINDOW, 'it has to wait');
  acknowledge(0, rings[0]!.head);
  assert.equal(send(1), rings[1]!.head);
  acknowledge(1, rings[1]!.head);
  rings[0]!.append(effect(0, 65 << 20));
  assert.equal(send(0), rings[0]!.head, 'longer than the bound');
});

test('a transaction with long parts waits until all its parts are next, and then has them all', () => {
  const { rings, send, acknowledge, transaction } = setUp();
  rings[1]!.append(effect(1, 84));
  transaction([0, LONG], [1, LONG]);
  assert.equal(send(0), WINDOW, 'its part on shard 1 is not next');
  assert.equal(send(1), WINDOW);
  acknowledge(1, 96);
  assert.equal(send(0), rings[0]!.head);
  assert.equal(send(1), rings[1]!.head);
});

test('one transaction with long parts is under way at a time, and the oldest can always go', () => {
  const { rings, send, acknowledge, transaction } = setUp();
  transaction([1, LONG], [2, 84]);
  const first = rings[1]!.head;
  transaction([0, LONG], [2, LONG]);
  assert.equal(send(0), WINDOW, 'the second: its part on shard 2 is behind the first');
  assert.equal(send(1), first);
  send(2);
  acknowledge(1, first);
  acknowledge(2, rings[2]!.head - LONG - 44);
  transaction([1, LONG], [2, 84]);
  assert.equal(send(1), first + WINDOW, 'the third: the second is before it on shard 2');
  assert.equal(send(0), rings[0]!.head);
});

test('the window is half of a journal, within bounds and within the room for all shards', () => {
  assert.equal(windowBytesOf(512 << 10, 64), 256 << 10);
  assert.equal(windowBytesOf(1 << 30, 64), 8 << 20);
  assert.equal(windowBytesOf(4096, 1), 4096);
  assert.equal(windowBytesOf(1 << 30, 16_384) * 16_384, 512 << 20);
});

test('nothing is sent beyond the limit of a file, however large the window', () => {
  const { rings, session, shards, window, send, acknowledge } = setUp();
  for (let i = 0; i < 10; i++) rings[0]!.append(effect(0, 84));
  session.limits[0] = 192;
  assert.equal(send(0), 192);
  assert.equal(window.isFull(shards[0]!), true);
  acknowledge(0, 192);
  assert.equal(send(0), 192);
  assert.match(window.acknowledge(shards[0]!, 288)!, /sent to 192/);
  session.limits[0] = Number.POSITIVE_INFINITY;
  assert.equal(send(0), rings[0]!.head);
});
