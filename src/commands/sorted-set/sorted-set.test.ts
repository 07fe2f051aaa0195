/** Sorted sets against a plain model, in both forms, across the conversion, and in a full shard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandTester, type Decoded, type Word } from '../contract/test-support.js';
import { copy } from '../generic/copy.js';
import { del } from '../generic/del.js';
import { flushall } from '../generic/flushall.js';
import { object, objectEncoding } from '../generic/object.js';
import { rename } from '../generic/rename.js';
import { set } from '../string/set.js';
import { zadd, zincrby } from './zadd.js';
import { zcard } from './zcard.js';
import { zcount, zlexcount } from './zcount.js';
import { zmpop } from './zmpop.js';
import { zpopmax, zpopmin } from './zpopmin.js';
import { zrandmember } from './zrandmember.js';
import { zrange, zrevrange } from './zrange.js';
import { zrangestore } from './zrangestore.js';
import { zrank, zrevrank } from './zrank.js';
import { zrem } from './zrem.js';
import { zremrangebylex, zremrangebyrank, zremrangebyscore } from './zremrangebyrank.js';
import { zscan } from './zscan.js';
import { zmscore, zscore } from './zscore.js';

const DEFINITIONS = [
  ...[
    copy,
    del,
    flushall,
    object,
    objectEncoding,
    rename,
    set,
    zadd,
    zincrby,
    zcard,
    zcount,
    zlexcount,
  ],
  ...[zmpop, zpopmax, zpopmin, zrandmember, zrange, zrevrange, zrangestore, zrank, zrevrank],
  ...[zrem, zremrangebylex, zremrangebyrank, zremrangebyscore, zscan, zmscore, zscore],
];
const MIB = 1 << 20;

type Model = Map<string, number>;

function sorted(model: Model): [string, number][] {
  return [...model].sort(([a, left], [b, right]) => left - right || (a < b ? -1 : 1));
}

function flat(pairs: [string, number][]): string[] {
  return pairs.flatMap(([name, score]) => [name, String(score)]);
}

const KEYS = ['a', 'b'];
const member = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -5, max: 400 }).map((n) => `m${n}`) },
  { weight: 3, arbitrary: fc.integer({ min: -5, max: 300 }).map(String) },
  { weight: 1, arbitrary: fc.integer({ min: 1500, max: 5000 }).map((n) => 'L'.repeat(n)) },
);
const score = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.integer({ min: -1e6, max: 1e6 }).map((n) => n / 8),
);
const operation = fc.record({
  name: fc.constantFrom('add', 'add', 'many', 'rem', 'incr', 'pop', 'cut', 'store', 'copy', 'del'),
  key: fc.constantFrom(...KEYS),
  members: fc.array(fc.tuple(member, score), { minLength: 1, maxLength: 8 }),
  number: fc.nat(400),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function addAll(t: CommandTester, model: Model, key: string, pairs: [string, number][]): void {
  const added = new Set(pairs.map(([name]) => name).filter((name) => !model.has(name))).size;
  const words = pairs.flatMap(([name, value]) => [value, name]);
  assert.equal(t.run('ZADD', key, ...words), added);
  for (const [name, value] of pairs) model.set(name, value);
}

function apply(t: CommandTester, models: Map<string, Model>, op: Operation): void {
  const { key, members, number } = op;
  const model = models.get(key)!;
  const other = KEYS[1 - KEYS.indexOf(key)]!;
  const [name, value] = members[0]!;
  if (op.name === 'add') addAll(t, model, key, members);
  else if (op.name === 'many') {
    addAll(
      t,
      model,
      key,
      Array.from({ length: number + 1 }, (_, i) => [`m${i}`, value + (i % 40)]),
    );
  } else if (op.name === 'rem') {
    const names = [...members.map(([one]) => one), ...[...model.keys()].slice(0, number % 5)];
    const removed = names.filter((one) => model.delete(one)).length;
    assert.equal(t.run('ZREM', key, ...names), removed);
  } else if (op.name === 'incr') {
    const sum = (model.get(name) ?? 0) + value;
    model.set(name, sum);
    assert.equal(t.run('ZINCRBY', key, value, name), String(sum));
  } else if (op.name === 'pop') {
    const popped = sorted(model).slice(0, number % 90);
    assert.deepEqual(t.run('ZPOPMIN', key, number % 90), flat(popped));
    for (const [one] of popped) model.delete(one);
  } else if (op.name === 'cut') {
    const gone = sorted(model).slice(number % 50, (number % 50) + 100);
    assert.equal(t.run('ZREMRANGEBYRANK', key, number % 50, (number % 50) + 99), gone.length);
    for (const [one] of gone) model.delete(one);
  } else if (op.name === 'store') {
    const kept = sorted(model).slice(number % 20);
    assert.equal(t.run('ZRANGESTORE', other, key, number % 20, -1), kept.length);
    models.set(other, new Map(kept));
  } else if (op.name === 'copy') {
    t.run('COPY', key, other, 'REPLACE');
    if (model.size > 0) models.set(other, new Map(model));
  } else {
    t.run('DEL', key);
    model.clear();
  }
}

function compare(t: CommandTester, key: string, model: Model): void {
  const pairs = sorted(model);
  assert.deepEqual(t.run('ZRANGE', key, 0, -1, 'WITHSCORES'), flat(pairs));
  assert.deepEqual(t.run('ZREVRANGE', key, 0, -1), pairs.map(([name]) => name).reverse());
  assert.equal(t.run('ZCARD', key), pairs.length);
  assert.equal(t.run('ZCOUNT', key, '(0', 10), pairs.filter(([, s]) => s > 0 && s <= 10).length);
  for (let i = 0; i < pairs.length; i += 1 + (pairs.length >> 2)) {
    assert.equal(t.run('ZRANK', key, pairs[i]![0]), i);
    assert.equal(t.run('ZSCORE', key, pairs[i]![0]), String(pairs[i]![1]));
  }
  assert.deepEqual(scanned(t, key), new Map(model));
}

function scanned(t: CommandTester, key: string): Model {
  const found: Model = new Map();
  let cursor: Word = '0';
  do {
    const [next, items] = t.run('ZSCAN', key, cursor, 'COUNT', 20) as [string, string[]];
    for (let i = 0; i < items.length; i += 2) found.set(items[i]!, Number(items[i + 1]));
    cursor = next;
  } while (cursor !== '0');
  return found;
}

function pagesInUse(t: CommandTester): number[] {
  return t.keys.shards.spaces.map((space) => space.residentPages);
}

test('a sorted set is what a sorted map is, in every form', () => {
  fc.assert(
    fc.property(
      fc.array(operation, { maxLength: 25 }),
      fc.constantFrom(0, 3, 128, 100_000),
      (operations, entriesMax) => {
        const t = new CommandTester(DEFINITIONS, { shardBytes: 8 * MIB });
        t.settings.sortedSetListpackEntriesMax = entriesMax;
        const pages = pagesInUse(t);
        const models = new Map<string, Model>(KEYS.map((key) => [key, new Map()]));
        for (const op of operations) {
          apply(t, models, op);
          for (const [key, model] of models) compare(t, key, model);
        }
        t.check();
        t.run('DEL', ...KEYS);
        // The pages of the tables of keys.
        t.run('FLUSHALL');
        assert.deepEqual(pagesInUse(t), pages, 'no page is lost');
      },
    ),
    { numRuns: 60 },
  );
});

test('replicas make the same set of the effects', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 15 }), (operations) => {
      const [primary, replica] = [0, 1].map(() => new CommandTester(DEFINITIONS)) as [
        CommandTester,
        CommandTester,
      ];
      const models = new Map<string, Model>(KEYS.map((key) => [key, new Map()]));
      for (const op of operations) {
        apply(primary, models, op);
        for (const { words } of primary.effectVectors) replica.run(...words);
        primary.takeEffects();
        replica.takeEffects();
      }
      for (const key of KEYS) compare(replica, key, models.get(key)!);
    }),
    { numRuns: 30 },
  );
});

/** Sets keys until there is no room for one of so many bytes. */
function fill(t: CommandTester, name: string, bytes: number): void {
  for (let i = 0; i < 10_000; i++) {
    if (String(t.run('SET', `${name}:${i}`, 'x'.repeat(bytes))).startsWith('-OOM')) return;
  }
  assert.fail('the shard is never full');
}

/** Everything that a client sees of a key. */
function stateOf(t: CommandTester, key: string): Decoded[] {
  return [t.run('ZRANGE', key, 0, -1, 'WITHSCORES'), t.run('OBJECT', 'ENCODING', key)];
}

test('a full shard changes nothing, whatever a command has begun', () => {
  const t = new CommandTester(DEFINITIONS, { shards: 1, shardBytes: 2 * MIB });
  const small = Array.from({ length: 100 }, (_, i) => [i, `small:${i}`]).flat();
  const large = Array.from({ length: 2000 }, (_, i) => [i, `large:${i}`]).flat();
  t.run('ZADD', 'small', ...small);
  t.run('ZADD', 'large', ...large);
  fill(t, 'fill', 12_000);
  fill(t, 'fine', 500);
  const before = [stateOf(t, 'small'), stateOf(t, 'large')];
  const many = Array.from({ length: 3000 }, (_, i) => [i % 7, `${'n'.repeat(40)}${i}`]).flat();
  const commands: Word[][] = [
    ['ZADD', 'small', ...many],
    ['ZADD', 'large', ...many],
    [
      'ZADD',
      'large',
      ...large.map((word, i) => (i % 2 === 0 ? Number(word) * 17.25 : word)),
      1,
      'z'.repeat(300_000),
    ],
    ['ZADD', 'small', 1, 'y'.repeat(200_000)],
    ['ZADD', 'new', ...many],
    ['ZRANGESTORE', 'new', 'large', 0, -1],
    ['COPY', 'large', 'new'],
  ];
  for (const words of commands) {
    const [code] = String(t.run(...words)).split(' ');
    assert.equal(code, '-OOM', words.slice(0, 4).join(' '));
    assert.deepEqual([stateOf(t, 'small'), stateOf(t, 'large')], before);
    assert.equal(t.run('ZCARD', 'new'), 0);
  }
  t.check();
  // What takes no room is done all the same.
  assert.equal(t.run('ZREM', 'large', 'large:5', 'large:6'), 2);
  assert.equal(t.run('DEL', 'large', 'small'), 2);
  assert.equal(t.run('ZADD', 'new', ...small), 100);
});
