/**
 * Within a script the key last found is found again without a search (`KeyLookup.recall`). Whatever commands have
 * done in between, and in a full shard, they answer and do the same as where each key is looked up.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommandDefinition } from '../commands/contract/definition.js';
import { CommandTester, type Word } from '../commands/contract/test-support.js';
import { commandModules } from '../commands/index.generated.js';
import { definitionsOf } from '../engine/definitions.js';
import { Table } from '../structures/table.js';
import { WORD_RECLAIM_PAGES } from './shard-words.js';

const DEFINITIONS = definitionsOf(commandModules) as CommandDefinition[];
const SMALL_SHARD_BYTES = 2 << 20;
/** Keys in the entry, with lengths of one and two bytes, and one in a run of its own. */
const KEYS = ['a', 'b', 'c', 'k'.repeat(200), 'K'.repeat(9000)];
const VALUES = ['1', 'v', 'x'.repeat(100), 'y'.repeat(3000), 'z'.repeat(20_000)];
const MILLISECONDS = ['-1', '1', '5', '100000'];

/** A command: K is a key, V a value, N a number of 1 to 9, M milliseconds. */
const SHAPES = [
  'GET K',
  'SET K V',
  'SET K V PX M',
  'SET K V KEEPTTL',
  'APPEND K V',
  'SETRANGE K N00 V',
  'INCR K',
  'GETDEL K',
  'GETEX K PERSIST',
  'MSET K V K V K V',
  'MSETNX K V K V',
  'DEL K',
  'DEL K K',
  'EXISTS K K',
  'TYPE K',
  'PTTL K',
  'PEXPIRE K M',
  'PERSIST K',
  'RENAME K K',
  'RENAMENX K K',
  'COPY K K REPLACE',
  'COPY K K DB 1',
  'MOVE K 1',
  'SELECT 0',
  'SELECT 1',
  'SWAPDB 0 1',
  'FLUSHDB',
  'HSET K fN V',
  'HDEL K fN',
  'HGET K fN',
  'HPEXPIRE K M FIELDS 1 fN',
  'RPUSH K V V',
  'LPOP K N',
  'LMOVE K K LEFT RIGHT',
  'SADD K N mN',
  'SREM K mN',
  'SMOVE K K mN',
  'SUNIONSTORE K K K',
  'ZADD K N mN',
  'ZADD K N V',
  'ZREMRANGEBYSCORE K 0 N',
  'ZCARD K',
  'ZRANGESTORE K K 0 -1',
  'XADD K N-N f V',
  'SORT K BY nosort STORE K',
  'OBJECT ENCODING K',
  'DBSIZE',
] as const;

/** Many keys in the tables of the others: frames fill, split, are compacted. */
const NEIGHBOURS = 40;

interface Step {
  readonly shape: string;
  readonly picks: readonly number[];
  readonly neighbours: 'put' | 'remove' | 'none';
  readonly passesMs: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  shape: fc.constantFrom(...SHAPES),
  picks: fc.array(fc.nat(8), { minLength: 8, maxLength: 8 }),
  neighbours: fc.oneof(
    { weight: 20, arbitrary: fc.constant('none' as const) },
    { weight: 2, arbitrary: fc.constant('put' as const) },
    { weight: 1, arbitrary: fc.constant('remove' as const) },
  ),
  passesMs: fc.oneof(
    { weight: 9, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.nat(20) },
  ),
});

function wordsOf({ shape, picks }: Step): Word[] {
  let next = 0;
  const pick = () => picks[next++ % picks.length]!;
  // The first keys are likelier: one command after the other is about the same one.
  return shape.split(' ').map((word) => {
    if (word === 'K') return KEYS[Math.max(0, pick() - 4)]!;
    if (word === 'V') return VALUES[pick() % VALUES.length]!;
    if (word === 'M') return MILLISECONDS[pick() % MILLISECONDS.length]!;
    return word.replace(/N(?=$|-|00)/g, () => String(pick() + 1));
  });
}

function commandsOf(steps: readonly Step[]): { words: Word[]; passesMs: number }[] {
  const commands: { words: Word[]; passesMs: number }[] = [];
  let neighbour = 0;
  for (const one of steps) {
    for (let i = 0; one.neighbours !== 'none' && i < NEIGHBOURS; i++) {
      const name = `neighbour:${neighbour}`;
      const puts = one.neighbours === 'put';
      if (!puts && neighbour === 0) break;
      commands.push({ words: puts ? ['SET', name, 'n'.repeat(300)] : ['DEL', name], passesMs: 0 });
      neighbour += puts ? 1 : -1;
    }
    commands.push({ words: wordsOf(one), passesMs: one.passesMs });
  }
  return commands;
}

function newTester(shardBytes: number): CommandTester {
  return new CommandTester(DEFINITIONS, { shards: 2, databases: 2, shardBytes });
}

/** What each key has; roots of collections differ by a random number. */
function stored(t: CommandTester): string[] {
  return [...t.dump()].map(([name, { kind, expiry, value }]) => {
    return `${name} ${kind} ${expiry} ${value.length}`;
  });
}

for (const shardBytes of [SMALL_SHARD_BYTES, 64 << 20]) {
  test(`recalled or looked up, keys are the same in shards of ${shardBytes >> 20} MiB`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => {
        const [recalling, plain] = [newTester(shardBytes), newTester(shardBytes)];
        recalling.keys.beginRecalling();
        for (const { words, passesMs } of commandsOf(steps)) {
          recalling.now += passesMs;
          plain.now += passesMs;
          const [ours, theirs] = [recalling.runRaw(...words), plain.runRaw(...words)];
          assert.equal(ours, theirs, words.join(' ').slice(0, 200));
          assert.deepEqual(recalling.takeEffects(), plain.takeEffects());
        }
        assert.deepEqual(stored(recalling), stored(plain));
        recalling.check();
      }),
      { numRuns: 150 },
    );
  });
}

test('a key of a table that was emptied at once, with no place left to put it aside, is not recalled', () => {
  const t = newTester(64 << 20);
  t.keys.beginRecalling();
  // A value that owns pages: its table is freed bit by bit, where there is a list for that.
  t.run('RPUSH', 'a', ...Array.from({ length: 5000 }, (_, i) => `element ${i}`));
  t.run('SET', 'b', 'v');
  t.run('EXISTS', 'a');
  for (const { words } of t.keys.shards.spaces) words[WORD_RECLAIM_PAGES] = 256;
  t.run('FLUSHDB');
  for (const { words } of t.keys.shards.spaces) words[WORD_RECLAIM_PAGES] = 0;
  assert.equal(t.run('EXISTS', 'a'), 0);
  assert.equal(t.run('LLEN', 'a'), 0);
});

test('a key is not recalled once the lock of its shard was given back: another thread may have been there', () => {
  const t = newTester(64 << 20);
  const { shards } = t.keys;
  t.keys.beginRecalling();
  t.run('SET', 'a', 'v');
  t.run('GET', 'a');
  const table = shards.table(t.keys.shard, 0);
  shards.lock(0);
  shards.unlock(0);
  const other = new Table(table.space, table.root);
  other.find(t.keys.keyRegion, t.keys.keyOffset, t.keys.keyLength, t.keys.h1, t.keys.h2);
  other.remove();
  other.compactFrame(0);
  assert.equal(t.run('GET', 'a'), null);
});
