/** The effects of the key commands, run on an empty server, give the same keys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandTester, type Word } from '../contract/test-support.js';
import { getex } from '../string/getex.js';
import { set } from '../string/set.js';
import { copy } from './copy.js';
import { del, unlink } from './del.js';
import { expire, expireat, pexpire, pexpireat } from './expire.js';
import { flushall, flushdb } from './flushall.js';
import { move } from './move.js';
import { persist } from './persist.js';
import { randomkey } from './randomkey.js';
import { rename, renamenx } from './rename.js';
import { swapdb } from './swapdb.js';

const DEFINITIONS = [
  ...[copy, del, expire, expireat, flushall, flushdb, getex, move, persist, pexpire, pexpireat],
  ...[randomkey, rename, renamenx, set, swapdb, unlink],
];

const key = fc.constantFrom('a', 'b', 'c', '{a}1', '{a}2');
const database = fc.constantFrom('0', '1', '2');
const command: fc.Arbitrary<Word[]> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constant('SET'), key, fc.constantFrom('1', 'value', 'x'.repeat(9000))),
  },
  fc.tuple(
    fc.constant('SET'),
    key,
    fc.constant('timed'),
    fc.constant('PX'),
    fc.constantFrom('5', '50'),
  ),
  fc.tuple(fc.constantFrom('DEL', 'UNLINK'), key, key),
  fc.tuple(fc.constantFrom('RENAME', 'RENAMENX', 'COPY'), key, key),
  fc.tuple(fc.constant('COPY'), key, key, fc.constant('DB'), database, fc.constant('REPLACE')),
  fc.tuple(fc.constant('MOVE'), key, database),
  fc.tuple(fc.constant('PEXPIRE'), key, fc.constantFrom('-1', '5', '50')),
  fc.tuple(fc.constant('PERSIST'), key),
  fc.tuple(fc.constant('SWAPDB'), database, database),
  fc.constantFrom<Word[]>(['FLUSHDB'], ['RANDOMKEY'], ['LATER']),
  fc.tuple(fc.constant('SELECT'), database),
);

/** What SWAPDB emits once for each shard is one command here, where all shards are one server. */
function replay(from: CommandTester, to: CommandTester): void {
  let swaps = 0;
  for (const { database: where, words } of from.effectVectors) {
    if (words[0] === 'SWAPDB' && swaps++ % from.keys.shards.count !== 0) continue;
    to.session.database = where;
    to.run(...words);
  }
}

test('property: effects lead to the same keys', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const t = new CommandTester(DEFINITIONS, { shardBytes: 1 << 22 });
      for (const words of commands) {
        if (words[0] === 'SELECT') t.session.database = Number(words[1]);
        else if (words[0] === 'LATER') t.now += 7;
        else t.run(...words);
      }
      t.check();
      const replica = new CommandTester(DEFINITIONS, { shardBytes: 1 << 22 });
      replica.keys.expiresKeys = false;
      replay(t, replica);
      assert.deepEqual(replica.dump(), t.dump());
    }),
    { numRuns: 300 },
  );
});
