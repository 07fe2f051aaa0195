/** Parts of large values in their own form: what was emitted is there, and a damaged part is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region, toBinary } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { Arguments } from '../protocol/parser.js';
import { ROOT_BYTES } from '../structures/directory.js';
import { Cursor } from '../structures/sequence/cursor.js';
import { NewElement } from '../structures/sequence/element.js';
import { ORDER_NONE } from '../structures/sequence/root.js';
import { Sequence } from '../structures/sequence/sequence.js';
import { Table } from '../structures/table.js';
import { KeyFinder, testSpace } from '../structures/testing.js';
import { hashType } from './hash/type.js';
import { EFFECT_PART, EFFECT_PART_SUBCOMMAND, PART_BYTES_MAX } from './native-parts.js';
import { LIST_SEQUENCE } from './list/layout.js';
import { listType } from './list/type.js';
import { LIST_ROOT_BYTES } from './list/views.js';
import { SET_TABLE } from './set/kinds.js';
import { setType } from './set/type.js';
import { FieldReader } from './stream/block.js';
import { STREAM_KIND, STREAM_ROOT_BYTES } from './stream/layout.js';
import { PartsPlace } from './parts-place.js';
import { Stream } from './stream/stream.js';
import { StreamId } from './stream/stream-id.js';
import { streamType } from './stream/type.js';
import { PARTS_END, type StoredValue, type ValueEffects, type ValueType } from './value-type.js';

const BUDGET_BYTES = 64 * 1024;
const HASH_NESTED = hashType.owningKinds[0]!;

/** Keeps what was emitted: parts as bytes, commands as words. */
class Emitted implements ValueEffects {
  readonly takesParts = true;
  readonly parts: Uint8Array[] = [];
  readonly commands: string[] = [];
  private words: string[] = [];
  private bytesOf: Uint8Array = new Uint8Array(0);

  begin(name: string, subcommand = ''): this {
    this.words = [name, subcommand];
    return this;
  }
  bytes(source: Region, offset: number, length: number): this {
    this.bytesOf = source.bytes.slice(offset, offset + length);
    return this;
  }
  word(text: string): this {
    this.words.push(text);
    return this;
  }
  time(): this {
    return this;
  }
  end(): void {
    const [name, subcommand] = this.words;
    if (name === EFFECT_PART && subcommand === EFFECT_PART_SUBCOMMAND) {
      this.parts.push(this.bytesOf);
    } else this.commands.push(name!);
  }
}

function emitted(type: ValueType, value: StoredValue): Emitted {
  const effects = new Emitted();
  const place = new PartsPlace();
  for (let position = 0; position !== PARTS_END; ) {
    position = type.parts!.emit(value, position, BUDGET_BYTES, effects, place);
  }
  return effects;
}

/** Takes a part into a value whose root lies at `root`. */
function take(type: ValueType, space: Space, root: number, bytes: Uint8Array): string | null {
  const part = new Region(new SharedArrayBuffer((PART_BYTES_MAX + 7) & ~7), 0);
  part.bytes.set(bytes);
  return type.nativeParts!.take(space, root, part, bytes.length);
}

/** A page with the root of an empty value. */
function emptyRoot(space: Space, type: ValueType): number {
  const root = space.allocate(1);
  space.region.bytes.fill(0, root, root + ROOT_BYTES);
  type.nativeParts!.format(space, root);
  return root;
}

function valueAt(space: Space, root: number, kind: number, valueLength: number): StoredValue {
  return { space, region: space.region, kind, expiry: 0, valueOffset: root, valueLength };
}

function contentsOf(table: Table): Map<string, string> {
  const found = new Map<string, string>();
  for (let position = 0; position < 2 ** 32; ) {
    position = table.scan(position);
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      const { region, keyOffset, keyLength, valueOffset, valueLength } = table;
      const key = toBinary(region, keyOffset, keyLength);
      found.set(key, toBinary(region, valueOffset, valueLength));
    }
  }
  return found;
}

const TABLES: readonly (readonly [string, ValueType, number, boolean])[] = [
  ['hash', hashType, HASH_NESTED, true],
  ['set', setType, SET_TABLE, false],
];

/** A table of many entries, a few of which are too long for a frame. */
function filledTable(space: Space, root: number, hasValues: boolean): Table {
  const finder = new KeyFinder(space, new Table(space, root));
  for (let i = 0; i < 5000; i++) {
    const isLong = i % 1000 === 999;
    const value = hasValues ? (isLong ? 'v'.repeat(9000 + i) : `value ${i}`) : '';
    assert.ok(finder.put(isLong ? `long ${i} ${'k'.repeat(3000)}` : `key ${i}`, 0, value));
  }
  return finder.table;
}

for (const [name, type, kind, hasValues] of TABLES) {
  test(`the frames of a ${name} make the same table elsewhere`, () => {
    const space = testSpace(64);
    const root = emptyRoot(space, type);
    const table = filledTable(space, root, hasValues);
    const { parts, commands } = emitted(type, valueAt(space, root, kind, ROOT_BYTES));
    assert.ok(parts.length > 3);
    assert.deepEqual(commands, []);
    const other = testSpace(64);
    const target = emptyRoot(other, type);
    for (const part of parts) assert.equal(take(type, other, target, part), null);
    const copy = new Table(other, target);
    copy.check();
    assert.deepEqual(contentsOf(copy), contentsOf(table));
    // A part that comes twice finds its range taken: entry by entry it changes nothing.
    assert.equal(take(type, other, target, parts[0]!), null);
    copy.attach(target, other.region);
    copy.check();
    assert.equal(copy.size, table.size);
  });

  test(`a damaged frame of a ${name} is refused, or is another one that is right`, () => {
    const space = testSpace(64);
    const root = emptyRoot(space, type);
    filledTable(space, root, hasValues);
    const { parts } = emitted(type, valueAt(space, root, kind, ROOT_BYTES));
    const part = parts[0]!;
    let refused = 0;
    for (let i = 0; i < 300; i++) {
      const damaged = part.slice(
        0,
        i % 3 === 0 ? Math.floor((part.length * i) / 300) : part.length,
      );
      if (i % 3 !== 0) damaged[Math.floor((part.length * i) / 300)]! ^= 1 << (i % 8);
      const other = testSpace(4);
      const target = emptyRoot(other, type);
      if (take(type, other, target, damaged) !== null) refused++;
      else new Table(other, target).check();
    }
    assert.ok(refused > 100, `${refused} refused`);
  });
}

function words(list: StoredValue): string[] {
  const found: string[] = [];
  listType.sortable!.visit(
    list,
    0,
    listType.sortable!.count(list),
    false,
    (region, offset, length) => found.push(toBinary(region, offset, length)),
  );
  return found;
}

function filledList(space: Space, root: number): StoredValue {
  const list = new Sequence(space);
  list.create(root, ORDER_NONE, space.region);
  const source = new Region(new SharedArrayBuffer(16384), 0);
  const element = new NewElement(source);
  const cursor = new Cursor();
  for (let i = 0; i < 5000; i++) {
    const word = i % 1500 === 1499 ? 'x'.repeat(6000) : i % 3 === 0 ? `${i * 77}` : `element ${i}`;
    source.bytes.set(Buffer.from(word, 'latin1'));
    element.setBytes(source, 0, word.length);
    assert.ok(list.pushLast(cursor, element));
  }
  return valueAt(space, root, LIST_SEQUENCE, LIST_ROOT_BYTES);
}

test('the leaves of a list make the same list elsewhere, but for those with elements in runs', () => {
  const space = testSpace(64);
  const value = filledList(space, emptyRoot(space, listType));
  const all = words(value);
  const { parts, commands } = emitted(listType, value);
  assert.ok(parts.length > 1);
  assert.equal(commands.length, 3, 'leaves with a long element');
  const other = testSpace(64);
  const target = emptyRoot(other, listType);
  for (const part of parts) assert.equal(take(listType, other, target, part), null);
  const copy = new Sequence(other);
  copy.attach(target, other.region);
  copy.check();
  const taken = words(valueAt(other, target, LIST_SEQUENCE, LIST_ROOT_BYTES));
  assert.equal(taken.length, copy.count);
  assert.ok(taken.length > all.length - 1500);
  // In their order, with what went as commands left out.
  let at = 0;
  for (const word of taken) at = all.indexOf(word, at) + 1;
  assert.ok(at > 0);
});

test('a damaged leaf of a list is refused, or is another one that is right', () => {
  const space = testSpace(64);
  const value = filledList(space, emptyRoot(space, listType));
  const part = emitted(listType, value).parts[0]!.slice(0, 8192);
  let refused = 0;
  for (let i = 0; i < 2000; i++) {
    const damaged = part.slice(0, i % 5 === 0 ? 1 + (i % part.length) : part.length);
    if (i % 5 !== 0) damaged[Math.floor((damaged.length * i) / 2000)]! ^= 1 << (i % 8);
    const other = testSpace(1);
    const target = emptyRoot(other, listType);
    if (take(listType, other, target, damaged) !== null) refused++;
    const list = new Sequence(other);
    list.attach(target, other.region);
    list.check();
    words(valueAt(other, target, LIST_SEQUENCE, LIST_ROOT_BYTES));
  }
  assert.ok(refused > 500, `${refused} refused`);
});

const ENTRIES = 3000;

function filledStream(space: Space, root: number): Stream {
  const stream = new Stream(space).create(root, space.region);
  const source = new Region(new SharedArrayBuffer(16384), 0);
  const id = new StreamId();
  for (let i = 1; i <= ENTRIES; i++) {
    const args = new Arguments();
    args.region = source;
    const words = i % 700 === 0 ? ['large', 'x'.repeat(5000)] : ['a', `${i}`, 'b', `text ${i}`];
    let at = 0;
    for (const word of words) {
      source.bytes.set(Buffer.from(word, 'latin1'), at);
      args.offset[args.count] = at;
      args.length[args.count++] = word.length;
      at += word.length;
    }
    id.set(0, i, 0, i % 3);
    assert.ok(stream.append(id, args, 0, 4096, 100));
  }
  return stream;
}

function entriesOf(stream: Stream): string[] {
  const found: string[] = [];
  const fields = new FieldReader();
  const text = new Region(new SharedArrayBuffer(16384), 0);
  for (let more = stream.seek(new StreamId().setLowest()); more; more = stream.next()) {
    const words = [String(stream.id.msLow), String(stream.id.seqLow)];
    stream.fields(fields);
    while (fields.left > 0) {
      fields.next();
      fields.copyValue(text, 0);
      words.push(toBinary(fields.region, fields.nameOffset, fields.nameLength));
      words.push(toBinary(text, 0, fields.valueLength));
    }
    found.push(words.join(' '));
  }
  return found;
}

/** The parts of a stream up to where commands come first: those follow in the order of ids. */
function partsBeforeCommands(space: Space, root: number): Uint8Array[] {
  return emitted(streamType, valueAt(space, root, STREAM_KIND, STREAM_ROOT_BYTES)).parts;
}

test('the blocks of a stream make the same entries elsewhere', () => {
  const space = testSpace(64);
  const root = emptyRoot(space, streamType);
  const stream = filledStream(space, root);
  const value = valueAt(space, root, STREAM_KIND, STREAM_ROOT_BYTES);
  const { parts, commands } = emitted(streamType, value);
  assert.ok(parts.length > 3);
  // Entries that are too long for a block, and what the root says.
  assert.ok(commands.filter((name) => name === 'XADD').length < 50);
  assert.equal(commands.at(-1), 'XSETID');
  const other = testSpace(64);
  const target = emptyRoot(other, streamType);
  for (const part of parts) assert.equal(take(streamType, other, target, part), null);
  const copy = new Stream(other).attach(target, other.region);
  copy.blocks.check();
  const entries = entriesOf(copy);
  const long = new Set(entriesOf(stream));
  assert.equal(entries.length, copy.length);
  assert.ok(entries.length > ENTRIES - 50);
  assert.ok(entries.every((entry) => long.has(entry)));
  assert.match(take(streamType, other, target, parts[0]!) ?? '', /a block that is none/);
});

test('a damaged block of a stream is refused, or is another one that is right', () => {
  const space = testSpace(64);
  const root = emptyRoot(space, streamType);
  filledStream(space, root);
  const part = partsBeforeCommands(space, root)[0]!.slice(0, 3000);
  let refused = 0;
  for (let i = 0; i < 2000; i++) {
    const damaged = part.slice(0, i % 5 === 0 ? 1 + (i % part.length) : part.length);
    const at = Math.floor((damaged.length * i) / 2000);
    if (i % 5 !== 0) damaged[at]! ^= 1 << (i % 8);
    const other = testSpace(1);
    const target = emptyRoot(other, streamType);
    if (take(streamType, other, target, damaged) !== null) refused++;
    const stream = new Stream(other).attach(target, other.region);
    stream.blocks.check();
    // Whatever was taken can be read.
    assert.equal(entriesOf(stream).length, stream.length);
  }
  assert.ok(refused > 1000, `${refused} refused`);
});
