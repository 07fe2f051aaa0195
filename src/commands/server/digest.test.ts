/** lib/sha1 and lib/digest: against node's SHA-1, and against digests of redis-server 7.0.15. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { definitionsOf } from '../../engine/definitions.js';
import * as select from '../connection/select.js';
import { CommandTester, START_MS } from '../contract/test-support.js';
import * as append from '../string/append.js';
import * as set from '../string/set.js';
import * as debug from './debug.js';
import { sha1, sha1Words } from './lib/sha1.js';

function hex(words: Uint32Array): string {
  return [...words].map((word) => word.toString(16).padStart(8, '0')).join('');
}

test('SHA-1 is that of node, for any length and place', () => {
  const words = new Uint32Array(5);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(70), (bytes, skipped) => {
      const from = Math.min(skipped, bytes.length);
      sha1(bytes, from, bytes.length - from, words);
      const expected = createHash('sha1').update(bytes.subarray(from)).digest('hex');
      assert.equal(hex(words), expected);
      sha1Words(words, words);
      const again = createHash('sha1').update(expected, 'hex').digest('hex');
      assert.equal(hex(words), again);
    }),
  );
});

function newTester(shards: number): CommandTester {
  return new CommandTester(definitionsOf([append, set, select, debug]), {
    shards,
    shardBytes: 4 * 1024 * 1024,
    server: {
      configuration: {
        value: () => 'yes',
        get: () => [],
        set: () => null,
        rewrite: () => null,
        mustSettle: () => false,
        settle: () => {},
      },
    },
  });
}

test('digests are those of redis-server 7.0.15, whatever the number of shards', () => {
  for (const shards of [1, 4, 16]) {
    const tester = newTester(shards);
    assert.equal(tester.run('DEBUG', 'DIGEST'), `+${'0'.repeat(40)}`);
    tester.run('SET', 'a', '1');
    tester.run('SET', 'b', 'hello');
    tester.run('APPEND', 'b', 'world');
    assert.equal(tester.run('DEBUG', 'DIGEST'), '+31f1f41ea0668a44fce7a00f4356fdccc71e8a67');
    assert.deepEqual(tester.run('DEBUG', 'DIGEST-VALUE', 'a', 'b', 'c'), [
      '+b4fc66738120fba0b5aa500ab5c2bf89cea1c5da',
      '+d87c56bb0bf36f8a07d2106a71a21b5567ac06f9',
      `+${'0'.repeat(40)}`,
    ]);
  }
});

test('a digest tells values, expiry and databases apart, not when a key expires', () => {
  const tester = newTester(4);
  const digest = () => String(tester.run('DEBUG', 'DIGEST'));
  tester.run('SET', 'a', '1');
  const plain = digest();
  tester.run('SET', 'a', '2');
  assert.notEqual(digest(), plain);
  tester.run('SET', 'a', '1', 'PX', '1000');
  const expiring = digest();
  assert.notEqual(expiring, plain);
  tester.run('SET', 'a', '1', 'PX', '5000');
  assert.equal(digest(), expiring);
  tester.run('SELECT', '1');
  tester.run('SET', 'a', '1');
  assert.notEqual(digest(), expiring);
  tester.now = START_MS + 6000;
  tester.run('SELECT', '0');
  // The key past its time does not count: database 1 alone is left.
  tester.run('SET', 'x', '1', 'PX', '1');
  tester.now += 10;
  const left = digest();
  assert.notEqual(left, expiring);
  assert.equal(digest(), left);
});
