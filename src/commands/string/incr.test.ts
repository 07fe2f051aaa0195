import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { STRING_AUTO, STRING_RAW } from '../../values/string/type.js';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { append } from './append.js';
import { get } from './get.js';
import { decr, incr } from './incr.js';
import { decrby, incrby } from './incrby.js';
import { set } from './set.js';

const OVERFLOW = '-ERR increment or decrement would overflow';
const NOT_INTEGER = '-ERR value is not an integer or out of range';
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

function tester(): CommandTester {
  return new CommandTester([set, get, append, incr, decr, incrby, decrby]);
}

test('INCR and DECR count from 0', () => {
  const t = tester();
  t.listen();
  assert.equal(t.run('INCR', 'up'), 1);
  assert.equal(t.run('DECR', 'down'), -1);
  for (let i = 2; i <= 101; i++) assert.equal(t.run('INCR', 'up'), i);
  assert.equal(t.run('GET', 'up'), '101');
  assert.equal(t.takeEvents()[0], 'incrby up');
  assert.equal(t.takeEffects()[2], '0 INCR up');
});

test('counting keeps the end, in place and when a digit is added', () => {
  const t = tester();
  t.run('SET', 'k', '8', 'PX', 50);
  for (const value of ['9', '10', '11']) {
    t.run('INCR', 'k');
    assert.deepEqual(t.dump().get('0 k'), { kind: STRING_AUTO, expiry: START_MS + 50, value });
  }
});

test('what was changed in place counts as integer again after INCR', () => {
  const t = tester();
  t.run('SET', 'k', '1');
  t.run('APPEND', 'k', '2');
  assert.equal(t.dump().get('0 k')?.kind, STRING_RAW);
  assert.equal(t.run('INCR', 'k'), 13);
  assert.equal(t.dump().get('0 k')?.kind, STRING_AUTO);
});

test('what is no integer is not counted', () => {
  const t = tester();
  for (const value of ['', ' 1', '1 ', '01', '+1', '-0', '1.0', 'a', '9223372036854775808']) {
    t.run('SET', 'k', value);
    assert.equal(t.run('INCR', 'k'), NOT_INTEGER, value);
    assert.equal(t.run('GET', 'k'), value);
  }
  t.keys.reencode(1);
  assert.match(String(t.run('DECR', 'k')), /^-WRONGTYPE /);
});

test('overflows of 64 bits change nothing', () => {
  const t = tester();
  t.run('SET', 'max', String(INT64_MAX));
  t.run('SET', 'min', String(INT64_MIN));
  assert.equal(t.run('INCR', 'max'), OVERFLOW);
  assert.equal(t.run('DECR', 'min'), OVERFLOW);
  assert.equal(t.run('INCRBY', 'max', String(INT64_MAX)), OVERFLOW);
  assert.equal(t.run('DECRBY', 'max', -1), OVERFLOW);
  assert.equal(t.run('DECRBY', 'max', String(INT64_MIN)), '-ERR decrement would overflow');
  assert.equal(t.run('GET', 'max'), String(INT64_MAX));
  assert.equal(t.run('INCRBY', 'min', String(INT64_MAX)), -1);
});

test('the argument of INCRBY is looked at before the key', () => {
  const t = tester();
  t.run('SET', 'k', 'x');
  t.keys.reencode(1);
  assert.equal(t.run('INCRBY', 'k', 'a'), NOT_INTEGER);
  assert.equal(t.run('DECRBY', 'k', '1.5'), NOT_INTEGER);
  assert.match(String(t.run('INCRBY', 'k', '1')), /^-WRONGTYPE /);
});

test('sums are exact over all of 64 bits', () => {
  const near = (centre: bigint) => fc.bigInt({ min: centre - 20n, max: centre + 20n });
  const integer = fc
    .oneof(
      fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
      near(2n ** 53n),
      near(-(2n ** 53n)),
      near(0n),
      near(INT64_MAX - 20n),
      near(INT64_MIN + 20n),
      near(2n ** 31n),
      near(10n ** 9n),
    )
    .filter((n) => n >= INT64_MIN && n <= INT64_MAX);
  const t = tester();
  fc.assert(
    fc.property(integer, integer, fc.boolean(), (value, by, subtract) => {
      t.run('SET', 'k', value);
      const raw = t.runRaw(subtract ? 'DECRBY' : 'INCRBY', 'k', by);
      const sum = subtract ? value - by : value + by;
      const fits = sum >= INT64_MIN && sum <= INT64_MAX && !(subtract && by === INT64_MIN);
      if (fits) assert.equal(raw, `:${sum}\r\n`);
      else assert.match(raw, /would overflow\r\n$/);
      assert.equal(t.run('GET', 'k'), String(fits ? sum : value));
    }),
    { numRuns: 3000 },
  );
});
