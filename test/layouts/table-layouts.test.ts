/** The drawings of frames, buckets, entries, roots and spaces, held against real memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Region } from '../../src/base/region.js';
import * as layout from '../../src/memory/space-layout.js';
import { writeHeader } from '../../src/structures/entry.js';
import { BUCKET_BYTES, FRAME_HEADER_BYTES, logStart, SLOTS } from '../../src/structures/frame.js';
import { countUse, ORDER_RECENCY } from '../../src/structures/slot-order.js';
import { bucketOffset } from '../../src/structures/slots.js';
import { Table } from '../../src/structures/table.js';
import { KeyFinder, testSpace } from '../../src/structures/testing.js';
import { drawingOf } from './drawing.js';

function newTable(): { table: Table; keys: KeyFinder; view: DataView } {
  const space = testSpace(4);
  const table = new Table(space, layout.ROOTS_OFFSET);
  return { table, keys: new KeyFinder(space, table), view: space.region.view };
}

test('a frame', () => {
  const drawing = drawingOf('src/structures/frame.ts');
  drawing.assertContiguous();
  const { table, keys, view } = newTable();
  keys.put('first', 0, 'x'.repeat(100));
  keys.put('second', 0, 'y'.repeat(50), 99_000);
  const frame = table.frameAt(0);
  const of = (row: RegExp) => drawing.value(view, frame, row);
  const buckets = of(/^buckets/);
  const live = 1 + 1 + 1 + 5 + 100 + (1 + 1 + 1 + 8 + 6 + 50);
  assert.equal(of(/^entries$/), 2);
  assert.equal(of(/^live/), live);
  assert.equal(of(/^top/), 64 + (buckets + 1) * 64 + live);
  assert.equal(of(/^pages committed/), 1);
  assert.equal(of(/^capacity/), 1);
  assert.equal(of(/^entries with an expiry/), 1);
  assert.equal(of(/^lower bound/), 99_000);
  assert.equal(of(/^prefix/), 0);
  assert.equal(of(/^depth/), 0);
  countUse(table.region.words, frame, bucketOffset(frame, 0), 5, ORDER_RECENCY);
  assert.equal(of(/^entries that have proven useful/), 1);
  assert.equal(logStart(buckets), 64 + (buckets + 1) * 64);
  assert.equal(FRAME_HEADER_BYTES, 64);
  for (let i = 0; i < 3000; i++) keys.put(`${i}`, 0, 'x'.repeat(100));
  const right = table.frameAt(2 ** 31);
  assert.equal(drawing.value(view, right, /^prefix/), 2 ** 31);
  assert.ok(drawing.value(view, right, /^depth/) > 0);
  assert.equal(drawing.value(view, right, /^capacity/), 16);
  for (let i = 0; i < 3000; i++) if (keys.find(`${i}`)) table.remove();
  assert.equal(drawing.value(view, right, /^flags/), 1);
});

test('a bucket', () => {
  const { table, keys, view } = newTable();
  keys.put('key', 0, 'value');
  const frame = table.frameAt(0);
  const found: number[] = [];
  for (let bucket = frame + 64; bucket < frame + 64 + 3 * 64; bucket += BUCKET_BYTES) {
    for (let slot = 0; slot < SLOTS; slot++) {
      // From the drawing: 20 fingerprints of one byte, 20 references of two bytes, the meta word.
      if (view.getUint8(bucket + slot) === 0) continue;
      found.push(frame + view.getUint16(bucket + 20 + slot * 2, true));
      const meta = view.getUint32(bucket + 20 + 40, true);
      assert.equal(meta >>> 25, 1, 'slots in use');
    }
  }
  assert.ok(keys.find('key'));
  assert.deepEqual(found, [table.entryOffset]);
});

test('an entry', () => {
  const region = new Region(new SharedArrayBuffer(64), 0);
  const { bytes, view } = region;
  assert.equal(writeHeader(region, 0, 2 << 3, 3, 5, 0), 3);
  assert.deepEqual([...bytes.slice(0, 3)], [16, 3, 5], 'flags, key length, value length');
  assert.equal(writeHeader(region, 0, 2 << 3, 200, 70_000, 1234.5), 1 + 2 + 3 + 8);
  assert.equal(bytes[0], 16 | 1, 'expires');
  assert.deepEqual([...bytes.slice(1, 3)], [(200 & 127) | 128, 1]);
  assert.deepEqual([...bytes.slice(3, 6)], [(70_000 & 127) | 128, ((70_000 >> 7) & 127) | 128, 4]);
  assert.equal(view.getFloat64(6, true), 1234.5);
  const { table, keys, view: memory } = newTable();
  keys.put('k'.repeat(2000), 0, 'v'.repeat(9000));
  assert.ok(keys.find('k'.repeat(2000)));
  const at = table.entryOffset + 1 + 2 + 2;
  assert.equal(memory.getUint8(table.entryOffset) & 6, 6, 'key and value in runs');
  assert.equal(memory.getUint32(at, true) * 4096, table.keyOffset);
  assert.equal(memory.getUint32(at + 4, true) * 4096, table.valueOffset);
  assert.equal(memory.getUint32(at + 8, true), 3, 'pages');
});

test('the root of a table', () => {
  const drawing = drawingOf('src/structures/directory.ts');
  drawing.assertContiguous([48]);
  const { table, keys, view } = newTable();
  for (let i = 0; i < 2000; i++) keys.put(`${i}`, 0, 'x'.repeat(100), i < 7 ? 5000 : 0);
  keys.put('large', 0, 'x'.repeat(20_000));
  const of = (row: RegExp) => drawing.value(view, layout.ROOTS_OFFSET, row);
  assert.ok(of(/^depth of/) > 0);
  assert.equal(of(/^frames$/), table.frames);
  assert.equal(of(/^frames marked/), table.waiting);
  assert.equal(of(/^entries$/), 2001);
  assert.equal(of(/^entries with/), 7);
  assert.equal(of(/^live bytes/), table.liveBytes);
  assert.equal(of(/^pages committed/), table.allocatedPages);
  assert.equal(of(/^runs in use/), 1);
  assert.ok(of(/^reference/) > 0);
  table.ownerNumber = 1.5;
  assert.equal(of(/^a number of the owner/), 1.5);
  assert.equal(drawing.end, 64);
});

test('a space', () => {
  const space = testSpace(1);
  const { words } = space.region;
  assert.equal(words[256 / 4], layout.SPACE_MAGIC, 'the allocator begins at 256');
  assert.equal(layout.ROOTS_OFFSET, 2048);
  assert.equal(layout.SHARD_WORDS * 4, 256);
  const allocatorEnd = (layout.PENDING_WORD + 2 * layout.PENDING_MAX) * 4;
  assert.ok(allocatorEnd <= layout.ROOTS_OFFSET, 'the allocator ends before the roots');
  assert.ok(layout.ROOTS_OFFSET + layout.ROOT_COUNT * layout.ROOT_BYTES <= layout.PAGE_BYTES);
  assert.ok(layout.LIST_BITS_WORD + Math.ceil(layout.LIST_COUNT / 32) <= layout.LIST_HEADS_WORD);
  assert.ok(layout.LIST_HEADS_WORD + layout.LIST_COUNT <= layout.PENDING_WORD);
  const pages = space.region.length / 4096;
  const tagPages = Math.ceil((pages * 3 * 4) / 4096);
  assert.equal(words[layout.RESERVED_PAGE_WORD], layout.TAGS_PAGE + tagPages);
  assert.equal(words[layout.DATA_PAGE_WORD]! % layout.FRAME_PAGES, 0, 'a multiple of a frame');
});
