import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newRegion } from '../../base/owned-region.js';
import { toBinary } from '../../base/region.js';
import { CommandTester } from '../../commands/contract/test-support.js';
import { del } from '../../commands/generic/del.js';
import { rpush } from '../../commands/list/push.js';
import { set } from '../../commands/string/set.js';
import { TYPES } from '../../keyspace/types.js';
import { CAPTURED_END, FullSyncWalk, WalkCursor } from './full-sync-walk.js';

const SMALL_KEYS = 60;
const PART_BYTES = 4096;
const ELEMENT = 'v'.repeat(1000);

function newTester(): CommandTester {
  const tester = new CommandTester([set, rpush, del], { shards: 1, databases: 1 });
  for (let i = 0; i < SMALL_KEYS; i++) tester.run('SET', `key:${i}`, i);
  tester.run('RPUSH', 'large', ...new Array<string>(200).fill(ELEMENT));
  return tester;
}

/** The keys that went to the sink. The large one is deleted after so many steps. */
function keysOfWalk(stepsBefore: number): string[] {
  const tester = newTester();
  const { shards } = tester.keys;
  const keys: string[] = [];
  const walk = new FullSyncWalk(shards, TYPES, false, PART_BYTES, {
    entry: ({ region, keyOffset, keyLength }) => keys.push(toBinary(region, keyOffset, keyLength)),
  });
  const cursor = new WalkCursor();
  let message = newRegion(8192);
  for (let step = 0; ; step++) {
    if (step === stepsBefore) tester.run('DEL', 'large');
    shards.lock(0);
    const captured = walk.capture(0, cursor, message, 0, message);
    shards.unlock(0);
    message = walk.message;
    if (captured === CAPTURED_END) return keys;
  }
}

test('a walk passes each key once, also when a large value goes while it is shipped in parts', () => {
  const all = Array.from({ length: SMALL_KEYS }, (_, i) => `key:${i}`).sort();
  for (let steps = 0; steps < 70; steps++) {
    const keys = keysOfWalk(steps).filter((key) => key !== 'large');
    assert.deepEqual(keys.sort(), all, `deleted after ${steps} steps`);
  }
});
