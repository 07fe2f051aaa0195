import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import { BackPressure } from './back-pressure.js';
import {
  type JournalEffect,
  KIND_EFFECT,
  KIND_PART,
  partHeaderBytes,
  participantAt,
  participants,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  RecordOrigin,
  recordBytes,
  recordError,
  VECTOR_HEADER_BYTES,
} from './record.js';
import { anchoredBytes, createRings, grownBytes, JournalRing, RING_BYTES_MIN } from './ring.js';
import { JournalSink } from './sink.js';

const DATABASES = 16;
const CAPACITY = 4096;

function open(buffer: SharedArrayBuffer): JournalRing {
  return new JournalRing(new Region(buffer, 0));
}

function newRing(nominal: number, space?: number): JournalRing {
  return open(JournalRing.create(nominal, space));
}

/** An effect vector of these words. */
function vector(region: Region, ...words: string[]): number {
  region.view.setUint32(0, words.length, true);
  let at = VECTOR_HEADER_BYTES;
  for (const word of words) {
    region.view.setUint32(at, word.length, true);
    region.bytes.set(Buffer.from(word, 'latin1'), at + 4);
    at += 4 + word.length;
  }
  return at;
}

const source = new Region(new SharedArrayBuffer(65536), 0);
const target = new Region(new SharedArrayBuffer(65536), 0);

/** An effect whose vector begins at `source`. */
function effect(length: number, changes: Partial<JournalEffect> = {}): JournalEffect {
  const base = { shard: 0, database: 0, h1: 0, keyless: false, region: source, offset: 0 };
  return { ...base, length, ...changes };
}

/** Where a record is said to come from. */
function origin(shard: number, shards: number, lsn: number): RecordOrigin {
  return Object.assign(new RecordOrigin(), { shard, shards, databases: DATABASES, lsn });
}

function put(sink: JournalSink, shard: number, ...words: string[]): void {
  sink.append(effect(vector(source, ...words), { shard, h1: 7 }));
}

test('what the ring holds is what was appended last, at any size and place', () => {
  const operation = fc.tuple(fc.nat(900), fc.boolean());
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 120 }), (operations) => {
      const ring = newRing(CAPACITY);
      ring.reset(1_000_000);
      const records: { lsn: number; bytes: Uint8Array }[] = [];
      operations.forEach(([length, raw], i) => {
        const lsn = ring.head;
        const size = vector(source, 'SET', `${i}`.padEnd(length, 'k'));
        if (raw && records.length > 0) {
          const { bytes } = records[records.length - 1]!;
          target.bytes.set(bytes);
          ring.appendRaw(target, 0, bytes.length);
        } else ring.append(effect(size, { database: 3, h1: i }));
        const total = ring.head - lsn;
        ring.read(lsn, total, target, 0);
        records.push({ lsn, bytes: target.bytes.slice(0, total) });
        assert.equal(recordError(target, 0, total, origin(0, 1, lsn)), null);
      });
      assert.ok(ring.head - ring.start <= CAPACITY);
      for (const { lsn, bytes } of records) {
        assert.equal(ring.holds(lsn), lsn >= ring.start);
        if (!ring.holds(lsn)) continue;
        assert.equal(ring.wordAt(lsn), bytes.length);
        ring.read(lsn, bytes.length, target, 0);
        assert.deepEqual(target.bytes.slice(0, bytes.length), bytes);
      }
    }),
    { numRuns: 60 },
  );
});

test('a record longer than the ring may grow counts, but nobody can read on', () => {
  for (const space of [CAPACITY, 2 * CAPACITY]) {
    const ring = newRing(CAPACITY, space);
    const before = ring.head;
    ring.append(effect(vector(source, 'SET', 'k', 'v'.repeat(space))));
    assert.ok(ring.head > before + space);
    assert.equal(ring.holds(before), false);
    assert.equal(ring.holds(ring.head), true);
  }
});

const LONGEST = 12_000;
const EXPIRED_BYTES = 30;

test('a reader that writers wait for never loses its place, and memory stays bounded', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ write: fc.integer({ min: 1, max: 900 }) }) },
    { weight: 1, arbitrary: fc.record({ write: fc.integer({ min: 1000, max: LONGEST }) }) },
    { weight: 3, arbitrary: fc.record({ read: fc.nat(9000), reader: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.constant({ shrink: true }) },
  );
  let grown = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const ring = newRing(CAPACITY, 16 * CAPACITY);
      const stream: number[] = [];
      const places = [0, 0];
      const readers = places.map(() => ring.attachReader(0));
      let longest = 0;
      const write = (length: number) => {
        const size = vector(source, 'k'.repeat(length));
        const total = recordBytes(size);
        const large = total > CAPACITY / 4;
        // Expired keys are deleted whoever is behind.
        if (ring.room < CAPACITY / 4 && length > EXPIRED_BYTES) return;
        if (large) longest = Math.max(longest, total);
        const lsn = ring.head;
        ring.append(effect(size));
        ring.read(lsn, total, target, 0);
        stream.push(...target.bytes.subarray(0, total));
        for (const place of places) assert.ok(ring.holds(place), `lost to ${total} bytes`);
      };
      for (const step of steps) {
        if ('write' in step) write(step.write);
        else if ('read' in step) {
          const place = places[step.reader]!;
          const length = Math.min(step.read & ~3, ring.head - place);
          ring.read(place, length, target, 0);
          const bytes = [...target.bytes.subarray(0, length)];
          assert.deepEqual(bytes, stream.slice(place, place + length));
          places[step.reader] = place + length;
          ring.moveReader(readers[step.reader]!, places[step.reader]!);
        } else {
          ring.shrink();
          for (const place of places) assert.ok(ring.holds(place), 'lost by shrinking');
        }
        if (ring.hasGrown) grown++;
        assert.ok(ring.head - ring.start <= CAPACITY + 2 * longest);
        const length = ring.head - ring.start;
        ring.read(ring.start, length, target, 0);
        assert.deepEqual([...target.bytes.subarray(0, length)], stream.slice(ring.start));
      }
      readers.forEach((reader) => {
        ring.moveReader(reader, ring.head);
      });
      ring.shrink();
      assert.equal(ring.capacity, CAPACITY);
      assert.ok(ring.holds(ring.head));
    }),
    { numRuns: 400 },
  );
  assert.ok(grown > 100, `${grown} steps with a ring that had grown`);
});

test('a reader that has just read a large record may still be behind by as much', () => {
  const ring = newRing(CAPACITY, 16 * CAPACITY);
  const reader = ring.attachReader(0);
  const write = (length: number) => ring.append(effect(vector(source, 'x'.repeat(length))));
  write(LONGEST);
  const end = ring.head;
  ring.moveReader(reader, end / 2);
  while (ring.room >= CAPACITY / 4) write(100);
  assert.ok(ring.head - end > CAPACITY);
  ring.moveReader(reader, end);
  for (let i = 0; i < 3; i++) write(10);
  assert.ok(ring.holds(end));
  ring.moveReader(reader, ring.head);
  ring.shrink();
  assert.equal(ring.hasGrown, false);
  assert.equal(ring.room, CAPACITY);
});

test('a reader that was overrun does not hide the one behind which writers have to wait', () => {
  const ring = newRing(CAPACITY, 16 * CAPACITY);
  const write = (length: number) => ring.append(effect(vector(source, 'x'.repeat(length))));
  const lost = ring.attachReader(ring.head);
  write(900);
  const kept = ring.attachReader(ring.head);
  const place = ring.head;
  while (ring.holds(0)) write(400);
  assert.ok(ring.holds(place));
  assert.equal(ring.room, CAPACITY - (ring.head - place));
  write(2 * CAPACITY);
  assert.ok(ring.holds(place), 'the ring grows for the one that can be kept');
  ring.shrink();
  assert.ok(ring.holds(place));
  ring.moveReader(kept, ring.head);
  ring.shrink();
  assert.equal(ring.hasGrown, false);
  ring.detachReader(lost);
});

test('large records wait while many others are kept; nothing grows when nobody reads', () => {
  const rings = Array.from({ length: 3 }, () => newRing(RING_BYTES_MIN, 64 << 20));
  const large = new Region(new SharedArrayBuffer(24 << 20), 0);
  const write = (ring: number) => rings[ring]!.append(effect(large.length, { region: large }));
  const pressure = new BackPressure(rings);
  write(0);
  assert.equal(grownBytes(rings), 0);
  const readers = rings.map((ring) => ring.attachReader(ring.head));
  write(0);
  assert.ok(grownBytes(rings) >= large.length);
  assert.equal(pressure.mustWait(1, large.length, 0, 5000), false);
  write(1);
  assert.equal(pressure.mustWait(2, large.length, 0, 5000), true);
  assert.equal(pressure.mustWait(2, large.length, 5000, 6000), false, 'not for ever');
  assert.equal(pressure.mustWait(2, 1000, 0, 5000), false, 'small ones go on');
  rings.forEach((ring, i) => {
    ring.moveReader(readers[i]!, ring.head);
    ring.shrink();
  });
  assert.equal(grownBytes(rings), 0);
  assert.equal(pressure.mustWait(2, large.length, 0, 5000), false);
});

test('readers tell how much room is left; those that were overrun do not count', () => {
  const ring = newRing(CAPACITY);
  const write = () => ring.append(effect(vector(source, 'x'.repeat(992))));
  assert.equal(ring.room, CAPACITY);
  const slow = ring.attachReader(ring.head);
  const fast = ring.attachReader(ring.head);
  assert.notEqual(slow, fast);
  write();
  write();
  ring.moveReader(fast, ring.head);
  assert.equal(ring.room, CAPACITY - 2 * 1012);
  const pressure = new BackPressure([ring]);
  assert.equal(pressure.mustWait(0, 1000, 0, 5000), false);
  write();
  write();
  assert.equal(pressure.mustWait(0, 1000, 0, 5000), true);
  assert.equal(pressure.mustWait(0, 1000, 5000, 5999), true);
  assert.equal(pressure.mustWait(0, 1000, 5000, 6000), false);
  assert.deepEqual([pressure.delayed, pressure.overruled], [1, 1]);
  pressure.enabled = false;
  assert.equal(pressure.mustWait(0, 1000, 0, 5000), false);
  write();
  assert.equal(ring.holds(0), false);
  assert.equal(ring.room, CAPACITY - 3 * 1012, 'the slow one has nothing left to lose');
  ring.detachReader(slow);
  ring.moveReader(fast, ring.head);
  assert.equal(ring.room, CAPACITY);
  ring.detachReader(fast);
});

test('who rests is told of a ring that is half full, before a write waits for it', () => {
  const ring = newRing(CAPACITY);
  const write = () => ring.append(effect(vector(source, 'x'.repeat(500))));
  const reader = ring.attachReader(ring.head);
  let raised = 0;
  const pressure = new BackPressure([ring], { raise: () => raised++ });
  const ask = () => pressure.mustWait(0, 500, 0, 5000);
  while (ring.room >= CAPACITY / 2) {
    assert.equal(ask(), false);
    assert.equal(raised, 0);
    pressure.tellFilling([0]);
    assert.equal(raised, 0);
    write();
  }
  assert.equal(ask(), false);
  assert.equal(raised, 1);
  pressure.tellFilling([0]);
  assert.equal(raised, 2);
  pressure.enabled = false;
  ask();
  assert.equal(raised, 3, 'also where no write waits');
  ring.moveReader(reader, ring.head);
  ask();
  assert.equal(raised, 3);
});

test('a transaction gives each shard one record that names its sisters', () => {
  const buffers = createRings(4, 0, RING_BYTES_MIN);
  assert.equal(open(buffers[0]!).capacity, RING_BYTES_MIN);
  const rings = buffers.map(open);
  const sink = new JournalSink(rings);
  put(sink, 1, 'SET', 'before', '1');
  const start = rings.map((ring) => ring.head);
  sink.beginTransaction();
  put(sink, 3, 'SET', 'a', '1');
  put(sink, 1, 'SET', 'b', '2');
  put(sink, 3, 'DEL', 'c');
  assert.deepEqual(
    rings.map((ring) => ring.head),
    start,
    'nothing is written before its end',
  );
  sink.endTransaction();
  assert.equal(rings[0]!.head, start[0]);
  for (const shard of [1, 3]) {
    const ring = rings[shard]!;
    const length = ring.head - start[shard]!;
    ring.read(start[shard]!, length, target, 0);
    assert.equal(recordError(target, 0, length, origin(shard, 4, start[shard]!)), null);
    assert.equal(target.bytes[RECORD_KIND], KIND_PART);
    assert.equal(participants(target, 0), 2);
    [1, 3].forEach((other, i) => {
      assert.equal(target.view.getUint16(participantAt(0, i), true), other);
      assert.equal(target.view.getFloat64(participantAt(0, i) + 2, true), start[other]);
    });
    const first = target.view.getUint32(partHeaderBytes(2), true);
    assert.equal(partHeaderBytes(2) + first === length, shard === 1);
  }
  sink.beginTransaction();
  put(sink, 2, 'SET', 'alone', '1');
  sink.endTransaction();
  rings[2]!.read(0, rings[2]!.head, target, 0);
  assert.equal(target.bytes[RECORD_KIND], KIND_EFFECT, 'one effect needs no part');
  const heads = rings.map((ring) => ring.head);
  sink.beginTransaction();
  sink.endTransaction();
  assert.deepEqual(
    rings.map((ring) => ring.head),
    heads,
  );
});

test('damaged records are refused, never read beyond their end', () => {
  const rings = createRings(2, 0, RING_BYTES_MIN).map(open);
  const sink = new JournalSink(rings);
  sink.beginTransaction();
  put(sink, 0, 'SET', 'a', '1');
  put(sink, 1, 'SET', 'b', '2');
  put(sink, 0, 'DEL', 'c');
  sink.endTransaction();
  const length = rings[0]!.head;
  rings[0]!.read(0, length, target, 0);
  const right = target.bytes.slice(0, length);
  const small = new Region(new SharedArrayBuffer((length + 7) & ~7), 0);
  const edit = fc.tuple(fc.nat(length - 1), fc.nat(255));
  let refused = 0;
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(length), (edits, end) => {
      small.bytes.set(right);
      for (const [at, byte] of edits) small.bytes[at] = byte;
      // A region that ends with the record: reading on would throw.
      if (recordError(small, 0, end, origin(0, 2, 0)) !== null) refused++;
    }),
    { numRuns: 3000 },
  );
  assert.ok(refused > 1000);
  small.bytes.set(right);
  assert.equal(recordError(small, 0, length, origin(0, 2, 0)), null);
  assert.match(recordError(small, 0, length, origin(0, 2, 4)) ?? '', /claims/);
  assert.match(recordError(small, 0, length, origin(0, 1, 0)) ?? '', /shards/);
});

test('an effect of more than 65,535 arguments is counted right', () => {
  const words = Array.from({ length: 70_000 }, (_, i) => `${i}`);
  const large = new Region(new SharedArrayBuffer(1 << 20), 0);
  const length = vector(large, 'SADD', ...words);
  const ring = newRing(1 << 21);
  ring.append(effect(length, { region: large }));
  const copy = new Region(new SharedArrayBuffer(1 << 21), 0);
  ring.read(0, ring.head, copy, 0);
  assert.equal(copy.view.getUint32(RECORD_HEADER_BYTES, true), 70_001);
  assert.equal(recordError(copy, 0, ring.head, origin(0, 1, 0)), null);
});

/** A ring of 4 KiB that may keep 64 KiB for a replica that is away, with 100 records in it. */
function anchoredRing(): { ring: JournalRing; sink: JournalSink; lsn: number } {
  const ring = open(JournalRing.create(CAPACITY, 1 << 20, 1 << 16));
  const sink = new JournalSink([ring]);
  const reader = ring.attachReader(0);
  for (let i = 0; i < 100; i++) put(sink, 0, 'SET', `key${i}`, 'value');
  const lsn = ring.head - 1024;
  ring.anchor(lsn);
  ring.detachReader(reader);
  return { ring, sink, lsn };
}

test('what a replica needs that is away is kept beyond the nominal bytes, up to a bound', () => {
  const { ring, sink, lsn } = anchoredRing();
  let most = 0;
  for (let i = 0; i < 4000; i++) {
    put(sink, 0, 'SET', `key${i}`, 'value');
    if (ring.holds(lsn)) most = ring.head - lsn;
    assert.ok(ring.head - ring.start <= 1 << 16);
  }
  assert.ok(most > (1 << 16) - 100, `${most} bytes were kept`);
  assert.equal(ring.holds(lsn), false, 'then it is given up');
  assert.ok(ring.head - ring.start <= CAPACITY);
  ring.shrink();
  assert.equal(ring.capacity, CAPACITY);
});

test('a replica that comes back reads what was kept; without anchor the ring is small again', () => {
  const { ring, sink, lsn } = anchoredRing();
  for (let i = 0; i < 1000; i++) put(sink, 0, 'SET', `key${i}`, 'value');
  assert.equal(ring.holds(lsn), true);
  assert.equal(grownBytes([ring]), 0, 'it does not count as large records do');
  assert.equal(anchoredBytes([ring]), ring.capacity - CAPACITY);
  const reader = ring.attachReader(lsn);
  assert.ok(ring.room < 0, 'writers wait for it');
  ring.shrink();
  assert.equal(ring.holds(lsn), true);
  ring.moveReader(reader, ring.head);
  ring.removeAnchor();
  ring.shrink();
  assert.deepEqual([ring.capacity, anchoredBytes([ring])], [CAPACITY, 0]);
  put(sink, 0, 'SET', 'key', 'value');
  assert.equal(ring.holds(lsn), false);
});

test('an anchor is none where nothing may be kept, or the place is gone; the earliest counts', () => {
  const ring = open(JournalRing.create(CAPACITY));
  ring.anchor(0);
  assert.equal(ring.isAnchored, false);
  const { ring: other, lsn } = anchoredRing();
  other.removeAnchor();
  other.anchor(-4);
  assert.equal(other.isAnchored, false);
  other.anchor(lsn);
  other.anchor(lsn + 4);
  assert.equal(other.region.view.getFloat64(320, true), lsn);
  other.loseHistory();
  assert.equal(other.isAnchored, false);
});
