/** A file that several loaders share is loaded, or refused, as by one reader. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CommandSettings } from '../../../commands/contract/settings.js';
import { CommandTester } from '../../../commands/contract/test-support.js';
import { Crc64 } from '../crc64.js';
import { joinChecksum } from '../crc64-join.js';
import { newRegion } from '../input.js';
import { agrees, HEADER_BYTES, versionOf, WRONG_CHECKSUM } from '../reader.js';
import { type ReadAt, RecordScanner } from '../record-scanner.js';
import { canonical, type ModelKey, readModel } from '../testing.js';
import { BODIES, fileOf, keyOf, stringOf } from '../testing-files.js';
import { key } from '../testing-values.js';
import { writeModel } from '../testing-write.js';
import { FileRanges } from './file-ranges.js';
import { RdbLoader } from './loader.js';
import { RangeLoader } from './range-loader.js';
import { save } from './testing.js';

const NOW_MS = 1_600_000_000_000;
const LOADERS = 3;
const EVENTS = { setting: () => {}, functionLibrary: () => {}, skippedModule: () => {} };

function store(): CommandTester {
  const tester = new CommandTester([], { shards: 4, databases: 16 });
  tester.keys.effects.sink = null;
  return tester;
}

function loaderOf({ keys }: CommandTester): RdbLoader {
  const options = { nowMs: NOW_MS, keepsExpired: true, duplicates: 'refuse' } as const;
  const limits = new CommandSettings();
  return new RdbLoader(keys, EVENTS, { ...options, limits, reading: { skipModules: true } });
}

function readerOf(file: Uint8Array): ReadAt {
  return (offset, into) => {
    const piece = file.subarray(offset, offset + into.length);
    into.set(piece);
    return piece.length;
  };
}

const contentOf = (tester: CommandTester): string[] =>
  canonical(readModel(save(tester.keys, 12)).keys);

/** What one reader makes of the file: where it ends, or what is wrong with it. */
function loadWhole(tester: CommandTester, file: Uint8Array): string {
  const loader = loaderOf(tester);
  try {
    const end = loader.feed(file, 0, file.length);
    loader.finish();
    return `${loader.loaded} keys, ends at ${end}`;
  } catch (error) {
    return (error as Error).message;
  } finally {
    loader.close();
  }
}

/** The same by several loaders that take turns. */
function loadInRanges(
  tester: CommandTester,
  file: Uint8Array,
  rangeBytes: number,
  order: number[],
): string {
  const header = newRegion(HEADER_BYTES);
  header.bytes.set(file.subarray(0, HEADER_BYTES));
  const shared = new FileRanges(FileRanges.create(HEADER_BYTES), 1);
  const all = Array.from({ length: LOADERS }, () => loaderOf(tester));
  const version = versionOf(header, 0, HEADER_BYTES);
  const loaders = all.map(
    (loader) => new RangeLoader(loader, shared, version, readerOf(file), rangeBytes),
  );
  const failures = new Map<number, string>();
  const active = [...loaders];
  for (let turn = 0; active.length > 0; turn++) {
    const index = (order[turn % order.length] ?? 0) % active.length;
    const loader = active[index]!;
    try {
      if (loader.step()) continue;
    } catch (error) {
      failures.set(loader.from, (error as Error).message);
    }
    active.splice(index, 1);
  }
  for (const loader of all) loader.close();
  const first = [...failures].sort(([a], [b]) => a - b)[0];
  if (first !== undefined) return first[1];
  const ranges = loaders
    .flatMap(({ ranges: numbers }) =>
      numbers.flatMap((_, i) => (i % 4 ? [] : [numbers.slice(i, i + 4)])),
    )
    .sort(([a], [b]) => a! - b!);
  const sum = new Crc64();
  sum.update(header, 0, HEADER_BYTES);
  let at = HEADER_BYTES;
  for (const [from, bytes, low, high] of ranges) {
    assert.equal(from, at);
    joinChecksum(sum, bytes!, low!, high!);
    at += bytes!;
  }
  const ends = loaders.flatMap(({ end }) => (end === null ? [] : [end]));
  assert.equal(ends.length, 1);
  const { claimed, offset } = ends[0]!;
  if (claimed !== null && !agrees(sum, claimed)) return `${WRONG_CHECKSUM}, at offset ${at}`;
  assert.equal(shared.bytesDone, file.length - HEADER_BYTES);
  const keys = all.reduce((count, { loaded }) => count + loaded, 0);
  assert.equal(shared.keysDone, keys);
  return `${keys} keys, ends at ${offset}`;
}

function assertAlike(file: Uint8Array, rangeBytes: number, order = [0, 1, 2, 1]): string {
  const one = store();
  const several = store();
  const expected = loadWhole(one, file);
  assert.equal(loadInRanges(several, file, rangeBytes, order), expected);
  // What is half loaded is not compared.
  if (/ends at/.test(expected)) assert.deepEqual(contentOf(several), contentOf(one));
  several.check();
  return expected;
}

const bytes = (body: string, header?: string): Uint8Array => fileOf(body, header);

describe('a file in ranges', () => {
  test('every type and encoding, record by record and in one range', () => {
    for (const [name, body] of Object.entries(BODIES)) {
      for (const rangeBytes of [1, 100, 1 << 20]) {
        assert.match(assertAlike(bytes(body), rangeBytes), /ends at/, name);
      }
    }
    const old = bytes(keyOf(0, 'k', stringOf('v')), 'REDIS0004');
    assert.match(assertAlike(old, 1), /^1 keys/);
  });

  test('the scanner cuts before each record that it knows, and nowhere else', () => {
    for (const [name, body] of Object.entries(BODIES)) {
      const file = bytes(body);
      const scanner = new RecordScanner(readerOf(file), () => false);
      let records = 0;
      for (let at = HEADER_BYTES; scanner.find(at, 0, 1); at = scanner.foundEnd) records++;
      if (name === 'modules') assert.equal(records, 0);
      else if (name !== 'hashes') assert.equal(scanner.foundEnd, file.length - 9, name);
      else assert.ok(records > 3);
    }
  });

  test('what is said of a key stays with it, whatever stands between', () => {
    const expiry = `\xfd${String.fromCharCode(0, 0, 0, 0x70)}`;
    const body = `${expiry}\xfe\x03${keyOf(0, 'k', stringOf('v'))}${keyOf(0, 'l', stringOf('v'))}`;
    assertAlike(bytes(body), 1);
    const tester = store();
    loadInRanges(tester, bytes(body), 1, [0, 1]);
    assert.deepEqual(
      [...tester.dump()].map(([name, { expiry: at }]) => [name, at !== 0]),
      [
        ['3 k', true],
        ['3 l', false],
      ],
    );
  });

  test('whatever it holds, in ranges of any size and any order of turns', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(key, { maxLength: 12, selector: (one) => `${one.database} ${one.name}` }),
        fc.integer({ min: 1, max: 20_000 }),
        fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 9 }),
        (keys: ModelKey[], rangeBytes, order) => {
          const file = new Uint8Array(writeModel(keys, { version: 10 }, ['#!lua name=a\n']));
          assert.match(assertAlike(file, rangeBytes, order), /ends at/);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('damaged, it is refused with the words of one reader', () => {
    const file = bytes(Object.values(BODIES).join(''));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: file.length - 10 }), fc.nat({ max: 255 })), {
          maxLength: 3,
        }),
        fc.option(fc.nat({ max: file.length })),
        fc.integer({ min: 1, max: 3000 }),
        (changes, length, rangeBytes) => {
          const damaged = file.slice(0, Math.max(HEADER_BYTES, length ?? file.length));
          for (const [at, value] of changes) {
            if (HEADER_BYTES + at < damaged.length) damaged[HEADER_BYTES + at] = value;
          }
          assertAlike(damaged, rangeBytes);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a value of many ranges is one range, and others go on behind it', () => {
    const long = 'x'.repeat(300_000);
    const list = Array.from({ length: 5000 }, (_, i) => stringOf(`element ${i}`)).join('');
    const body = [
      keyOf(0, 'before', stringOf('v')),
      keyOf(0, 'long', stringOf(long)),
      keyOf(1, 'list', `\x80\x00\x00\x13\x88${list}`),
      keyOf(0, 'after', stringOf('v')),
    ].join('');
    assert.match(assertAlike(bytes(body), 1000), /^4 keys/);
  });

  test('a load that is given up claims nothing more', () => {
    const file = bytes(BODIES.strings!);
    const shared = new FileRanges(FileRanges.create(HEADER_BYTES), 1);
    const tester = store();
    const loader = loaderOf(tester);
    const ranges = new RangeLoader(loader, shared, 10, readerOf(file), 1);
    assert.equal(ranges.step(), true);
    shared.stop();
    assert.equal(ranges.step(), false);
    assert.equal(shared.bytesDone, ranges.ranges[1]);
    assert.equal(loader.loaded, 0);
    loader.close();
  });
});
