/** A primary without room: its errors, and a replica that holds exactly what the primary holds. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, showReply } from '../support/reply.js';
import { darterMissing } from '../support/server.js';
import { follow, linkUp, sameData, startSmall } from './support.js';

const SHARD_BYTES = 4 << 20;
const REFUSED_WANTED = 40;
const FULL = /^OOM shard [01] of 2 is full \(4194304 bytes\): /;

describe('replication: a full shard', { skip: darterMissing() }, () => {
  test('commands on several keys change all or nothing, on the replica too', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    await using primary = await startSmall('--shards', '2', '--shard-bytes', String(SHARD_BYTES));
    await using replica = await startSmall('--shards', '2');
    await follow(replica, primary.port);
    await linkUp(replica);
    const client = await primary.client();
    const key = () => `key:${random.below(800)}`;
    const value = () => `${random.below(1000)}`.padEnd(random.pick([5, 500, 9000, 70_000]), 'v');
    let refused = 0;
    for (let i = 0; refused < REFUSED_WANTED; i++) {
      assert.ok(i < 2000, `${refused} commands were refused`);
      const pairs = Array.from({ length: 4 }, () => [key(), value()]);
      const names = pairs.map(([name]) => name as string);
      const words = random.pick([
        ['MSET', ...pairs.flat()],
        ['MSET', ...pairs.flat()],
        ['MSETNX', ...pairs.flat()],
        ['COPY', key(), key(), 'REPLACE'],
        ['RENAME', key(), key()],
        ['BITOP', 'OR', key(), key(), key()],
        ['DEL', key()],
      ]);
      const before = showReply(await client.command('MGET', ...names));
      const answer = await client.command(...words);
      if (!isError(answer) || answer.text.startsWith('ERR ')) continue;
      assert.match(answer.text, FULL);
      refused++;
      assert.equal(showReply(await client.command('MGET', ...names)), before, words[0]);
    }
    assert.equal(await client.text('DEBUG', 'CHECK'), 'OK');
    await client.close();
    await sameData(primary, replica);
  });
});
