/**
 * Replaying the effects of string and bitmap commands gives a second keyspace the same keys, values
 * and ends: what replication and persistence rely on.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bitfield } from '../bitmap/bitfield.js';
import { bitop } from '../bitmap/bitop.js';
import { setbit } from '../bitmap/setbit.js';
import { CommandTester, type Word } from '../contract/test-support.js';
import { del } from '../generic/del.js';
import { pexpireat } from '../generic/expire.js';
import { append } from './append.js';
import { getdel } from './getdel.js';
import { getex } from './getex.js';
import { getset } from './getset.js';
import { decr, incr } from './incr.js';
import { incrby } from './incrby.js';
import { incrbyfloat } from './incrbyfloat.js';
import { mset } from './mset.js';
import { msetnx } from './msetnx.js';
import { set } from './set.js';
import { psetex, setex } from './setex.js';
import { setnx } from './setnx.js';
import { setrange } from './setrange.js';

const strings = [append, getdel, getex, getset, decr, incr, incrby, incrbyfloat, mset, msetnx];
const others = [set, setex, psetex, setnx, setrange, bitfield, bitop, setbit];
const replayed = [del, pexpireat];

const key = fc.constantFrom('a', 'b', 'c', 'd{a}');
const value = fc.oneof(
  fc.integer({ min: -20, max: 200 }).map(String),
  fc.constantFrom('', '1.5', 'x'.repeat(50), 'y'.repeat(9000), '9223372036854775807'),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => String.fromCharCode(...bytes)),
);
const small = fc.integer({ min: 1, max: 40 });
const end = fc.oneof(
  fc.tuple(fc.constant('PX'), small.map(String)),
  fc.tuple(fc.constantFrom('EX', 'EXAT'), fc.constantFrom('1', '3')),
  fc.constant(['KEEPTTL']),
  fc.constant(['NX']),
  fc.constant(['GET']),
);
const ending = fc.oneof(
  fc.tuple(fc.constant('PX'), small.map(String)),
  fc.constant(['PERSIST']),
  fc.constant(['PXAT', '1']),
  fc.constant([]),
);
const bits = fc.constantFrom('u8', 'i8', 'u33', 'i64', 'u3');
const field = fc.oneof(
  fc.tuple(fc.constantFrom('SET', 'INCRBY'), bits, small.map(String), value),
  fc.constantFrom(['OVERFLOW', 'FAIL'], ['OVERFLOW', 'SAT']),
);

const command: fc.Arbitrary<Word[]> = fc.oneof(
  fc.tuple(fc.constantFrom('GETSET', 'APPEND', 'SETNX', 'INCRBY', 'INCRBYFLOAT'), key, value),
  fc.tuple(fc.constantFrom('INCR', 'DECR', 'GETDEL'), key),
  fc.tuple(key, value, end).map(([k, v, options]) => ['SET', k, v, ...options]),
  fc.tuple(key, ending).map(([k, options]) => ['GETEX', k, ...options]),
  fc.tuple(fc.constantFrom('SETEX', 'PSETEX'), key, small.map(String), value),
  fc.tuple(fc.constantFrom('MSET', 'MSETNX'), key, value, key, value),
  fc.tuple(fc.constant('SETRANGE'), key, small, value),
  fc.tuple(fc.constant('SETBIT'), key, fc.nat(200), fc.constantFrom('0', '1')),
  fc.tuple(fc.constant('BITOP'), fc.constantFrom('AND', 'OR', 'XOR'), key, key, key),
  fc.tuple(key, fc.array(field, { maxLength: 3 })).map(([k, f]) => ['BITFIELD', k, ...f.flat()]),
);

test('the effects of any commands make the same dataset elsewhere', () => {
  const primary = new CommandTester([...strings, ...others]);
  const replica = new CommandTester([...strings, ...others, ...replayed]);
  const step = fc.tuple(command, fc.integer({ min: 0, max: 3 }));
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      for (const [words, passed] of steps) {
        primary.now += passed;
        replica.now = primary.now;
        primary.run(...words);
        for (const effect of primary.effectVectors) {
          replica.session.database = effect.database;
          const raw = replica.runRaw(...asStringCommand(effect.words));
          assert.ok(!raw.startsWith('-'), `${effect.words.join(' ')}: ${raw}`);
        }
        primary.takeEffects();
        replica.takeEffects();
      }
      assert.deepEqual(liveKeys(replica), liveKeys(primary));
      primary.check();
    }),
    { numRuns: 150 },
  );
});

/** PERSIST by a command of this group. */
function asStringCommand(words: readonly string[]): readonly string[] {
  return words[0] === 'PERSIST' ? ['GETEX', words[1]!, 'PERSIST'] : words;
}

/** Keys with value and end; the encoding may differ (an effect stores the outcome anew). */
function liveKeys(t: CommandTester): [string, string, number][] {
  const keys: [string, string, number][] = [];
  for (const [name, { value: text, expiry }] of t.dump()) {
    if (expiry === 0 || expiry >= t.now) keys.push([name, text, expiry]);
  }
  return keys;
}
