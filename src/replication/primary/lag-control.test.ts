import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AHEAD_SHARE_MAX } from '../../journal/back-pressure.js';
import { AHEAD_SHARE_MIN, LAG_MS_MAX, LagControl } from './lag-control.js';

const CUT_MS = 5;
const RING_BYTES = 32 << 20;

/** A primary that writes as fast as it may, and a replica that applies so many bytes a millisecond. */
class Link {
  readonly control = new LagControl();
  head = 0;
  nowMs = 1_000_000;
  lagMs = 0;
  bytesPerMs: number;
  private applied = 0;
  private reached = { offset: 0, madeMs: this.nowMs };
  private readonly cuts: { offset: number; madeMs: number }[] = [];

  constructor(bytesPerMs: number) {
    this.bytesPerMs = bytesPerMs;
  }

  run(ms: number, writesPerMs: number): void {
    const endMs = this.nowMs + ms;
    for (; this.nowMs < endMs; this.nowMs += CUT_MS) {
      const room = this.applied + this.control.share * RING_BYTES - this.head;
      this.head += Math.max(0, Math.min(room, writesPerMs * CUT_MS));
      this.cuts.push({ offset: this.head, madeMs: this.nowMs });
      this.applied = Math.min(this.head, this.applied + this.bytesPerMs * CUT_MS);
      while (this.cuts.length > 0 && this.cuts[0]!.offset <= this.applied) {
        this.reached = this.cuts.shift()!;
      }
      this.lagMs = this.nowMs - this.reached.madeMs;
      this.control.update(this.reached.offset, this.reached.madeMs, this.head, this.nowMs);
    }
  }
}

describe("a replica's lag in time", () => {
  test('becomes short when writers are faster than the replica', () => {
    const link = new Link(20_000);
    link.run(2000, 60_000);
    assert.ok(link.lagMs > LAG_MS_MAX, `${link.lagMs} ms at first`);
    link.run(4000, 60_000);
    for (let i = 0; i < 100; i++) {
      link.run(50, 60_000);
      assert.ok(link.lagMs < LAG_MS_MAX * 1.5, `${link.lagMs} ms`);
      // The replica always has something to apply.
      assert.ok(link.lagMs > LAG_MS_MAX / 10, `${link.lagMs} ms`);
    }
  });

  test('slows no writer for a fast replica, and none for long after a slow moment', () => {
    const link = new Link(200_000);
    link.run(5000, 300_000);
    assert.equal(link.control.share, AHEAD_SHARE_MAX);
    link.bytesPerMs = 10_000;
    link.run(5000, 300_000);
    assert.equal(link.control.share, AHEAD_SHARE_MIN);
    link.bytesPerMs = 400_000;
    link.run(3000, 100_000);
    assert.equal(link.control.share, AHEAD_SHARE_MAX);
  });

  test('is not long because the writers have rested', () => {
    const link = new Link(200_000);
    link.run(1000, 100_000);
    link.nowMs += 1500;
    link.run(5, 100_000);
    link.nowMs += 100;
    link.control.update(link.head - 1, 0, link.head, link.nowMs);
    assert.equal(link.control.share, AHEAD_SHARE_MAX);
  });

  test('gives a replica that has stopped the whole ring', () => {
    const link = new Link(0);
    link.run(5000, 1000);
    assert.equal(link.control.share, AHEAD_SHARE_MAX);
  });

  test('is no matter before the first cut is applied, as in a full sync', () => {
    const control = new LagControl();
    for (let now = 0; now < 5000; now += CUT_MS) control.update(-1, 0, now, now);
    assert.equal(control.share, AHEAD_SHARE_MAX);
  });
});
