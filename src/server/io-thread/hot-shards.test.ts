import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLAIM, GATHER, HotShards, NOTHING, OBSERVE } from './hot-shards.js';

const SHARDS = 4;

function threads(count: number): { homes: Int32Array; hot: HotShards[] } {
  const homes = new Int32Array(SHARDS);
  return { homes, hot: Array.from({ length: count }, (_, thread) => new HotShards(thread, homes)) };
}

describe('hot shards', () => {
  test('only a good part of many tries makes a period contended', () => {
    const [hot] = threads(1).hot as [HotShards];
    for (const [tries, contended] of [
      [0, 0],
      [9, 9],
      [1000, 20],
      [100_000, 24_000],
    ] as const) {
      assert.equal(hot.period(tries, contended), NOTHING);
    }
    assert.equal(hot.period(1000, 300), OBSERVE);
  });

  test('clients that are bound to a shard gather earlier when no core is spare', () => {
    const [hot] = threads(1).hot as [HotShards];
    assert.equal(hot.period(1000, 60, 60, true), NOTHING);
    assert.equal(hot.period(1000, 60, 20, false), NOTHING);
    assert.equal(hot.period(20, 3, 3, false), NOTHING);
    assert.equal(hot.period(1000, 60, 60, false), OBSERVE);
    assert.equal(hot.isContended, false);
    assert.equal(hot.period(1000, 60, 60, false), CLAIM);
    assert.equal(hot.period(1000, 300, 60, true), GATHER);
    assert.equal(hot.isContended, true);
  });

  test('three contended periods in a row gather, an interruption begins anew', () => {
    const [hot] = threads(1).hot as [HotShards];
    const contended = () => hot.period(100, 90);
    assert.deepEqual([contended(), contended()], [OBSERVE, CLAIM]);
    assert.equal(hot.period(100, 3), NOTHING);
    assert.deepEqual([contended(), contended(), contended()], [OBSERVE, CLAIM, GATHER]);
    assert.equal(contended(), OBSERVE);
  });

  test('all threads agree on a home, also of two that claim at once', () => {
    const { hot } = threads(3);
    for (const thread of [2, 1]) hot[thread]!.claim(3);
    assert.deepEqual(
      hot.map((each) => each.home(3)),
      [2, 2, 2],
    );
    assert.deepEqual(
      hot.map((each) => each.home(0)),
      [0, 1, 2],
      'a shard without home',
    );
  });

  test('a home is given up after a while, twice as long when clients fight again at once', () => {
    const { homes, hot } = threads(2);
    const [first, second] = hot as [HotShards, HotShards];
    second.claim(1);
    const heldFor: number[] = [];
    let nowMs = 0;
    for (let round = 0; round < 12; round++) {
      first.claim(0);
      first.givesUp(nowMs);
      first.hold();
      const beginMs = nowMs;
      while (!first.givesUp(nowMs)) nowMs += 1000;
      heldFor.push((nowMs - beginMs) / 1000);
      assert.deepEqual([...homes], [0, 2, 0, 0], "another's home stays");
      nowMs += 500;
    }
    assert.deepEqual(heldFor, [10, 20, 40, 80, 160, 320, 320, 320, 320, 320, 320, 320]);
    nowMs += 400_000;
    first.givesUp(nowMs);
    first.hold();
    assert.equal(first.givesUp(nowMs + 9_999), false);
    assert.equal(first.givesUp(nowMs + 10_000), true, 'after a long peace');
  });
});
