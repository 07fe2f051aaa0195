import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STRING_AUTO } from '../../values/string/type.js';
import { CommandTester, START_MS } from '../contract/test-support.js';
import { get } from './get.js';
import { set } from './set.js';
import { setrange } from './setrange.js';

const SYNTAX = '-ERR syntax error';
const INVALID = "-ERR invalid expire time in 'set' command";
const NOT_INTEGER = '-ERR value is not an integer or out of range';

function tester(): CommandTester {
  return new CommandTester([set, get, setrange]);
}

/** Puts something that is no string under a key. */
function putList(t: CommandTester, key: string): void {
  t.run('SET', key, 'x');
  t.keys.reencode(1);
  t.takeEffects();
}

test('SET stores any bytes and removes the old expiry', () => {
  const t = tester();
  assert.equal(t.run('SET', 'k', 'v', 'EX', 10), '+OK');
  assert.equal(t.run('SET', 'k', '\0\xff\r\n'), '+OK');
  assert.deepEqual(t.dump().get('0 k'), { kind: STRING_AUTO, expiry: 0, value: '\0\xff\r\n' });
  assert.deepEqual(t.takeEffects(), [`0 SET k v PXAT ${START_MS + 10_000}`, '0 SET k \0\xff\r\n']);
});

test('SET replaces a value of another type', () => {
  const t = tester();
  putList(t, 'k');
  assert.equal(t.run('SET', 'k', 'v'), '+OK');
  assert.equal(t.run('GET', 'k'), 'v');
});

test('NX and XX decide whether SET does anything', () => {
  const t = tester();
  assert.equal(t.run('SET', 'k', '1', 'XX'), null);
  assert.equal(t.run('SET', 'k', '1', 'nx'), '+OK');
  assert.equal(t.run('SET', 'k', '2', 'NX'), null);
  assert.equal(t.run('SET', 'k', '3', 'xx', 'XX'), '+OK');
  assert.equal(t.run('SET', 'k', '4', 'NX', 'XX'), SYNTAX);
  assert.equal(t.run('GET', 'k'), '3');
  assert.deepEqual(t.takeEffects(), ['0 SET k 1', '0 SET k 3']);
});

test('GET answers with the old value, whether SET does anything or not', () => {
  const t = tester();
  assert.equal(t.run('SET', 'k', 'a', 'GET'), null);
  assert.equal(t.run('SET', 'k', 'bb', 'GET'), 'a');
  assert.equal(t.run('SET', 'k', 'c', 'GET', 'NX'), 'bb');
  assert.equal(t.run('SET', 'absent', 'c', 'XX', 'GET'), null);
  assert.equal(t.run('GET', 'k'), 'bb');
  assert.equal(t.run('GET', 'absent'), null);
  putList(t, 'list');
  const wrongType = '-WRONGTYPE Operation against a key holding the wrong kind of value';
  assert.equal(t.run('SET', 'list', 'c', 'GET'), wrongType);
  assert.equal(t.run('SET', 'list', 'c', 'NX', 'GET'), wrongType);
  assert.deepEqual(t.takeEffects(), []);
});

test('EX, PX, EXAT and PXAT give the key its end, absolute for the replicas', () => {
  const t = tester();
  const later = START_MS / 1000 + 5;
  for (const [option, time, expiry] of [
    ['EX', 5, START_MS + 5000],
    ['PX', 5, START_MS + 5],
    ['EXAT', later, later * 1000],
    ['PXAT', START_MS + 7, START_MS + 7],
    ['PXAT', 1, 1],
  ] as const) {
    assert.equal(t.run('SET', 'k', 'v', option, time), '+OK');
    assert.equal(t.dump().get('0 k')?.expiry, expiry);
    assert.deepEqual(t.takeEffects(), [`0 SET k v PXAT ${expiry}`]);
  }
  assert.equal(t.run('GET', 'k'), null);
});

test('KEEPTTL keeps the expiry', () => {
  const t = tester();
  t.run('SET', 'k', 'v', 'PX', 50);
  t.takeEffects();
  assert.equal(t.run('SET', 'k', 'w', 'KEEPTTL'), '+OK');
  assert.equal(t.dump().get('0 k')?.expiry, START_MS + 50);
  assert.deepEqual(t.takeEffects(), [`0 SET k w PXAT ${START_MS + 50}`]);
  assert.equal(t.run('SET', 'new', 'w', 'KEEPTTL'), '+OK');
  assert.equal(t.dump().get('0 new')?.expiry, 0);
  // The end of a key that has gone is not for the next one.
  t.now += 51;
  t.run('SET', 'k', 'x', 'KEEPTTL');
  assert.equal(t.dump().get('0 k')?.expiry, 0);
});

test('the ways to say when a key ends exclude each other, but not themselves', () => {
  const t = tester();
  for (const options of [
    ['EX', 1, 'PX', 1],
    ['KEEPTTL', 'EX', 1],
    ['EX', 1, 'KEEPTTL'],
    ['PXAT', 1, 'EXAT', 1],
    ['PERSIST'],
    ['EX'],
    ['FOO'],
    [''],
    ['EX', 'a', 'FOO'],
  ]) {
    assert.equal(t.run('SET', 'k', 'v', ...options), SYNTAX, options.join(' '));
  }
  assert.equal(t.run('SET', 'k', 'v', 'EX', 1, 'EX', 100), '+OK');
  assert.equal(t.dump().get('0 k')?.expiry, START_MS + 100_000);
});

test('times that are none, not positive or beyond 64 bits are refused', () => {
  const t = tester();
  assert.equal(t.run('SET', 'k', 'v', 'EX', 'a'), NOT_INTEGER);
  assert.equal(t.run('SET', 'k', 'v', 'EX', '9223372036854775808'), NOT_INTEGER);
  for (const time of ['0', '-1', '9223372036854775807', '9223372036854775']) {
    assert.equal(t.run('SET', 'k', 'v', 'EX', time), INVALID);
    if (time.length !== 16) assert.equal(t.run('SET', 'k', 'v', 'PX', time), INVALID);
  }
  assert.equal(t.run('SET', 'k', 'v', 'PXAT', Number.MAX_SAFE_INTEGER), '+OK');
  assert.equal(t.dump().get('0 k')?.expiry, Number.MAX_SAFE_INTEGER);
});

test('SET tells its events', () => {
  const t = tester();
  t.listen();
  t.run('SET', 'k', 'v');
  t.run('SET', 'k', 'v', 'EX', 10);
  t.run('SET', 'k', 'v', 'NX');
  assert.deepEqual(t.takeEvents(), ['set k', 'set k', 'expire k']);
});

test('only SET with GET counts as a read', () => {
  const t = tester();
  t.run('SET', 'k', 'v');
  t.run('SET', 'k', 'v', 'XX');
  assert.equal(t.keys.hits + t.keys.misses, 0);
  t.run('SET', 'k', 'v', 'GET');
  t.run('SET', 'l', 'v', 'GET');
  assert.deepEqual([t.keys.hits, t.keys.misses], [1, 1]);
});

test('a shard without room answers OOM and keeps what it has', () => {
  const t = new CommandTester([set, get], { shards: 1, shardBytes: 4 * 1024 * 1024 });
  const large = 'x'.repeat(1_500_000);
  assert.equal(t.run('SET', 'a', 'small'), '+OK');
  let stored = 0;
  while (stored < 10 && t.run('SET', `k${stored}`, large) === '+OK') stored++;
  assert.ok(stored < 10, 'a 4 MiB shard is full at some point');
  t.takeEffects();
  assert.equal(
    t.run('SET', 'a', large, 'GET'),
    '-OOM shard 0 of 1 is full (4194304 bytes): delete some of its keys, or restart with a larger ' +
      'shard-bytes, more shards or, for keys with one hash tag, a larger shard-spread',
  );
  assert.deepEqual(t.takeEffects(), []);
  assert.equal(t.run('GET', 'a'), 'small');
  t.check();
});
