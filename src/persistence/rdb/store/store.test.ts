/** Files into the store and back, whatever they hold; and what happens where a file cannot be loaded. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toBinary } from '../../../base/region.js';
import { CommandSettings } from '../../../commands/contract/settings.js';
import { CommandTester } from '../../../commands/contract/test-support.js';
import { checkAll, createShards, openShards, replaceData } from '../../../engine/testing.js';
import { Keyspace } from '../../../keyspace/keyspace.js';
import { RdbError } from '../error.js';
import { canonical, type ModelKey, readModel } from '../testing.js';
import { expiring, key } from '../testing-values.js';
import { writeModel } from '../testing-write.js';
import { type LoadOptions, RdbLoader } from './loader.js';
import { save } from './testing.js';

const NOW_MS = 1_600_000_000_000;
const SHARD_BYTES = 16 << 20;

function store(shardBytes = SHARD_BYTES, databases = 4): CommandTester {
  const tester = new CommandTester([], { shards: 4, shardBytes, databases });
  tester.keys.effects.sink = null;
  return tester;
}

class Told {
  readonly settings = new Map<string, string>();
  readonly libraries: string[] = [];
  setting(name: string, value: string): void {
    this.settings.set(name, value);
  }
  functionLibrary(code: string): void {
    this.libraries.push(code);
  }
  skippedModule(): void {}
}

function load(
  { keys }: Pick<CommandTester, 'keys'>,
  file: Uint8Array,
  options: Partial<LoadOptions & { piece: number }> = {},
): RdbLoader & { told: Told } {
  const told = new Told();
  const limits = new CommandSettings();
  const usual = { limits, nowMs: NOW_MS, keepsExpired: false, duplicates: 'refuse' } as const;
  const loader = new RdbLoader(keys, told, { ...usual, ...options });
  const piece = options.piece ?? file.length;
  try {
    for (let at = 0; at < file.length && !loader.reader.done; at += piece) {
      loader.feed(file, at, Math.min(piece, file.length - at));
    }
    loader.finish();
  } finally {
    loader.close();
  }
  return Object.assign(loader, { told });
}

/** Each key once; a key of a file that expired at 0 is told as expired in the first millisecond. */
function distinct(keys: readonly ModelKey[]): ModelKey[] {
  const byName = new Map(keys.map((one) => [`${one.database} ${one.name}`, one]));
  return [...byName.values()].map((one) => (one.expiryMs === 0 ? { ...one, expiryMs: 1 } : one));
}

function residentPages({ keys }: CommandTester): number {
  return keys.shards.spaces.reduce((sum, space) => sum + space.residentPages, 0);
}

function named(name: string): ModelKey {
  return {
    ...{ database: 0, name, expiryMs: -1, idleSeconds: -1, frequency: -1 },
    value: { kind: 'string', string: `value of ${name}` },
  };
}

describe('an RDB file in the store', () => {
  test('what is loaded and saved is the same, in pieces of any size', () => {
    fc.assert(
      fc.property(
        fc.array(key, { maxLength: 8 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 5000 }),
        (some, expire, piece) => {
          const keys = distinct(some).map((one) =>
            expire ? { ...one, value: expiring(one.value) } : one,
          );
          const version = expire ? 12 : 10;
          const tester = store();
          const file = new Uint8Array(writeModel(keys, { version }));
          const { loaded } = load(tester, file, { piece, keepsExpired: true });
          assert.equal(loaded, keys.length);
          tester.check();
          assert.deepEqual(canonical(readModel(save(tester.keys, version)).keys), canonical(keys));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('keys that have expired are dropped, and kept where a primary decides', () => {
    const named = (name: string, expiryMs: number): ModelKey => ({
      ...{ database: 1, name, expiryMs, idleSeconds: -1, frequency: -1 },
      value: { kind: 'list', elements: ['a'] },
    });
    const all = [named('past', NOW_MS - 1), named('now', NOW_MS), named('never', -1)];
    const file = new Uint8Array(writeModel(all));
    const dropping = store();
    const { loaded, expired } = load(dropping, file);
    assert.deepEqual([loaded, expired], [2, 1]);
    assert.deepEqual([...dropping.dump().keys()], ['1 never', '1 now']);
    const keeping = store();
    assert.equal(load(keeping, file, { keepsExpired: true }).loaded, 3);
  });

  test('a key that is there twice is refused, or replaced', () => {
    const twice: ModelKey[] = ['one', 'two'].map((member) => ({
      ...{ database: 0, name: 'k', expiryMs: -1, idleSeconds: -1, frequency: -1 },
      value: { kind: 'set', members: [member, 'x'.repeat(5000)] },
    }));
    const file = new Uint8Array(writeModel(twice));
    const tester = store();
    const before = residentPages(tester);
    assert.throws(
      () => load(tester, file),
      /^RdbError: Database 0 has the key twice, at offset \d+, key "k"$/,
    );
    assert.equal(tester.dump().size, 1);
    load(tester, file, { duplicates: 'replace' });
    assert.deepEqual(canonical(readModel(save(tester.keys, 10)).keys), canonical([twice[1]!]));
    for (let shard = 0; shard < 4; shard++) tester.keys.clear(shard, 0);
    assert.equal(residentPages(tester), before);
  });

  test('a string that is there twice is refused with its place and its key', () => {
    const all = [...Array.from({ length: 500 }, (_, i) => named(`k${i}`)), named('k7')];
    const place = writeModel(all.slice(0, -1)).length - 9 + 'k7'.length + 'value of k7'.length + 3;
    const file = new Uint8Array(writeModel([...all, named('last')]));
    assert.throws(() => load(store(), file), {
      message: `Database 0 has the key twice, at offset ${place}, key "k7"`,
    });
    const { loaded } = load(store(), file, { duplicates: 'replace' });
    assert.equal(loaded, 502);
  });

  test('of a key that comes as a string and as something else the last one counts, or it is refused', () => {
    const list: ModelKey = { ...named('k'), value: { kind: 'list', elements: ['a'] } };
    const long: ModelKey = { ...named('k'), value: { kind: 'string', string: 'x'.repeat(5000) } };
    for (const other of [list, long]) {
      for (const all of [
        [named('k'), other],
        [other, named('k')],
      ]) {
        const file = new Uint8Array(writeModel([...all, named('last')]));
        assert.throws(
          () => load(store(), file),
          /^RdbError: Database 0 has the key twice, at offset \d+, key "k"$/,
        );
        const tester = store();
        load(tester, file, { duplicates: 'replace' });
        const saved = readModel(save(tester.keys, 10)).keys;
        assert.deepEqual(canonical(saved), canonical([all[1]!, named('last')]));
      }
    }
  });

  test('more strings than are gathered at once, of several databases in turns', () => {
    const all = Array.from({ length: 6000 }, (_, i): ModelKey => {
      const value = { kind: 'string', string: `${i} `.repeat(1 + (i % 300)) } as const;
      return { ...named(`key ${i}`), database: (i >> 5) & 3, value };
    });
    const tester = store();
    const { loaded } = load(tester, new Uint8Array(writeModel(all)), { piece: 100_000 });
    assert.equal(loaded, all.length);
    tester.check();
    assert.deepEqual(canonical(readModel(save(tester.keys, 10)).keys), canonical(all));
  });

  test('what is wrong behind a key that is there twice is not what is told', () => {
    const file = new Uint8Array(writeModel([named('k'), named('k'), named('last')]));
    const cut = file.subarray(0, file.length - 20);
    assert.throws(() => load(store(), cut), /the key twice, at offset \d+, key "k"$/);
  });

  test('who listens hears of each string, and a journal gets each of them', () => {
    const all = Array.from({ length: 50 }, (_, i) => named(`key ${i}`));
    const file = new Uint8Array(writeModel(all));
    const heard = store();
    const names: string[] = [];
    heard.keys.listener = (_event, _database, region, offset, length) =>
      names.push(toBinary(region, offset, length));
    load(heard, file);
    assert.equal(new Set(names).size, 50);
    const journal = store();
    const vectors: string[] = [];
    journal.keys.effects.sink = {
      append: ({ region, offset, length }) => vectors.push(toBinary(region, offset, length)),
    };
    load(journal, file);
    assert.equal(new Set(vectors).size, 50);
    const quiet = store();
    load(quiet, file);
    assert.equal(quiet.keys.totalChanges, journal.keys.totalChanges);
  });

  test('what says of functions and settings is told', () => {
    const { told } = load(store(), new Uint8Array(writeModel([], {}, ['#!lua name=a\n\xff'])));
    assert.deepEqual(told.libraries, ['#!lua name=a\n\xff']);
    assert.equal(told.settings.get('repl-offset'), '4294967296');
  });

  test('a database that is not there stops the load', () => {
    const one: ModelKey = {
      ...{ database: 7, name: 'k', expiryMs: -1, idleSeconds: -1, frequency: -1 },
      value: { kind: 'string', string: 'x' },
    };
    assert.throws(
      () => load(store(), new Uint8Array(writeModel([one]))),
      /database 7, there are 4/,
    );
  });

  test('strings are stored where the present hash key has them, whatever this thread knew of it', () => {
    const shared = createShards(4);
    const mine = openShards(shared, 0);
    const other = openShards(shared, 1);
    const strings = Array.from(
      { length: 500 },
      (_, i): ModelKey => ({
        ...{ database: 0, name: `key ${i}`, expiryMs: -1, idleSeconds: -1, frequency: -1 },
        value: { kind: 'string', string: `value ${i}` },
      }),
    );
    const file = new Uint8Array(writeModel(strings));
    for (let number = 1; number <= 3; number++) {
      replaceData(other, number);
      const target = { keys: new Keyspace(mine) };
      assert.equal(load(target, file).loaded, strings.length);
      assert.equal(checkAll(other), strings.length);
      const saved = readModel(save(new Keyspace(other), 10));
      assert.deepEqual(canonical(saved.keys), canonical(strings));
    }
  });

  test('a full shard, and a file that ends too early, leave no page behind', () => {
    const elements = Array.from({ length: 12_000 }, (_, i) => `element ${i} ${'x'.repeat(90)}`);
    const values: ModelKey['value'][] = [
      { kind: 'list', elements },
      { kind: 'set', members: elements },
      { kind: 'hash', fields: elements.map((field) => ({ field, value: field, expiryMs: -1 })) },
      { kind: 'zset', members: elements.map((member, score) => ({ member, score })) },
      {
        kind: 'stream',
        stream: {
          entries: elements.map((field, i) => ({ id: BigInt(i + 1), fields: [field, field] })),
          state: {
            ...{ length: elements.length, lastId: 1n << 70n, firstId: 1n },
            ...{ maxDeletedId: 0n, entriesAdded: 12_000n },
          },
          groups: [],
        },
      },
    ];
    for (const value of values) {
      const one = { database: 0, name: 'k', expiryMs: -1, idleSeconds: -1, frequency: -1, value };
      const file = new Uint8Array(writeModel([one]));
      const small = store(1 << 20);
      const before = residentPages(small);
      assert.throws(() => load(small, file), /^RdbError: No room for the key in shard \d of 4/);
      assert.equal(residentPages(small), before, value.kind);
      const large = store();
      assert.throws(() => load(large, file.subarray(0, file.length >> 1)), RdbError);
      while (large.keys.shards.spaces.some((space) => large.keys.types.reclaim.step(space, 512)));
      assert.equal(residentPages(large), before, value.kind);
    }
  });
});
