/**
 * Nanoseconds of CPU time per operation on tables: 1,000,000 entries of 11 + 100 bytes over 64 spaces, in
 * random order. One thread, no lock, no protocol.
 *
 *   node dist/bench/micro/table.js [entries]
 */
import { Region } from '../../src/base/region.js';
import { PAGE_BYTES, ROOTS_OFFSET } from '../../src/memory/space-layout.js';
import { Space } from '../../src/memory/space.js';
import { HashState, hashBytes } from '../../src/structures/hash.js';
import { Table } from '../../src/structures/table.js';

const SPACES = 64;
const KEY_BYTES = 11;
const VALUE_BYTES = 100;
const entries = Number(process.argv[2] ?? 1_000_000);

const counters = new Int32Array(new SharedArrayBuffer(64));
const tables: Table[] = [];
for (let i = 0; i < SPACES; i++) {
  const region = new Region(new SharedArrayBuffer(2 ** 30), 0);
  Space.format(region, 11, 22);
  tables.push(new Table(new Space(region, counters, 0), ROOTS_OFFSET));
}

const source = new Region(new SharedArrayBuffer(4096), 0);
const hash = new HashState();
source.bytes.set(Buffer.from('key:0000000'));

/** Writes the key and hashes it; returns its table, as the dispatcher would find the shard. */
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

/** A permutation of the numbers below `entries`. */
function shuffled(): Int32Array {
  const order = Int32Array.from({ length: entries }, (_, i) => i);
  for (let i = entries - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    const swap = order[i]!;
    order[i] = order[j]!;
    order[j] = swap;
  }
  return order;
}

function writeValue(table: Table, at: number, length: number): void {
  const view = table.region.view;
  for (let i = 0; i + 8 <= length; i += 8) view.setFloat64(at + i, i, true);
}

function aimOnly(number: number): number {
  return aim(number).root > 0 ? 1 : 0;
}

function findHit(number: number): number {
  const table = aim(number);
  return table.find(source, 0, KEY_BYTES, hash.h1, hash.h2) ? 1 : 0;
}

function findMiss(number: number): number {
  const table = aim(number + 5_000_000);
  return table.find(source, 0, KEY_BYTES, hash.h1, hash.h2) ? 0 : 1;
}

function put(number: number): number {
  const table = aim(number);
  table.find(source, 0, KEY_BYTES, hash.h1, hash.h2);
  const at = table.put(1, VALUE_BYTES, 0);
  writeValue(table, at, VALUE_BYTES);
  return at > 0 ? 1 : 0;
}

/** Every other time another length, so that entries move and frames are compacted. */
let replaceRound = 0;
function putOther(number: number): number {
  const table = aim(number);
  table.find(source, 0, KEY_BYTES, hash.h1, hash.h2);
  const length = VALUE_BYTES - 20 + ((number * 7 + replaceRound * 13) % 40);
  const at = table.put(1, length, 0);
  writeValue(table, at, length);
  return at > 0 ? 1 : 0;
}

function removeOne(number: number): number {
  const table = aim(number);
  if (!table.find(source, 0, KEY_BYTES, hash.h1, hash.h2)) return 0;
  table.remove();
  return 1;
}

function measure(name: string, run: (number: number) => number): void {
  const order = shuffled();
  let done = 0;
  const start = process.cpuUsage();
  for (let i = 0; i < entries; i++) done += run(order[i]!);
  const { user, system } = process.cpuUsage(start);
  const nanoseconds = ((user + system) * 1000) / entries;
  const note = done === entries ? '' : `   (${done} of ${entries})`;
  console.log(`${name.padEnd(28)} ${nanoseconds.toFixed(0).padStart(6)} ns${note}`);
}

function memory(): string {
  const pages = tables.reduce((sum, table) => sum + table.allocatedPages, 0);
  const size = tables.reduce((sum, table) => sum + table.size, 0);
  const bytes = pages * PAGE_BYTES;
  return `${(bytes / 1e6).toFixed(1)} MB, ${(bytes / Math.max(size, 1)).toFixed(1)} bytes an entry`;
}

measure('put new', put);
console.log(memory());
measure('key and hash alone', aimOnly);
for (let round = 1; round <= 3; round++) {
  measure(`find hit, round ${round}`, findHit);
  measure(`find miss, round ${round}`, findMiss);
  measure(`put replace, round ${round}`, put);
}
for (replaceRound = 1; replaceRound <= 3; replaceRound++) {
  measure(`put other length, round ${replaceRound}`, putOther);
}
console.log(memory());
measure('remove', removeOne);
let waiting = 0;
do {
  waiting = tables.reduce((sum, table) => sum + table.maintain(16), 0);
} while (waiting > 0);
console.log(memory());
