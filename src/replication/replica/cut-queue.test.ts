import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Cut } from '../../journal/cuts.js';
import { CUTS_KEPT_MAX, CutQueue } from './cut-queue.js';

const STREAMS = 2;

/** The cut that a write in cut `number` is part of: both streams have come so far. */
function cutOf(number: number): Cut {
  const cut = new Cut(STREAMS);
  cut.offset = number * STREAMS;
  cut.madeMs = 1000 + number;
  cut.lsns.fill(number);
  return cut;
}

function appliedTo(number: number): Float64Array {
  return new Float64Array(STREAMS).fill(number);
}

describe('cuts that a replica has not applied', () => {
  test('a write is confirmed a small share of the lag after it is applied, under steady writes', () => {
    for (const lag of [1, 2, 10, 31, 32, 33, 200, 1000, 5000]) {
      const queue = new CutQueue(STREAMS);
      let late = 0;
      for (let now = 1; now <= 20 * lag; now++) {
        queue.add(cutOf(now));
        if (now <= lag) continue;
        queue.advance(appliedTo(now - lag));
        // Until the first cuts are applied the queue learns how many there are.
        if (now > 4 * lag) late = Math.max(late, now - lag - queue.reachedOffset / STREAMS);
      }
      assert.ok(late <= Math.ceil((4 * lag) / CUTS_KEPT_MAX), `${late} cuts late, ${lag} behind`);
    }
  });

  test('a cut is not reached before all streams have come to it', () => {
    const queue = new CutQueue(STREAMS);
    queue.add(cutOf(5));
    assert.equal(queue.advance(Float64Array.of(5, 4)), false);
    assert.equal(queue.count, 1);
    assert.equal(queue.advance(Float64Array.of(5, 5)), true);
    assert.deepEqual([queue.reachedOffset, queue.reachedMs, queue.count], [10, 1005, 0]);
  });

  test('cuts of a primary that is ahead are forgotten when another one makes less', () => {
    const queue = new CutQueue(STREAMS);
    queue.add(cutOf(9));
    const cut = cutOf(6);
    cut.lsns.set([4, 8]);
    queue.add(cut);
    assert.equal(queue.advance(Float64Array.of(4, 8)), true);
    assert.deepEqual([queue.reachedOffset, queue.count], [12, 0]);
  });

  test('reports only what is applied, never falls, and ends at the newest cut', () => {
    const step = fc.record({ cuts: fc.nat(100), applies: fc.nat(100) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new CutQueue(STREAMS);
        let newest = 0;
        let applied = 0;
        let reached = -1;
        const look = () => {
          if (!queue.advance(appliedTo(applied))) return;
          assert.ok(queue.reachedOffset > reached && queue.reachedOffset <= applied * STREAMS);
          reached = queue.reachedOffset;
        };
        for (const { cuts, applies } of steps) {
          for (let i = 0; i < cuts; i++) queue.add(cutOf(++newest));
          assert.ok(queue.count <= CUTS_KEPT_MAX);
          applied = Math.min(newest, applied + applies);
          look();
        }
        applied = newest;
        look();
        assert.equal(queue.count, 0);
        if (newest > 0) assert.equal(reached, newest * STREAMS);
      }),
    );
  });

  test('cuts of an earlier link are forgotten', () => {
    const queue = new CutQueue(STREAMS);
    queue.add(cutOf(7));
    queue.clear();
    assert.equal(queue.advance(appliedTo(7)), false);
  });
});
