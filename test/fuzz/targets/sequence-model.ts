/** Random changes of a list and of a scored set, in a space that is often full, beside plain models. */
import assert from 'node:assert/strict';
import { ROOTS_OFFSET } from '../../../src/memory/space-layout.js';
import { ORDER_NONE } from '../../../src/structures/sequence/root.js';
import { TextList, TextRanking } from '../../../src/structures/sequence/testing.js';
import { testSpace } from '../../../src/structures/testing.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';

const OTHER_ROOT = ROOTS_OFFSET + 64;
const space = testSpace(1);
const list = new TextList(space, ROOTS_OFFSET);
const ranking = new TextRanking(space, OTHER_ROOT);
/** The most that an input has; all other pages are taken for good. */
const PAGES = 40;
while (space.freePages > PAGES) space.allocate(1);

function randomText(random: Random): string {
  if (random.chance(0.3)) return `${random.next() >> random.below(32)}`;
  if (random.chance(0.1)) return 'x'.repeat(random.between(500, 5000));
  return random.binary(random.below(40));
}

function changeList(random: Random, model: string[]): void {
  const at = random.below(model.length + 1);
  if (random.chance(0.6)) {
    for (let i = random.chance(0.1) ? 100 : 1; i > 0; i--) {
      const text = randomText(random);
      if (list.insert(at, text)) model.splice(at, 0, text);
    }
  } else if (random.chance(0.5)) {
    const text = randomText(random);
    if (at < model.length && list.set(at, text)) model[at] = text;
  } else {
    const count = random.chance(0.2) ? 150 : 1;
    assert.equal(list.remove(at, count), model.splice(at, count).length);
  }
}

function changeRanking(random: Random, model: Map<string, number>): void {
  for (let i = random.chance(0.1) ? 100 : 1; i > 0; i--) {
    const member = random.chance(0.7) ? `member ${random.below(400)}` : randomText(random);
    if (random.chance(0.25)) {
      assert.equal(ranking.remove(member), model.delete(member));
      continue;
    }
    const score = random.chance(0.5) ? random.between(-9, 9) : random.next() / 3;
    if (ranking.put(member, score)) model.set(member, score);
  }
}

function sorted(model: Map<string, number>): [string, number][] {
  return [...model].sort((a, b) =>
    a[1] !== b[1]
      ? a[1] - b[1]
      : Buffer.compare(Buffer.from(a[0], 'latin1'), Buffer.from(b[0], 'latin1')),
  );
}

export const target: FuzzTarget = {
  name: 'sequence-model',
  summary: 'A list and a scored set in one small space are what an array and a map are.',
  run(random: Random) {
    list.sequence.create(ROOTS_OFFSET, ORDER_NONE);
    ranking.set.createSet(OTHER_ROOT);
    const taken: number[] = [];
    for (let left = random.between(4, PAGES); space.freePages > left; )
      taken.push(space.allocate(1));
    const texts: string[] = [];
    const scores = new Map<string, number>();
    for (let i = random.below(12); i > 0; i--) {
      if (random.chance(0.5)) changeList(random, texts);
      else changeRanking(random, scores);
    }
    list.sequence.check();
    ranking.set.check();
    assert.deepEqual(list.toArray(), texts);
    assert.deepEqual(ranking.toArray(), sorted(scores));
    while (!list.sequence.reclaimStep(random.between(1, 5)));
    while (!ranking.set.reclaimStep(random.between(1, 5)));
    assert.equal(space.residentPages, 0);
    for (const page of taken) space.free(page, 1);
  },
};
