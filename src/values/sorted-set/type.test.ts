/** What the registry asks of sorted sets: kinds, copies, parts, freeing, bytes from a peer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region, toBinary } from '../../base/region.js';
import { testSpace } from '../../structures/testing.js';
import { PartsPlace } from '../parts-place.js';
import { type CopiedValue, PARTS_END, type StoredValue, type ValueEffects } from '../value-type.js';
import { SortedSetEdit } from './edit.js';
import { isNestedKind, kindOf, PACKED_BYTES_MAX, PACKED_MEMBERS_MAX } from './kinds.js';
import { SortedSetReader } from './reader.js';
import { sortedSetType } from './type.js';
import { USE_READ } from './views.js';

const SOURCE = new Region(new SharedArrayBuffer(1 << 16), 0);
const space = testSpace(64);
const reader = new SortedSetReader(USE_READ);

function write(text: string): number {
  for (let i = 0; i < text.length; i++) SOURCE.bytes[i] = text.charCodeAt(i);
  return text.length;
}

/** A value with these members, outside of any table. */
function valueWith(pairs: readonly (readonly [string, number])[]): StoredValue {
  const edit = new SortedSetEdit();
  edit.listpackMembersMax = 128;
  edit.listpackMemberBytesMax = 64;
  edit.create(space);
  for (const [name, score] of pairs) {
    if (edit.find(SOURCE, 0, write(name))) assert.ok(edit.update(score));
    else assert.ok(edit.add(score));
  }
  const region = new Region(new SharedArrayBuffer(8192), 0);
  region.bytes.set(edit.bytes.bytes.slice(0, edit.length), 3);
  const { kind, length } = edit;
  return { space, region, kind, expiry: 0, valueOffset: 3, valueLength: length };
}

function pairsOf(value: StoredValue): [string, number][] {
  const found: [string, number][] = [];
  reader.attach(value);
  for (let more = reader.first(); more; more = reader.next()) {
    const { memberRegion, memberOffset, memberLength, score } = reader;
    found.push([toBinary(memberRegion, memberOffset, memberLength), score]);
  }
  return found;
}

function free(value: StoredValue): void {
  let steps = 0;
  while (!sortedSetType.freeStep(value, 5)) assert.ok(++steps < 100_000);
}

class Collected implements ValueEffects {
  readonly takesParts = true;
  readonly commands: string[][] = [];
  private words: string[] = [];

  begin(name: string): this {
    this.words = [name];
    return this;
  }
  bytes(source: Region, offset: number, length: number): this {
    this.words.push(toBinary(source, offset, length));
    return this;
  }
  word(text: string): this {
    this.words.push(text);
    return this;
  }
  time(expiry: number): this {
    return this.word(String(expiry));
  }
  end(): void {
    this.commands.push(this.words);
  }
}

const many = Array.from({ length: 5000 }, (_, i) => [`member:${i}`, (i * 37) % 1000] as const);
const few = [
  ['b', 1],
  ['a', 1],
  ['12', -0.5],
  ['c', Number.POSITIVE_INFINITY],
] as const;

test('a few members are packed, many have pages, which all go when the value is freed', () => {
  const packed = valueWith(few);
  assert.ok(!isNestedKind(packed.kind));
  assert.equal(sortedSetType.encoding(packed), 'listpack');
  assert.equal(sortedSetType.memory(packed), 0);
  assert.deepEqual(pairsOf(packed), [
    ['12', -0.5],
    ['a', 1],
    ['b', 1],
    ['c', Number.POSITIVE_INFINITY],
  ]);
  const before = space.residentPages;
  const nested = valueWith(many);
  assert.ok(isNestedKind(nested.kind));
  assert.equal(sortedSetType.encoding(nested), 'skiplist');
  assert.equal(sortedSetType.memory(nested), (space.residentPages - before) * 4096);
  free(nested);
  assert.equal(space.residentPages, before);
});

test('a set of long members is a skiplist, and packed all the same', () => {
  const value = valueWith([['x'.repeat(65), 1]]);
  assert.equal(sortedSetType.encoding(value), 'skiplist');
  assert.equal(value.kind, kindOf(false, false));
});

test('a copy lies in another space, and a full one keeps no page of it', () => {
  const value = valueWith(many);
  const other = testSpace(16);
  const copied: CopiedValue = { region: SOURCE, offset: 0, length: 0 };
  assert.ok(sortedSetType.copy(value, other, copied));
  const { region, offset, length } = copied;
  const copy = { ...value, space: other, region, valueOffset: offset, valueLength: length };
  assert.deepEqual(pairsOf(copy), pairsOf(value));
  free(copy);
  assert.equal(other.residentPages, 0);
  const small = testSpace(1);
  const taken: number[] = [];
  for (let page = small.allocate(1); page !== 0; page = small.allocate(1)) taken.push(page);
  for (let i = 0; i < 20; i++) small.free(taken[i]!, 1);
  assert.ok(!sortedSetType.copy(value, small, copied));
  assert.equal(small.residentPages, 0);
  assert.equal(small.freePages, 20);
  free(value);
});

test('effects rebuild it: the first one removes what was there, the last one sets the expiry', () => {
  const value = { ...valueWith(many), expiry: 1234 };
  const collected = new Collected();
  sortedSetType.effects(value, collected);
  const { commands } = collected;
  assert.deepEqual(commands[0], ['DEL']);
  assert.deepEqual(commands.at(-1), ['PEXPIREAT', '1234']);
  assert.ok(commands.every((words) => words.length <= 1 + 512));
  assert.deepEqual(rebuilt(commands.slice(1, -1)), new Map(many));
  free(value);
});

/** The pairs of ZADD commands. */
function rebuilt(commands: readonly string[][]): Map<string, number> {
  const found = new Map<string, number>();
  for (const [name, ...words] of commands) {
    assert.equal(name, 'ZADD');
    for (let i = 0; i < words.length; i += 2) {
      assert.ok(!found.has(words[i + 1]!), 'each member comes once');
      found.set(words[i + 1]!, Number(words[i]));
    }
  }
  return found;
}

test('parts that are smaller than a page hold every member once, as commands', () => {
  const value = valueWith(many);
  const parts = sortedSetType.parts!;
  assert.equal(parts.order, 'score');
  assert.equal(parts.count(value), many.length);
  const collected = new Collected();
  const place = new PartsPlace();
  let steps = 0;
  for (let position = 0; position !== PARTS_END; steps++) {
    position = parts.emit(value, position, 500, collected, place);
  }
  assert.ok(steps >= 50, `${steps} parts`);
  assert.deepEqual(rebuilt(collected.commands), new Map(many));
  const members = collected.commands.map((words) => (words.length - 1) / 2);
  const all = members.reduce((sum, count) => sum + count, 0);
  assert.equal(all, many.length, 'each member once');
  free(value);
});

test('SORT sees the members by score, from both ends', () => {
  const value = valueWith(few);
  const seen: string[] = [];
  const take = (region: Region, offset: number, length: number): void =>
    void seen.push(toBinary(region, offset, length));
  sortedSetType.sortable!.visit(value, 1, 2, false, take);
  sortedSetType.sortable!.visit(value, 0, 3, true, take);
  assert.deepEqual(seen, ['a', 'b', 'c', 'b', 'a']);
});

test('bytes from a peer are a set only when they are packed, in order, and not too many', () => {
  const { kind, region, valueOffset, valueLength } = valueWith(few);
  const { verify } = sortedSetType;
  assert.ok(verify(kind, region, valueOffset, valueLength));
  assert.ok(!verify(kind, region, valueOffset, valueLength - 1));
  assert.ok(!verify(kindOf(true, false), region, valueOffset, valueLength));
  assert.ok(!verify(kind, region, valueOffset, 2), 'an empty set is none');
  for (let i = 0; i < valueLength; i++) {
    const before = region.bytes[valueOffset + i]!;
    for (let bit = 0; bit < 8; bit++) {
      region.bytes[valueOffset + i] = before ^ (1 << bit);
      // Whatever it says, it reads nothing outside and does not fail.
      verify(kind, region, valueOffset, valueLength);
    }
    region.bytes[valueOffset + i] = before;
  }
  const long = new Region(new SharedArrayBuffer(PACKED_BYTES_MAX * 4), 0);
  assert.ok(!verify(kind, long, 0, PACKED_BYTES_MAX + 1));
});

test('as many members as fit are packed, one more is not', () => {
  const full = Array.from({ length: PACKED_MEMBERS_MAX }, (_, i) => [`${i}`, i] as const);
  const packed = valueWith(full);
  assert.ok(!isNestedKind(packed.kind));
  assert.ok(sortedSetType.verify(packed.kind, packed.region, 3, packed.valueLength));
  const nested = valueWith([...full, ['one more', 0]]);
  assert.ok(isNestedKind(nested.kind));
  assert.equal(pairsOf(nested).length, PACKED_MEMBERS_MAX + 1);
  free(nested);
});
