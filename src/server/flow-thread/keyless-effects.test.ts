/** Effects without keys from a primary's thread to a replica's, with a kind of the test. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Link } from '../../../test/simulation/link.js';
import { SimulatedServer } from '../../../test/simulation/server.js';
import { argumentVector } from '../../../test/support/argument-vector.js';
import { Random } from '../../../test/support/random.js';
import { prepareFullSync } from '../../replication/replica/shard-writer.js';
import { KeylessEffects } from './keyless-effects.js';

const HASH_KEY = { key0: 5, key1: 6, spread: 2 };

function newServer(letter: string, shards: number): SimulatedServer {
  const shape = { shards, shardMebibytes: 2, ringBytes: 65_536 };
  return new SimulatedServer(letter, shape, HASH_KEY, () => letter.repeat(40));
}

/** A primary with some state, and a link to a replica that has applied all of it. */
function pair(replicaShards = 2) {
  const [primary, replica] = [newServer('a', 2), newServer('b', replicaShards)];
  primary.keyless.note('before', '1');
  primary.keyless.note('large', 'x'.repeat(3_000_000));
  primary.keyless.message();
  replica.keyless.notes.set('of another history', '1');
  primary.startJournal();
  prepareFullSync(replica.shards, HASH_KEY);
  const link = new Link(primary, replica, null, null, 2, new Random(1));
  link.settle();
  assert.equal(link.failed, null);
  assert.equal(link.progress.ready, true);
  return { primary, replica, link };
}

for (const replicaShards of [1, 2, 4]) {
  test(`a replica with ${replicaShards} shards for 2 has the state, and what comes then`, () => {
    const { primary, replica, link } = pair(replicaShards);
    assert.deepEqual(replica.keyless.notes, primary.keyless.notes);
    assert.equal(replica.keyless.lastMessage, 1);
    for (let i = 0; i < 100; i++) {
      primary.keyless.message();
      primary.keyless.note(`${i % 7}`, `${i}`);
    }
    link.settle();
    assert.equal(link.failed, null);
    assert.deepEqual(replica.keyless.notes, primary.keyless.notes);
    assert.equal(replica.keyless.lastMessage, 101);
    link.cut();
  });
}

test('a cut contains the effects without keys', () => {
  const { primary, link } = pair();
  primary.keyless.message();
  const offset = primary.cuts.make(primary.rings, 1);
  assert.ok(link.confirmedOffset < offset);
  link.settle();
  assert.equal(link.confirmedOffset, offset);
  assert.deepEqual(link.applied, primary.heads());
  link.cut();
});

test('an effect of an unknown kind, and one that its kind refuses, end the link', () => {
  for (const [words, why] of [
    [['OTHER', '1'], 'the effect without a key OTHER is unknown'],
    [['NOTE', '1'], 'a note of 2 words'],
  ] as const) {
    const { primary, link } = pair();
    primary.keyless.stream.append(argumentVector([...words]));
    link.settle();
    assert.equal(link.failed, why);
    assert.equal(link.progress.failed, true, 'only a full sync helps');
    link.cut();
  }
});

test('kinds without state need neither clear nor describe', () => {
  const effects = new KeylessEffects([{ name: 'MESSAGE', apply: () => null }]);
  effects.clear();
  effects.describe({
    beginKeyless: () => assert.fail('there is nothing to describe'),
    word: () => assert.fail(),
    bytes: () => assert.fail(),
    end: () => assert.fail(),
  });
});
