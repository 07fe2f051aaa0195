/** What the counting of pages is for: the memory that the system says the process holds. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Region } from '../base/region.js';
import { Space } from '../memory/space.js';
import { PAGE_BYTES, ROOTS_OFFSET } from '../memory/space-layout.js';
import { createPagedRegion, createRegion } from '../platform/ffi/region.js';
import { Table } from './table.js';
import { KeyFinder } from './testing.js';

/** What the system says is resident of a region, by its mappings. */
function residentBytes(region: Region): number {
  let inside = false;
  let bytes = 0;
  for (const line of readFileSync('/proc/self/smaps', 'latin1').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line);
    if (range) {
      const from = Number.parseInt(range[1]!, 16);
      const to = Number.parseInt(range[2]!, 16);
      inside = from < region.address + region.length && to > region.address;
    }
    const resident = /^Rss: +(\d+) kB/.exec(line);
    if (inside && resident) bytes += Number(resident[1]) * 1024;
  }
  return bytes;
}

/** The header and the tags of pages that the allocator touched. */
const OWN_BYTES = 400_000;

const skip =
  process.platform !== 'linux' || createRegion(8).address === 0 ? 'no FFI to release pages' : false;

test('the system takes as many pages as are counted, and has them back', { skip }, () => {
  const region = createPagedRegion(512 << 20);
  Space.format(region, 1, 2);
  const space = new Space(region, new Int32Array(new SharedArrayBuffer(64)), 0);
  const table = new Table(space, ROOTS_OFFSET);
  const keys = new KeyFinder(space, table);
  const value = new Uint8Array(100).fill(118);
  const count = 400_000;
  for (let i = 0; i < count; i++) keys.put(`key:${i.toString().padStart(7, '0')}`, 1, value);
  const counted = space.residentPages * PAGE_BYTES;
  const taken = residentBytes(region);
  assert.ok(
    taken >= counted && taken < counted * 1.01 + OWN_BYTES,
    `${taken} taken, ${counted} counted`,
  );
  assert.ok(counted / count < 129, `${counted / count} bytes an entry`);

  for (let i = 0; i < count; i++) {
    if (i % 16 === 0) continue;
    keys.find(`key:${i.toString().padStart(7, '0')}`);
    table.remove();
  }
  while (table.maintain(64) > 0);
  const countedLeft = space.residentPages * PAGE_BYTES;
  const left = residentBytes(region);
  assert.ok(
    left >= countedLeft && left < countedLeft + OWN_BYTES,
    `${left} left, ${countedLeft} counted`,
  );
  assert.ok(countedLeft < counted / 6, `${countedLeft} bytes for a sixteenth of ${counted}`);
  table.check();

  table.clear();
  assert.ok(residentBytes(region) < OWN_BYTES, `${residentBytes(region)} bytes after clearing`);
});
