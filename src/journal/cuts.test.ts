/** Cuts only grow, whoever makes them, and are never of the wrong side. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../base/region.js';
import { Cut, NewestCut } from './cuts.js';
import { JournalRing } from './ring.js';

const SHARDS = 3;
const source = new Region(new SharedArrayBuffer(256), 0);

function setUp() {
  const rings = Array.from({ length: SHARDS }, () => {
    return new JournalRing(new Region(JournalRing.create(4096), 0));
  });
  const buffer = NewestCut.create(SHARDS);
  const makers = [1, 2].map((owner) => new NewestCut(buffer, owner));
  return { rings, makers, newest: makers[0]! };
}

test('a cut contains all that was written before it, and equal offsets are equal cuts', () => {
  const writeOrCut = fc.oneof(fc.nat(SHARDS - 1), fc.constantFrom(-1, -2));
  fc.assert(
    fc.property(fc.array(writeOrCut, { maxLength: 60 }), (steps) => {
      const { rings, makers } = setUp();
      const seen = new Map<number, string>();
      let before = new Cut(SHARDS).lsns;
      for (const step of steps) {
        if (step >= 0) {
          rings[step]!.appendRaw(source, 0, 4 * (1 + step));
          continue;
        }
        const offset = makers[-1 - step]!.make(rings, 1);
        const cut = new Cut(SHARDS);
        makers[0]!.read(cut);
        assert.equal(cut.offset, offset);
        assert.ok(cut.lsns.every((lsn, shard) => lsn === rings[shard]!.head));
        assert.ok(cut.lsns.every((lsn, shard) => lsn >= before[shard]!));
        assert.equal(seen.get(offset) ?? cut.lsns.join(), cut.lsns.join());
        seen.set(offset, cut.lsns.join());
        before = cut.lsns;
      }
    }),
  );
});

test('a cut is made anew only after a write', () => {
  const { rings, newest } = setUp();
  assert.equal(newest.offset, -1);
  assert.equal(newest.isOld(rings), true);
  assert.equal(newest.make(rings, 100), 0);
  assert.equal(newest.isOld(rings), false);
  assert.equal(newest.make(rings, 200), 0);
  assert.equal(newest.madeMs, 100, 'it is still the first one');
  rings[1]!.appendRaw(source, 0, 8);
  assert.equal(newest.isOld(rings), true);
  assert.equal(newest.make(rings, 300), 8);
  assert.equal(newest.madeMs, 300);
});

test('a primary adopts no cut, a replica makes none, and a change of role forgets them', () => {
  const { rings, newest } = setUp();
  const cut = new Cut(SHARDS);
  cut.offset = 30;
  cut.lsns.set([10, 10, 10]);
  newest.adopt(cut);
  assert.equal(newest.offset, -1);
  rings[0]!.appendRaw(source, 0, 16);
  newest.clear(true);
  assert.equal(newest.make(rings, 1), -1);
  assert.equal(newest.isOld(rings), false);
  newest.adopt(cut);
  assert.equal(newest.offset, 30);
  // The data of a promoted replica may be behind the last cut that it adopted.
  newest.clear(false);
  assert.equal(newest.offset, -1);
  assert.equal(newest.make(rings, 1), 16);
});
