import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cut } from '../../journal/cuts.js';
import { CoveredCuts, type Emitted } from './covered-cuts.js';

function mergedAt(...lsns: number[]): Emitted {
  return { covers: (cut) => lsns.every((lsn, stream) => lsn >= cut[stream]!) };
}

function cutAt(...lsns: number[]): (into: Cut) => void {
  return (into) => {
    into.lsns.set(lsns);
    into.offset = lsns[0]! + lsns[1]!;
  };
}

test('a replica has the newest cut that lies before what it acknowledges', () => {
  const cuts = new CoveredCuts(2);
  assert.equal(cuts.at(1000), null);
  cuts.await(cutAt(10, 20));
  assert.equal(cuts.mayAwait, false);
  cuts.emitted(mergedAt(10, 16), 500);
  assert.equal(cuts.newest, null);
  cuts.emitted(mergedAt(12, 20), 600);
  cuts.await(cutAt(30, 40));
  cuts.emitted(mergedAt(30, 40), 700);
  assert.equal(cuts.at(599), null);
  assert.equal(cuts.at(600)!.cut.offset, 30);
  assert.equal(cuts.at(699)!.cut.offset, 30);
  assert.equal(cuts.at(700)!.cut.offset, 70);
  cuts.forget(650);
  assert.equal(cuts.at(650)!.cut.offset, 30);
  cuts.forget(700);
  assert.equal(cuts.at(650), null);
});

test('so many cuts are remembered, the first and the last among them', () => {
  const cuts = new CoveredCuts(2);
  for (let i = 1; i <= 1000; i++) {
    cuts.await(cutAt(i, i));
    cuts.emitted(mergedAt(i, i), i * 10);
  }
  assert.equal(cuts.newest!.cut.offset, 2000);
  assert.equal(cuts.at(10)!.cut.offset, 2);
  let known = 0;
  for (let i = 1; i <= 1000; i++) if (cuts.at(i * 10)!.offset === i * 10) known++;
  assert.ok(known <= 32, `${known} cuts are remembered`);
});
