/** The drawings of the journal and of replication, held against real memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../src/base/region.js';
import { Cut, NewestCut } from '../../src/journal/cuts.js';
import {
  type JournalEffect,
  KIND_PART,
  participantAt,
  RECORD_HEADER_BYTES,
} from '../../src/journal/record.js';
import { JournalRing } from '../../src/journal/ring.js';
import { lockRing, unlockRing } from '../../src/journal/ring-lock.js';
import { JournalSink } from '../../src/journal/sink.js';
import {
  acknowledgementBytes,
  writeAcknowledgement,
} from '../../src/replication/acknowledgement.js';
import { SyncSession } from '../../src/replication/primary/sync-session.js';
import { readEntry } from '../../src/replication/replica/entries-payload.js';
import {
  FRONT_NOTHING,
  FRONT_RECORD,
  PendingRecord,
  PendingStreams,
} from '../../src/replication/replica/pending-streams.js';
import { ShardList } from '../../src/replication/replica/shard-list.js';
import { ReceivedEntry } from '../../src/replication/replica/shard-writer.js';
import { SyncProgress } from '../../src/replication/replica/sync-progress.js';
import { BLOCK_HEADER_BYTES, BlockHeader, sealBlock } from '../../src/replication/wire.js';
import { drawingOf } from './drawing.js';

const source = new Region(new SharedArrayBuffer(65_536), 0);

function effect(length: number, changes: Partial<JournalEffect> = {}): JournalEffect {
  const base = { shard: 0, database: 0, h1: 0, keyless: false, region: source, offset: 0 };
  return { ...base, length, ...changes };
}

test('a ring', () => {
  const drawing = drawingOf('src/journal/ring.ts');
  drawing.assertContiguous();
  const ring = new JournalRing(new Region(JournalRing.create(4096, 65_536, 8192), 0));
  const { view } = ring.region;
  ring.append(effect(88, { database: 3 }));
  assert.equal(view.getUint32(512, true), 100, 'the records begin at 512');
  ring.append(effect(88));
  const reader = ring.attachReader(100);
  assert.equal(drawing.value(view, 0, /^readers/), 1 << reader);
  assert.equal(drawing.value(view, 0, /^the LSN from which each reader/), 100);
  assert.equal(drawing.value(view, 0, /^the least of those/), 100);
  assert.equal(drawing.value(view, 0, /^head: LSN/), 200);
  assert.equal(drawing.value(view, 0, /^offset of the head/), 200);
  ring.append(effect(8000));
  ring.append(effect(88));
  assert.equal(drawing.value(view, 0, /^longest|^the longest/), 8012);
  assert.equal(drawing.value(view, 0, /^LSN after the last large/), 8212);
  lockRing(ring, 7);
  assert.equal(drawing.value(view, 0, /^lock of the stream/), 7);
  unlockRing(ring);
  assert.equal(drawing.value(view, 0, /^most bytes that are kept/), 8192);
  ring.anchor(ring.head);
  assert.equal(drawing.value(view, 0, /^anchor/), ring.head);
  assert.equal(drawing.value(view, 0, /^capacity/), ring.capacity);
  assert.ok(ring.capacity > 4096);
  assert.equal(drawing.value(view, 0, /^nominal/), 4096);
  ring.reset(123_456);
  assert.equal(drawing.value(view, 0, /^start/), 123_456);
});

test('a record', () => {
  const drawing = drawingOf('src/journal/record.ts');
  drawing.assertContiguous();
  const rings = [0, 1].map(() => new JournalRing(new Region(JournalRing.create(4096), 0)));
  source.words.fill(0x01010101, 0, 8);
  rings[0]!.append(effect(10, { database: 5, h1: -7 }));
  const { view } = rings[0]!.region;
  assert.equal(drawing.value(view, 512, /^total length/), 24);
  assert.equal(drawing.value(view, 512, /^kind/), 1);
  assert.equal(drawing.value(view, 512, /^database/), 5);
  assert.equal(drawing.value(view, 512, /^hash position/), 2 ** 32 - 7);
  assert.equal(view.getUint8(512 + drawing.end), 1, 'the body begins after the header');
  const sink = new JournalSink(rings);
  sink.beginTransaction();
  for (const shard of [1, 0]) sink.append(effect(8, { shard }));
  sink.endTransaction();
  const part = 512 + 24;
  assert.equal(drawing.value(view, part, /^kind/), KIND_PART);
  assert.equal(view.getUint16(part + drawing.end, true), 2, 'u16 participants');
  [0, 1].forEach((shard) => {
    const at = part + drawing.end + 2 + shard * (2 + 8);
    assert.equal(participantAt(part, shard), at);
    assert.equal(view.getUint16(at, true), shard);
    assert.equal(view.getFloat64(at + 2, true), shard === 0 ? 24 : 0);
  });
});

test('a block and its payloads', () => {
  const drawing = drawingOf('src/replication/wire.ts');
  drawing.assertContiguous();
  assert.equal(drawing.end, BLOCK_HEADER_BYTES);
  const cursor = { database: 7, position: 0xfedc_ba98 };
  const header = {
    type: 3,
    more: true,
    shard: 515,
    length: 5,
    from: 2 ** 40,
    to: 2 ** 41,
    ...cursor,
  };
  source.words.fill(-1, 0, 32);
  assert.equal(sealBlock(source, 0, Object.assign(new BlockHeader(), header)), 48);
  const { view } = source;
  assert.equal(drawing.value(view, 0, /^type/), 3);
  assert.equal(drawing.value(view, 0, /^flags/), 1);
  assert.equal(drawing.value(view, 0, /^shard/), 515);
  assert.equal(drawing.value(view, 0, /^length/), 5);
  assert.equal(drawing.value(view, 0, /^LSN: from/), 2 ** 40);
  assert.equal(drawing.value(view, 0, /^LSN: to/), 2 ** 41);
  assert.equal(drawing.value(view, 0, /^cursor: database/), 7);
  assert.equal(drawing.value(view, 0, /^cursor: hash position/), 0xfedc_ba98);
  const checks = [/^checksum of the rest/, /^checksum of the payload/].map((row) =>
    drawing.value(view, 0, row),
  );
  source.bytes[44] = 1;
  sealBlock(source, 0, Object.assign(new BlockHeader(), header));
  assert.notEqual(drawing.value(view, 0, /^checksum of the payload/), checks[1]);
  assert.notEqual(drawing.value(view, 0, /^checksum of the rest/), checks[0]);
  assert.equal(view.getUint8(45), 0, 'padding');
});

test('an entry of an ENTRIES payload', () => {
  const drawing = drawingOf('src/replication/replica/entries-payload.ts');
  drawing.assertContiguous([1]);
  const { view } = source;
  source.words.fill(0, 0, 32);
  view.setUint8(drawing.offset(/^kind/), 9);
  view.setUint16(drawing.offset(/^database/), 7, true);
  view.setUint32(drawing.offset(/^key length/), 3, true);
  view.setUint32(drawing.offset(/^value length/), 4, true);
  view.setFloat64(drawing.offset(/^expiry/), 12_345, true);
  const entry = new ReceivedEntry();
  assert.equal(readEntry(source, 0, 64, entry), 32);
  const { kind, database, keyLength, valueLength, expiry, keyOffset, valueOffset } = entry;
  assert.deepEqual(
    { kind, database, keyLength, valueLength, expiry, keyOffset, valueOffset },
    {
      kind: 9,
      database: 7,
      keyLength: 3,
      valueLength: 4,
      expiry: 12_345,
      keyOffset: drawing.end,
      valueOffset: drawing.end + 3,
    },
  );
});

test('an acknowledgement', () => {
  const drawing = drawingOf('src/replication/acknowledgement.ts');
  drawing.assertContiguous();
  const bytes = writeAcknowledgement(Float64Array.of(30, 20), undefined, 7);
  const view = new DataView(bytes.buffer);
  assert.equal(drawing.value(view, 0, /^number of shards/), 2);
  assert.equal(drawing.value(view, 0, /^offset of the cut/), -1);
  assert.equal(drawing.value(view, 0, /^offset of the last cut that is on/), 7);
  assert.equal(drawing.value(view, 0, /^LSN applied/), 30);
  assert.equal(drawing.value(view, 8, /^LSN applied/), 20);
  assert.equal(bytes.length, acknowledgementBytes(2));
});

test('the newest cut', () => {
  const drawing = drawingOf('src/journal/cuts.ts');
  drawing.assertContiguous();
  const buffer = NewestCut.create(2);
  const newest = new NewestCut(buffer, 1);
  const view = new DataView(buffer);
  assert.equal(drawing.value(view, 0, /^offset of the newest/), -1);
  newest.clear(true);
  assert.equal(drawing.value(view, 0, /^1: this server adopts/), 1);
  newest.adopt(Object.assign(new Cut(2), { offset: 70, madeMs: 1234 }));
  assert.equal(drawing.value(view, 0, /^offset of the newest/), 70);
  assert.equal(drawing.value(view, 0, /^when it was made/), 1234);
  const cut = new Cut(2);
  cut.lsns.set([30, 40]);
  newest.adopt(cut);
  assert.equal(drawing.value(view, 0, /^of each shard: its LSN/), 30);
  assert.equal(buffer.byteLength, drawing.end + 8);
});

test('a sync session', () => {
  const drawing = drawingOf('src/replication/primary/sync-session.ts');
  drawing.assertContiguous([28, 40]);
  const buffer = SyncSession.create(3, true);
  const session = new SyncSession(buffer, 3, 1);
  const view = new DataView(buffer);
  assert.equal(drawing.value(view, 0, /^shards not yet/), 3);
  session.shardDone();
  assert.equal(drawing.value(view, 0, /^shards not yet/), 2);
  session.add(0, 77);
  assert.equal(drawing.value(view, 0, /^sums/), 77);
  session.sent[0] = 11;
  session.acknowledged[1] = 12;
  assert.equal(drawing.value(view, 0, /^per shard: LSN up to which/), 11);
  assert.equal(view.getFloat64(drawing.end + 8 * (3 - 1) + 8, true), 12);
  session.end();
  assert.equal(drawing.value(view, 0, /^1: the session/), 1);
  assert.ok(session.reserveLarge(4096));
  assert.equal(drawing.value(view, 0, /^bytes reserved/), 4096);
  assert.ok(session.takeToken(2, 808));
  assert.equal(drawing.value(view, 0, /^shards that send parts/), 1);
  assert.equal(drawing.value(view, 0, /^LSN of that/), 808);
  assert.equal(drawing.value(view, 0, /^shard of that part/), 2);
  assert.equal(drawing.value(view, 0, /^lock/), 0);
});

test('the progress of a sync', () => {
  const shards = 3;
  const buffer = SyncProgress.create(shards, null);
  const progress = new SyncProgress(buffer, shards, 1);
  const drawing = drawingOf('src/replication/replica/sync-progress.ts');
  drawing.assertContiguous([20]);
  const view = new DataView(buffer);
  assert.equal(drawing.value(view, 0, /^1: it is a full sync/), 1);
  const flags = drawing.offset(/^of each shard: done/);
  progress.shardDone(2);
  assert.equal(drawing.value(view, 0, /^shards that are done/), 1);
  assert.equal(view.getInt32(flags + 4 * 2, true), 1, 'done');
  progress.cutReached(1, 4444);
  assert.equal(view.getInt32(flags + 4 * (shards + 1), true), 1, 'cut seen');
  progress.fail();
  assert.equal(drawing.value(view, 0, /^1: the data may/), 1);
  const values = (flags + 4 * 3 * shards + 7) & ~7;
  progress.add(1, 99);
  assert.equal(view.getFloat64(values + 8, true), 99, 'sums');
  const of = (field: number, shard: number) =>
    view.getFloat64(values + 8 * (16 + field * shards + shard), true);
  progress.applied[1] = 5;
  progress.headSeen(2, 6, 1234);
  progress.received[2] = 8;
  progress.kept[0] = 7;
  assert.equal(of(0, 1), 5, 'applied');
  assert.equal(of(2, 1), 4444, 'cut');
  assert.equal(of(3, 2), 6, 'head');
  assert.equal(of(4, 2), 8, 'received');
  assert.equal(of(5, 0), 7, 'kept');
  assert.deepEqual([of(6, 2), of(7, 2)], [6, 1234], 'mark and its time');
  assert.equal(buffer.byteLength, values + 8 * (16 + 10 * shards));
  progress.walkedTo(1, 3, 77, 5);
  assert.equal(view.getInt32(flags + 4 * (2 * shards + 1), true), 1, 'begun');
  assert.deepEqual([of(8, 1), of(9, 1)], [3, 77], 'cursor');
  const continued = new SyncProgress(SyncProgress.create(shards, [1, 2, 3]), shards, 1);
  assert.deepEqual([...continued.applied, ...continued.received], [1, 2, 3, 1, 2, 3]);
});

test('streams that wait', () => {
  const shards = 3;
  const memory = PendingStreams.create(shards, 64, 1 << 20);
  const pending = new PendingStreams(memory, 1);
  const drawing = drawingOf('src/replication/replica/pending-streams.ts');
  drawing.assertContiguous([12]);
  const view = new DataView(memory.control);
  const first = drawing.offset(/^of each shard: lock/);
  const of = (field: number, shard: number) =>
    view.getInt32(first + 4 * (field * shards + shard), true);
  pending.lockStream(2);
  assert.equal(of(0, 2), 1, 'lock');
  source.words.fill(0, 0, 40);
  source.words[0] = 32;
  source.words[8] = 96;
  assert.ok(pending.append(2, source, 0, 32));
  assert.ok(pending.append(2, source, 32, 4));
  assert.deepEqual([of(1, 2), of(2, 2)], [0, 36], 'start and end');
  assert.equal(new Int32Array(memory.windows)[(2 * 2 * 64) / 4], 32, 'bytes in the window');
  const record = new PendingRecord();
  assert.equal(pending.front(2, record), FRONT_RECORD);
  // A part of a transaction with shard 0.
  const { view: part } = record.region;
  part.setUint16(record.offset + RECORD_HEADER_BYTES, 1, true);
  const claimed = new ShardList(shards);
  pending.park(2, record, Float64Array.of(0, 0, 808), claimed);
  assert.equal(of(6, 2), 1, 'parked state');
  const lsns = (first + 4 * 7 * shards + 7) & ~7;
  assert.equal(view.getFloat64(lsns + 8 * 2, true), 808, 'parked LSN');
  assert.equal(memory.control.byteLength, lsns + 8 * shards);
  pending.consume(2, 32);
  assert.equal(pending.front(2, record), FRONT_NOTHING, 'a record longer than the window');
  assert.notEqual(of(3, 2), 0, 'offset of the large record');
  assert.deepEqual([of(4, 2), of(5, 2)], [96, 4], 'its length, and the bytes received');
  pending.unlockStream(2);
});
