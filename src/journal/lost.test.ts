/** Changes without a record: the journal never lets anybody continue over one. */
import assert from 'node:assert/strict';
import { freemem } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import {
  type JournalEffect,
  KIND_PART,
  partHeaderBytes,
  participants,
  RECORD_KIND,
} from './record.js';
import { createRings, JournalRing, RING_BYTES_MIN } from './ring.js';
import { JournalSink } from './sink.js';

const SHARDS = 3;
const source = new Region(new SharedArrayBuffer(1 << 20), 0);
const target = new Region(new SharedArrayBuffer(1 << 21), 0);

/** Runs `work` while the system refuses shared memory of more than a few bytes. */
function refusingMemory<T>(refuses: boolean, work: () => T): T {
  const real = globalThis.SharedArrayBuffer;
  if (refuses) {
    globalThis.SharedArrayBuffer = class extends real {
      constructor(length?: number) {
        if (refuses) throw new RangeError('Array buffer allocation failed');
        super(length);
      }
    };
  }
  try {
    return work();
  } finally {
    globalThis.SharedArrayBuffer = real;
  }
}

function effect(shard: number, region: Region, length: number): JournalEffect {
  return { shard, database: 0, h1: 0, keyless: false, region, offset: 0, length };
}

/** An effect whose body is a number, repeated to a length. */
function put(sink: JournalSink, shard: number, value: number, bytes: number): void {
  const length = Math.max(8, bytes & ~7);
  source.words.fill(value, 0, length >> 2);
  sink.append(effect(shard, source, length));
}

/** A copy of the data: the sum of all values written to each shard. */
class Follower {
  readonly lsns: number[];
  readonly sums: number[];

  constructor(rings: readonly JournalRing[], truth: readonly number[]) {
    this.lsns = rings.map((ring) => ring.head);
    this.sums = [...truth];
  }

  /** Reads on from where it is, or copies the data anew where its place is gone. */
  follow(rings: readonly JournalRing[], truth: readonly number[]): void {
    rings.forEach((ring, shard) => {
      if (!ring.holds(this.lsns[shard]!)) {
        this.sums[shard] = truth[shard]!;
        this.lsns[shard] = ring.head;
        return;
      }
      const length = ring.head - this.lsns[shard]!;
      ring.read(this.lsns[shard]!, length, target, 0);
      this.sums[shard]! += sumOf(length);
      this.lsns[shard] = ring.head;
    });
  }
}

function sumOf(end: number): number {
  let sum = 0;
  for (let at = 0; at < end; at += target.words[at >> 2]!) {
    if (target.bytes[at + RECORD_KIND] !== KIND_PART) {
      sum += target.words[(at >> 2) + 3]!;
      continue;
    }
    const partEnd = at + target.words[at >> 2]!;
    let inner = at + partHeaderBytes(participants(target, at));
    for (; inner < partEnd; inner += target.words[inner >> 2]!) {
      sum += target.words[(inner >> 2) + 3]!;
    }
  }
  return sum;
}

const write = fc.record({
  shard: fc.nat(SHARDS - 1),
  value: fc.nat(1000),
  bytes: fc.oneof({ weight: 5, arbitrary: fc.nat(600) }, fc.nat(200_000)),
});
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('write' as const), write }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('transaction' as const),
      writes: fc.array(write, { maxLength: 6 }),
      refuses: fc.boolean(),
      /** The command fails after so many writes; the last of them has no effect. */
      failsAfter: fc.option(fc.nat(6)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('failure' as const), write }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('follow' as const) }) },
);

test('after any failure a follower of the journal has the data or finds its place gone', () => {
  let refused = 0;
  let failed = 0;
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const rings = createRings(SHARDS, 0, 8 * RING_BYTES_MIN).map(
        (buffer) => new JournalRing(new Region(buffer, 0)),
      );
      const sink = new JournalSink(rings);
      const losses: string[] = [];
      sink.onLoss = (shards, why) => losses.push(`${shards} ${why}`);
      const truth = new Array<number>(SHARDS).fill(0);
      const often = new Follower(rings, truth);
      const seldom = new Follower(rings, truth);
      const change = (one: { shard: number; value: number }) => {
        truth[one.shard]! += one.value;
      };
      for (const one of operations) {
        if (one.kind === 'follow') often.follow(rings, truth);
        else if (one.kind === 'write') {
          change(one.write);
          refusingMemory(true, () => put(sink, one.write.shard, one.write.value, one.write.bytes));
        } else if (one.kind === 'failure') {
          change(one.write);
          sink.lost([one.write.shard]);
        } else {
          const heads = rings.map((ring) => ring.head);
          sink.beginTransaction();
          const fails = one.failsAfter !== null && one.failsAfter < one.writes.length;
          one.writes.slice(0, fails ? one.failsAfter! + 1 : undefined).forEach((each, i) => {
            change(each);
            if (fails && i === one.failsAfter) return;
            refusingMemory(one.refuses, () => put(sink, each.shard, each.value, each.bytes));
          });
          assert.deepEqual(
            rings.map((ring) => ring.head),
            heads,
            'nothing is written before the end',
          );
          const before = losses.length;
          if (fails) {
            sink.lost([one.writes[one.failsAfter!]!.shard]);
            failed++;
          }
          refusingMemory(one.refuses, () => sink.endTransaction());
          if (losses.length > before && !fails) refused++;
        }
        rings.forEach((ring) => {
          assert.equal(ring.head % 4, 0);
        });
      }
      often.follow(rings, truth);
      seldom.follow(rings, truth);
      assert.deepEqual(often.sums, truth);
      assert.deepEqual(seldom.sums, truth);
    }),
    { numRuns: 400 },
  );
  assert.ok(refused > 20, `${refused} transactions were refused memory`);
  assert.ok(failed > 20, `${failed} transactions failed`);
});

test('a lost stream overruns its readers, even one that had read everything', () => {
  const [ring] = createRings(1, 0, RING_BYTES_MIN).map(
    (buffer) => new JournalRing(new Region(buffer, 0)),
  );
  const sink = new JournalSink([ring!]);
  put(sink, 0, 1, 100);
  const head = ring!.head;
  const reader = ring!.attachReader(head);
  sink.lost([0]);
  assert.equal(ring!.holds(head), false);
  assert.ok(ring!.head > head);
  assert.equal(ring!.room, ring!.nominal, 'nobody waits for a reader that was overrun');
  ring!.moveReader(reader, ring!.head);
  put(sink, 0, 1, 100);
  assert.ok(ring!.holds(head + 4));
});

test('a lost transaction loses all its shards, and the next one begins anew', () => {
  const rings = createRings(SHARDS, 0, RING_BYTES_MIN).map(
    (buffer) => new JournalRing(new Region(buffer, 0)),
  );
  const sink = new JournalSink(rings);
  const losses: (readonly number[])[] = [];
  sink.onLoss = (shards) => losses.push(shards);
  sink.beginTransaction();
  put(sink, 2, 5, 16);
  sink.lost([0]);
  assert.deepEqual(losses, [[0, 2]]);
  sink.endTransaction();
  const heads = rings.map((ring) => ring.head);
  sink.beginTransaction();
  put(sink, 1, 7, 16);
  sink.endTransaction();
  assert.equal(rings[2]!.head, heads[2]);
  assert.ok(rings[1]!.head > heads[1]!);
  sink.beginTransaction();
  put(sink, 1, 7, 16);
  assert.throws(() => sink.beginTransaction(), /left open/);
});

test('a ring grows and shrinks without memory of its own', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30_000), { minLength: 1, maxLength: 40 }), (lengths) => {
      const ring = new JournalRing(new Region(JournalRing.create(4096, 1 << 18), 0));
      const sink = new JournalSink([ring]);
      const reader = ring.attachReader(0);
      const expected: number[] = [];
      refusingMemory(true, () => {
        lengths.forEach((length, i) => {
          const lsn = ring.head;
          put(sink, 0, i + 1, length);
          expected.push(i + 1);
          if (i % 3 === 2) {
            ring.moveReader(reader, lsn);
            ring.shrink();
          }
        });
      });
      const held = ring.head - ring.start;
      // The oldest record may be cut: whole ones are read back from the last on.
      ring.read(ring.start, held, target, 0);
      const last = Math.max(8, lengths.at(-1)! & ~7);
      assert.equal(target.words[(held - 4) >> 2], expected.at(-1));
      assert.equal(target.words[(held - last) >> 2], expected.at(-1));
    }),
    { numRuns: 100 },
  );
});

test('effects and transactions beyond the longest record lose their shards', () => {
  const ring = new JournalRing(new Region(JournalRing.create(RING_BYTES_MIN), 0));
  const sink = new JournalSink([ring]);
  const losses: string[] = [];
  sink.onLoss = (_shards, why) => losses.push(why);
  const small = new Region(new SharedArrayBuffer(64), 0);
  for (const length of [0x7e00_0000, 0x7fff_fff0, 2 ** 31, 2 ** 32 + 8]) {
    const { head } = ring;
    sink.append(effect(0, small, length));
    assert.equal(ring.head, head + 4);
    sink.beginTransaction();
    sink.append(effect(0, small, 8));
    sink.append(effect(0, small, length));
    sink.append(effect(0, small, 8));
    sink.endTransaction();
    assert.equal(ring.head, head + 8);
  }
  assert.match(losses[0]!, /does not fit a record/);
  assert.match(losses[1]!, /changes more than 2113929216 bytes in shard 0/);
  assert.equal(losses.length, 8);
});

const PIECE_BYTES = 300 << 20;
/** The transaction's own regions, the ring, and the source. */
const MEMORY_BYTES_NEEDED = 8 * 1024 ** 3;
const isShort = freemem() < MEMORY_BYTES_NEEDED;

test('a transaction of 1.2 GB in one shard is one record', { skip: isShort }, () => {
  const ring = new JournalRing(new Region(JournalRing.create(RING_BYTES_MIN, 5 * PIECE_BYTES), 0));
  const sink = new JournalSink([ring]);
  sink.onLoss = (_shards, why) => assert.fail(why);
  const source = new Region(new SharedArrayBuffer(PIECE_BYTES), 0);
  const reader = ring.attachReader(0);
  sink.beginTransaction();
  for (let i = 0; i < 4; i++) {
    source.words[0] = i;
    sink.append(effect(0, source, PIECE_BYTES));
  }
  sink.endTransaction();
  assert.equal(ring.head, 24 + 4 * (PIECE_BYTES + 12));
  assert.equal(ring.holds(0), true, 'the reader keeps its place');
  assert.equal(ring.wordAt(0), ring.head);
  for (let i = 0; i < 4; i++) {
    const at = 24 + i * (PIECE_BYTES + 12);
    assert.equal(ring.wordAt(at), PIECE_BYTES + 12);
    assert.equal(ring.wordAt(at + 12), i);
  }
  ring.moveReader(reader, ring.head);
  ring.shrink();
  assert.equal(ring.capacity, RING_BYTES_MIN);
});
