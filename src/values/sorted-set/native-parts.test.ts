/** Sorted sets in parts of their own form: what was shipped is there, whatever changes meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region, toBinary } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { testSpace } from '../../structures/testing.js';
import { PART_BYTES_MAX } from '../native-parts.js';
import { PartsPlace } from '../parts-place.js';
import { PARTS_END, type StoredValue, type ValueEffects } from '../value-type.js';
import { NESTED_KINDS, ROOT_BYTES } from './kinds.js';
import { SortedSetReader } from './reader.js';
import { sortedSetType } from './type.js';
import { scoredSetOf, takenSetOf, USE_EDIT, USE_READ } from './views.js';

const KIND = NESTED_KINDS[0];
const BUDGET_BYTES = 16 * 1024;
const parts = sortedSetType.parts!;
const nativeParts = sortedSetType.nativeParts!;
const source = new Region(new SharedArrayBuffer(1 << 16), 0);
const reader = new SortedSetReader(USE_READ);

/** A nested set in a space, changed by names. */
class NamedSet {
  readonly root: number;
  readonly value: StoredValue;

  constructor(readonly space: Space) {
    this.root = space.allocate(1);
    nativeParts.format(space, this.root);
    const { region } = space;
    const at = { valueOffset: this.root, valueLength: ROOT_BYTES };
    this.value = { space, region, kind: KIND, expiry: 0, ...at };
  }

  private find(name: string): boolean {
    source.bytes.set(Buffer.from(name, 'latin1'));
    const set = scoredSetOf(this.space, USE_EDIT);
    set.attach(this.root);
    return set.find(source, 0, name.length);
  }

  put(name: string, score: number): void {
    const found = this.find(name);
    const set = scoredSetOf(this.space, USE_EDIT);
    assert.ok(found ? set.update(score) : set.add(score));
  }

  remove(name: string): void {
    if (this.find(name)) scoredSetOf(this.space, USE_EDIT).removeFound();
  }

  take(part: Uint8Array): string | null {
    const region = new Region(new SharedArrayBuffer((PART_BYTES_MAX + 7) & ~7), 0);
    region.bytes.set(part);
    return nativeParts.take(this.space, this.root, region, part.length);
  }

  check(): void {
    const set = takenSetOf(this.space);
    set.attach(this.root);
    set.check();
  }

  pairs(): [string, number][] {
    const found: [string, number][] = [];
    reader.attach(this.value);
    for (let more = reader.seekRank(0); more; more = reader.next()) {
      const { memberRegion, memberOffset, memberLength, score } = reader;
      found.push([toBinary(memberRegion, memberOffset, memberLength), score]);
    }
    return found;
  }
}

/** Applies what is emitted to another set. */
class Replica implements ValueEffects {
  readonly takesParts = true;
  taken = 0;
  commands = 0;
  private words: string[] = [];
  private part: Uint8Array = new Uint8Array(0);

  constructor(readonly set: NamedSet) {}

  begin(name: string): this {
    this.words = [name];
    return this;
  }
  bytes(region: Region, offset: number, length: number): this {
    this.part = region.bytes.slice(offset, offset + length);
    return this.word(toBinary(region, offset, length));
  }
  word(text: string): this {
    this.words.push(text);
    return this;
  }
  time(): this {
    return this;
  }
  end(): void {
    const [name, ...words] = this.words;
    if (name === 'DARTER') {
      this.taken++;
      assert.equal(this.set.take(this.part), null);
      return;
    }
    this.commands++;
    if (name === 'ZREM') for (const word of words) this.set.remove(word);
    else {
      assert.equal(name, 'ZADD');
      for (let i = 0; i < words.length; i += 2) this.set.put(words[i + 1]!, Number(words[i]));
    }
  }
}

const nameOf = (i: number): string => `member:${i}`;

function filled(members: number): NamedSet {
  const set = new NamedSet(testSpace(64));
  for (let i = 0; i < members; i++) set.put(nameOf(i), Math.imul(i, 0x9e3779b1) % 4000);
  return set;
}

function ship(primary: NamedSet, replica: Replica, between: (place: PartsPlace) => void): number {
  const place = new PartsPlace();
  let steps = 0;
  for (let position = 0; position !== PARTS_END; steps++) {
    position = parts.emit(primary.value, position, BUDGET_BYTES, replica, place);
    if (position !== PARTS_END) between(place);
  }
  assert.ok(!place.scored.hasNames);
  return steps;
}

test('leaves make the same set elsewhere', () => {
  const primary = filled(5000);
  const replica = new Replica(new NamedSet(testSpace(64)));
  const steps = ship(primary, replica, () => {});
  assert.ok(steps > 5);
  assert.equal(replica.commands, 0);
  replica.set.check();
  assert.deepEqual(replica.set.pairs(), primary.pairs());
  // It is found by its members, and changes as any set does.
  for (let i = 0; i < 5000; i += 3) replica.set.remove(nameOf(i));
  for (let i = 1; i < 5000; i += 3) replica.set.put(nameOf(i), i);
  replica.set.check();
});

test('a small set of one leaf, and one of members that are too long for a leaf', () => {
  for (const words of [['a'], ['a', 'b'.repeat(3000), 'c', 'd'.repeat(9000)]]) {
    const primary = new NamedSet(testSpace(4));
    for (const [i, word] of words.entries()) primary.put(word, i - 0.5);
    const replica = new Replica(new NamedSet(testSpace(4)));
    ship(primary, replica, () => {});
    replica.set.check();
    assert.deepEqual(replica.set.pairs(), primary.pairs());
  }
});

test('what effects name between two parts is told as it is then', () => {
  const primary = filled(5000);
  const replica = new Replica(new NamedSet(testSpace(64)));
  let seed = 1;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % limit;
  };
  const note = (place: PartsPlace, name: string): void => {
    source.bytes.set(Buffer.from(name, 'latin1'));
    place.scored.note(source, 0, name.length);
  };
  const scores = [-10, -0, 0, 1000, 2000.5, 3999, 9000];
  ship(primary, replica, (place) => {
    for (let i = 0; i < 200; i++) {
      const name = nameOf(below(5100));
      if (below(4) === 0) primary.remove(name);
      else primary.put(name, scores[below(scores.length)]!);
      note(place, name);
    }
  });
  replica.set.check();
  const expected = primary.pairs();
  const found = replica.set.pairs();
  assert.equal(found.length, expected.length);
  assert.deepEqual(found, expected);
  assert.ok(replica.taken > 5);
});

test('more names than a part tells are told by the next ones, and the last part waits for them', () => {
  const primary = filled(600);
  const replica = new Replica(new NamedSet(testSpace(64)));
  let isFirst = true;
  ship(primary, replica, (place) => {
    if (!isFirst) return;
    isFirst = false;
    for (let i = 0; i < 600; i++) {
      primary.put(nameOf(i), -1 - i);
      for (let again = 0; again < 5; again++) {
        source.bytes.set(Buffer.from(nameOf(i), 'latin1'));
        place.scored.note(source, 0, nameOf(i).length);
      }
    }
  });
  replica.set.check();
  assert.deepEqual(replica.set.pairs(), primary.pairs());
});

/** The parts of a set, as bytes. */
function partsOf(set: NamedSet): Uint8Array[] {
  const found: Uint8Array[] = [];
  const target = new NamedSet(testSpace(64));
  target.take = (part) => {
    found.push(part);
    return null;
  };
  ship(set, new Replica(target), () => {});
  return found;
}

test('leaves that come twice, or in another order, change nothing', () => {
  const primary = filled(3000);
  const all = partsOf(primary);
  const set = new NamedSet(testSpace(64));
  for (const part of [...all].reverse()) assert.equal(set.take(part), null);
  for (const part of all) assert.equal(set.take(part), null);
  set.check();
  assert.deepEqual(set.pairs(), primary.pairs());
});

test('a member that lies elsewhere with another score gets the one that comes', () => {
  const primary = filled(3000);
  const all = partsOf(primary);
  const set = new NamedSet(testSpace(64));
  for (let i = 0; i < 3000; i += 7) set.put(nameOf(i), -5 - i);
  for (const part of all) assert.equal(set.take(part), null);
  set.check();
  assert.deepEqual(set.pairs(), primary.pairs());
});

test('a full space refuses a leaf and stays right', () => {
  const all = partsOf(filled(5000));
  const space = testSpace(1);
  const set = new NamedSet(space);
  const held: number[] = [];
  for (let page = space.allocate(1); page !== 0; page = space.allocate(1)) held.push(page);
  let refused = 0;
  for (let free = 0; free < 40; free++) {
    for (const part of all) if (set.take(part) === 'no room for it') refused++;
    set.check();
    space.free(held.pop()!, 1);
  }
  assert.ok(refused > 40);
  assert.ok(set.pairs().length > 500);
});

test('a damaged leaf is refused, or is another one that is right', () => {
  const primary = filled(300);
  for (let i = 0; i < 40; i++) primary.put(`m${i}`, i + 0.25);
  const part = partsOf(primary)[0]!;
  assert.ok(part.length >= 8192);
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    const damaged = part.slice(0, i % 5 === 0 ? i % part.length : part.length);
    if (i % 5 !== 0) damaged[Math.floor((damaged.length * i) / 3000)]! ^= 1 << (i % 8);
    const set = new NamedSet(testSpace(1));
    if (set.take(damaged) !== null) refused++;
    set.check();
    set.pairs();
  }
  assert.ok(refused > 500, `${refused} refused`);
});

test('a leaf with a member twice gives it one score', () => {
  const primary = new NamedSet(testSpace(1));
  for (let i = 0; i < 100; i++) primary.put(`m${String(i).padStart(3, '0')}`, i + 0.5);
  const part = partsOf(primary)[0]!;
  // The same name in two places, in a first leaf and in a later one.
  const text = Buffer.from(part.buffer, part.byteOffset, part.length);
  const [from, to] = [text.indexOf('m010'), text.indexOf('m050')];
  text.copy(text, to, from, from + 4);
  const set = new NamedSet(testSpace(1));
  assert.equal(set.take(part), null);
  set.check();
  assert.equal(set.pairs().length, 99);
  const second = new NamedSet(testSpace(1));
  second.put('a', -1);
  assert.equal(second.take(part), null);
  second.check();
  assert.equal(second.pairs().length, 100);
});
