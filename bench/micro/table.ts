/**
 * Tables: 1,000,000 entries of 11 + 100 bytes over 64 spaces, in random order. One thread, no lock,
 * no protocol. Hashing the key is part of each operation.
 */
import { Region } from '../../src/base/region.js';
import { Space } from '../../src/memory/space.js';
import { PAGE_BYTES, ROOTS_OFFSET } from '../../src/memory/space-layout.js';
import { createPagedRegion } from '../../src/platform/ffi/region.js';
import { HashState, hashBytes } from '../../src/structures/hash.js';
import { Table } from '../../src/structures/table.js';
import { micro } from './harness.js';

const SPACES = 64;
const SPACE_BYTES = 2 ** 30;
const ENTRIES = 1_000_000;
const KEY_BYTES = 11;
const VALUE_BYTES = 100;

const counters = new Int32Array(new SharedArrayBuffer(64));
const tables = Array.from({ length: SPACES }, () => {
  const region = createPagedRegion(SPACE_BYTES);
  Space.format(region, 11, 22);
  return new Table(new Space(region, counters, 0), ROOTS_OFFSET);
});
const source = new Region(new SharedArrayBuffer(4096), 0);
const hash = new HashState();
source.bytes.set(Buffer.from('key:0000000'));

/** Key numbers in an order that caches cannot guess. */
const order = Int32Array.from({ length: ENTRIES }, (_, i) => i);
for (let i = ENTRIES - 1; i > 0; i--) {
  const j = Math.floor(Math.random() * (i + 1));
  const swap = order[i]!;
  order[i] = order[j]!;
  order[j] = swap;
}
let turn = 0;
let sum = 0;

/** Writes and hashes the key; returns its table, as the dispatcher finds the shard. */
function aim(number: number): Table {
  let rest = number;
  for (let i = KEY_BYTES - 1; i > 3; i--) {
    const quotient = (rest / 10) | 0;
    source.bytes[i] = 48 + rest - quotient * 10;
    rest = quotient;
  }
  hashBytes(hash, source, 0, KEY_BYTES, 11, 22);
  return tables[number & (SPACES - 1)]!;
}

function find(number: number): Table {
  const table = aim(number);
  if (table.find(source, 0, KEY_BYTES, hash.h1, hash.h2)) sum++;
  return table;
}

function put(number: number, length: number): void {
  const table = find(number);
  const at = table.put(1, length, 0);
  const view = table.region.view;
  for (let i = 0; i + 8 <= length; i += 8) view.setFloat64(at + i, i, true);
}

function next(): number {
  turn = turn + 1 < ENTRIES ? turn + 1 : 0;
  return order[turn]!;
}

for (let i = 0; i < ENTRIES; i++) put(order[i]!, VALUE_BYTES);
if (process.env.DARTER_MICRO_JSON === undefined) {
  const perEntry = (counters[0]! * PAGE_BYTES) / ENTRIES;
  process.stdout.write(`${perEntry.toFixed(1)} bytes of memory an entry\n`);
}

micro('table: key and hash alone', (iterations) => {
  for (let i = 0; i < iterations; i++) sum += aim(next()).root;
});
micro('table: find hit', (iterations) => {
  for (let i = 0; i < iterations; i++) find(next());
});
micro('table: find miss', (iterations) => {
  for (let i = 0; i < iterations; i++) find(next() + 5_000_000);
});
micro('table: put replace, same length', (iterations) => {
  for (let i = 0; i < iterations; i++) put(next(), VALUE_BYTES);
});
micro('table: put replace, other length', (iterations) => {
  for (let i = 0; i < iterations; i++) put(next(), VALUE_BYTES - 20 + ((i * 7) % 40));
});
let fresh = ENTRIES;
micro('table: put new', (iterations) => {
  for (let i = 0; i < iterations; i++) put(fresh++, VALUE_BYTES);
});
micro('table: remove and put again', (iterations) => {
  for (let i = 0; i < iterations; i++) {
    const number = next();
    find(number).remove();
    put(number, VALUE_BYTES);
  }
});

if (sum < 0) throw new Error('what was found is used, so that finding it is not optimised away');
