import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../base/region.js';
import { elementBytes, PackedElement, PackedView } from './element.js';
import {
  collectPositions,
  findElement,
  formatPacked,
  PACKED_HEADER_BYTES,
  packedCount,
  positionOf,
  Splice,
  PairPlaces,
  seekPair,
  seekScored,
  skipElements,
  splice,
} from './packed.js';
import { type PackedLimits, verifyPacked } from './verify.js';

const START = 17;
const LISTS: PackedLimits = { stride: 1, countMax: 65_535, distinct: false, scored: false };
const SCORED: PackedLimits = { stride: 2, countMax: 65_535, distinct: true, scored: true };

/** A packed value and its length, changed as a command does it. */
class Packed {
  readonly region = new Region(new SharedArrayBuffer(1 << 18), 0);
  readonly source = new Region(new SharedArrayBuffer(1 << 17), 0);
  readonly element = new PackedElement(this.source);
  readonly change = new Splice();
  readonly view = new PackedView();
  length = PACKED_HEADER_BYTES;

  constructor() {
    formatPacked(this.region, START);
  }

  prepare(text: string): PackedElement {
    const length = Buffer.from(this.source.buffer).write(text, 'latin1');
    this.element.set(this.source, 0, length);
    return this.element;
  }

  insert(index: number, element: PackedElement): void {
    const position = positionOf(this.region, START, index);
    this.change.insert(position, element.size, 1);
    splice(this.region, START, this.length, this.change);
    element.write(this.region, START + position);
    this.length += this.change.growth;
  }

  replace(index: number, element: PackedElement): void {
    const position = positionOf(this.region, START, index);
    this.change.replace(position, elementBytes(this.region, START + position), element.size);
    splice(this.region, START, this.length, this.change);
    element.write(this.region, START + position);
    this.length += this.change.growth;
  }

  remove(index: number, count: number): void {
    const position = positionOf(this.region, START, index);
    const end = skipElements(this.region, START, position, count);
    this.change.remove(position, end - position, count);
    splice(this.region, START, this.length, this.change);
    this.length += this.change.growth;
  }

  text(position: number): string {
    const size = this.view.read(this.region, START + position);
    assert.equal(size, elementBytes(this.region, START + position));
    if (this.view.isScore) return `score ${this.view.score}`;
    this.view.copyTo(this.region, this.source, 0);
    return Buffer.from(this.source.bytes.slice(0, this.view.length)).toString('latin1');
  }

  texts(): string[] {
    const positions = new Int32Array(packedCount(this.region, START));
    assert.equal(collectPositions(this.region, START, positions), positions.length);
    return Array.from(positions, (position) => this.text(position));
  }

  verify(limits: PackedLimits): string {
    return verifyPacked(this.region, START, this.length, limits);
  }
}

const text = fc
  .oneof(
    fc.string({ maxLength: 20, unit: 'binary-ascii' }),
    fc.bigInt(-(2n ** 64n), 2n ** 64n).map(String),
    fc.integer({ min: -10_000, max: 10_000 }).map(String),
    fc.constantFrom('', '0', '127', '128', '4223', '4224', '-1', '-128', '-129', '007', '-0'),
    fc.constantFrom(63, 64, 65, 4159, 4160, 20_000),
  )
  .map((value) => (typeof value === 'number' ? 'x'.repeat(value) : value));

test('a packed value is what an array is', () => {
  const operation = fc.tuple(
    fc.constantFrom('insert', 'insert', 'replace', 'remove'),
    fc.nat(),
    text,
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const packed = new Packed();
      const model: string[] = [];
      for (const [name, number, value] of operations) {
        const index = number % (model.length + 1);
        if (packed.length > 150_000) break;
        if (name === 'insert') {
          packed.insert(index, packed.prepare(value));
          model.splice(index, 0, value);
        } else if (name === 'replace' && index < model.length) {
          packed.replace(index, packed.prepare(value));
          model[index] = value;
        } else if (name === 'remove') {
          const count = Math.min(model.length - index, number % 3);
          packed.remove(index, count);
          model.splice(index, count);
        }
        assert.equal(packed.verify(LISTS), '');
      }
      assert.deepEqual(packed.texts(), model);
      for (const value of [...model, 'not there', '12345678901']) {
        const element = packed.prepare(value);
        const { region, length } = packed;
        const found = findElement(region, START, length, element, PACKED_HEADER_BYTES, 1);
        const index = model.indexOf(value);
        assert.equal(found, index < 0 ? -1 : positionOf(region, START, index));
        // Of an odd number there are no pairs.
        if (model.length % 2 === 1) continue;
        const even = findElement(region, START, length, element, PACKED_HEADER_BYTES, 2);
        const evenIndex = model.findIndex((one, i) => one === value && i % 2 === 0);
        assert.equal(even, evenIndex < 0 ? -1 : positionOf(region, START, evenIndex));
      }
    }),
    { numRuns: 300 },
  );
});

/** Bytes of a text in Redis's listpack: encoding, data, length at the end. */
function listpackBytes(value: string): number {
  const integer = /^(0|-?[1-9][0-9]*)$/.test(value) ? BigInt(value) : undefined;
  let size = 0;
  if (integer !== undefined && integer >= 0n && integer <= 127n) size = 1;
  else if (integer !== undefined && integer >= -4096n && integer <= 4095n) size = 2;
  else if (integer !== undefined && BigInt.asIntN(16, integer) === integer) size = 3;
  else if (integer !== undefined && BigInt.asIntN(24, integer) === integer) size = 4;
  else if (integer !== undefined && BigInt.asIntN(32, integer) === integer) size = 5;
  else if (integer !== undefined && BigInt.asIntN(64, integer) === integer) size = 9;
  else size = (value.length < 64 ? 1 : value.length < 4096 ? 2 : 5) + value.length;
  return size + (size <= 127 ? 1 : size < 16_383 ? 2 : 3);
}

test('no element takes more bytes than in a listpack', () => {
  const packed = new Packed();
  fc.assert(
    fc.property(text, (value) => {
      assert.ok(packed.prepare(value).size <= listpackBytes(value), value);
    }),
    { numRuns: 3000 },
  );
});

/** One walk finds what two find. */
function checkPlaces(packed: Packed, member: string, score: number): void {
  const { region, source, element, length } = packed;
  const bytes = Buffer.from(source.buffer).write(member, 'latin1');
  element.set(source, 0, bytes);
  const places = new PairPlaces();
  seekPair(region, START, length, element, score, source, 0, bytes, places);
  assert.equal(places.found, findElement(region, START, length, element, PACKED_HEADER_BYTES, 2));
  assert.equal(places.insertAt, seekScored(region, START, length, score, source, 0, bytes));
  assert.equal(places.score, score);
}

test('pairs of member and score are in order, found and verified', () => {
  const score = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: true }));
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(text, score), { selector: ([m]) => m, maxLength: 40 }),
      (pairs) => {
        const packed = new Packed();
        for (const [member, value] of pairs) {
          if (packed.length > 150_000) break;
          const { region, source } = packed;
          const bytes = Buffer.from(source.buffer).write(member, 'latin1');
          const position = seekScored(region, START, packed.length, value, source, 0, bytes);
          packed.element.set(source, 0, bytes);
          const scoreElement = new PackedElement(source);
          scoreElement.setScore(value);
          packed.change.insert(position, packed.element.size + scoreElement.size, 2);
          splice(region, START, packed.length, packed.change);
          packed.element.write(region, START + position);
          scoreElement.write(region, START + position + packed.element.size);
          packed.length += packed.change.growth;
          assert.equal(packed.verify(SCORED), '');
        }
        const expected = pairs.slice(0, packedCount(packed.region, START) / 2).sort((a, b) => {
          const order = a[1] - b[1];
          if (a[1] !== b[1]) return order;
          return Buffer.compare(Buffer.from(a[0], 'latin1'), Buffer.from(b[0], 'latin1'));
        });
        const members = packed.texts().filter((_, i) => i % 2 === 0);
        assert.deepEqual(
          members,
          expected.map(([member]) => member),
        );
        for (const [member, value] of [...pairs, ['absent', 0], ['', 1]] as const) {
          for (const wanted of [value, 0, -3.5, 6]) checkPlaces(packed, member, wanted);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('what is out of order, doubled or cut off is not verified', () => {
  const packed = new Packed();
  for (const value of ['a', '1', 'b', '1', 'c', '2']) {
    packed.insert(packedCount(packed.region, START), packed.prepare(value));
  }
  assert.equal(packed.verify(SCORED), '');
  assert.match(packed.verify({ ...SCORED, countMax: 5 }), /6 elements/);
  packed.replace(2, packed.prepare('a'));
  assert.match(packed.verify(SCORED), /out of order|twice/);
  assert.match(packed.verify({ ...LISTS, stride: 2, distinct: true }), /twice/);
  packed.replace(2, packed.prepare('Z'));
  assert.match(packed.verify(SCORED), /out of order/);
  packed.replace(2, packed.prepare('b'));
  packed.replace(3, packed.prepare('none'));
  assert.match(packed.verify(SCORED), /score is none/);
  packed.length--;
  assert.match(packed.verify(LISTS), /not valid/);
});

test('bytes of a hostile peer are refused or read, never beyond their end', () => {
  const region = new Region(new SharedArrayBuffer(256), 0);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, scored) => {
      region.bytes.fill(0xf0);
      const at = region.length - bytes.length;
      region.bytes.set(bytes, at);
      const limits = scored ? SCORED : LISTS;
      const fault = verifyPacked(region, at, bytes.length, limits);
      if (fault !== '') return;
      const view = new PackedView();
      let next = at + PACKED_HEADER_BYTES;
      for (let i = 0; i < packedCount(region, at); i++) next += view.read(region, next);
      assert.equal(next, region.length);
    }),
    { numRuns: 5000 },
  );
});
