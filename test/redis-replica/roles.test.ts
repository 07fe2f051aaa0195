/**
 * Roles change among Darters while Redises follow them: these continue where they were, at the same
 * server, as its data goes on whichever role it has.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sameAsRedis } from '../redis-primary/support.js';
import { follow, linkUp, number, startNode, until } from '../replication/support.js';
import { eitherMissing, type Server } from '../support/server.js';
import { startRedisReplica } from './support.js';

/** Writes to many shards, also in transactions. */
async function write(server: Server, from: number): Promise<void> {
  const client = await server.client();
  const commands: string[][] = [];
  for (let i = from; i < from + 40; i++) {
    commands.push(['SET', `key:${i}`, `value:${i}`], ['INCR', 'count']);
    commands.push(['MULTI'], ['RPUSH', `list:${i % 7}`, `${i}`], ['SADD', 'set', `${i}`], ['EXEC']);
  }
  await client.pipeline(commands);
  await client.close();
}

/** Syncs of Redises as the server counts them: full ones, and those that continue. */
async function counts(server: Server): Promise<{ full: number; continued: number }> {
  return {
    full: await number(server, 'sync_full'),
    continued: await number(server, 'sync_partial_ok'),
  };
}

describe('Redises follow Darters that change their roles', { skip: eitherMissing() }, () => {
  test('they continue without a full sync', async (t) => {
    await using first = await startNode();
    await using second = await startNode();
    await using ofFirst = await startRedisReplica();
    await using ofSecond = await startRedisReplica();
    await write(first, 0);
    await follow(second, first.port);
    await linkUp(second);
    await follow(ofFirst, first.port);
    await follow(ofSecond, second.port);
    await linkUp(ofFirst);
    await linkUp(ofSecond);
    await sameAsRedis(ofFirst, ofSecond, first, second);

    await t.test('after a takeover, at either side', async () => {
      const before = [await counts(first), await counts(second)];
      assert.equal(await second.ask('REPLTAKEOVER', '30'), 'OK');
      await write(second, 300);
      await linkUp(first);
      await linkUp(ofFirst);
      await linkUp(ofSecond);
      await sameAsRedis(ofFirst, ofSecond, first, second);
      for (const [i, server] of [first, second].entries()) {
        const { full, continued } = await counts(server);
        assert.equal(full, before[i]!.full);
        assert.ok(continued > before[i]!.continued);
      }
      assert.equal(await second.ask('WAIT', '2', '30000'), '2');
    });

    await t.test('after the promotion of the server that they follow', async () => {
      const before = await counts(first);
      assert.equal(await first.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
      await write(first, 600);
      await linkUp(ofFirst);
      assert.equal(await first.ask('WAIT', '1', '30000'), '1');
      await sameAsRedis(ofFirst, first);
      assert.equal((await counts(first)).full, before.full);
    });

    await t.test('and get one when the data is another', async () => {
      // What both have written since the promotion differs.
      await write(second, 900);
      const before = await counts(first);
      await follow(first, second.port);
      await linkUp(first);
      await until('a full sync', async () => (await counts(first)).full > before.full);
      await linkUp(ofFirst);
      await sameAsRedis(ofFirst, ofSecond, first, second);
    });
  });
});
