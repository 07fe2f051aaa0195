/** Numbers and globs against redis-server: what it accepts, and what it prints. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { Region } from '../../src/base/region.js';
import { formatDouble, parseDouble, parseRangeDouble } from '../../src/protocol/doubles.js';
import { matchGlob } from '../../src/protocol/glob.js';
import {
  addLongDouble,
  formatLongDouble,
  isFiniteLongDouble,
  parseLongDouble,
} from '../../src/protocol/long-double.js';
import type { RawClient } from '../support/client.js';
import { seedFromEnvironment } from '../support/random.js';
import { isList, type Reply, textOf } from '../support/reply.js';
import { redisServerMissing, type Server, startRedis } from '../support/server.js';

const SEED = seedFromEnvironment();
const SAMPLES = Number(process.env.DARTER_SAMPLES ?? 6000);
const NOT_FLOAT = 'ERR value is not a valid float';
const NOT_FINITE = 'ERR increment would produce NaN or Infinity';

function samples<T>(arbitrary: fc.Arbitrary<T>, count = SAMPLES): T[] {
  return fc.sample(arbitrary, { seed: SEED, numRuns: count });
}

function regionOf(text: string): Region {
  const region = new Region(new SharedArrayBuffer((text.length + 8) & ~7), 0);
  region.bytes.set(Buffer.from(text, 'latin1'));
  return region;
}

function sortedItems(reply: Reply): string[] {
  assert.ok(isList(reply), textOf(reply));
  return reply.items.map(textOf).sort();
}

const digits = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength });
const sign = fc.constantFrom('', '', '-', '+');
const exponent = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 2, arbitrary: fc.integer({ min: -40, max: 40 }).map((e) => `e${e}`) },
  { weight: 1, arbitrary: fc.integer({ min: -5000, max: 5000 }).map((e) => `E${e}`) },
);
const decimal = fc
  .tuple(sign, digits(22), fc.constantFrom('', '.'), digits(22), exponent)
  .map((parts) => parts.join(''));
const hexadecimal = fc
  .tuple(
    sign,
    fc.constantFrom('0x', '0X'),
    fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF'), maxLength: 20 }),
    fc.constantFrom('', '.', '.8', '.fffffffffff', '.7ffffffffffffffff'),
    fc.oneof(
      fc.constant(''),
      fc.integer({ min: -1200, max: 1200 }).map((e) => `p${e}`),
    ),
  )
  .map((parts) => parts.join(''));
const odd = fc.constantFrom(
  ...['', ' ', '.', '-', '+', 'e', 'inf', '-INF', '+Infinity', 'infinit', 'nan', '-nan', 'nan(1)'],
  ...['0x', '0x.', '0x.p1', '1 ', ' 1', '1\0', '\0', '1e', '1e+', '0x1p', '1,5', '--1', '1e1.5'],
  ...['4.9e-324', '2.4e-324', '2.5e-324', '1.7976931348623157e308', '1.7976931348623159e308'],
  ...['1.18973149535723176502e4932', '1.18973149535723176506e4932', '3.6e-4951', '1e-4951'],
  ...['1e-4952', '0e99999', '1e99999999999999999999', '0x1p-1074', '0x1p-1075', '0x1.8p-1075'],
);
const printed = fc.double({ noNaN: true }).map(String);
const quarters = fc
  .tuple(fc.integer({ min: 2 ** 49, max: 2 ** 52 }), fc.constantFrom(0.25, 0.5, 0.75, 0.125))
  .map(([whole, fraction]) => String(whole + fraction));
const number = fc.oneof(
  { weight: 6, arbitrary: decimal },
  { weight: 2, arbitrary: hexadecimal },
  { weight: 2, arbitrary: odd },
  { weight: 2, arbitrary: printed },
  { weight: 1, arbitrary: quarters },
);

describe('against redis-server', { skip: redisServerMissing() }, () => {
  let server: Server;
  let connection: RawClient;
  before(async () => {
    // Small sorted sets keep integral scores as integers and lose the sign of -0.
    server = await startRedis({ args: ['--zset-max-listpack-entries', '0'] });
    connection = await server.client();
  });
  after(async () => {
    await connection.close();
    await server.stop();
  });

  test(`doubles as ZADD reads and ZSCORE prints them (seed ${SEED})`, async () => {
    const texts = samples(number);
    const replies = await connection.pipeline(
      texts.flatMap((text) => [
        ['DEL', 'z'],
        ['ZADD', 'z', text, 'm'],
        ['ZSCORE', 'z', 'm'],
      ]),
    );
    for (const [i, text] of texts.entries()) {
      const x = parseDouble(regionOf(text), 0, text.length);
      const [added, score] = [replies[i * 3 + 1]!, replies[i * 3 + 2]!];
      if (added.type === 'error') {
        assert.equal(added.text, NOT_FLOAT);
        assert.ok(Number.isNaN(x), `${JSON.stringify(text)} is no number, not ${x}`);
      } else {
        assert.equal(formatDouble(x), textOf(score), JSON.stringify(text));
      }
    }
  });

  test(`ends of ranges of scores as ZCOUNT reads them (seed ${SEED})`, async () => {
    const blank = fc.constantFrom('', ' ', '\t\n ', '\0');
    const texts = samples(fc.tuple(blank, number, blank).map((parts) => parts.join('')));
    const ends = texts.map((text) => parseRangeDouble(regionOf(text), 0, text.length));
    const replies = await connection.pipeline(
      texts.flatMap((text, i) => [
        ['DEL', 'z'],
        ['ZADD', 'z', Number.isNaN(ends[i]) ? '0' : formatDouble(ends[i]!), 'm'],
        ['ZCOUNT', 'z', text, text],
      ]),
    );
    for (const [i, text] of texts.entries()) {
      const counted = replies[i * 3 + 2]!;
      const isNumber = !Number.isNaN(ends[i]);
      const name = `${JSON.stringify(text)} is ${ends[i]}`;
      if (isNumber) assert.deepEqual(counted, { type: 'integer', text: '1' }, name);
      else assert.equal(counted.type, 'error', name);
    }
  });

  test(`INCRBYFLOAT computes the same sums (seed ${SEED})`, async () => {
    const close = fc
      .tuple(decimal, fc.integer({ min: -3, max: 3 }))
      .map(([text, delta]) => [text, text.startsWith('-') ? String(delta) : `-${text}`] as const);
    const sums = samples(fc.oneof(fc.tuple(number, number), close));
    const replies = await connection.pipeline(
      sums.flatMap(([a, b]) => [
        ['SET', 'f', a],
        ['INCRBYFLOAT', 'f', b],
      ]),
    );
    for (const [i, [a, b]] of sums.entries()) {
      const expected = replies[i * 2 + 1]!;
      const [x, y] = [parseLongDouble(a), parseLongDouble(b)];
      const name = JSON.stringify([a, b]);
      if (x === null || y === null) {
        assert.deepEqual(expected, { type: 'error', text: NOT_FLOAT }, name);
        continue;
      }
      const sum = addLongDouble(x, y);
      if (isFiniteLongDouble(sum)) assert.equal(formatLongDouble(sum), textOf(expected), name);
      else assert.deepEqual(expected, { type: 'error', text: NOT_FINITE }, name);
    }
  });

  test(`globs match the same keys (seed ${SEED})`, async () => {
    const unit = fc.constantFrom(...'aabbcABZ[]^-*?\\\0\x80\xfe\xff');
    const keys = [...new Set(samples(fc.string({ unit, maxLength: 8 }), 300))];
    const patternUnit = fc.constantFrom(
      ...['*', '*', '*', '?', '[', ']', '^', '-', '\\', 'a', 'b', 'c', 'A', '\x80', '\xff'],
      ...['[^', '[a-c]', '[c-a]', '[^a-b]', '[\\]', '\\*', '[\x80-\xff]', '[a-\xff]', '**'],
    );
    const patterns = samples(fc.string({ unit: patternUnit, maxLength: 7 }), SAMPLES / 3);
    await connection.command('FLUSHALL');
    await connection.pipeline(keys.map((key) => ['SET', key, '']));
    const replies = await connection.pipeline(patterns.map((pattern) => ['KEYS', pattern]));
    for (const [i, pattern] of patterns.entries()) {
      // KEYS answers "*" without matching anything.
      if (pattern === '*') continue;
      const found = sortedItems(replies[i]!);
      const region = regionOf(pattern);
      const matching = keys.filter((key) =>
        matchGlob(region, 0, pattern.length, regionOf(key), 0, key.length, false),
      );
      assert.deepEqual(matching.sort(), found, JSON.stringify(pattern));
    }
  });

  test(`globs match the same command names, in any case (seed ${SEED})`, async () => {
    const names = sortedItems(await connection.command('COMMAND', 'LIST'));
    assert.ok(names.length > 200);
    const unit = fc.constantFrom(
      ...['*', '*', '*', '?', 'S', 'e', 'T', 'g', '[A-M]', '[^a-m]', '[n-A]', '[\\S', ']', '[sg]'],
    );
    const patterns = samples(fc.string({ unit, maxLength: 6 }), 600);
    const replies = await connection.pipeline(
      patterns.map((pattern) => ['COMMAND', 'LIST', 'FILTERBY', 'PATTERN', pattern]),
    );
    for (const [i, pattern] of patterns.entries()) {
      const found = sortedItems(replies[i]!);
      const region = regionOf(pattern);
      const matching = names.filter((name) =>
        matchGlob(region, 0, pattern.length, regionOf(name), 0, name.length, true),
      );
      assert.deepEqual(matching.sort(), found, JSON.stringify(pattern));
    }
  });
});
