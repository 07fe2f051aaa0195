/**
 * Damaged payloads into the store: RESTORE takes one or refuses it, and then nothing has changed. What it
 * takes is told again by DUMP, and gives the same value once more. No page is lost, whatever comes.
 */
import assert from 'node:assert/strict';
import { CommandTester } from '../../../src/commands/contract/test-support.js';
import { del } from '../../../src/commands/generic/del.js';
import { dump } from '../../../src/commands/generic/dump.js';
import { restore } from '../../../src/commands/generic/restore.js';
import { digestOfValue } from '../../../src/commands/server/lib/digest.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';
import { damaged, PAYLOADS, sealed } from './rdb.js';

const SHARD_BYTES = 16 * 1024 * 1024;
const BAD_DATA = '-ERR Bad data format';
/** How often everything is verified: it takes longer than an input. */
const CHECKED = 0.02;

let tester: CommandTester | null = null;
let pagesBefore = 0;

function store(): CommandTester {
  if (tester !== null) return tester;
  tester = new CommandTester([del, dump, restore], {
    ...{ shards: 1, shardBytes: SHARD_BYTES, databases: 1 },
  });
  // The table has its first frame from here on.
  tester.run('RESTORE', 'first', 0, sealed('\0\x01x'));
  tester.keys.effects.sink = null;
  pagesBefore = pages(tester);
  return tester;
}

function pages({ keys }: CommandTester): number {
  const { shards, types } = keys;
  while (types.reclaim.step(shards.spaces[0]!, 512));
  return shards.spaces[0]!.residentPages;
}

function digest(t: CommandTester): string {
  return digestOfValue(t.keys);
}

export const target: FuzzTarget = {
  name: 'restore',
  summary:
    'Payloads of DUMP, damaged, into the store: taken whole or refused, and no page is lost.',
  run(random: Random) {
    const t = store();
    let body = random.pick(PAYLOADS);
    for (let i = random.between(0, 3); i > 0; i--) body = damaged(random, body);
    const reply = t.run('RESTORE', 'k', 0, sealed(body), 'REPLACE');
    if (reply === '+OK') {
      const first = digest(t);
      const payload = String(t.run('DUMP', 'k'));
      assert.equal(t.run('RESTORE', 'k', 0, payload, 'REPLACE'), '+OK');
      assert.equal(digest(t), first);
    } else assert.equal(reply, BAD_DATA);
    if (!random.chance(CHECKED)) return;
    t.check();
    t.run('DEL', 'k');
    assert.equal(pages(t), pagesBefore);
  },
};
