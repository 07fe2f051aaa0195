import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROOTS_OFFSET } from '../memory/space-layout.js';
import { Directory } from './directory.js';
import { Table } from './table.js';
import { presize, settle } from './table-presize.js';
import { KeyFinder, testSpace } from './testing.js';

const ENTRIES = 30_000;
const VALUE = 'v'.repeat(100);
const ENTRY_BYTES = 115;

function newTable(): { table: Table; keys: KeyFinder; frames: () => number } {
  const space = testSpace(64);
  const table = new Table(space, ROOTS_OFFSET);
  const directory = new Directory(space, ROOTS_OFFSET);
  return { table, keys: new KeyFinder(space, table), frames: () => directory.frames };
}

function fill(keys: KeyFinder, from: number, to: number): void {
  for (let i = from; i < to; i++) keys.put(`key:${String(i).padStart(7, '0')}`, 1, VALUE);
}

function maintain(table: Table): void {
  for (let i = 0; table.maintain(16) > 0; i++) assert.ok(i < 10_000);
}

test('a table that was told what comes has the frames and pages of one that has grown by itself', () => {
  const grown = newTable();
  fill(grown.keys, 0, ENTRIES);
  const { table, keys, frames } = newTable();
  presize(table, ENTRIES, ENTRY_BYTES);
  table.check();
  const before = frames();
  assert.equal(before, grown.frames());
  fill(keys, 0, ENTRIES);
  table.check();
  assert.equal(frames(), before);
  assert.ok(table.allocatedPages <= grown.table.allocatedPages * 1.02);
});

test('a table that has entries already gets the frames, and keeps the entries', () => {
  const { table, keys, frames } = newTable();
  fill(keys, 0, 1500);
  presize(table, ENTRIES, ENTRY_BYTES);
  table.check();
  const before = frames();
  fill(keys, 1500, ENTRIES);
  table.check();
  assert.equal(frames(), before);
  assert.equal(table.size, ENTRIES);
});

test('what was expected and has not come is merged, or freed', () => {
  const { table, keys, frames } = newTable();
  presize(table, ENTRIES, ENTRY_BYTES);
  fill(keys, 0, 500);
  settle(table);
  maintain(table);
  table.check();
  assert.equal(table.size, 500);
  assert.ok(frames() < 5, `${frames()} frames`);
  const empty = newTable();
  presize(empty.table, ENTRIES, ENTRY_BYTES);
  settle(empty.table);
  maintain(empty.table);
  assert.equal(empty.table.allocatedPages, 0);
});

test('where fewer and longer entries come than were told, frames give their buckets back', () => {
  const grown = newTable();
  fill(grown.keys, 0, ENTRIES);
  const { table, keys } = newTable();
  presize(table, 30 * ENTRIES, 1);
  fill(keys, 0, ENTRIES);
  const before = table.allocatedPages;
  settle(table);
  maintain(table);
  table.check();
  assert.equal(table.size, ENTRIES);
  const { allocatedPages } = table;
  assert.ok(
    allocatedPages <= grown.table.allocatedPages * 1.03,
    `${before}, then ${allocatedPages}`,
  );
});

test('few entries, and more than there is room for, change nothing', () => {
  const { table, keys } = newTable();
  presize(table, 3, ENTRY_BYTES);
  assert.equal(table.allocatedPages, 0);
  presize(table, 1e9, ENTRY_BYTES);
  assert.equal(table.allocatedPages, 0);
  fill(keys, 0, 100);
  table.check();
  assert.equal(table.size, 100);
});
