/** Searches by score and member against a sorted array: with a rank and without, also of what is not there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import { ROOTS_OFFSET } from '../../memory/space-layout.js';
import { testSpace } from '../testing.js';
import { Cursor } from './cursor.js';
import { ElementView, NewElement } from './element.js';
import { SearchKey } from './order.js';
import { ORDER_SCORE } from './root.js';
import { Sequence } from './sequence.js';
import { textOf } from './testing.js';

interface Ranked {
  readonly score: number;
  readonly text: string;
}

function compare(a: Ranked, b: Ranked): number {
  if (a.score !== b.score) return a.score - b.score;
  return Buffer.compare(Buffer.from(a.text, 'latin1'), Buffer.from(b.text, 'latin1'));
}

class Ranking {
  readonly space = testSpace(16);
  readonly sequence = new Sequence(this.space);
  readonly source = new Region(new SharedArrayBuffer(1 << 14), 0);
  readonly element = new NewElement(this.source);
  readonly key = new SearchKey(this.source);
  readonly view = new ElementView();
  /** In order. */
  readonly model: Ranked[] = [];

  constructor() {
    this.sequence.create(ROOTS_OFFSET, ORDER_SCORE);
  }

  aim({ score, text }: Ranked): void {
    const length = Buffer.from(this.source.buffer).write(text, 'latin1');
    this.key.aimMember(score, this.source, 0, length);
    this.element.setScored(score, this.source, 0, length);
  }

  place(ranked: Ranked): number {
    const at = this.model.findIndex((other) => compare(other, ranked) >= 0);
    return at < 0 ? this.model.length : at;
  }

  add(ranked: Ranked): void {
    const at = this.place(ranked);
    const other = this.model[at];
    if (other !== undefined && compare(other, ranked) === 0) return;
    this.aim(ranked);
    const cursor = new Cursor();
    this.sequence.findKey(cursor, this.key);
    assert.ok(this.sequence.insertAfterSeek(cursor, this.element));
    this.model.splice(at, 0, ranked);
  }

  /** Seeks in both ways. @returns the cursor without a rank */
  check(ranked: Ranked): Cursor {
    this.aim(ranked);
    const at = this.place(ranked);
    const [found, sought] = [new Cursor(), new Cursor()];
    const there = this.sequence.seekKey(sought, this.key, false);
    assert.equal(sought.rank, at);
    assert.equal(this.sequence.findKey(found, this.key), there);
    assert.equal(there, at < this.model.length);
    assert.deepEqual([found.leaf, found.slot], [sought.leaf, sought.slot]);
    const near = new Cursor();
    assert.equal(this.sequence.findKeyNearStart(near, this.key), there);
    assert.deepEqual([near.leaf, near.slot], [sought.leaf, sought.slot]);
    this.sequence.findKey(found, this.key);
    if (there) {
      this.sequence.read(found, this.view);
      assert.deepEqual(
        { score: this.view.score, text: textOf(this.space, this.view) },
        this.model[at],
      );
    }
    return found;
  }
}

// Members that differ early, late, in length only, and in bytes above 127; a few that lie in runs.
const byte = fc.constantFrom('\x00', 'a', 'b', '\x7f', '\x80', '\xff');
const short = fc.string({ unit: byte, maxLength: 10 });
const text = fc.oneof(
  { weight: 20, arbitrary: short },
  { weight: 10, arbitrary: short.map((end) => `common${end}`) },
  { weight: 1, arbitrary: short.map((end) => 'x'.repeat(3000) + end) },
);
const score = fc.constantFrom(-1, 0, 0.5, 1, 40_000, 3e9, Number.POSITIVE_INFINITY);
const ranked = fc.record({ score, text }, { noNullPrototype: true });

test('a search by score and member finds what a sorted array says, with a rank and without', () => {
  fc.assert(
    fc.property(
      fc.array(ranked, { maxLength: 300, size: 'max' }),
      fc.array(ranked, { maxLength: 60 }),
      (members, others) => {
        const ranking = new Ranking();
        for (const member of members) ranking.add(member);
        for (const each of [...members, ...others]) ranking.check(each);
        for (const member of members) {
          const at = ranking.place(member);
          if (ranking.model[at] === undefined || compare(ranking.model[at], member) !== 0) continue;
          assert.equal(ranking.sequence.remove(ranking.check(member), 1), 1);
          ranking.model.splice(at, 1);
        }
        assert.equal(ranking.sequence.count, 0);
      },
    ),
    { numRuns: 60 },
  );
});

test('a cursor without a rank goes nowhere else', () => {
  const ranking = new Ranking();
  for (let i = 0; i < 10; i++) ranking.add({ score: i, text: 'm' });
  const cursor = ranking.check({ score: 4, text: 'm' });
  assert.throws(() => ranking.sequence.next(cursor), /no rank/);
  assert.throws(() => ranking.sequence.previous(cursor), /no rank/);
});

test('nothing is inserted where a search near the start has led to', () => {
  const ranking = new Ranking();
  for (let i = 0; i < 10; i++) ranking.add({ score: i, text: 'm' });
  ranking.aim({ score: 4, text: 'a' });
  const cursor = new Cursor();
  assert.ok(ranking.sequence.findKeyNearStart(cursor, ranking.key));
  assert.equal(cursor.rank, 4);
  assert.throws(() => ranking.sequence.insertAfterSeek(cursor, ranking.element), /no path/);
});
