/** Sets against a plain model: any commands, every form, on a primary, its replica, and a full shard. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { numbers, SetTester, words } from './lib/test-support.js';

const KEYS = ['a', 'b', 'c', 'd'];
const MEBIBYTE = 1 << 20;

const key = fc.constantFrom(...KEYS);
const integer = fc.oneof(
  fc.integer({ min: -40, max: 40 }).map(String),
  fc.constantFrom('32768', '-32769', '2147483648', '9223372036854775807', '-9223372036854775808'),
);
const text = fc.oneof(
  fc.nat(40).map((n) => `m${n}`),
  fc.constantFrom('', '01', '-0', '9223372036854775808', 'x'.repeat(64), 'y'.repeat(5000)),
);
const member = fc.oneof(integer, text);
const members = fc.oneof(
  fc.array(integer, { minLength: 1, maxLength: 6 }),
  fc.array(member, { minLength: 1, maxLength: 6 }),
  fc.tuple(fc.nat(700), fc.nat(700)).map(([count, first]) => numbers(count + 1, first)),
  fc.nat(700).map((count) => words(count + 1, 'a member of a set ')),
);
const sources = fc.array(key, { minLength: 1, maxLength: 3 });
const command = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(key, members).map(([k, list]) => ['SADD', k, ...list]) },
  { weight: 5, arbitrary: fc.tuple(key, members).map(([k, list]) => ['SREM', k, ...list]) },
  { weight: 3, arbitrary: fc.tuple(key, key, member).map((args) => ['SMOVE', ...args]) },
  { weight: 2, arbitrary: key.map((k) => ['SPOP', k]) },
  { weight: 2, arbitrary: fc.tuple(key, fc.nat(800)).map(([k, n]) => ['SPOP', k, `${n}`]) },
  { weight: 2, arbitrary: fc.tuple(key, sources).map(([k, list]) => ['SUNIONSTORE', k, ...list]) },
  { weight: 2, arbitrary: fc.tuple(key, sources).map(([k, list]) => ['SINTERSTORE', k, ...list]) },
  { weight: 2, arbitrary: fc.tuple(key, sources).map(([k, list]) => ['SDIFFSTORE', k, ...list]) },
  { weight: 1, arbitrary: fc.tuple(key, key).map((args) => ['COPY', ...args, 'REPLACE']) },
  { weight: 1, arbitrary: key.map((k) => ['DEL', k]) },
);

type Model = Map<string, Set<string>>;

function union(sets: readonly Set<string>[]): Set<string> {
  return new Set(sets.flatMap((set) => [...set]));
}

function intersection([first, ...others]: readonly Set<string>[]): Set<string> {
  return new Set([...first!].filter((each) => others.every((other) => other.has(each))));
}

function difference([first, ...others]: readonly Set<string>[]): Set<string> {
  return new Set([...first!].filter((each) => !others.some((other) => other.has(each))));
}

/** What the command makes of the model. SPOP's choice is what `t` has answered. */
function apply(model: Model, [name, first, ...rest]: readonly string[], popped: unknown): void {
  const of = (k: string): Set<string> => model.get(k) ?? new Set();
  const own = of(first!);
  const sets = rest.map(of);
  if (name === 'SADD') for (const each of rest) own.add(each);
  if (name === 'SREM') for (const each of rest) own.delete(each);
  if (name === 'SPOP') for (const each of [popped].flat()) own.delete(String(each));
  if (name === 'DEL') own.clear();
  model.set(first!, own);
  if (name === 'SMOVE' && own.has(rest[1]!)) {
    own.delete(rest[1]!);
    model.set(rest[0]!, of(rest[0]!).add(rest[1]!));
  }
  if (name === 'SUNIONSTORE') model.set(first!, union(sets));
  if (name === 'SINTERSTORE') model.set(first!, intersection(sets));
  if (name === 'SDIFFSTORE') model.set(first!, difference(sets));
  if (name === 'COPY' && own.size > 0 && rest[0] !== first) model.set(rest[0]!, new Set(own));
}

function assertHolds(t: SetTester, model: Model): void {
  for (const name of KEYS) {
    const expected = [...(model.get(name) ?? [])].sort();
    assert.deepEqual(t.members(name), expected, name);
    assert.equal(t.run('SCARD', name), expected.length);
  }
}

test('any commands do what they do to a plain set, in every form, and so do their effects', () => {
  const limits = fc.constantFrom(0, 3, 512, 100_000);
  fc.assert(
    fc.property(limits, fc.array(command, { minLength: 1, maxLength: 40 }), (limit, commands) => {
      const [primary, replica] = [new SetTester({ shards: 2 }), new SetTester({ shards: 2 })];
      primary.settings.setIntsetEntriesMax = limit;
      replica.keys.expiresKeys = false;
      const model: Model = new Map();
      for (const words_ of commands) {
        const reply = primary.run(...words_);
        apply(model, words_, reply);
        for (const effect of primary.effectVectors.splice(0)) replica.run(...effect.words);
      }
      assertHolds(primary, model);
      assertHolds(replica, model);
      primary.checkAll();
      replica.checkAll();
    }),
    { numRuns: 40 },
  );
});

test('what sets answer about each other is what plain sets say', () => {
  const lists = fc.array(members, { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(lists, sources, (contents, names) => {
      const t = new SetTester();
      const model: Model = new Map();
      contents.forEach((list, i) => {
        t.run('SADD', KEYS[i]!, ...list);
        model.set(KEYS[i]!, new Set(list));
      });
      const sets = names.map((name) => model.get(name) ?? new Set<string>());
      const common = [...intersection(sets)].sort();
      assert.deepEqual(t.list('SUNION', ...names), [...union(sets)].sort());
      assert.deepEqual(t.list('SINTER', ...names), common);
      assert.deepEqual(t.list('SDIFF', ...names), [...difference(sets)].sort());
      assert.equal(t.run('SINTERCARD', names.length, ...names), common.length);
      t.checkAll();
    }),
    { numRuns: 40 },
  );
});

/** Takes all pages of a shard. @returns their offsets */
function takePages(t: SetTester, shard: number): number[] {
  const space = t.keys.shards.spaces[shard]!;
  const taken: number[] = [];
  for (let run = space.allocate(1); run !== 0; run = space.allocate(1)) taken.push(run);
  return taken.sort((x, y) => x - y);
}

function givePages(t: SetTester, shard: number, pages: readonly number[]): void {
  for (const page of pages) t.keys.shards.spaces[shard]!.free(page, 1);
}

/** A shard with sets of every form, and `left` free pages, if possible in one piece. */
function fullTester(left: number): SetTester {
  const t = new SetTester({ shards: 1, shardBytes: 2 * MEBIBYTE });
  t.run('SADD', 'ints', ...numbers(500));
  t.run('SADD', 'few', '1', '2');
  t.run('SADD', 'packed', ...words(400, 'm'));
  t.run('SADD', 'table', ...words(1500));
  t.run('SADD', 'tables', ...words(1500, 'other:'));
  t.takeEffects();
  const pages = takePages(t, 0);
  givePages(t, 0, pages.slice(pages.length - left));
  return t;
}

const SETS = ['ints', 'few', 'packed', 'table', 'tables', 'new'];

test('a full shard refuses what needs room, and leaves every set as it was', () => {
  const long = ['x', 'y', 'z'].map((letter) => letter.repeat(9000));
  const commands = [
    ['SADD', 'new', ...words(700)],
    ['SADD', 'new', ...long],
    ['SADD', 'few', ...long],
    ['SADD', 'ints', ...words(200)],
    ['SADD', 'packed', ...words(400)],
    ['SADD', 'table', ...words(5000, 'more:')],
    ['SADD', 'table', 'a', 'b', ...long, 'c', ...long.map((text_) => text_ + text_)],
    ['SUNIONSTORE', 'few', 'table', 'packed', 'tables'],
    ['SUNIONSTORE', 'table', 'table', 'packed', 'tables'],
    ['SDIFFSTORE', 'tables', 'table', 'packed'],
    ['SINTERSTORE', 'few', 'table', 'table'],
    ['SUNION', 'table', 'packed', 'tables'],
    ['COPY', 'table', 'new'],
  ];
  let refused = 0;
  for (const left of [0, 1, 2, 3, 5, 9, 16, 17, 20, 33]) {
    let t = fullTester(left);
    let before = SETS.map((name) => [name, t.encoding(name), ...t.members(name)]);
    for (const words_ of commands) {
      if (!t.runRaw(...words_).startsWith('-OOM')) {
        t.checkAll();
        t = fullTester(left);
        before = SETS.map((name) => [name, t.encoding(name), ...t.members(name)]);
        continue;
      }
      refused++;
      assert.deepEqual(t.takeEffects(), []);
      const after = SETS.map((name) => [name, t.encoding(name), ...t.members(name)]);
      assert.deepEqual(after, before, words_.slice(0, 3).join(' '));
      t.checkAll();
    }
  }
  assert.ok(refused > 60, `${refused} commands were refused`);
});

test('a full shard lets members go', () => {
  const t = fullTester(0);
  for (const name of SETS.slice(0, 5)) {
    const [first, second] = t.members(name);
    assert.equal(t.run('SREM', name, first!), 1);
    if (second !== undefined) assert.equal(typeof t.run('SPOP', name), 'string');
  }
  t.checkAll();
});

test('SMOVE into a full shard moves nothing', () => {
  const t = new SetTester({ shards: 4, shardBytes: 2 * MEBIBYTE });
  const other = KEYS[0]!;
  t.run('SADD', other, 'x'.repeat(9000), 'y');
  t.run('SADD', KEYS[1]!, 'z');
  const shard = t.keys.shards.spaces.findIndex((_, i) => holds(t, i, KEYS[1]!));
  assert.ok(!holds(t, shard, other), 'the keys lie in different shards');
  const taken = takePages(t, shard);
  assert.match(String(t.run('SMOVE', other, KEYS[1]!, 'x'.repeat(9000))), /^-OOM/);
  assert.deepEqual(t.members(other), ['x'.repeat(9000), 'y']);
  assert.deepEqual(t.members(KEYS[1]!), ['z']);
  givePages(t, shard, taken);
  assert.equal(t.run('SMOVE', other, KEYS[1]!, 'x'.repeat(9000)), 1);
  t.checkAll();
});

function holds(t: SetTester, shard: number, name: string): boolean {
  const table = t.keys.shards.table(shard, 0);
  for (let position = 0; position < 2 ** 32; ) {
    position = table.scan(position);
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      const { region, keyOffset, keyLength } = table;
      if (Buffer.from(region.bytes.slice(keyOffset, keyOffset + keyLength)).toString() === name) {
        return true;
      }
    }
  }
  return false;
}
