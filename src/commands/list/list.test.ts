/** What Redis 7.0.15 answers at the edges of the list commands, its events, and the effects. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { CommandTester } from '../contract/test-support.js';
import { elementsOf, listTester, replay } from './lib/testing.js';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_INTEGER = '-ERR value is not an integer or out of range';
const SYNTAX = '-ERR syntax error';

let t: CommandTester;

beforeEach(() => {
  t = listTester();
  t.run('SET', 's', 'text');
  t.run('RPUSH', 'l', 'a', 'b', 'c', 'b');
  t.takeEffects();
});

test('every list command refuses a value of another type', () => {
  for (const words of [
    ...['LPUSH s a', 'RPUSH s a', 'LPUSHX s a', 'RPUSHX s a', 'LPOP s', 'RPOP s 1', 'LLEN s'],
    ...['LRANGE s 0 1', 'LINDEX s x', 'LSET s x a', 'LINSERT s BEFORE a b', 'LREM s 0 a'],
    ...['LTRIM s 0 1', 'LPOS s a', 'LMOVE s l LEFT LEFT', 'LMOVE l s LEFT LEFT'],
    ...['RPOPLPUSH l s', 'LMPOP 2 none s LEFT'],
  ]) {
    assert.equal(t.run(...words.split(' ')), WRONG_TYPE, words);
    assert.equal(t.changes, 0, words);
  }
});

test('a key that is not there', () => {
  assert.equal(t.run('LPUSHX', 'none', 'a'), 0);
  assert.equal(t.runRaw('LPOP', 'none'), '$-1\r\n');
  assert.equal(t.runRaw('LPOP', 'none', '0'), '*-1\r\n');
  assert.equal(t.runRaw('LMPOP', '1', 'none', 'LEFT'), '*-1\r\n');
  assert.equal(t.runRaw('LMOVE', 'none', 's', 'LEFT', 'LEFT'), '$-1\r\n');
  assert.deepEqual(t.run('LRANGE', 'none', 0, -1), []);
  assert.equal(t.run('LINDEX', 'none', 'x'), null);
  assert.equal(t.run('LSET', 'none', 'x', 'a'), '-ERR no such key');
  assert.equal(t.run('LINSERT', 'none', 'BEFORE', 'a', 'b'), 0);
  assert.equal(t.run('LREM', 'none', 0, 'a'), 0);
  assert.equal(t.run('LTRIM', 'none', 0, 1), '+OK');
  assert.equal(t.runRaw('LPOS', 'none', 'a'), '$-1\r\n');
  assert.deepEqual(t.run('LPOS', 'none', 'a', 'COUNT', 0), []);
  t.session.protocol = 3;
  assert.equal(t.runRaw('LPOP', 'none', '1'), '_\r\n');
});

test('counts and indexes', () => {
  const positive = '-ERR value is out of range, must be positive';
  for (const count of ['-1', 'x', '9223372036854775808', '']) {
    assert.equal(t.run('LPOP', 'l', count), positive, count);
  }
  assert.equal(t.run('RPOP', 'l', 1, 2), "-ERR wrong number of arguments for 'rpop' command");
  assert.deepEqual(t.run('LPOP', 'l', 0), []);
  assert.equal(t.changes, 0);
  assert.equal(t.run('LINDEX', 'l', 'x'), NOT_INTEGER);
  assert.equal(t.run('LSET', 'l', 'x', 'a'), NOT_INTEGER);
  assert.equal(t.run('LSET', 'l', 4, 'a'), '-ERR index out of range');
  assert.equal(t.run('LSET', 'l', -5, 'a'), '-ERR index out of range');
  assert.equal(t.run('LREM', 's', 'x', 'a'), NOT_INTEGER);
  assert.equal(t.run('LTRIM', 's', 0, 'x'), NOT_INTEGER);
  assert.equal(t.run('LRANGE', 's', 'x', 0), NOT_INTEGER);
  assert.deepEqual(t.run('LRANGE', 'l', '-9223372036854775808', '9223372036854775807'), [
    ...['a', 'b', 'c', 'b'],
  ]);
  assert.equal(t.run('LREM', 'l', '-9223372036854775808', 'b'), 2);
  assert.deepEqual(t.run('RPOP', 'l', '9223372036854775807'), ['c', 'a']);
});

test('LMPOP: its counts come before its keys', () => {
  assert.equal(t.run('LMPOP', 0, 'l', 'LEFT'), '-ERR numkeys should be greater than 0');
  assert.equal(t.run('LMPOP', 'x', 'l', 'LEFT'), '-ERR numkeys should be greater than 0');
  assert.equal(t.run('LMPOP', 9, 'l', 'LEFT'), SYNTAX);
  assert.equal(t.run('LMPOP', 1, 'l', 'UP'), SYNTAX);
  assert.equal(t.run('LMPOP', 1, 's', 'LEFT', 'COUNT'), SYNTAX);
  assert.equal(t.run('LMPOP', 1, 's', 'LEFT', 'FOO', 1), SYNTAX);
  assert.equal(t.run('LMPOP', 1, 's', 'LEFT', 'COUNT', 1, 'COUNT', 1), SYNTAX);
  assert.equal(
    t.run('LMPOP', 1, 's', 'LEFT', 'COUNT', 0, 'COUNT'),
    '-ERR count should be greater than 0',
  );
  assert.deepEqual(t.run('LMPOP', 2, 'none', 'l', 'RIGHT', 'COUNT', 2), ['l', ['b', 'c']]);
  assert.deepEqual(t.takeEffects(), ['0 RPOP l 2']);
});

test('LPOS: ranks, counts and lengths', () => {
  assert.equal(t.run('LPOS', 'l', 'b'), 1);
  assert.equal(t.run('LPOS', 'l', 'b', 'RANK', 2), 3);
  assert.equal(t.run('LPOS', 'l', 'b', 'RANK', -1), 3);
  assert.deepEqual(t.run('LPOS', 'l', 'b', 'COUNT', 0, 'RANK', -1), [3, 1]);
  assert.deepEqual(t.run('LPOS', 'l', 'b', 'COUNT', 1), [1]);
  assert.deepEqual(t.run('LPOS', 'l', 'b', 'COUNT', 0, 'MAXLEN', 3), [1]);
  assert.equal(t.run('LPOS', 'l', 'b', 'MAXLEN', 1), null);
  assert.deepEqual(t.run('LPOS', 'l', 'zz', 'COUNT', 5), []);
  assert.equal(
    t.run('LPOS', 's', 'b', 'RANK', 0),
    "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
      'or use negative to start from the end of the list',
  );
  assert.equal(t.run('LPOS', 'l', 'b', 'RANK', 'x'), NOT_INTEGER);
  assert.equal(t.run('LPOS', 'l', 'b', 'COUNT', -1), "-ERR COUNT can't be negative");
  assert.equal(t.run('LPOS', 'l', 'b', 'COUNT', 'x'), "-ERR COUNT can't be negative");
  assert.equal(t.run('LPOS', 'l', 'b', 'MAXLEN', 'x'), "-ERR MAXLEN can't be negative");
  assert.equal(t.run('LPOS', 'l', 'b', 'COUNT'), SYNTAX);
  assert.equal(t.run('LPOS', 'l', 'b', 'FOO', 1), SYNTAX);
  assert.equal(t.run('LPOS', 'l', 'b', 'RANK', '-9223372036854775808'), 3);
});

test('events come in the order of Redis', () => {
  t.listen();
  const eventsOf = (...words: string[]) => {
    t.run(...words);
    return t.takeEvents().join(', ');
  };
  assert.equal(eventsOf('RPUSH', 'm', '1', '2'), 'rpush m');
  assert.equal(eventsOf('LPUSHX', 'm', '0'), 'lpush m');
  assert.equal(eventsOf('LMOVE', 'm', 'n', 'LEFT', 'RIGHT'), 'rpush n, lpop m');
  assert.equal(eventsOf('RPOPLPUSH', 'm', 'm'), 'lpush m, rpop m');
  assert.equal(eventsOf('LMOVE', 'n', 'm', 'RIGHT', 'LEFT'), 'lpush m, rpop n, del n');
  assert.equal(eventsOf('LINSERT', 'm', 'BEFORE', '0', 'x'), 'linsert m');
  assert.equal(eventsOf('LSET', 'm', '0', 'y'), 'lset m');
  assert.equal(eventsOf('LREM', 'm', '0', 'nothing'), '');
  assert.equal(eventsOf('LREM', 'm', '0', 'y'), 'lrem m');
  assert.equal(eventsOf('LTRIM', 'm', '0', '100'), 'ltrim m');
  assert.equal(eventsOf('LPOP', 'm', '1'), 'lpop m');
  assert.equal(eventsOf('LTRIM', 'm', '5', '1'), 'ltrim m, del m');
  assert.equal(eventsOf('LMPOP', '1', 'l', 'RIGHT', 'COUNT', '9'), 'rpop l, del l');
});

test('a list that becomes empty has one effect, DEL; two keys have one effect each', () => {
  t.run('LPOP', 'l', 9);
  assert.deepEqual(t.takeEffects(), ['0 DEL l']);
  t.run('RPUSH', 'l', 'a');
  t.run('RPUSH', 'other', 'x');
  t.takeEffects();
  t.run('LMOVE', 'l', 'other', 'LEFT', 'RIGHT');
  assert.deepEqual(t.takeEffects(), ['0 RPUSH other a', '0 DEL l']);
});

test('the only element of a list that expires goes round: the time stays', () => {
  const replica = listTester();
  t.run('RPUSH', 'one', 'a');
  t.run('PEXPIREAT', 'one', t.now + 1000);
  replay(t, replica);
  t.run('LMOVE', 'one', 'one', 'LEFT', 'RIGHT');
  assert.deepEqual(t.effects, ['0 LMOVE one one LEFT RIGHT']);
  replay(t, replica);
  for (const one of [t, replica]) {
    assert.deepEqual(elementsOf(one, 'one'), ['a']);
    assert.equal(one.run('PTTL', 'one'), 1000);
  }
});

test('OBJECT ENCODING says quicklist, as 7.0 does, whatever the form', () => {
  assert.equal(t.run('OBJECT', 'ENCODING', 'l'), 'quicklist');
  t.run('RPUSH', 'l', 'x'.repeat(10_000));
  assert.equal(t.run('OBJECT', 'ENCODING', 'l'), 'quicklist');
});

test('COPY of a list of pages is a list of its own, within a shard and to another', () => {
  for (let i = 0; i < 20; i++) {
    t.run('RPUSH', 'l', ...Array.from({ length: 100 }, (_, k) => `element ${i} ${k}`), '7', '');
  }
  t.run('RPUSH', 'l', 'x'.repeat(30_000));
  const elements = elementsOf(t, 'l') as string[];
  for (const target of ['a', 'b', 'c', 'd', 'e', 'f']) {
    assert.equal(t.run('COPY', 'l', target), 1);
    assert.deepEqual(elementsOf(t, target), elements);
    t.run('LPOP', target, 1000);
    assert.deepEqual(elementsOf(t, target), elements.slice(1000));
  }
  assert.deepEqual(elementsOf(t, 'l'), elements);
  t.run('RENAME', 'l', 'a');
  assert.deepEqual(elementsOf(t, 'a'), elements);
});

test('the effects of a copy rebuild it in parts, with its expiry last', () => {
  const replica = listTester();
  replica.run('SET', 'copy', 'replaced');
  t.run(
    'RPUSH',
    'l',
    ...Array.from({ length: 1500 }, (_, i) => String(i * 37)),
    'x'.repeat(90_000),
  );
  t.run('PEXPIREAT', 'l', t.now + 1000);
  t.takeEffects();
  t.run('COPY', 'l', 'copy');
  const verbs = t.effectVectors.map(({ words }) => `${words[0]} ${words.length - 2}`);
  assert.deepEqual(verbs, ['DEL 0', 'RPUSH 512', 'RPUSH 512', 'RPUSH 481', 'PEXPIREAT 1']);
  replay(t, replica);
  assert.deepEqual(elementsOf(replica, 'copy'), elementsOf(t, 'l'));
  assert.equal(replica.run('PTTL', 'copy'), 1000);
});
