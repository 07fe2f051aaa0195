/** SORT: its orders, what BY and GET find, what STORE leaves, and its errors, as Redis 7.0.15 has them. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Region } from '../../base/region.js';
import { findKeys } from '../../engine/key-places.js';
import { Registry } from '../../engine/registry.js';
import { TypeRegistry } from '../../keyspace/types.js';
import { Arguments } from '../../protocol/parser.js';
import { listType } from '../../values/list/type.js';
import { stringType } from '../../values/string/type.js';
import type { ValueType } from '../../values/value-type.js';
import { KeyPlaces } from '../contract/key-flags.js';
import { CommandTester } from '../contract/test-support.js';
import { llen } from '../list/llen.js';
import { lrange } from '../list/lrange.js';
import { rpush } from '../list/push.js';
import { set } from '../string/set.js';
import { exists } from './exists.js';
import { pexpireat } from './expire.js';
import { sortNumber } from './lib/sort-number.js';
import { readsOtherKeys } from './lib/sort-options.js';
import { sort, sortRo } from './sort.js';

const DEFINITIONS = [exists, llen, lrange, pexpireat, rpush, set, sort, sortRo];
const NOT_NUMBERS = "-ERR One or more scores can't be converted into double";

let t: CommandTester;

beforeEach(() => {
  t = new CommandTester(DEFINITIONS);
  t.run('RPUSH', 'n', 3, 1, 2, 10);
  t.run('RPUSH', 'w', 'b', 'a', 'C', '10', '9');
  for (const [key, weight] of Object.entries({ w1: 30, w2: 20, w3: 10 })) {
    t.run('SET', key, weight);
  }
  t.takeEffects();
});

test('numbers, strings, both ways, and parts', () => {
  assert.deepEqual(t.run('SORT', 'n'), ['1', '2', '3', '10']);
  assert.deepEqual(t.run('SORT', 'n', 'DESC'), ['10', '3', '2', '1']);
  assert.deepEqual(t.run('SORT', 'n', 'ALPHA'), ['1', '10', '2', '3']);
  assert.deepEqual(t.run('SORT', 'n', 'DESC', 'ASC', 'LIMIT', 1, 2), ['2', '3']);
  assert.deepEqual(t.run('SORT_RO', 'w', 'ALPHA'), ['10', '9', 'C', 'a', 'b']);
  assert.equal(t.run('SORT', 'w'), NOT_NUMBERS);
  assert.deepEqual(t.run('SORT', 'n', 'LIMIT', -3, -3), ['1', '2', '3', '10']);
  assert.deepEqual(t.run('SORT', 'n', 'LIMIT', 4, 1), []);
  assert.deepEqual(t.run('SORT', 'n', 'LIMIT', '9223372036854775807', '9223372036854775807'), []);
  assert.deepEqual(t.run('SORT', 'none'), []);
  assert.equal(t.changes, 0);
});

test('equal numbers go by their bytes', () => {
  t.run('RPUSH', 'e', '1.0', '+1', '1', '-inf', 'inf', '1e0', '-inf');
  assert.deepEqual(t.run('SORT', 'e'), ['-inf', '-inf', '+1', '1', '1.0', '1e0', 'inf']);
  assert.deepEqual(t.run('SORT', 'e', 'DESC'), ['inf', '1e0', '1.0', '1', '+1', '-inf', '-inf']);
});

test('BY weights of other keys; what is absent counts as 0, or comes first', () => {
  assert.deepEqual(t.run('SORT', 'n', 'BY', 'w*'), ['10', '3', '2', '1']);
  assert.deepEqual(t.run('SORT', 'n', 'BY', 'w*', 'ALPHA', 'DESC'), ['1', '2', '3', '10']);
  t.run('SET', 'w10', 'x');
  assert.equal(t.run('SORT', 'n', 'BY', 'w*'), NOT_NUMBERS);
  t.run('SET', 'w10', '25');
  t.run('PEXPIREAT', 'w10', t.now + 5);
  assert.deepEqual(t.run('SORT', 'n', 'BY', 'w*'), ['3', '2', '10', '1']);
  t.now += 10;
  assert.deepEqual(t.run('SORT', 'n', 'BY', 'w*'), ['10', '3', '2', '1']);
  assert.equal(t.run('EXISTS', 'w10'), 0);
});

test('without a star there is nothing to sort by: elements stay in their order', () => {
  assert.deepEqual(t.run('SORT', 'n', 'BY', 'nosort'), ['3', '1', '2', '10']);
  assert.deepEqual(t.run('SORT', 'n', 'BY', '#', 'DESC', 'LIMIT', 1, 2), ['2', '1']);
  assert.deepEqual(t.run('SORT', 'w', 'BY', 'a\0*', 'LIMIT', 3, 9), ['10', '9']);
});

test('GET: elements, other keys, and what there is not', () => {
  assert.deepEqual(t.run('SORT', 'n', 'GET', '#', 'GET', 'w*', 'LIMIT', 2, 2), [
    ...['3', '10', '10', null],
  ]);
  assert.deepEqual(t.run('SORT', 'n', 'GET', 'w1', 'LIMIT', 0, 1), [null]);
  // A list is no string, and a string has no fields.
  t.run('RPUSH', 'list:1', 'x');
  assert.deepEqual(t.run('SORT', 'n', 'GET', 'list:*', 'LIMIT', 0, 1), [null]);
  assert.deepEqual(t.run('SORT', 'n', 'GET', 'w*->f', 'LIMIT', 0, 1), [null]);
  t.run('SET', 'w1->', 'arrow');
  assert.deepEqual(t.run('SORT', 'n', 'GET', 'w*->', 'LIMIT', 0, 1), ['arrow']);
});

test('STORE makes a list, in place of anything; of nothing, it removes the key', () => {
  t.listen();
  t.run('PEXPIREAT', 'w1', t.now + 1000);
  assert.equal(t.run('SORT', 'n', 'GET', '#', 'GET', 'w*', 'STORE', 'w1'), 8);
  assert.deepEqual(t.run('LRANGE', 'w1', 0, -1), ['1', '30', '2', '20', '3', '10', '10', '']);
  assert.deepEqual(t.takeEvents(), ['expire w1', 'sortstore w1']);
  assert.deepEqual(t.takeEffects().slice(-2), ['0 DEL w1', '0 RPUSH w1 1 30 2 20 3 10 10 ']);
  assert.equal(t.run('SORT', 'n', 'STORE', 'n'), 4);
  assert.deepEqual(t.run('LRANGE', 'n', 0, -1), ['1', '2', '3', '10']);
  assert.equal(t.run('SORT', 'none', 'STORE', 'w2'), 0);
  assert.equal(t.run('SORT', 'none', 'STORE', 'w2'), 0);
  assert.deepEqual(t.takeEvents(), ['sortstore n', 'del w2']);
  assert.equal(t.run('SORT', 'w', 'STORE', 'w3'), NOT_NUMBERS);
  assert.equal(t.run('EXISTS', 'w3'), 1);
});

test('many elements become a list of pages; a full shard keeps what is there', () => {
  t.run('RPUSH', 'many', ...Array.from({ length: 5000 }, (_, i) => (i * 7919) % 5000));
  assert.equal(t.run('SORT', 'many', 'STORE', 'w'), 5000);
  assert.deepEqual(
    t.run('LRANGE', 'w', 0, -1),
    Array.from({ length: 5000 }, (_, i) => String(i)),
  );
  const small = new CommandTester(DEFINITIONS, { shards: 1, shardBytes: 1 << 20 });
  small.run('RPUSH', 'k', ...Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(8000, 'x')));
  assert.match(String(small.run('SORT', 'k', 'ALPHA', 'STORE', 'k')), /^-OOM/);
  assert.match(String(small.run('SORT', 'k', 'ALPHA', 'STORE', 'new')), /^-OOM/);
  assert.equal(small.run('LLEN', 'k'), 60);
  assert.equal(small.run('EXISTS', 'new'), 0);
});

test('errors: the first argument that is wrong counts, before the key', () => {
  const syntax = '-ERR syntax error';
  for (const words of ['FOO', 'LIMIT 0', 'BY', 'GET', 'STORE', 'GET # LIMIT 1']) {
    assert.equal(t.run('SORT', 'w1', ...words.split(' ')), syntax, words);
  }
  assert.equal(t.run('SORT_RO', 'n', 'STORE', 'x'), syntax);
  const notInteger = '-ERR value is not an integer or out of range';
  assert.equal(t.run('SORT', 'n', 'LIMIT', 0, 'x', 'FOO'), notInteger);
  assert.equal(t.run('SORT', 'n', 'FOO', 'LIMIT', 'x', 0), syntax);
  assert.match(String(t.run('SORT', 'w1')), /^-WRONGTYPE/);
});

test('a type without an order of its own: what is stored is sorted all the same', () => {
  const unordered: ValueType = {
    ...listType,
    sortable: { ...listType.sortable!, areOrdered: false },
    field(_value, name, offset, length, _nowMs, found) {
      Object.assign(found, { region: name, offset, length });
      return true;
    },
  };
  t = new CommandTester(DEFINITIONS, { types: new TypeRegistry([stringType, unordered]) });
  t.run('RPUSH', 's', 'b', 'c', 'a');
  assert.deepEqual(t.run('SORT', 's', 'BY', 'nosort', 'LIMIT', 1, 2), ['c', 'a']);
  t.run('SORT', 's', 'BY', 'nosort', 'STORE', 'stored');
  assert.deepEqual(t.run('LRANGE', 'stored', 0, -1), ['a', 'b', 'c']);
  t.run('RPUSH', 'h:a', 'x');
  assert.deepEqual(t.run('SORT', 's', 'ALPHA', 'GET', 'h:*->field'), ['field', null, null]);
});

function vector(...words: string[]): Arguments {
  const args = new Arguments();
  const region = new Region(new SharedArrayBuffer(4096), 0);
  let at = 0;
  for (const word of words) {
    region.bytes.set(Buffer.from(word, 'latin1'), at);
    args.push(at, word.length);
    at += word.length;
  }
  args.region = region;
  return args;
}

test('all shards are needed where a pattern names keys', () => {
  const reads = (...words: string[]) => readsOtherKeys(vector('SORT', 'k', ...words));
  assert.ok(reads('BY', 'w*'));
  assert.ok(reads('GET', '#', 'GET', '*->f', 'STORE', 'x'));
  assert.ok(!reads('BY', 'nosort', 'GET', '#', 'GET', 'plain'));
  assert.ok(!reads('STORE', 'by*', 'ALPHA'));
  assert.ok(reads('STORE', 'by', 'GET', 'w*'));
});

test('the key of STORE is found as the command finds it', () => {
  const { keys } = new Registry([sort]).all[0]!;
  const found = (...words: string[]) => {
    const places = new KeyPlaces();
    assert.ok(findKeys(keys, vector('SORT', 'k', ...words), places));
    return [...places.index.slice(0, places.count)];
  };
  assert.deepEqual(found(), [1]);
  assert.deepEqual(found('STORE', 'a'), [1, 3]);
  assert.deepEqual(found('BY', 'STORE', 'STORE', 'b', 'STORE', 'c'), [1, 7]);
  assert.deepEqual(found('STORE', 'by', 'STORE', 'b'), [1, 5]);
  assert.deepEqual(found('LIMIT', 'STORE', 'x'), [1]);
});

test('numbers are what strtod takes', () => {
  const region = new Region(new SharedArrayBuffer(64), 0);
  const number = (text: string) => {
    region.bytes.set(Buffer.from(text, 'latin1'));
    return sortNumber(region, 0, text.length);
  };
  assert.equal(number(''), 0);
  assert.equal(number(' \t12'), 12);
  assert.equal(number('0x1p4'), 16);
  assert.equal(number('7\0rest'), 7);
  assert.equal(number('-infinity'), -Infinity);
  assert.equal(number('2.2250738585072014e-308'), 2.2250738585072014e-308);
  assert.equal(number('0x1p-1074'), 5e-324);
  for (const text of ['nan', ' ', '1 ', '1e400', '1e-400', '5e-324', '1e', 'x', '--1']) {
    assert.ok(Number.isNaN(number(text)), text);
  }
});
