/** The tools of the differential tests: they repeat, they see differences, they shrink. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bulkReply, integerReply } from '../support/reply.js';
import { chunkSequence } from './campaign.js';
import { repliesAgree } from './comparison.js';
import { datasetDifference } from './dataset.js';
import type { Mismatch } from './replay.js';
import type { Sequence } from './sequence.js';
import { shrink } from './shrink.js';

test('the same seed and chunk give the same sequence', () => {
  assert.deepEqual(chunkSequence(7, 3), chunkSequence(7, 3));
  assert.notDeepEqual(chunkSequence(7, 3), chunkSequence(8, 3));
  assert.notDeepEqual(chunkSequence(7, 3), chunkSequence(7, 4));
});

test('replies of another type, or with other bytes, do not agree', () => {
  assert.ok(repliesAgree(['GET', 'k'], bulkReply('1'), bulkReply('1')));
  assert.ok(!repliesAgree(['GET', 'k'], bulkReply('1'), integerReply(1)));
  assert.ok(!repliesAgree(['GET', 'k'], bulkReply('1'), bulkReply('1 ')));
  const nulls = [
    { type: 'null', text: '$-1' },
    { type: 'null', text: '*-1' },
  ] as const;
  assert.ok(!repliesAgree(['GET', 'k'], nulls[0], nulls[1]));
});

test('times left may differ a little, answers about no key and no expiry may not', () => {
  assert.ok(repliesAgree(['ttl', 'k'], integerReply(1000), integerReply(1002)));
  assert.ok(!repliesAgree(['ttl', 'k'], integerReply(1000), integerReply(1100)));
  assert.ok(!repliesAgree(['ttl', 'k'], integerReply(-1), integerReply(-2)));
  assert.ok(repliesAgree(['PTTL', 'k'], integerReply(100_000), integerReply(101_500)));
  assert.ok(!repliesAgree(['STRLEN', 'k'], integerReply(1000), integerReply(1002)));
});

test('KEYS may come in any order', () => {
  const list = (...items: string[]) => ({ type: 'array' as const, items: items.map(bulkReply) });
  assert.ok(repliesAgree(['KEYS', '*'], list('a', 'b'), list('b', 'a')));
  assert.ok(!repliesAgree(['KEYS', '*'], list('a', 'b'), list('b', 'b')));
  assert.ok(!repliesAgree(['MGET', 'x'], list('a', 'b'), list('b', 'a')));
});

test('data sets differ by key, value, encoding and expiry', () => {
  const entry = { type: 'string', value: 'v', encoding: 'embstr', ttl_ms: -1 };
  const of = (change: Partial<typeof entry>) => new Map([['0:k', { ...entry, ...change }]]);
  assert.equal(datasetDifference(of({}), of({})), undefined);
  assert.equal(datasetDifference(of({ ttl_ms: 5000 }), of({ ttl_ms: 5100 })), undefined);
  for (const other of [{ value: 'w' }, { type: 'list' }, { encoding: 'raw' }, { ttl_ms: 5000 }]) {
    assert.notEqual(datasetDifference(of(other), of({})), undefined);
  }
  assert.notEqual(datasetDifference(new Map(), of({})), undefined);
  assert.notEqual(datasetDifference(of({}), new Map()), undefined);
});

test('a failure shrinks to the commands that cause it', async () => {
  const sequence: Sequence = chunkSequence(11, 0);
  const cause = [
    { connection: 0, args: ['SET', 'cause', 'x'.repeat(500)] },
    { connection: 1, args: ['APPEND', 'cause', 'y'] },
    { connection: 2, args: ['GETTING', 'cause'] },
  ];
  const steps = [...sequence.steps];
  [40, 200, 420].forEach((place, i) => {
    steps.splice(place, 0, cause[i] as (typeof cause)[number]);
  });
  const fails = async (candidate: Sequence): Promise<Mismatch | undefined> => {
    let found = 0;
    for (const [index, step] of candidate.steps.entries()) {
      if (step.args[0] === cause[found]?.args[0] && step.args[1] === 'cause') found++;
      if (found === 3) return { index, args: step.args, ours: 'a', theirs: 'b' };
    }
    return undefined;
  };
  const whole = { ...sequence, steps };
  const shrunk = await shrink(whole, (await fails(whole)) as Mismatch, fails);
  assert.deepEqual(
    shrunk.sequence.steps.map((step) => step.args.join(' ')),
    ['SET cause xxxxxxxx', 'APPEND cause y', 'GETTING cause'],
  );
});
