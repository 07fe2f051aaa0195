import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ChangeRecord, SharedChanges } from './shared-changes.js';
import { SharedTextFullError } from './shared-text.js';

const ADD = 1;
const CLEAR = 2;
const STATE_BYTES = 64;

/** A record for a word that takes 16 bytes. */
function recordOf(head: string): ChangeRecord {
  return { kind: ADD, head, text: head.padStart(7 - head.length, '.') };
}

/** A thread's copy of a state: the words that were added, each once, the place of each text. */
class Copy {
  private readonly placeOf = new Map<string, number>();
  readonly changes: SharedChanges;
  readonly numbers: number[] = [];
  readonly places: number[] = [];

  constructor(buffer: SharedArrayBuffer) {
    this.changes = new SharedChanges(buffer);
  }

  get words(): string[] {
    return [...this.placeOf.keys()];
  }

  private readonly takeOver = (kind: number, head: string, place: number): void => {
    if (kind === CLEAR) this.placeOf.clear();
    else this.placeOf.set(head, place);
    this.places.push(place);
  };

  refresh(): void {
    this.changes.read(this.takeOver);
  }

  add(text: string | null): void {
    const words = text === null ? [] : text.split(' ');
    this.changes.update({
      takeOver: this.takeOver,
      change: (number) => {
        if (text === null) return null;
        this.numbers.push(number);
        return words.map(recordOf);
      },
      replaced: () => words.flatMap((word) => this.placeOf.get(word) ?? []),
      whole: () => {
        const all = new Set([...this.words, ...words]);
        return [{ kind: CLEAR, head: '', text: '' }, ...[...all].map(recordOf)];
      },
    });
  }
}

test('a change is seen by all, after those before it', () => {
  const one = new Copy(SharedChanges.create(STATE_BYTES).buffer);
  const other = new Copy(one.changes.buffer);
  assert.equal(other.changes.isBehind, false);
  one.add('a');
  assert.equal(one.changes.isBehind, false);
  assert.equal(other.changes.isBehind, true);
  other.add('\xff');
  assert.deepEqual(other.words, ['a', '\xff']);
  one.refresh();
  assert.deepEqual(one.words, ['a', '\xff']);
  assert.deepEqual([...one.numbers, ...other.numbers], [1, 2]);
});

test('what changes nothing is no change', () => {
  const one = new Copy(SharedChanges.create(STATE_BYTES).buffer);
  const other = new Copy(one.changes.buffer);
  one.add(null);
  assert.equal(other.changes.isBehind, false);
});

test('full, the changes give way to the whole, wherever a thread has come', () => {
  const one = new Copy(SharedChanges.create(STATE_BYTES).buffer);
  const behind = new Copy(one.changes.buffer);
  const never = new Copy(one.changes.buffer);
  one.add('a');
  behind.refresh();
  for (let i = 0; i < 12; i++) one.add(String(i % 3));
  const words = ['a', '0', '1', '2'];
  for (const copy of [behind, never]) {
    assert.equal(copy.changes.isBehind, true);
    copy.refresh();
    assert.deepEqual(copy.words, words);
    assert.equal(copy.changes.isBehind, false);
  }
});

test('a whole that has no room changes nothing', () => {
  const one = new Copy(SharedChanges.create(STATE_BYTES).buffer);
  const other = new Copy(one.changes.buffer);
  one.add('a');
  assert.throws(() => one.add('x'.repeat(60)), SharedTextFullError);
  assert.deepEqual(one.words, ['a']);
  other.refresh();
  assert.deepEqual(other.words, ['a']);
  one.add('b');
  other.refresh();
  assert.deepEqual(other.words, ['a', 'b']);
});

test('the texts of a change come together, or not at all', () => {
  const one = new Copy(SharedChanges.create(STATE_BYTES).buffer);
  one.add('a b');
  assert.deepEqual(one.words, ['a', 'b']);
  assert.throws(() => one.add(`c ${'x'.repeat(60)}`), SharedTextFullError);
  assert.deepEqual(one.words, ['a', 'b']);
});

test('a text is found at its place until all begin anew, and by whoever makes a change', () => {
  const one = new Copy(SharedChanges.create(STATE_BYTES).buffer);
  const other = new Copy(one.changes.buffer);
  one.add('1st');
  other.refresh();
  const [place] = one.places;
  assert.deepEqual(other.places, [place]);
  assert.equal(other.changes.at(place!), '.1st');
  one.changes.update({
    takeOver: () => {},
    change: () => {
      assert.equal(one.changes.at(place!), '.1st');
      return null;
    },
    replaced: () => [],
    whole: () => [],
  });
  for (let i = 0; i < 12; i++) one.add(String(i % 3));
  assert.equal(other.changes.at(place!), null);
  other.refresh();
  assert.equal(other.changes.at(other.places.at(-1)!), '.....2');
});

test('a state that fits has room for any number of changes, each as cheap as its records', () => {
  const one = new Copy(SharedChanges.create(STATE_BYTES).buffer);
  one.add('a b c d');
  for (let i = 0; i < 100; i++) one.add('abcd'[i % 4]!);
  assert.deepEqual(one.words.sort(), ['a', 'b', 'c', 'd']);
  assert.throws(() => one.add('e'), SharedTextFullError);
  const generations = new Set(one.places.map((place) => Math.floor(place / 2 ** 27)));
  assert.ok(generations.size > 10 && generations.size < 50, `${generations.size} generations`);
});

test('a name that is watched is seen by all, before and after changes', () => {
  const one = new Copy(SharedChanges.create(STATE_BYTES).buffer);
  const other = new Copy(one.changes.buffer);
  assert.equal(other.changes.isWatched('a'), false);
  assert.equal(one.changes.watch('a'), true);
  assert.equal(other.changes.watch('a'), false);
  for (let i = 0; i < 12; i++) one.add(String(i % 3));
  assert.equal(other.changes.isWatched('a'), true);
  assert.equal(other.changes.isWatched('b'), false);
});
