/** The commands of HyperLogLogs as they write to the keyspace; test/differential compares replies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { STRING_AUTO, STRING_RAW } from '../../values/string/type.js';
import { setbit } from '../bitmap/setbit.js';
import { CommandTester } from '../contract/test-support.js';
import { get } from '../string/get.js';
import { set } from '../string/set.js';
import { setrange } from '../string/setrange.js';
import { pfadd } from './pfadd.js';
import { pfcount } from './pfcount.js';
import { pfdebug } from './pfdebug.js';
import { pfmerge } from './pfmerge.js';
import { pfselftest } from './pfselftest.js';

const DEFINITIONS = [pfadd, pfcount, pfdebug, pfmerge, pfselftest, get, set, setbit, setrange];
const SPARSE_BYTES_MAX = 300;

function tester(): CommandTester {
  const t = new CommandTester(DEFINITIONS);
  t.settings.sparseHyperLogLogBytesMax = SPARSE_BYTES_MAX;
  t.listen();
  return t;
}

/** As a flow thread of a replica replays effects. */
function replicaTester(): CommandTester {
  const t = new CommandTester(DEFINITIONS);
  t.keys.expiresKeys = false;
  return t;
}

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `element${i}`);

test('PFADD tells one event and its effect is the command, only when a register changed', () => {
  const t = tester();
  assert.equal(t.run('PFADD', 'h', 'a', 'b'), 1);
  assert.equal(t.run('PFADD', 'h', 'b', 'a'), 0);
  assert.equal(t.run('PFADD', 'h'), 0);
  assert.equal(t.run('PFADD', 'empty'), 1);
  assert.deepEqual(t.takeEffects(), ['0 PFADD h a b', '0 PFADD empty']);
  assert.deepEqual(t.takeEvents(), ['pfadd h', 'pfadd empty']);
});

test('when PFADD makes the value dense, the effect is the value, whatever limit a replica has', () => {
  const t = tester();
  t.run('PFADD', 'h', 'a');
  t.takeEffects();
  assert.equal(t.run('PFADD', 'h', ...many(400)), 1);
  assert.equal(t.run('PFDEBUG', 'ENCODING', 'h'), '+dense');
  assert.match(t.takeEffects()[0]!, /^0 SET h HYLL/);
  t.run('PFADD', 'h', 'one more');
  assert.deepEqual(t.takeEffects(), ['0 PFADD h one more']);
});

test('PFCOUNT keeps the cardinality in the value: a change of eight bytes, without an event', () => {
  const t = tester();
  t.run('PFADD', 'h', 'a', 'b', 'c');
  t.takeEffects();
  t.takeEvents();
  assert.equal(t.run('PFCOUNT', 'h'), 3);
  assert.equal(t.changes, 1);
  assert.deepEqual(t.takeEffects(), ['0 SETRANGE h 8 \x03\0\0\0\0\0\0\0']);
  assert.equal(t.run('PFCOUNT', 'h'), 3);
  assert.equal(t.run('PFCOUNT', 'h', 'none', 'h'), 3);
  assert.equal(t.run('PFCOUNT', 'none'), 0);
  assert.deepEqual(t.takeEffects(), []);
  assert.deepEqual(t.takeEvents(), []);
});

test('PFCOUNT on a replica, or while a replica lags, counts and changes nothing', () => {
  for (const prepare of [
    (t: CommandTester) => {
      t.keys.expiresKeys = false;
    },
    (t: CommandTester) => {
      t.keys.defersExpiry = () => true;
    },
  ]) {
    const t = tester();
    t.run('PFADD', 'h', 'a', 'b', 'c');
    prepare(t);
    t.takeEffects();
    const before = t.dump();
    assert.equal(t.run('PFCOUNT', 'h'), 3);
    assert.equal(t.changes, 0);
    assert.deepEqual(t.takeEffects(), []);
    assert.deepEqual(t.dump(), before);
  }
});

test('a string that SET stored becomes raw when it is about to be changed', () => {
  const t = tester();
  t.run('PFADD', 'h', 'a');
  const value = String(t.run('GET', 'h'));
  for (const command of ['PFADD c a', 'PFCOUNT c', 'PFDEBUG ENCODING c', 'PFMERGE c']) {
    t.run('SET', 'c', value);
    assert.equal(t.dump().get('0 c')?.kind, STRING_AUTO);
    t.run(...command.split(' '));
    assert.equal(t.dump().get('0 c')?.kind, STRING_RAW, command);
  }
});

test('a value that is none, or is corrupted, is refused, and nothing changes', () => {
  const t = tester();
  t.run('SET', 'text', 'no sketch');
  t.run('PFADD', 'good', 'a');
  t.run('SET', 'cut', String(t.run('GET', 'good')).slice(0, 17));
  t.run('SET', 'list', 'v');
  t.keys.reencode(1);
  const before = t.dump();
  t.takeEffects();
  const commands = [
    'PFADD _ x y',
    'PFCOUNT _',
    'PFCOUNT good _',
    'PFMERGE new _',
    'PFMERGE _ good',
  ];
  for (const command of [...commands, 'PFDEBUG TODENSE _', 'PFDEBUG GETREG _']) {
    const run = (key: string) => String(t.run(...command.replace('_', key).split(' ')));
    assert.equal(run('text'), '-WRONGTYPE Key is not a valid HyperLogLog string value.');
    assert.equal(run('cut'), '-INVALIDOBJ Corrupted HLL object detected', command);
    assert.match(run('list'), /^-WRONGTYPE Operation against/);
  }
  assert.deepEqual(t.takeEffects(), []);
  const values = [...t.dump()].map(([key, { value }]) => [key, value]);
  assert.deepEqual(
    values,
    [...before].map(([key, { value }]) => [key, value]),
  );
});

test('a shard without room leaves the value as it was', () => {
  const t = new CommandTester(DEFINITIONS, { shards: 1, shardBytes: 1 << 20 });
  t.settings.sparseHyperLogLogBytesMax = SPARSE_BYTES_MAX;
  t.run('PFADD', 'h', 'a');
  let answer = '';
  for (let i = 0; i < 100 && !answer.startsWith('-OOM'); i++) {
    answer = String(t.run('SET', `fill${i}`, 'x'.repeat(20_000)));
  }
  assert.match(answer, /^-OOM/);
  const before = t.run('GET', 'h');
  assert.match(String(t.run('PFADD', 'h', ...many(400))), /^-OOM/);
  assert.equal(t.run('GET', 'h'), before);
  assert.equal(t.run('PFADD', 'h', 'b'), 1);
  assert.equal(t.run('PFCOUNT', 'h'), 2);
  t.check();
});

test('PFSELFTEST finds nothing wrong', () => {
  assert.equal(tester().run('PFSELFTEST'), '+OK');
});

test('the effects of any commands make the same bytes elsewhere, whatever the limit is', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd{a}');
  const element = fc.nat(3000).map((n) => `e${n}`);
  const elements = fc.oneof(
    fc.array(element, { maxLength: 4 }),
    fc.array(element, { minLength: 50, maxLength: 120 }),
  );
  const command = fc.oneof(
    fc.tuple(key, elements).map(([k, words]) => ['PFADD', k, ...words]),
    fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => ['PFCOUNT', ...keys]),
    fc.array(key, { minLength: 1, maxLength: 3 }).map((keys) => ['PFMERGE', ...keys]),
    fc.tuple(fc.constantFrom('TODENSE', 'GETREG', 'DECODE'), key).map((w) => ['PFDEBUG', ...w]),
    fc.tuple(key, fc.nat(40)).map(([k, bit]) => ['SETBIT', k, String(bit + 128), '1']),
    key.map((k) => ['SET', k, 'text']),
  );
  fc.assert(
    fc.property(fc.array(command, { minLength: 1, maxLength: 40 }), (commands) => {
      const [primary, replica] = [tester(), replicaTester()];
      for (const words of commands) {
        primary.run(...words);
        for (const effect of primary.effectVectors.splice(0)) {
          const answer = replica.runRaw(...effect.words);
          assert.ok(!answer.startsWith('-'), `${effect.words[0]}: ${answer}`);
        }
      }
      const values = (t: CommandTester) => [...t.dump()].map(([name, { value }]) => [name, value]);
      assert.deepEqual(values(replica), values(primary));
      primary.check();
    }),
    { numRuns: 100 },
  );
});
