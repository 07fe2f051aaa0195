/** Fields of hashes that expire, by the documentation of Redis 7.4 and 8. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ExpiryCycle } from '../../keyspace/expiry-cycle.js';
import { type CommandTester, START_MS } from '../contract/test-support.js';
import { contentOf, hashTester } from './lib/testing.js';

const FULL = /^-OOM/;
/** Fields of one command: a call in JavaScript may not have many more arguments. */
const CHUNK = 10_000;
const FIELD_TIME_MAX = 70_368_744_177_663;

function testerWith(...pairs: string[]): CommandTester {
  const t = hashTester();
  t.run('HSET', 'h', ...pairs);
  t.takeEffects();
  t.listen();
  return t;
}

test('HEXPIRE and its family: conditions, times that are past, fields that are not there', () => {
  const t = testerWith('a', '1', 'b', '2', 'c', '3');
  assert.deepEqual(t.run('HEXPIRE', 'h', 10, 'FIELDS', 2, 'a', 'none'), [1, -2]);
  assert.deepEqual(t.run('HEXPIRE', 'h', 20, 'NX', 'FIELDS', 2, 'a', 'b'), [0, 1]);
  assert.deepEqual(t.run('HPEXPIRE', 'h', 15_000, 'GT', 'FIELDS', 3, 'a', 'b', 'c'), [1, 0, 0]);
  assert.deepEqual(t.run('HPEXPIRE', 'h', 16_000, 'LT', 'FIELDS', 3, 'a', 'b', 'c'), [0, 1, 1]);
  assert.deepEqual(t.run('HTTL', 'h', 'FIELDS', 3, 'a', 'b', 'none'), [15, 16, -2]);
  assert.deepEqual(t.run('HPEXPIRETIME', 'h', 'FIELDS', 1, 'c'), [START_MS + 16_000]);
  const seconds = Math.ceil((START_MS + 16_000) / 1000);
  assert.deepEqual(t.run('HEXPIRETIME', 'h', 'FIELDS', 2, 'c', 'none'), [seconds, -2]);
  assert.deepEqual(t.run('HPERSIST', 'h', 'FIELDS', 3, 'c', 'c', 'none'), [1, -1, -2]);
  assert.deepEqual(t.run('HEXPIREAT', 'h', 1, 'XX', 'FIELDS', 2, 'c', 'a'), [0, 2]);
  assert.deepEqual(t.run('HEXPIRE', 'none', 1, 'FIELDS', 2, 'c', 'a'), [-2, -2]);
  assert.deepEqual(t.run('HTTL', 'none', 'FIELDS', 1, 'c'), [-2]);
  assert.deepEqual(t.takeEvents(), [
    ...['hexpire h', 'hexpire h', 'hexpire h', 'hexpire h', 'hpersist h', 'hdel h'],
  ]);
  assert.deepEqual(t.run('HPEXPIREAT', 'h', 0, 'FIELDS', 2, 'b', 'c'), [2, 2]);
  assert.deepEqual(t.takeEvents(), ['hdel h', 'del h']);
  assert.deepEqual(t.takeEffects().slice(-3), [...['0 HDEL h a', '0 HDEL h b c', '0 DEL h']]);
});

test('errors: the type, then the time, then FIELDS and its number', () => {
  const t = testerWith('a', '1');
  t.run('SET', 's', 'x');
  const wrongType = '-WRONGTYPE Operation against a key holding the wrong kind of value';
  const missing = '-ERR Mandatory argument FIELDS is missing or not at the right position';
  const mismatch = '-ERR The `numfields` parameter must match the number of arguments';
  const cases: [string, string][] = [
    ['HEXPIRE s x FIELDS 1 a', wrongType],
    ['HEXPIRE h x FIELDS 1 a', '-ERR value is not an integer or out of range'],
    ['HEXPIRE h -1 FIELDS 1 a', '-ERR invalid expire time, must be >= 0'],
    [`HEXPIREAT h ${FIELD_TIME_MAX} FIELDS 1 a`, "-ERR invalid expire time in 'hexpireat' command"],
    [
      `HPEXPIREAT h ${FIELD_TIME_MAX + 1} FIELDS 1 a`,
      "-ERR invalid expire time in 'hpexpireat' command",
    ],
    [`HPEXPIRE h ${FIELD_TIME_MAX} FIELDS 1 a`, "-ERR invalid expire time in 'hpexpire' command"],
    ['HEXPIRE h 9223372036854775807 FIELDS 1 a', "-ERR invalid expire time in 'hexpire' command"],
    ['HEXPIRE h 1 XXX 1 a', missing],
    ['HEXPIRE h 1 NX XX FIELDS 1 a', missing],
    ['HEXPIRE h 1 FIELDS 0 a', '-ERR Parameter `numFields` should be greater than 0'],
    ['HEXPIRE h 1 FIELDS x a', '-ERR Parameter `numFields` should be greater than 0'],
    ['HEXPIRE h 1 FIELDS 2 a', mismatch],
    ['HTTL h FIELDS -1 a', '-ERR Number of fields must be a positive integer'],
    ['HPERSIST h FIELDS 1 a b', mismatch],
    ['HGETDEL h FIELD 1 a', missing],
    ['HGETEX h PERSIST 1 FIELDS 1 a', missing],
    ['HGETEX h PX -1 FIELDS 1 a', '-ERR invalid expire time, must be >= 0'],
    ['HSETEX h FIELDS 1 a 1 more', "-ERR wrong number of arguments for 'hsetex' command"],
    ['HSETEX h FIELDS x a 1', '-ERR invalid number of fields'],
    ['HSETEX h FXX FNX FIELDS 1 a 1', '-ERR Only one of FXX or FNX arguments can be specified'],
    [
      'HSETEX h EX 1 KEEPTTL FIELDS 1 a 1',
      '-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified',
    ],
    ['HSETEX h NX FIELDS 1 a 1', '-ERR unknown argument: NX'],
    ['HSETEX h EX FIELDS 1 a 1', '-ERR value is not an integer or out of range'],
    ['HSETEX h FNX FXX', "-ERR wrong number of arguments for 'hsetex' command"],
  ];
  for (const [command, error] of cases) assert.equal(t.run(...command.split(' ')), error, command);
  assert.deepEqual(t.takeEffects(), ['0 SET s x']);
  assert.equal(t.run('OBJECT', 'ENCODING', 'h'), 'listpack');
});

test('HGETEX, HGETDEL and HSETEX', () => {
  const t = testerWith('a', '1', 'b', '2');
  assert.deepEqual(t.run('HGETEX', 'h', 'EX', 10, 'FIELDS', 2, 'a', 'none'), ['1', null]);
  assert.deepEqual(t.run('HPTTL', 'h', 'FIELDS', 2, 'a', 'b'), [10_000, -1]);
  assert.deepEqual(t.run('HGETEX', 'h', 'PERSIST', 'FIELDS', 1, 'a'), ['1']);
  assert.deepEqual(t.run('HGETEX', 'h', 'FIELDS', 1, 'a'), ['1']);
  assert.deepEqual(t.run('HPTTL', 'h', 'FIELDS', 1, 'a'), [-1]);
  assert.equal(t.run('HSETEX', 'h', 'FNX', 'FIELDS', 2, 'b', 'x', 'd', 'x'), 0);
  assert.equal(t.run('HSETEX', 'h', 'FXX', 'PX', 500, 'FIELDS', 1, 'b', 'x'), 1);
  assert.equal(t.run('HSETEX', 'h', 'KEEPTTL', 'FIELDS', 2, 'b', 'y', 'e', 'z'), 1);
  assert.deepEqual(t.run('HPTTL', 'h', 'FIELDS', 2, 'b', 'e'), [500, -1]);
  t.run('HINCRBYFLOAT', 'h', 'a', '0.5');
  t.run('HSET', 'h', 'e', '1');
  t.run('HPEXPIRE', 'h', 900, 'FIELDS', 1, 'e');
  assert.equal(t.run('HINCRBYFLOAT', 'h', 'e', '1.5'), '2.5');
  assert.equal(t.run('HINCRBY', 'h', 'a', '1'), '-ERR hash value is not an integer');
  assert.deepEqual(t.run('HPTTL', 'h', 'FIELDS', 1, 'e'), [900]);
  assert.ok(t.takeEffects().includes('0 HSETEX h KEEPTTL FIELDS 1 e 2.5'));
  assert.deepEqual(t.run('HGETDEL', 'h', 'FIELDS', 3, 'a', 'none', 'a'), ['1.5', null, null]);
  assert.deepEqual(t.run('HGETEX', 'h', 'PXAT', 1, 'FIELDS', 2, 'b', 'e'), ['y', '2.5']);
  assert.equal(t.run('HLEN', 'h'), 0);
  assert.equal(t.run('HSETEX', 'new', 'EXAT', 1, 'FIELDS', 1, 'a', '1'), 1);
  assert.equal(t.run('HLEN', 'new'), 0);
});

test('OBJECT ENCODING: listpackex once a field got an expiry, hashtable beyond the limits', () => {
  const t = testerWith('a', '1');
  t.run('HEXPIRE', 'h', 10, 'XX', 'FIELDS', 1, 'a');
  assert.equal(t.run('OBJECT', 'ENCODING', 'h'), 'listpack');
  t.run('HEXPIRE', 'h', 10, 'FIELDS', 1, 'a');
  assert.equal(t.run('OBJECT', 'ENCODING', 'h'), 'listpackex');
  t.run('HPERSIST', 'h', 'FIELDS', 1, 'a');
  assert.equal(t.run('OBJECT', 'ENCODING', 'h'), 'listpackex');
  t.run('HSET', 'h', 'b', 'x'.repeat(65));
  assert.equal(t.run('OBJECT', 'ENCODING', 'h'), 'hashtable');
});

test('an expired field is gone at the next access, and the hash with its last one', () => {
  const t = testerWith('a', '1', 'b', '2');
  t.run('HPEXPIRE', 'h', 10, 'FIELDS', 1, 'a');
  t.run('HPEXPIRE', 'h', 20, 'FIELDS', 1, 'b');
  t.takeEvents();
  t.takeEffects();
  t.now += 10;
  assert.equal(t.run('HGET', 'h', 'a'), '1');
  t.now += 1;
  assert.equal(t.run('HGET', 'h', 'a'), null);
  assert.equal(t.changes, 0);
  assert.deepEqual(t.takeEvents(), ['hexpired h']);
  t.now += 10;
  assert.equal(t.run('HLEN', 'h'), 0);
  assert.deepEqual(t.takeEvents(), ['hexpired h', 'del h']);
  assert.deepEqual(t.takeEffects(), ['0 HDEL h a', '0 HDEL h b', '0 DEL h']);
  assert.equal(t.dump().size, 0);
});

test('a field whose time was moved does not expire at the time before, nor at its time', () => {
  const t = testerWith('a', '1');
  t.run('HPEXPIRE', 'h', 1, 'FIELDS', 1, 'a');
  t.run('HPEXPIRE', 'h', 20, 'FIELDS', 1, 'a');
  t.now += 20;
  assert.equal(t.run('HGET', 'h', 'a'), '1');
  t.now += 1;
  assert.equal(t.run('HGET', 'h', 'a'), null);
});

test('a replica hides expired fields and removes none', () => {
  const t = testerWith('a', '1', 'b', '2');
  t.run('HPEXPIRE', 'h', 10, 'FIELDS', 1, 'a');
  t.keys.expiresKeys = false;
  t.now += 100;
  t.takeEvents();
  assert.equal(t.run('HGET', 'h', 'a'), null);
  assert.deepEqual(t.run('HGETALL', 'h'), ['b', '2']);
  assert.deepEqual(t.run('HTTL', 'h', 'FIELDS', 1, 'a'), [-2]);
  assert.deepEqual(t.run('HRANDFIELD', 'h', 5), ['b']);
  assert.deepEqual(t.run('HSCAN', 'h', 0), ['0', ['b', '2']]);
  assert.equal(t.run('HLEN', 'h'), 2);
  assert.deepEqual(t.takeEvents(), []);
});

const FIELDS = ['a', 'b', 'c', 'd', 'e', 'f', '7', ''];
const field = fc.constantFrom(...FIELDS);
const step = fc.oneof(
  fc.tuple(
    fc.constant('HSET'),
    fc
      .array(fc.tuple(field, fc.nat(99).map(String)), { minLength: 1, maxLength: 4 })
      .map((all) => all.flat()),
  ),
  fc.tuple(fc.constant('HDEL'), fc.array(field, { minLength: 1, maxLength: 3 })),
  fc.tuple(fc.constant('HINCRBY'), fc.tuple(field, fc.nat(9).map(String))),
  fc.tuple(fc.constant('HSETNX'), fc.tuple(field, fc.nat(9).map(String))),
  fc.tuple(
    fc.constant('HPEXPIRE'),
    fc
      .tuple(
        fc.nat(60),
        fc.constantFrom('', 'NX', 'XX', 'GT', 'LT'),
        fc.array(field, { minLength: 1, maxLength: 4 }),
      )
      .map(([ms, condition, fields]) => [
        `${ms}`,
        ...(condition === '' ? [] : [condition]),
        'FIELDS',
        `${fields.length}`,
        ...fields,
      ]),
  ),
  fc.tuple(
    fc.constant('HPERSIST'),
    field.map((one) => ['FIELDS', '1', one]),
  ),
  fc.tuple(
    fc.constant('HSETEX'),
    fc
      .tuple(fc.constantFrom('KEEPTTL', 'PX'), fc.nat(50), field)
      .map(([option, ms, one]) => [
        option,
        ...(option === 'PX' ? [`${ms}`] : []),
        'FIELDS',
        '1',
        one,
        '5',
      ]),
  ),
  fc.tuple(
    fc.constant('wait'),
    fc.nat(30).map((ms) => [`${ms}`]),
  ),
);

interface ModelField {
  value: string;
  time: number;
}

function expireModel(model: Map<string, ModelField>, now: number): void {
  for (const [name, { time }] of model) if (time !== 0 && time < now) model.delete(name);
}

function applyStep(
  model: Map<string, ModelField>,
  now: number,
  name: string,
  words: readonly string[],
): void {
  if (name === 'HDEL') for (const word of words) model.delete(word);
  else if (name === 'HSET')
    for (let i = 0; i < words.length; i += 2)
      model.set(words[i]!, { value: words[i + 1]!, time: 0 });
  else if (name === 'HSETNX') {
    if (!model.has(words[0]!)) model.set(words[0]!, { value: words[1]!, time: 0 });
  } else if (name === 'HINCRBY') {
    const { value, time } = model.get(words[0]!) ?? { value: '0', time: 0 };
    model.set(words[0]!, { value: `${Number(value) + Number(words[1])}`, time });
  } else if (name === 'HPERSIST') {
    const found = model.get(words[2]!);
    if (found !== undefined) found.time = 0;
  } else if (name === 'HSETEX') {
    const timed = words[0] === 'PX';
    const one = words[timed ? 4 : 3]!;
    const kept = model.get(one)?.time ?? 0;
    const time = timed ? now + Number(words[1]) : kept;
    if (timed && time <= now) model.delete(one);
    else model.set(one, { value: '5', time });
  } else if (name === 'HPEXPIRE') {
    const time = now + Number(words[0]);
    const condition = words[1] === 'FIELDS' ? '' : words[1]!;
    for (const one of words.slice(words.indexOf('FIELDS') + 2)) {
      const found = model.get(one);
      if (found === undefined) continue;
      const { time: before } = found;
      if (condition === 'NX' && before !== 0) continue;
      if (condition === 'XX' && before === 0) continue;
      if (condition === 'GT' && (before === 0 || time <= before)) continue;
      if (condition === 'LT' && before !== 0 && time >= before) continue;
      if (time <= now) model.delete(one);
      else found.time = time;
    }
  }
}

test('fields expire as in a model, and replicas get the same', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 80 }), (steps) => {
      const t = hashTester({ shards: 1 });
      const replica = hashTester({ shards: 1 });
      replica.keys.expiresKeys = false;
      replica.now = 0;
      const model = new Map<string, ModelField>();
      for (const [name, words] of steps) {
        if (name === 'wait') t.now += Number(words[0]);
        expireModel(model, t.now);
        if (name !== 'wait') {
          t.run(name, 'h', ...words);
          applyStep(model, t.now, name, words);
        }
        for (const each of t.effectVectors.splice(0)) replica.run(...each.words);
        const expected = new Map([...model].map(([one, { value }]) => [one, value]));
        assert.deepEqual(new Map([...contentOf(t, 'h')].sort()), new Map([...expected].sort()));
        for (const each of t.effectVectors.splice(0)) replica.run(...each.words);
        const times = t.run('HPEXPIRETIME', 'h', 'FIELDS', FIELDS.length, ...FIELDS);
        const wanted = FIELDS.map((one) => (model.has(one) ? model.get(one)!.time || -1 : -2));
        assert.deepEqual(times, wanted);
        assert.deepEqual(
          replica.run('HPEXPIRETIME', 'h', 'FIELDS', FIELDS.length, ...FIELDS),
          wanted,
        );
      }
      t.check();
    }),
    { numRuns: 200 },
  );
});

test('the expiry cycle removes expired fields that nobody asks for, in batches', () => {
  const t = hashTester({ shards: 1, databases: 2 });
  const many = Array.from({ length: 3000 }, (_, i) => `f${i}`);
  for (const key of ['one', 'two', 'three']) {
    t.run('HSET', key, ...many.flatMap((name) => [name, 'v']), 'stays', '1');
    t.run('HPEXPIRE', key, key === 'three' ? 1e6 : 100, 'FIELDS', many.length, ...many);
  }
  t.run('HSETEX', 'gone', 'PX', 50, 'FIELDS', 1, 'f', 'v');
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  t.takeEffects();
  cycle.step(t.now + 50, 1000);
  assert.deepEqual(t.takeEffects(), []);
  let steps = 0;
  for (; cycle.step(t.now + 200, 1000) !== 0 || steps < 3; steps++) assert.ok(steps < 1000);
  for (let i = 0; i < 50; i++) cycle.step(t.now + 200, 1000);
  const effects = t.takeEffects();
  assert.ok(effects.length > 40, `${effects.length} effects`);
  assert.ok(effects.every((effect) => effect.split(' ').length < 140));
  assert.equal(t.run('HLEN', 'one'), 1);
  assert.equal(t.run('HLEN', 'two'), 1);
  assert.equal(t.run('HLEN', 'three'), 3001);
  assert.equal(t.keys.expiredElements, 6001);
  assert.deepEqual([...t.dump().keys()], ['0 one', '0 three', '0 two']);
  // Nothing is due any more: the table says when something will be.
  assert.equal(t.keys.shards.table(0, 0).ownerNumber, t.now + 1e6);
  t.check();
});

test('a large hash whose fields have expired is empty after one round, among many keys', () => {
  const t = hashTester({ shards: 2 });
  for (let i = 0; i < 2000; i++) t.run('HSET', `plain ${i}`, 'f', 'v');
  for (let i = 0; i < 40_000; i += 1000) {
    const many = Array.from({ length: 1000 }, (_, j) => [`f${i + j}`, 'v']).flat();
    t.run('HSETEX', 'large', 'PX', 100, 'FIELDS', 1000, ...many);
  }
  for (let i = 0; i < 500; i++) t.run('HSETEX', `small ${i}`, 'PX', 100, 'FIELDS', 1, 'f', 'v');
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  let slices = 0;
  while (cycle.step(t.now + 200, 1) > 0) assert.ok(++slices < 100_000);
  assert.equal(t.dump().size, 2000);
  t.check();
});

/** A hash in a shard without room: packed, or nested with frames that are nearly full. */
function fullTester(nested: boolean): { t: CommandTester; names: string[] } {
  const t = hashTester({ shards: 1, shardBytes: 2 << 20 });
  const names = Array.from({ length: 100 }, (_, i) => `${i}`);
  t.run('HSET', 'h', ...names.flatMap((name) => [name, '']));
  if (nested) t.run('HEXPIRE', 'h', 100, 'FIELDS', 2, '5', '77');
  for (let i = 1; nested; i++) {
    const more = Array.from({ length: 200 }, (_, j) => `${i * 200 + j}`);
    if (t.run('HSET', 'h', ...more.flatMap((name) => [name, 'a value'])) !== 200) break;
    names.push(...more);
  }
  for (let i = 0, refused = 0; nested && refused < 100; i++) {
    if (t.run('HSET', 'h', `more ${i}`, 'a value') !== 1) refused++;
  }
  for (let i = 0, bytes = 40_000; bytes > 10; i++) {
    if (t.run('SET', `filler ${i}`, 'x'.repeat(bytes)) !== '+OK') bytes = Math.floor(bytes / 3);
  }
  return { t, names };
}

test('a full shard leaves values and times as they were', () => {
  for (const nested of [false, true]) {
    const { t, names } = fullTester(nested);
    const before = contentOf(t, 'h');
    let refused = 0;
    for (let from = 0; from < names.length; from += CHUNK) {
      const chunk = names.slice(from, from + CHUNK);
      const times = t.run('HPEXPIRETIME', 'h', 'FIELDS', chunk.length, ...chunk);
      const many = chunk.flatMap((name) => [name, 'longer than before'.repeat(20)]);
      assert.match(t.run('HSETEX', 'h', 'EX', 50, 'FIELDS', chunk.length, ...many) as string, FULL);
      const answer = t.run('HEXPIRE', 'h', 50, 'FIELDS', chunk.length, ...chunk);
      if (typeof answer !== 'string') continue;
      assert.match(answer, FULL);
      assert.deepEqual(t.run('HPEXPIRETIME', 'h', 'FIELDS', chunk.length, ...chunk), times);
      refused++;
    }
    assert.ok(refused > 0, 'the shard is full');
    assert.deepEqual(contentOf(t, 'h'), before);
    t.check();
  }
});

test('COPY takes the times along', () => {
  const t = testerWith('a', '1', 'b', '2');
  t.run('HPEXPIRE', 'h', 10, 'FIELDS', 1, 'a');
  t.run('COPY', 'h', 'copied');
  assert.deepEqual(t.run('HPTTL', 'copied', 'FIELDS', 2, 'a', 'b'), [10, -1]);
  const cycle = new ExpiryCycle(t.keys, 0, 1);
  for (let i = 0; i < 5; i++) cycle.step(t.now + 50, 1000);
  t.keys.now = t.now;
  assert.equal(t.run('HLEN', 'copied'), 1);
});
