/** The commands of hashes as they write to the keyspace; test/differential compares replies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReplyTooLongError } from '../../protocol/reply.js';
import { isNestedKind } from '../../values/hash/layout.js';
import type { CommandTester, Word } from '../contract/test-support.js';
import { contentOf, hashTester } from './lib/testing.js';

const FULL = /^-OOM/;

function isNested(t: CommandTester, key: string): boolean {
  return isNestedKind(t.dump().get(`0 ${key}`)!.kind);
}

const pairs = (count: number, value = 'v'): string[] =>
  Array.from({ length: count }, (_, i) => [`field ${i}`, `${value}${i}`]).flat();

/** Texts that meet often, and lie on the borders of how they are stored. */
const text = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -3, max: 40 }).map(String) },
  { weight: 3, arbitrary: fc.nat(60).map((i) => `field ${i}`) },
  fc.constantFrom('', '007', '-0', '9223372036854775807', '-9223372036854775808', '1e3'),
  fc.constantFrom('x'.repeat(63), 'x'.repeat(64), 'y'.repeat(700), 'z'.repeat(9000), '\x00\xff'),
);
const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant('HSET'), fc.array(text, { minLength: 2, maxLength: 2 })),
  },
  fc.tuple(
    fc.constant('HSET'),
    fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 40 }).map((all) => all.flat()),
  ),
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant('HDEL'), fc.array(text, { minLength: 1, maxLength: 5 })),
  },
  fc.tuple(fc.constant('HSETNX'), fc.array(text, { minLength: 2, maxLength: 2 })),
  fc.tuple(fc.constant('DEL'), fc.constant<string[]>([])),
);

/** What Redis documents, on a Map. */
function apply(model: Map<string, string>, name: string, words: readonly string[]): number {
  const before = model.size;
  if (name === 'DEL') model.clear();
  else if (name === 'HDEL') for (const word of words) model.delete(word);
  else if (name === 'HSETNX' && model.has(words[0]!)) return 0;
  else for (let i = 0; i < words.length; i += 2) model.set(words[i]!, words[i + 1]!);
  return name === 'DEL' ? Math.min(before, 1) : Math.abs(model.size - before);
}

function assertSame(t: CommandTester, model: Map<string, string>): void {
  assert.deepEqual(new Map([...contentOf(t, 'h')].sort()), new Map([...model].sort()));
  assert.equal(t.run('HLEN', 'h'), model.size);
  const fields = [...model.keys(), 'absent'];
  const values = fields.map((field) => model.get(field) ?? null);
  assert.deepEqual(t.run('HMGET', 'h', ...fields), values);
}

test('a hash does what a Map does, packed and nested, and so does a replica', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 60 }), (operations) => {
      const t = hashTester({ shards: 1 });
      const replica = hashTester({ shards: 1 });
      const pages = t.keys.shards.spaces[0]!.residentPages;
      const model = new Map<string, string>();
      for (const [name, words] of operations) {
        assert.equal(t.run(name, 'h', ...words), apply(model, name, words), name);
        for (const each of t.effectVectors.splice(0)) replica.run(...each.words);
      }
      assertSame(t, model);
      assertSame(replica, model);
      t.check();
      t.run('DEL', 'h');
      t.keys.shards.table(0, 0).maintain(10);
      assert.equal(t.keys.shards.spaces[0]!.residentPages, pages, 'no page is lost');
    }),
    { numRuns: 150 },
  );
});

test('a hash is packed up to 4 KiB and 256 fields, then nested for good', () => {
  const t = hashTester();
  t.run('HSET', 'h', ...pairs(256, ''));
  assert.equal(isNested(t, 'h'), false);
  assert.equal(t.run('HSET', 'h', 'field 256', 'v'), 1);
  assert.equal(isNested(t, 'h'), true);
  assert.equal(t.run('HDEL', 'h', ...pairs(250)), 250);
  assert.equal(isNested(t, 'h'), true);
  assert.equal(t.run('HLEN', 'h'), 7);
  t.run('HSET', 'long', 'f', 'x'.repeat(4000));
  assert.equal(isNested(t, 'long'), false);
  t.run('HSET', 'long', 'f', 'x'.repeat(4100));
  assert.equal(isNested(t, 'long'), true);
  assert.equal(t.run('HGET', 'long', 'f'), 'x'.repeat(4100));
});

test('OBJECT ENCODING follows the directives, however the hash is stored', () => {
  const t = hashTester();
  t.run('HSET', 'h', ...pairs(500));
  assert.equal(isNested(t, 'h'), true);
  assert.equal(t.run('OBJECT', 'ENCODING', 'h'), 'listpack');
  t.run('HSET', 'h', ...pairs(513));
  assert.equal(t.run('OBJECT', 'ENCODING', 'h'), 'hashtable');
  t.run('HSET', 'small', 'f', 'x'.repeat(65));
  assert.equal(isNested(t, 'small'), false);
  assert.equal(t.run('OBJECT', 'ENCODING', 'small'), 'hashtable');
  t.run('HSET', 'small', 'f', 'x');
  assert.equal(t.run('OBJECT', 'ENCODING', 'small'), 'hashtable');
  for (const words of [
    ['HINCRBY', 'old', 'f', '1'],
    ['HINCRBYFLOAT', 'old', 'f', '1'],
    ['HSET', 'old', 'f', '2'],
  ]) {
    t.settings.hashListpackEntriesMax = 512;
    t.run('DEL', 'old');
    t.run('HSET', 'old', 'f', '1', 'g', '1');
    t.settings.hashListpackEntriesMax = 1;
    assert.equal(t.run('OBJECT', 'ENCODING', 'old'), 'listpack');
    t.run(words[0]!, ...words.slice(1));
    assert.equal(
      t.run('OBJECT', 'ENCODING', 'old'),
      'hashtable',
      'a change looks at the count again',
    );
  }
});

test('events: hset, hincrby, hincrbyfloat; hdel and then del with the last field', () => {
  const t = hashTester();
  t.listen();
  t.run('HSET', 'h', 'a', '1', 'b', '2');
  t.run('HSETNX', 'h', 'a', '3');
  t.run('HSETNX', 'h', 'c', '3');
  t.run('HINCRBY', 'h', 'a', '5');
  t.run('HINCRBYFLOAT', 'h', 'a', '0.5');
  t.run('HDEL', 'h', 'none');
  t.run('HDEL', 'h', 'a', 'b');
  t.run('HDEL', 'h', 'c', 'a');
  assert.deepEqual(t.takeEvents(), [
    ...['hset h', 'hset h', 'hincrby h', 'hincrbyfloat h', 'hdel h', 'hdel h', 'del h'],
  ]);
  assert.deepEqual(t.takeEffects(), [
    ...['0 HSET h a 1 b 2', '0 HSETNX h c 3', '0 HINCRBY h a 5', '0 HSET h a 6.5'],
    ...['0 HDEL h a b', '0 HDEL h c a', '0 DEL h'],
  ]);
});

test('HINCRBY: all 64 bits, and its errors change nothing', () => {
  const t = hashTester();
  assert.equal(t.run('HINCRBY', 'h', 'f', '9223372036854775806'), 9223372036854775806n);
  assert.equal(t.run('HINCRBY', 'h', 'f', '1'), 9223372036854775807n);
  assert.equal(t.run('HINCRBY', 'h', 'f', '1'), '-ERR increment or decrement would overflow');
  assert.equal(t.run('HINCRBY', 'h', 'f', '1.5'), '-ERR value is not an integer or out of range');
  t.run('HSET', 'h', 'f', ' 1');
  assert.equal(t.run('HINCRBY', 'h', 'f', '1'), '-ERR hash value is not an integer');
  assert.equal(t.run('HINCRBYFLOAT', 'h', 'f', '1'), '-ERR hash value is not a float');
  assert.equal(t.run('HINCRBY', 'new', 'f', 'x'), '-ERR value is not an integer or out of range');
  assert.equal(t.run('HLEN', 'new'), 0);
});

test('HRANDFIELD: different fields or repeated ones, packed and nested', () => {
  for (const count of [5, 100, 3000]) {
    const t = hashTester();
    t.run('HSET', 'h', ...pairs(count));
    const fields = new Set(t.run('HKEYS', 'h') as string[]);
    for (const wish of [1, 3, count - 1, count, count + 7]) {
      const got = t.run('HRANDFIELD', 'h', wish) as string[];
      assert.equal(got.length, Math.min(wish, count));
      assert.equal(new Set(got).size, got.length);
      assert.ok(got.every((field) => fields.has(field)));
      const repeated = t.run('HRANDFIELD', 'h', -wish, 'WITHVALUES') as string[];
      assert.equal(repeated.length, wish * 2);
      for (let i = 0; i < repeated.length; i += 2) {
        assert.equal(t.run('HGET', 'h', repeated[i]!), repeated[i + 1]);
      }
    }
    assert.ok(fields.has(t.run('HRANDFIELD', 'h') as string));
    t.session.protocol = 3;
    const nested = t.run('HRANDFIELD', 'h', 2, 'WITHVALUES') as string[][];
    assert.deepEqual(
      nested.map((pair) => pair.length),
      [2, 2],
    );
  }
});

test('HSCAN returns every field of a hash that changes, in pages', () => {
  const t = hashTester();
  t.run('HSET', 'h', ...pairs(3000));
  const seen = new Set<string>();
  let cursor = '0';
  let pages = 0;
  do {
    const [next, page] = t.run('HSCAN', 'h', cursor, 'COUNT', 20, 'NOVALUES') as [string, string[]];
    assert.ok(page.length < 200);
    for (const field of page) seen.add(field);
    cursor = next;
    pages++;
    if (pages % 10 === 0) t.run('HSET', 'h', ...pairs(pages * 50, 'other').map((s) => `${s}!`));
  } while (cursor !== '0');
  assert.ok(pages > 50);
  for (let i = 0; i < 3000; i++) assert.ok(seen.has(`field ${i}`), `field ${i}`);
  const [, matched] = t.run('HSCAN', 'h', '0', 'MATCH', 'field 1[0-9]', 'COUNT', 100000) as [
    string,
    string[],
  ];
  assert.equal(matched.length, 20);
});

test('a full shard leaves a hash as it was, wherever the room ends', () => {
  for (const [fields, length] of [
    [3, 500],
    [40, 20],
    [300, 100],
    [3000, 30],
  ] as const) {
    const t = hashTester({ shards: 1, shardBytes: 2 << 20 });
    t.run('HSET', 'h', ...pairs(fields));
    const before = contentOf(t, 'h');
    let step = 40_000;
    for (let i = 0, refused = 0; refused < 8; i++) {
      const answer = t.run('SET', `filler ${i}`, 'x'.repeat(step));
      if (answer === '+OK') continue;
      assert.match(answer as string, FULL);
      step = Math.ceil(step / 4);
      refused++;
    }
    const big = 'x'.repeat(length * 30);
    const several: Word[] = [];
    for (let i = 0; i < 300; i++) several.push(`field ${i * 7}`, big);
    for (const words of [
      several,
      ['field 0', 'x'.repeat(300_000)],
      ['other', 'y'.repeat(300_000)],
    ]) {
      assert.match(t.run('HSET', 'h', ...words) as string, FULL);
      assert.deepEqual(contentOf(t, 'h'), before);
    }
    t.check();
    assert.match(t.run('HSET', 'fresh', ...several) as string, FULL);
    assert.equal(t.run('HLEN', 'fresh'), 0);
    t.run('HDEL', 'h', 'field 0');
    assert.equal(t.run('HLEN', 'h'), fields - 1);
  }
});

test('COPY, and what a nested hash takes, come and go with its pages', () => {
  const t = hashTester({ shards: 1 });
  t.run('HSET', 'h', ...pairs(5000));
  assert.equal(t.run('COPY', 'h', 'copied'), 1);
  t.run('HSET', 'h', 'field 0', 'changed');
  assert.equal(t.run('HGET', 'copied', 'field 0'), 'v0');
  assert.equal(t.run('HLEN', 'copied'), 5000);
  t.check();
  t.run('SET', 'h', 'text');
  t.run('DEL', 'copied');
  assert.equal(t.run('HLEN', 'copied'), 0);
});

test('HGETDEL whose reply is too long removes nothing', () => {
  const t = hashTester();
  const value = 'v'.repeat(2 ** 22);
  t.run('HSET', 'h', 'first', 1, 'large', value);
  const many = new Array<string>(600).fill('large');
  assert.throws(() => t.run('HGETDEL', 'h', 'FIELDS', 601, 'first', ...many), ReplyTooLongError);
  assert.equal(t.run('HLEN', 'h'), 2);
  assert.deepEqual(t.run('HGETDEL', 'h', 'FIELDS', 3, 'large', 'first', 'large'), [
    value,
    '1',
    null,
  ]);
});
