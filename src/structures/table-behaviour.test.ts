import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import fc from 'fast-check';
import { installPageRelease } from '../base/page-release.js';
import { randomBits } from '../base/random.js';
import { PAGE_BYTES, ROOTS_OFFSET } from '../memory/space-layout.js';
import { Directory } from './directory.js';
import { rebuild } from './frame-maintenance.js';
import { addBuckets } from './frame-rewrite.js';
import { hashBytes } from './hash.js';
import { SCAN_END, Table } from './table.js';
import { KeyFinder, testSpace } from './testing.js';

afterEach(() => installPageRelease(() => {}));

function newTable(mebibytes: number): { table: Table; keys: KeyFinder } {
  const space = testSpace(mebibytes);
  const table = new Table(space, ROOTS_OFFSET);
  return { table, keys: new KeyFinder(space, table) };
}

const HUNDRED = 'v'.repeat(100);

/** Keys of 11 bytes. */
function elevenBytes(i: number): string {
  return `key:${i.toString().padStart(7, '0')}`;
}

/** Keys whose hashes share their first bits. */
function collidingKeys(keys: KeyFinder, bits: number, count: number): string[] {
  const found: string[] = [];
  const { source, hash, space } = keys;
  for (let i = 0; found.length < count; i++) {
    source.words[0] = i;
    hashBytes(hash, source, 0, 4, space.hashKey0, space.hashKey1);
    if (hash.h1 >>> (32 - bits) === 1) {
      found.push(Buffer.from(source.bytes.slice(0, 4)).toString('latin1'));
    }
  }
  return found;
}

test('11 + 100 bytes cost at most 124 bytes of memory each, averaged over filling', () => {
  const { table, keys } = newTable(64);
  let sum = 0;
  let samples = 0;
  // From 20,000 on, frames go from half full to full twice.
  for (let i = 0; i < 80_000; i++) {
    keys.put(elevenBytes(i), 1, HUNDRED);
    if (i >= 20_000 && i % 500 === 0) {
      sum += (table.allocatedPages * PAGE_BYTES) / table.size;
      samples++;
    }
  }
  table.check();
  const average = sum / samples;
  assert.ok(average <= 124, `${average.toFixed(2)} bytes`);
});

test('storedBytes: the entry, and the pages of its runs, also of one longer than its value', () => {
  const { table, keys } = newTable(64);
  const stored = (key: string) => {
    assert.ok(keys.find(key));
    return table.storedBytes;
  };
  keys.put('k', 1, 'v');
  const small = 1 + 1 + 1 + 1 + 1 + 4;
  assert.equal(stored('k'), small);
  keys.put('k', 1, 'v', 1.7e12);
  assert.equal(stored('k'), small + 8);
  const before = table.allocatedPages;
  keys.put('long', 1, 'x'.repeat(100_000));
  const pages = table.allocatedPages - before;
  assert.equal(stored('long'), 1 + 1 + 3 + 4 + 8 + 4 + pages * PAGE_BYTES);
  // A short value stays in its run when it could not move, or leaves it: storedBytes follows.
  for (const length of [99_000, 60_000, 9000, 3000, 200_000]) {
    assert.ok(keys.find('long'));
    assert.ok(table.resize(length) >= 0);
    const held = (table.allocatedPages - before) * PAGE_BYTES;
    const inEntry = stored('long') - held;
    assert.ok(inEntry >= 0 && inEntry < 8192, `${length}: ${inEntry} bytes besides the pages`);
  }
  keys.put('K'.repeat(5000), 1, '');
  const withKey = stored('K'.repeat(5000));
  assert.equal(withKey, 1 + 2 + 1 + 4 + 4 + 2 * PAGE_BYTES);
  table.check();
});

test('small entries cost little more than their bytes and a slot', () => {
  const { table, keys } = newTable(64);
  let sum = 0;
  let samples = 0;
  for (let i = 0; i < 100_000; i++) {
    keys.put(i.toString(36).padStart(5, '0'), 1, '');
    if (i >= 20_000 && i % 500 === 0) {
      sum += (table.allocatedPages * PAGE_BYTES) / table.size;
      samples++;
    }
  }
  // 8 bytes of entry
  assert.ok(sum / samples <= 14.5, `${(sum / samples).toFixed(2)} bytes`);
});

test('pages in use are those that were touched, and go back after deletion', () => {
  const { table, keys } = newTable(64);
  const { space } = keys;
  const resident = new Set<number>();
  installPageRelease((_region, offset, length) => {
    for (let p = offset; p < offset + length; p += PAGE_BYTES) resident.delete(p);
  });
  const count = 30_000;
  for (let i = 0; i < count; i++)
    keys.put(elevenBytes(i), 1, i % 3000 === 0 ? 'x'.repeat(50_000) : HUNDRED);
  const full = space.residentPages;
  assert.equal(space.residentPages, table.allocatedPages);
  for (let i = 0; i < count; i++) {
    if (i % 10 === 0) continue;
    keys.find(elevenBytes(i));
    table.remove();
  }
  while (table.maintain(100) > 0);
  table.check();
  assert.ok(space.residentPages < full / 4, `${full} pages, then ${space.residentPages}`);
  for (let i = 0; i < count; i += 10) {
    keys.find(elevenBytes(i));
    table.remove();
  }
  while (table.maintain(100) > 0);
  table.check();
  assert.equal(space.residentPages, 0);
  assert.equal(space.freePages, space.dataPages);
  assert.equal(table.frames, 0);
});

test('memory that the table does not count as in use has been given back', () => {
  const { table, keys } = newTable(8);
  const { space } = keys;
  installPageRelease((region, offset, length) => region.bytes.fill(0, offset, offset + length));
  for (let i = 0; i < 9000; i++) keys.put(elevenBytes(i % 5000), 1, 'v'.repeat((i * 7) % 300));
  for (let i = 0; i < 4000; i++) {
    keys.find(elevenBytes(i));
    table.remove();
  }
  while (table.maintain(100) > 0);
  space.trim();
  let touched = 0;
  const first = space.allocate(1);
  space.free(first, 1);
  space.trim();
  const start = space.region.length - space.dataPages * PAGE_BYTES;
  for (let p = start; p < space.region.length; p += PAGE_BYTES) {
    if (space.region.words.subarray(p / 4, p / 4 + 1024).some((word) => word !== 0)) touched++;
  }
  assert.ok(touched <= space.residentPages, `${touched} touched, ${space.residentPages} counted`);
});

test('a scan sees every entry that stays, whatever else happens meanwhile', () => {
  fc.assert(
    fc.property(fc.array(fc.noBias(fc.nat(5)), { minLength: 300, maxLength: 300 }), (changes) => {
      const { table, keys } = newTable(32);
      const stay: string[] = [];
      for (let i = 0; i < 3000; i++) {
        keys.put(`a${i}`, 0, HUNDRED);
        if (i % 4 === 0) stay.push(`a${i}`);
      }
      const seen = new Set<string>();
      let fresh = 0;
      let gone = 0;
      let turn = 0;
      for (let position = 0; position < SCAN_END; ) {
        position = table.scan(position);
        for (const offset of table.scanOffsets.slice(0, table.scanCount)) {
          table.decode(offset);
          seen.add(keys.key());
        }
        const change = changes[turn++ % changes.length]!;
        if (change === 0) for (let i = 0; i < 150; i++) keys.put(`n${fresh++}`, 0, HUNDRED);
        if (change === 1) {
          for (let i = 0; i < 150 && gone < 3000; i++, gone++) {
            if (gone % 4 !== 0 && keys.find(`a${gone}`)) table.remove();
          }
        }
        if (change === 2) table.maintain(3);
        if (change === 3) {
          for (let i = Math.max(0, fresh - 300); i < fresh; i++) {
            if (keys.find(`n${i}`)) table.remove();
          }
        }
        if (change === 4)
          for (let i = 0; i < 60; i++) keys.put(stay[i]!, 0, 'w'.repeat(turn % 400));
      }
      assert.ok(stay.every((name) => seen.has(name)));
      table.check();
    }),
    { numRuns: 12 },
  );
});

test('keys whose hashes share many bits are kept apart by depth, and the directory shrinks again', () => {
  const { table, keys } = newTable(64);
  const names = collidingKeys(keys, 13, 150);
  names.forEach((name, i) => {
    assert.ok(keys.put(name, 1, `${i}`));
    table.check();
  });
  assert.ok(table.frames > 5);
  for (const [i, name] of names.entries()) assert.equal(keys.get(name), `${i}`);
  for (const name of names.slice(3)) {
    keys.find(name);
    table.remove();
  }
  while (table.maintain(10) > 0);
  table.check();
  assert.equal(table.frames, 1);
  assert.equal(table.allocatedPages, 1);
});

test('large entries whose hashes share many bits grow the directory beyond a page', () => {
  const { table, keys } = newTable(64);
  const names = collidingKeys(keys, 12, 24);
  for (const name of names) keys.put(name, 1, name.repeat(1900));
  table.check();
  assert.ok(table.allocatedPages > names.length * 2);
  for (const name of names) assert.ok(keys.get(name) === name.repeat(1900));
  for (const name of names.slice(1)) {
    keys.find(name);
    table.remove();
    table.maintain(4);
    table.check();
  }
  while (table.maintain(10) > 0);
  assert.equal(table.frames, 1);
});

test('a full space refuses what it cannot hold, and nothing has changed then', () => {
  const { table, keys } = newTable(1);
  let count = 0;
  while (keys.put(elevenBytes(count), 1, HUNDRED)) count++;
  table.check();
  assert.ok(count > 4000, `${count} entries in 240 pages`);
  assert.equal(table.size, count);
  keys.find(elevenBytes(0));
  assert.equal(table.resize(100_000_000), -1);
  assert.equal(keys.value(), HUNDRED);
  assert.equal(keys.put('k'.repeat(2000), 0, 'x'.repeat(3_000_000)), false);
  for (let i = 0; i < count; i++) assert.equal(keys.get(elevenBytes(i)), HUNDRED);
  for (let i = 0; i < count; i++) {
    keys.find(elevenBytes(i));
    table.remove();
  }
  assert.ok(keys.put(elevenBytes(count), 1, HUNDRED), 'there is room again at once');
  table.check();
});

test('a shorter value can always be stored, whatever its form, and however full the space is', () => {
  const { table, keys } = newTable(2);
  const lengths = [9000, 30_000, 60_000, 8000, 3000, 12];
  const old = new Map<string, string>();
  for (let i = 0; i < 60; i++) {
    const length = lengths[i % lengths.length]!;
    if (keys.put(`key:${i}`, 1, 'o'.repeat(length))) old.set(`key:${i}`, 'o'.repeat(length));
  }
  for (let bytes = 9000, i = 0; bytes > 0; i++) {
    if (!keys.put(elevenBytes(i), 1, 'f'.repeat(bytes))) bytes = Math.floor(bytes / 2);
  }
  let next = 8190;
  for (const [name, value] of old) {
    for (const length of [next, 4000, 100, 9, 0]) {
      if (length >= value.length) continue;
      assert.ok(keys.put(name, 1, 's'.repeat(length)), `${value.length} bytes become ${length}`);
      assert.equal(keys.get(name), 's'.repeat(length));
    }
    next -= 7;
    table.check();
  }
  assert.ok(old.size > 30);
});

test('an empty table that had no room for a run keeps nothing', () => {
  const { table, keys } = newTable(1);
  assert.equal(keys.put('k'.repeat(2000), 0, 'x'.repeat(3_000_000)), false);
  assert.equal(keys.put('key', 0, 'x'.repeat(3_000_000)), false);
  table.check();
  table.maintain(1);
  assert.equal(keys.space.residentPages, 0);
  assert.equal(keys.space.freePages, keys.space.dataPages);
});

test('a value that grows by a byte at a time is seldom moved', () => {
  const { table, keys } = newTable(64);
  keys.put('log', 0, '');
  let moves = 0;
  let last = -1;
  for (let length = 1; length <= 3_000_000; length += length < 9000 ? 1 : 97) {
    keys.find('log');
    const at = table.resize(length);
    keys.space.region.bytes[at + length - 1] = length & 255;
    if (at !== last) moves++;
    last = at;
  }
  assert.ok(moves < 30, `${moves} moves`);
  table.check();
  const value = Buffer.from(keys.value(), 'latin1');
  for (let length = 1; length <= 3_000_000; length += length < 9000 ? 1 : 97) {
    assert.equal(value[length - 1], length & 255);
  }
});

test('growing takes exactly what is needed where there is no room for more', () => {
  const { table, keys } = newTable(1);
  keys.put('key', 0, 'x'.repeat(80 * PAGE_BYTES));
  keys.find('key');
  assert.ok(table.resize(81 * PAGE_BYTES) >= 0, 'not twice 80 pages: 224 are all there are');
  assert.equal(table.allocatedPages, 81 + 1);
  table.check();
  assert.equal(table.resize(2000 * PAGE_BYTES), -1);
  assert.equal(keys.get('key'), 'x'.repeat(80 * PAGE_BYTES).padEnd(81 * PAGE_BYTES, '\0'));
  assert.equal(table.liveBytes, 81 * PAGE_BYTES + 8 + 1 + 1 + 3 + 3);
});

test('a frame that has no room for more buckets stays as it is', () => {
  const { table, keys } = newTable(1);
  const directory = new Directory(keys.space, ROOTS_OFFSET);
  for (let i = 0; i < 60; i++) keys.put(`${i}`, 0, 'v'.repeat(1000));
  const frame = table.frameAt(0);
  assert.equal(table.frames, 1);
  assert.equal(rebuild(directory, frame, 120), false);
  assert.equal(addBuckets(directory, frame, 120), false);
  table.check();
  for (let i = 0; i < 60; i++) assert.equal(keys.get(`${i}`), 'v'.repeat(1000));
  assert.ok(rebuild(directory, frame, 3), 'too few: it takes as many as it needs');
  table.check();
  assert.equal(table.size, 60);
});

test('a run that is cut to a fraction gives the rest back', () => {
  const { table, keys } = newTable(8);
  keys.put('key', 0, 'x'.repeat(1_000_000));
  const before = keys.space.residentPages;
  keys.find('key');
  table.resize(100_000);
  assert.equal(keys.space.residentPages, before - 245 + 25);
  table.check();
  assert.equal(keys.get('key'), 'x'.repeat(100_000));
});

test('a key given as bytes of the table itself survives the moves of its frame', () => {
  const { table, keys } = newTable(16);
  for (let i = 0; i < 500; i++) keys.put(`key:${i}`, 0, HUNDRED);
  const { space } = keys;
  for (let turn = 0; turn < 3000; turn++) {
    const offset = table.random(randomBits);
    table.decode(offset);
    const { keyOffset, keyLength } = table;
    const name = keys.key();
    hashBytes(keys.hash, space.region, keyOffset, keyLength, space.hashKey0, space.hashKey1);
    assert.ok(table.find(space.region, keyOffset, keyLength, keys.hash.h1, keys.hash.h2));
    const length = 100 + (turn % 200);
    const at = table.put(0, length, 0);
    space.region.bytes.fill(name.charCodeAt(4), at, at + length);
    assert.equal(keys.get(name), name[4]!.repeat(length));
  }
  table.check();
  assert.equal(table.size, 500);
});

test('random() takes every entry about as often', () => {
  const { table, keys } = newTable(16);
  const count = 2000;
  for (let i = 0; i < count; i++) keys.put(`${i}`, 0, HUNDRED);
  const drawn = new Map<number, number>();
  const draws = count * 100;
  for (let i = 0; i < draws; i++) {
    const offset = table.random(randomBits);
    drawn.set(offset, (drawn.get(offset) ?? 0) + 1);
  }
  assert.equal(drawn.size, count);
  const frequencies = [...drawn.values()];
  assert.ok(Math.max(...frequencies) < 100 * 2.2, `${Math.max(...frequencies)} times`);
  assert.ok(Math.min(...frequencies) > 100 / 2.6, `${Math.min(...frequencies)} times`);
});

test('random() finds the last entry of a table that was large', () => {
  const { table, keys } = newTable(64);
  for (let i = 0; i < 20_000; i++) keys.put(`${i}`, 0, HUNDRED);
  for (let i = 0; i < 19_999; i++) {
    keys.find(`${i}`);
    table.remove();
  }
  for (let i = 0; i < 20; i++) {
    table.decode(table.random(randomBits));
    assert.equal(keys.key(), '19999');
  }
});

test('a root need not be aligned, and one object can go from table to table', () => {
  const { table, keys } = newTable(16);
  const { space } = keys;
  const page = space.allocate(1);
  space.region.bytes.fill(0, page, page + PAGE_BYTES);
  const roots = [ROOTS_OFFSET, page + 1, page + 67];
  for (let i = 0; i < 3000; i++) {
    table.attach(roots[i % 3]!);
    keys.put(`${i}`, i % 3, HUNDRED);
  }
  for (const [which, root] of roots.entries()) {
    table.attach(root);
    table.check();
    assert.equal(table.size, 1000);
    assert.equal(keys.find(`${which + 3}`), true);
    assert.equal(keys.find(`${which + 4}`), false);
  }
  space.reset();
  for (const root of roots.slice(0, 1)) {
    table.attach(root);
    table.forget();
    assert.equal(table.size, 0);
    assert.equal(keys.find('0'), false);
    assert.ok(keys.put('0', 0, HUNDRED));
    table.check();
  }
});

test('changing an entry that was not found is a broken invariant', () => {
  const { table, keys } = newTable(1);
  keys.find('nothing');
  assert.throws(() => table.remove(), /no entry/);
  assert.throws(() => table.resize(3), /no entry/);
  assert.throws(() => table.setExpiry(3), /no entry/);
  assert.throws(() => table.setKind(3), /no entry/);
});

test('an expiry that takes the place of another is written where that was', () => {
  const { table, keys } = newTable(8);
  keys.put('k', 1, 'value', 5e12);
  keys.put('other', 1, 'behind');
  assert.ok(keys.find('k'));
  const { entryOffset } = table;
  for (const expiry of [7e12, 1e12, 9e12]) {
    assert.ok(table.setExpiry(expiry));
    assert.equal(keys.get('k'), 'value');
    assert.equal(table.expiry, expiry);
    assert.equal(table.entryOffset, entryOffset);
    assert.equal(table.expiring, 1);
    table.check();
  }
  assert.ok(table.setExpiry(0));
  assert.equal(keys.get('k'), 'value');
  assert.equal(table.expiry, 0);
  assert.equal(table.expiring, 0);
  table.check();
});
