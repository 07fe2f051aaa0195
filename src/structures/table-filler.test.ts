/** Entries that are filled in are what entries that are put one by one are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../base/region.js';
import { ROOTS_OFFSET } from '../memory/space-layout.js';
import { HashState, hashBytes } from './hash.js';
import { Table } from './table.js';
import type { EntryRows } from './table-filler.js';
import { KeyFinder, testSpace } from './testing.js';

const KIND = 1;
const ROWS_MAX = 40_000;

class Rows implements EntryRows {
  readonly region = new Region(new SharedArrayBuffer(8 << 20), 0);
  readonly offset = new Int32Array(ROWS_MAX);
  readonly keyLength = new Int32Array(ROWS_MAX);
  readonly valueLength = new Int32Array(ROWS_MAX);
  readonly expiry = new Float64Array(ROWS_MAX);
  readonly h1 = new Int32Array(ROWS_MAX);
  readonly h2 = new Int32Array(ROWS_MAX);
  readonly order = Int32Array.from({ length: ROWS_MAX }, (_, i) => i);
  count = 0;
  private used = 0;
  private readonly hash = new HashState();

  constructor(private readonly keys: KeyFinder) {}

  add(key: string, value: string, expiry = 0): void {
    const i = this.count++;
    const { space } = this.keys;
    this.offset[i] = this.used;
    this.keyLength[i] = key.length;
    this.region.bytes.set(Buffer.from(key + value, 'latin1'), this.used);
    this.used += key.length + value.length;
    this.valueLength[i] = value.length;
    this.expiry[i] = expiry;
    hashBytes(
      ...([this.hash, this.region, this.offset[i]!, key.length] as const),
      ...([space.hashKey0, space.hashKey1] as const),
    );
    this.h1[i] = this.hash.h1;
    this.h2[i] = this.hash.h2;
  }
}

function newTable(): { table: Table; keys: KeyFinder; rows: Rows } {
  const space = testSpace(64);
  const table = new Table(space, ROOTS_OFFSET);
  const keys = new KeyFinder(space, table);
  return { table, keys, rows: new Rows(keys) };
}

/** Fills all rows in, and puts those that are for their caller. @returns how many these were */
function fillAll({ table, keys, rows }: ReturnType<typeof newTable>, texts: string[][]): number {
  let put = 0;
  for (let at = 0; at < rows.count; at++) {
    at = table.fill(rows, at, rows.count, KIND);
    if (at === rows.count) break;
    put++;
    keys.put(texts[at]![0]!, KIND, texts[at]![1]!, rows.expiry[at]!);
  }
  return put;
}

test('what is filled in is there, with its expiry and in the counts; few rows are left to the caller', () => {
  const made = newTable();
  const { table, keys, rows } = made;
  const other = newTable();
  const texts = Array.from({ length: 20_000 }, (_, i) => [`key:${i}`, `${i}`.repeat(i % 30)]);
  texts.forEach(([key, value], i) => {
    const expiry = i % 7 === 0 ? 1_700_000_000_000 + i : 0;
    rows.add(key!, value!, expiry);
    other.keys.put(key!, KIND, value!, expiry);
  });
  // Those that need a frame to be split, or to get more buckets.
  const put = fillAll(made, texts);
  assert.ok(put < 1000, `${put}`);
  table.check();
  assert.equal(table.size, 20_000);
  assert.equal(table.expiring, other.table.expiring);
  assert.equal(table.liveBytes, other.table.liveBytes);
  assert.equal(table.allocatedPages, other.table.allocatedPages);
  assert.equal(table.earliestExpiry(), 1_700_000_000_000);
  texts.forEach(([key, value], i) => {
    assert.equal(keys.get(key!), value);
    assert.equal(table.expiry, i % 7 === 0 ? 1_700_000_000_000 + i : 0);
  });
});

test('a key that is there already ends it, wherever its slot is; so does what is long', () => {
  const { table, keys, rows } = newTable();
  for (let i = 0; i < 3000; i++) keys.put(`key:${i}`, KIND, 'old');
  for (let i = 0; i < 3000; i++) rows.add(`key:${i}`, 'new');
  for (let i = 0; i < rows.count; i++) assert.equal(table.fill(rows, i, rows.count, KIND), i);
  rows.add('long value', 'v'.repeat(9000));
  rows.add('k'.repeat(2000), 'long key');
  rows.add('after', 'short');
  assert.equal(table.fill(rows, 3000, rows.count, KIND), 3000);
  assert.equal(table.fill(rows, 3001, rows.count, KIND), 3001);
  assert.equal(table.size, 3000);
  assert.equal(table.fill(rows, 3002, rows.count, KIND), 3003);
  assert.equal(keys.get('after'), 'short');
  table.check();
});

test('a gap in a frame is for its caller to fill', () => {
  const { table, keys, rows } = newTable();
  keys.put('one', KIND, 'value');
  keys.put('two', KIND, 'value');
  keys.find('one');
  table.remove();
  rows.add('three', 'value');
  assert.equal(table.fill(rows, 0, 1, KIND), 0);
});
