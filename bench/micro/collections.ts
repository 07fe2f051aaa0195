/**
 * Collections: sequences, scored sets, nested tables and packed values of elements of 16 bytes. Bytes
 * an element are those of the pages in use; beside them what a plain JS Array or Map takes and costs.
 * DARTER_MICRO_ELEMENTS sets how many elements the large ones have (1,000,000).
 */
import { Region } from '../../src/base/region.js';
import { Space } from '../../src/memory/space.js';
import { PAGE_BYTES, ROOTS_OFFSET } from '../../src/memory/space-layout.js';
import { createPagedRegion } from '../../src/platform/ffi/region.js';
import { HashState, hashBytes } from '../../src/structures/hash.js';
import { PackedElement } from '../../src/structures/packed/element.js';
import {
  findElement,
  formatPacked,
  PACKED_HEADER_BYTES,
  Splice,
  splice,
} from '../../src/structures/packed/packed.js';
import { Cursor } from '../../src/structures/sequence/cursor.js';
import { ElementView, NewElement } from '../../src/structures/sequence/element.js';
import { SearchKey } from '../../src/structures/sequence/order.js';
import { ORDER_NONE } from '../../src/structures/sequence/root.js';
import { ScoredSet } from '../../src/structures/sequence/scored-set.js';
import { Sequence } from '../../src/structures/sequence/sequence.js';
import { Table } from '../../src/structures/table.js';
import { micro } from './harness.js';

const ELEMENTS = Number(process.env.DARTER_MICRO_ELEMENTS ?? 1_000_000);
const ELEMENT_BYTES = 16;
const RANGE = 100;
const asText = process.env.DARTER_MICRO_JSON === undefined;
const counters = new Int32Array(new SharedArrayBuffer(64));
const source = new Region(new SharedArrayBuffer(4096), 0);
const hash = new HashState();
source.bytes.set(Buffer.from('member:000000000'));
let sum = 0;
let turn = 0;

function newSpace(): Space {
  const region = createPagedRegion(2 ** 30);
  Space.format(region, 11, 22);
  return new Space(region, counters, 0);
}

/** Numbers below `ELEMENTS` in an order that caches cannot guess. */
function next(): number {
  turn = (Math.imul(turn, 1664525) + 1013904223) | 0;
  return (turn >>> 0) % ELEMENTS;
}

function writeMember(number: number): void {
  let rest = number;
  for (let i = ELEMENT_BYTES - 1; i > 6; i--) {
    const quotient = (rest / 10) | 0;
    source.bytes[i] = 48 + rest - quotient * 10;
    rest = quotient;
  }
}

function report(name: string, space: Space, elements: number): void {
  const bytes = (space.residentPages * PAGE_BYTES) / elements;
  if (asText) process.stdout.write(`${name}: ${bytes.toFixed(1)} bytes of memory an element\n`);
}

const space = newSpace();
const list = new Sequence(space);
const cursor = new Cursor();
const view = new ElementView();
const element = new NewElement(source);
list.create(ROOTS_OFFSET, ORDER_NONE);

function prepare(number: number): NewElement {
  writeMember(number);
  element.setBytes(source, 0, ELEMENT_BYTES);
  return element;
}

for (let i = 0; i < ELEMENTS; i++) list.pushLast(cursor, prepare(i));
report('list', space, ELEMENTS);

micro('list: push last, pop first', (iterations) => {
  for (let i = 0; i < iterations; i++) {
    list.pushLast(cursor, prepare(i));
    list.seekIndex(cursor, 0);
    list.remove(cursor, 1);
  }
});
micro('list: push first, pop last', (iterations) => {
  for (let i = 0; i < iterations; i++) {
    list.pushFirst(cursor, prepare(i));
    list.seekIndex(cursor, list.count - 1);
    list.remove(cursor, 1);
  }
});
micro('list: index', (iterations) => {
  for (let i = 0; i < iterations; i++) {
    list.seekIndex(cursor, next());
    list.read(cursor, view);
    sum += view.length;
  }
});
micro(`list: range of ${RANGE}, an element`, (iterations) => {
  for (let i = 0; i < iterations; i += RANGE) {
    list.seekIndex(cursor, next() % (ELEMENTS - RANGE));
    for (let j = 0; j < RANGE; j++) {
      list.read(cursor, view);
      sum += view.length;
      list.next(cursor);
    }
  }
});
micro('list: insert and remove anywhere', (iterations) => {
  for (let i = 0; i < iterations; i++) {
    list.seekIndex(cursor, next());
    list.insert(cursor, prepare(i));
    list.remove(cursor, 1);
  }
});
const array = Array.from({ length: ELEMENTS }, (_, i) => `member:${i}`);
micro('JS Array: push, and read anywhere', (iterations) => {
  for (let i = 0; i < iterations; i++) {
    array.push(array[next()] as string);
    array.pop();
  }
});

const setSpace = newSpace();
const set = new ScoredSet(setSpace);
const key = new SearchKey(source);
set.createSet(ROOTS_OFFSET);

function findMember(number: number): boolean {
  writeMember(number);
  return set.find(source, 0, ELEMENT_BYTES);
}

for (let i = 0; i < ELEMENTS; i++) if (!findMember(i)) set.add(next() + 0.25);
report('scored set', setSpace, ELEMENTS);

micro('scored set: find', (iterations) => {
  for (let i = 0; i < iterations; i++) if (findMember(next())) sum++;
});
micro('scored set: rank', (iterations) => {
  for (let i = 0; i < iterations; i++) {
    if (!findMember(next())) continue;
    set.seekFound(cursor);
    sum += cursor.rank;
  }
});
micro('scored set: another score', (iterations) => {
  for (let i = 0; i < iterations; i++) if (findMember(next())) set.update(next() + 0.25);
});
micro('scored set: remove and add again', (iterations) => {
  for (let i = 0; i < iterations; i++) {
    const number = next();
    if (findMember(number)) set.removeFound();
    if (!findMember(number)) set.add(next() + 0.25);
  }
});
micro('scored set: first of a score', (iterations) => {
  for (let i = 0; i < iterations; i++) {
    key.aimScore(next());
    if (set.seekKey(cursor, key, false)) sum += cursor.rank;
  }
});
micro(`scored set: range of ${RANGE}, an element`, (iterations) => {
  for (let i = 0; i < iterations; i += RANGE) {
    set.seekIndex(cursor, next() % (ELEMENTS - RANGE));
    for (let j = 0; j < RANGE; j++) {
      set.read(cursor, view);
      sum += view.length;
      set.next(cursor);
    }
  }
});

const tableSpace = newSpace();
const table = new Table(tableSpace, ROOTS_OFFSET);

function findInTable(number: number): boolean {
  writeMember(number);
  hashBytes(hash, source, 0, ELEMENT_BYTES, tableSpace.hashKey0, tableSpace.hashKey1);
  return table.find(source, 0, ELEMENT_BYTES, hash.h1, hash.h2);
}

for (let i = 0; i < ELEMENTS; i++) if (!findInTable(i)) table.put(1, 0, 0);
report('set', tableSpace, ELEMENTS);

micro('set: find', (iterations) => {
  for (let i = 0; i < iterations; i++) if (findInTable(next())) sum++;
});
micro('set: remove and add again', (iterations) => {
  for (let i = 0; i < iterations; i++) {
    const number = next();
    if (findInTable(number)) table.remove();
    if (!findInTable(number)) table.put(1, 0, 0);
  }
});
const map = new Map(array.map((name, i) => [name, i]));
micro('JS Map: get', (iterations) => {
  for (let i = 0; i < iterations; i++) sum += map.get(array[next()] as string) as number;
});

const packed = new Region(new SharedArrayBuffer(1 << 16), 0);
const change = new Splice();
const piece = new PackedElement(source);
const PAIRS = 60;
let packedBytes = PACKED_HEADER_BYTES;
formatPacked(packed, 0);
for (let i = 0; i < PAIRS * 2; i++) {
  writeMember(i);
  piece.set(source, 0, ELEMENT_BYTES);
  change.insert(packedBytes, piece.size, 1);
  splice(packed, 0, packedBytes, change);
  piece.write(packed, packedBytes);
  packedBytes += change.growth;
}
micro(`packed: find one of ${PAIRS} fields`, (iterations) => {
  for (let i = 0; i < iterations; i++) {
    writeMember((i % PAIRS) * 2);
    piece.set(source, 0, ELEMENT_BYTES);
    sum += findElement(packed, 0, packedBytes, piece, PACKED_HEADER_BYTES, 2);
  }
});

if (sum < 0) throw new Error('what was found is used, so that finding it is not optimised away');
