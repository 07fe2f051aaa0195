import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedChanges } from './shared-changes.js';
import { SharedTextFullError } from './shared-text.js';

/** A thread's copy of a state: the words that were added, each once. */
class Copy {
  words: string[] = [];
  readonly changes: SharedChanges;
  readonly numbers: number[] = [];
  readonly places: number[] = [];

  constructor(buffer: SharedArrayBuffer) {
    this.changes = new SharedChanges(buffer);
  }

  private readonly takeOver = (text: string, place: number): void => {
    if (text === '=') this.words = [];
    else if (!this.words.includes(text)) this.words.push(text);
    this.places.push(place);
  };

  refresh(): void {
    this.changes.read(this.takeOver);
  }

  reread(): void {
    this.words = [];
    this.changes.reread(this.takeOver);
  }

  add(word: string | null): void {
    this.changes.update({
      takeOver: this.takeOver,
      change: (number) => {
        if (word === null) return null;
        this.numbers.push(number);
        return word.split(' ');
      },
      whole: () => ['=', ...this.words, ...(word ?? '').split(' ')],
    });
  }
}

test('a change is seen by all, after those before it', () => {
  const one = new Copy(SharedChanges.create(1024).buffer);
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
  const one = new Copy(SharedChanges.create(1024).buffer);
  const other = new Copy(one.changes.buffer);
  one.add(null);
  assert.equal(other.changes.isBehind, false);
});

test('full, the changes give way to the whole, wherever a thread has come', () => {
  const one = new Copy(SharedChanges.create(64).buffer);
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
  const one = new Copy(SharedChanges.create(64).buffer);
  const other = new Copy(one.changes.buffer);
  one.add('a');
  assert.throws(() => one.add('x'.repeat(60)), SharedTextFullError);
  one.reread();
  assert.deepEqual(one.words, ['a']);
  other.refresh();
  assert.deepEqual(other.words, ['a']);
  one.add('b');
  other.refresh();
  assert.deepEqual(other.words, ['a', 'b']);
});

test('the texts of a change come together, or not at all', () => {
  const one = new Copy(SharedChanges.create(64).buffer);
  one.add('a b');
  assert.deepEqual(one.words, ['a', 'b']);
  assert.throws(() => one.add(`c ${'x'.repeat(60)}`), SharedTextFullError);
  one.reread();
  assert.deepEqual(one.words, ['a', 'b']);
});

test('a text is found at its place until all begin anew, and by whoever makes a change', () => {
  const one = new Copy(SharedChanges.create(64).buffer);
  const other = new Copy(one.changes.buffer);
  one.add('first');
  other.refresh();
  const [place] = one.places;
  assert.deepEqual(other.places, [place]);
  assert.equal(other.changes.at(place!), 'first');
  one.changes.update({
    takeOver: () => {},
    change: () => {
      assert.equal(one.changes.at(place!), 'first');
      return null;
    },
    whole: () => [],
  });
  for (let i = 0; i < 12; i++) one.add(String(i % 3));
  assert.equal(other.changes.at(place!), null);
  other.refresh();
  assert.equal(other.changes.at(other.places.at(-1)!), '2');
});
