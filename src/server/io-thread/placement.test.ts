import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  chooseConnections,
  evenOut,
  leastOf,
  lighten,
  Placement,
  threadWithRoom,
} from './placement.js';

const shares = (...values: number[]) => Int32Array.from(values);

const figures = (inUse: Int32Array, atWork: Int32Array, inOrder = shares(0, 0, 0)) => ({
  ...{ inUse, atWork, inOrder },
});

/** Decides with the shares of a machine where no thread waits for a core, and one is spare. */
const decide = (placement: Placement, ...values: number[]) =>
  placement.decide(figures(shares(...values), shares(...values)), 1);

/** Threads whose connections make certain loads (shares of a thread's time, in thousandths). */
class Model {
  readonly threads: number[][];
  moves = 0;
  private readonly placements: Placement[];
  private readonly inUse: Int32Array;

  constructor(threads: readonly (readonly number[])[]) {
    this.threads = threads.map((loads) => [...loads]);
    this.placements = threads.map((_, thread) => new Placement(thread));
    this.inUse = new Int32Array(threads.length);
  }

  sum(thread: number): number {
    return this.threads[thread]!.reduce((sum, load) => sum + load, 0);
  }

  run(periods: number): void {
    for (let period = 0; period < periods; period++) {
      for (const thread of this.threads.keys()) {
        const share = Math.min(1000, this.sum(thread));
        this.inUse[thread] = share;
        const move = this.placements[thread]!.decide(figures(this.inUse, this.inUse), 1);
        if (move === null) continue;
        assert.notEqual(move.to, thread);
        const loads = this.threads[thread]!;
        const chosen = new Set(chooseConnections(loads, move.part));
        this.threads[move.to]!.push(...loads.filter((_, index) => chosen.has(index)));
        this.threads[thread] = loads.filter((_, index) => !chosen.has(index));
        this.moves += chosen.size;
      }
    }
  }
}

describe('placement', () => {
  test('new connections go to the first thread with room, else to the least busy', () => {
    assert.equal(threadWithRoom(shares(0, 0, 0)), 0);
    assert.equal(threadWithRoom(shares(700, 599, 0)), 1);
    assert.equal(threadWithRoom(shares(900, 650, 700)), 1);
    assert.equal(threadWithRoom(shares(999)), 0);
  });

  test('spreading prefers the own thread among equals', () => {
    assert.equal(leastOf(shares(3, 3, 3), 1), 1);
    assert.equal(leastOf(shares(3, 2, 3), 1), 1);
    assert.equal(leastOf(shares(3, 3, 2), 1), 2);
  });

  test('what connections leave behind makes room for new ones', () => {
    let share = 900;
    for (let connections = 50; connections > 10; connections--) share = lighten(share, connections);
    assert.ok(share > 140 && share <= 180, `${share}`);
    for (let connections = 10; connections > 0; connections--) share = lighten(share, connections);
    assert.equal(share, 0);
  });

  test('a thread busy for one period keeps its connections, for half a second where cores are contested', () => {
    const placement = new Placement(0);
    for (let i = 0; i < 20; i++) {
      assert.equal(decide(placement, 1000, 0), null);
      assert.equal(decide(placement, 700, 0), null);
    }
    const contested = (share: number) =>
      placement.decide(figures(shares(share, 0), shares(share, 0)), 0.5);
    for (let i = 0; i < 20; i++) {
      for (let period = 0; period < 4; period++) assert.equal(contested(1000), null);
      assert.equal(contested(700), null);
    }
  });

  test('a part of a core is worth a trial, a whole one none; and trials may be held back', () => {
    const busy = figures(shares(1000, 0), shares(990, 0));
    const decideAfter = (spareCores: number, mayTry: boolean, now = busy) => {
      const placement = new Placement(0);
      const before = spareCores < 0.75 ? 4 : 1;
      for (let i = 0; i < before; i++)
        assert.equal(placement.decide(now, spareCores, mayTry), null);
      return placement.decide(now, spareCores, mayTry);
    };
    assert.deepEqual(decideAfter(0.5, true), { to: 1, part: 0.5, isTrial: true });
    assert.equal(decideAfter(0.5, false), null);
    assert.deepEqual(decideAfter(1, false), { to: 1, part: 0.5, isTrial: false });
    const shared = figures(shares(1000, 200), shares(990, 200));
    assert.deepEqual(decideAfter(0.5, false, shared), { to: 1, part: 0.4, isTrial: false });
  });

  test('a busy thread gives half the difference to the least busy, then rests', () => {
    const placement = new Placement(1);
    assert.equal(decide(placement, 400, 1000, 200), null);
    assert.equal(placement.startsCounting, true);
    assert.deepEqual(decide(placement, 400, 1000, 200), { to: 2, part: 0.4, isTrial: false });
    for (let i = 0; i < 3; i++) assert.equal(decide(placement, 400, 1000, 200), null);
    assert.notEqual(decide(placement, 400, 1000, 200), null);
  });

  test('a thread that is busy with scripts in order keeps its load: they run one at a time', () => {
    const placement = new Placement(0);
    const busy = figures(shares(1000, 0), shares(1000, 0), shares(800, 0));
    for (let i = 0; i < 20; i++) assert.equal(placement.decide(busy, 1), null);
    const mixed = figures(shares(1000, 0), shares(1000, 0), shares(500, 0));
    assert.deepEqual(placement.decide(mixed, 1), { to: 1, part: 0.5, isTrial: false });
  });

  test('threads that do little else than scripts in order join, the higher-numbered one', () => {
    const both = figures(shares(700, 700), shares(600, 600), shares(450, 450));
    const first = new Placement(0);
    const second = new Placement(1);
    for (let i = 0; i < 4; i++) assert.equal(second.decide(both, 1), null);
    assert.deepEqual(second.decide(both, 1), { to: 0, part: 1 });
    for (let i = 0; i < 20; i++) assert.equal(first.decide(both, 1), null);
  });

  test('a thread with scripts in order leaves one alone that has other work', () => {
    const other = figures(shares(700, 500), shares(700, 500), shares(100, 450));
    const second = new Placement(1);
    for (let i = 0; i < 20; i++) assert.equal(second.decide(other, 1), null);
  });

  test('a busy thread keeps its load where no core is spare', () => {
    const placement = new Placement(0);
    for (let i = 0; i < 20; i++) {
      assert.equal(placement.decide(figures(shares(1000, 0), shares(990, 0)), 0.1), null);
    }
    assert.equal(placement.isBusy, true);
    const move = placement.decide(figures(shares(1000, 0), shares(990, 0)), 0.5);
    assert.deepEqual(move, { to: 1, part: 0.5, isTrial: true });
  });

  test('a thread that only waits for a core joins another when both have room in one', () => {
    const placement = new Placement(1);
    for (let i = 0; i < 4; i++) {
      assert.equal(placement.decide(figures(shares(700, 700), shares(400, 350)), 0), null);
    }
    const move = placement.decide(figures(shares(700, 700), shares(400, 350)), 0);
    assert.deepEqual(move, { to: 0, part: 1 });
    assert.equal(placement.decide(figures(shares(700, 700), shares(500, 350)), 0), null);
    const first = new Placement(0);
    for (let i = 0; i < 9; i++) {
      assert.equal(first.decide(figures(shares(700, 700), shares(100, 350)), 0), null);
    }
  });

  test('an even spread gives away half of what is too much', () => {
    assert.deepEqual(evenOut(shares(10, 3, 5), 0), { to: 1, count: 3 });
    assert.equal(evenOut(shares(4, 3, 5), 0).count, 0);
    assert.equal(evenOut(shares(4, 3, 5), 1).count, 0);
    assert.deepEqual(evenOut(shares(4, 3, 5), 2), { to: 1, count: 1 });
  });

  test('where all are busy nothing moves', () => {
    const placement = new Placement(0);
    for (let i = 0; i < 20; i++) assert.equal(decide(placement, 1000, 600, 500), null);
  });

  test('a thread hardly used gathers its connections on a lower one, after a while', () => {
    const placement = new Placement(2);
    for (let i = 0; i < 9; i++) assert.equal(decide(placement, 100, 0, 200), null);
    assert.deepEqual(decide(placement, 100, 0, 200), { to: 0, part: 1 });
    assert.deepEqual(decide(placement, 400, 0, 200), { to: 1, part: 1 });
    assert.equal(decide(placement, 400, 400, 200), null);
    const first = new Placement(0);
    for (let i = 0; i < 20; i++) assert.equal(decide(first, 0, 0, 0), null);
  });

  test('chooses the most active connections, and never just changes places', () => {
    assert.deepEqual(chooseConnections([1, 5, 3, 1], 0.5), [1]);
    assert.deepEqual(chooseConnections([1, 1, 1, 1], 0.5), [0, 1]);
    assert.deepEqual(chooseConnections([10], 0.5), []);
    assert.deepEqual(chooseConnections([0, 0, 7, 0], 0.5), []);
    assert.deepEqual(chooseConnections([90, 5, 5], 0.3), [1, 2]);
    assert.deepEqual(chooseConnections([0, 2, 1], 1), [1, 2, 0]);
    assert.deepEqual(chooseConnections([], 0.5), []);
  });

  test('connections that are bound to one shard move together or stay together', () => {
    assert.deepEqual(chooseConnections([3, 3, 3, 3], 0.5, [7, 7, 7, 7]), []);
    assert.deepEqual(chooseConnections([3, 3, 3, 3], 0.5, [7, 9, 7, 9]), [0, 2]);
    assert.deepEqual(chooseConnections([3, 3, 3, 2, 2], 0.3, [7, 7, 7, -1, -1]), [3, 4]);
    assert.deepEqual(chooseConnections([3, 3, 3, 3], 1, [7, 7, 7, 7]), [0, 1, 2, 3]);
    const many = Array.from({ length: 400 }, () => 1);
    const shards = many.map((_, index) => (index < 300 ? 7 : 9));
    assert.deepEqual(
      new Set(chooseConnections(many, 0.5, shards).map((index) => shards[index])),
      new Set([9]),
    );
  });

  test('heavy load spreads over all threads', () => {
    const model = new Model([Array.from({ length: 50 }, () => 60), [], [], []]);
    model.run(60);
    for (let thread = 0; thread < 4; thread++) {
      assert.ok(model.sum(thread) > 500 && model.sum(thread) < 1000, `${model.sum(thread)}`);
    }
  });

  test('light load gathers on the first thread', () => {
    const light = () => Array.from({ length: 10 }, () => 10);
    const model = new Model([light(), light(), light(), light()]);
    model.run(40);
    assert.deepEqual(
      model.threads.map((loads) => loads.length),
      [40, 0, 0, 0],
    );
  });

  test('comes to rest under any steady load', () => {
    const load = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(
        fc.array(fc.array(load, { maxLength: 20 }), { minLength: 2, maxLength: 6 }),
        (threads) => {
          const model = new Model(threads);
          model.run(200);
          const { moves } = model;
          model.run(100);
          assert.equal(model.moves, moves);
        },
      ),
      { numRuns: 300 },
    );
  });
});
