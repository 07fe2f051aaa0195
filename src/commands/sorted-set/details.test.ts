/** What random commands against redis-server do not show: newer options, chance, members twice. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { CommandTester } from '../contract/test-support.js';
import { geoadd } from '../geo/geoadd.js';
import { georadius, geosearchstore } from '../geo/geosearch.js';
import { sadd } from '../set/sadd.js';
import { set } from '../string/set.js';
import { zadd, zincrby } from './zadd.js';
import { zpopmin } from './zpopmin.js';
import { zrandmember } from './zrandmember.js';
import { zrange } from './zrange.js';
import { zrank, zrevrank } from './zrank.js';
import { zrem } from './zrem.js';
import { zremrangebyrank } from './zremrangebyrank.js';
import { zinter, zintercard, zunion, zunionstore } from './zunion.js';

let t: CommandTester;

beforeEach(() => {
  t = new CommandTester([
    ...[geoadd, georadius, geosearchstore, sadd, set, zadd, zpopmin, zrandmember, zrange, zrank],
    ...[zincrby, zrem, zremrangebyrank, zrevrank, zinter, zintercard, zunion, zunionstore],
  ]);
  t.listen();
});

test('ZINCRBY takes no options of ZADD, and reads them', () => {
  for (const word of ['NX', 'xx', 'GT', 'lt', 'CH', 'incr']) {
    assert.equal(t.run('ZINCRBY', 'none', word, 'member'), '-ERR syntax error');
  }
  assert.equal(t.run('ZINCRBY', 'z', '1', 'GT'), '1');
});

test('ZRANK and ZREVRANK tell the score too', () => {
  t.run('ZADD', 'a', 1, 'x', 2.5, 'y', 3, 'z');
  assert.deepEqual(t.run('ZRANK', 'a', 'y', 'WITHSCORE'), [1, '2.5']);
  assert.deepEqual(t.run('ZREVRANK', 'a', 'x', 'withscore'), [2, '1']);
  assert.equal(t.runRaw('ZRANK', 'a', 'none', 'WITHSCORE'), '*-1\r\n');
  assert.equal(t.runRaw('ZRANK', 'none', 'x', 'WITHSCORE'), '*-1\r\n');
  assert.equal(t.runRaw('ZRANK', 'none', 'x'), '$-1\r\n');
  assert.equal(t.run('ZRANK', 'a', 'y', 'WITHSCORES'), '-ERR syntax error');
  assert.equal(t.run('ZRANK', 'a', 'y', 'WITHSCORE', 'x'), '-ERR syntax error');
});

test('ZRANDMEMBER: distinct ones, or as often as wished, each as likely', () => {
  for (const size of [10, 1000]) {
    t.run('ZADD', `k${size}`, ...Array.from({ length: size }, (_, i) => [i, `m${i}`]).flat());
    for (const count of [1, 3, size - 1, size, size + 5]) {
      const some = t.run('ZRANDMEMBER', `k${size}`, count) as string[];
      assert.equal(some.length, Math.min(count, size));
      assert.equal(new Set(some).size, some.length);
    }
    const pairs = t.run('ZRANDMEMBER', `k${size}`, -300, 'WITHSCORES') as string[];
    assert.equal(pairs.length, 600);
    for (let i = 0; i < pairs.length; i += 2) assert.equal(pairs[i], `m${pairs[i + 1]}`);
  }
  const seen = new Set(Array.from({ length: 500 }, () => t.run('ZRANDMEMBER', 'k10')));
  assert.equal(seen.size, 10);
});

test('what is popped or removed by rank is named in the effect, unless it is very much', () => {
  const many = Array.from({ length: 4000 }, (_, i) => [i, `m${i}`]).flat();
  t.run('ZADD', 'a', ...many);
  t.takeEffects();
  t.run('ZPOPMIN', 'a', 2);
  t.run('ZREMRANGEBYRANK', 'a', 1, 2);
  t.run('ZREMRANGEBYRANK', 'a', 5, 2004);
  assert.deepEqual(t.takeEffects(), [
    '0 ZREM a m0 m1',
    '0 ZREM a m3 m4',
    '0 ZREMRANGEBYRANK a 5 2004',
  ]);
  t.takeEvents();
  t.run('ZADD', 'b', 1, 'x');
  t.run('ZPOPMIN', 'b');
  assert.deepEqual(t.takeEvents(), ['zadd b', 'zpopmin b', 'del b']);
});

test('sets are sources with scores of 1', () => {
  t.run('SADD', 'ints', 1, 2, 3);
  t.run('SADD', 'words', ...Array.from({ length: 2000 }, (_, i) => `w${i}`), 2);
  t.run('ZADD', 'b', 0.5, 2, 7, 'w5');
  const weighted = t.run('ZUNION', 2, 'ints', 'b', 'WEIGHTS', 2, 10, 'WITHSCORES');
  assert.deepEqual(weighted, ['1', '2', '3', '2', '2', '7', 'w5', '70']);
  assert.deepEqual(t.run('ZINTER', 3, 'ints', 'words', 'b', 'WITHSCORES'), ['2', '2.5']);
  assert.equal(t.run('ZINTERCARD', 2, 'words', 'words', 'LIMIT', 1500), 1500);
  assert.equal(t.run('ZUNIONSTORE', 'words', 2, 'words', 'words'), 2001);
  assert.deepEqual(t.run('ZRANGE', 'words', 0, 1, 'WITHSCORES'), ['2', '2', 'w0', '2']);
});

test('infinities that cancel each other out, and weights of 0, count as 0', () => {
  t.run('ZADD', 'a', '-inf', 'x', 'inf', 'y');
  t.run('ZADD', 'b', 'inf', 'x', 'inf', 'y');
  assert.deepEqual(t.run('ZUNION', 2, 'a', 'b', 'WITHSCORES'), ['x', '0', 'y', 'inf']);
  assert.deepEqual(t.run('ZINTER', 1, 'b', 'WEIGHTS', 0, 'WITHSCORES'), ['x', '0', 'y', '0']);
});

test('a position that a coarse grid finds twice is stored once', () => {
  t.run('GEOADD', 'a', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania');
  const around = ['FROMLONLAT', 15, 37, 'BYRADIUS', 30_000, 'km'];
  const stored = t.run('GEOSEARCHSTORE', 'b', 'a', ...around);
  assert.equal(stored, 2);
  assert.deepEqual(t.run('ZRANGE', 'b', 0, -1), ['Palermo', 'Catania']);
  assert.deepEqual(t.takeEvents().slice(-1), ['geosearchstore b']);
});

test('STORE given twice is an error, as only the first key is locked', () => {
  t.run('GEOADD', 'a', 13, 38, 'x');
  const radius = ['GEORADIUS', 'a', 13, 38, 10, 'km', 'STORE', 'b'];
  assert.equal(t.run(...radius), 1);
  assert.equal(t.run(...radius, 'STORE', 'c'), '-ERR syntax error');
  assert.equal(t.run(...radius, 'STOREDIST', 'c'), 1);
});

test('commands on other types change nothing', () => {
  t.run('SET', 's', 'x');
  t.run('ZADD', 'a', 1, 'x');
  for (const words of [
    ['ZADD', 's', 1, 'x'],
    ['ZREM', 's', 'x'],
    ['ZPOPMIN', 's'],
    ['ZUNIONSTORE', 'a', 2, 'a', 's'],
    ['GEOADD', 's', 1, 1, 'x'],
  ]) {
    assert.match(String(t.run(...words)), /^-WRONGTYPE/);
    assert.equal(t.changes, 0);
  }
  assert.equal(t.run('ZUNIONSTORE', 's', 1, 'a'), 1);
});
