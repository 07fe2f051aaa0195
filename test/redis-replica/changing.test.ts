/**
 * Redises change from one Darter of a chain to another: after the primary was killed, and after it gave its
 * role away. They continue where they were, unless they have something that the new primary lacks.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sameAsRedis } from '../redis-primary/support.js';
import {
  follow,
  followThroughProxy,
  linkUp,
  number,
  startSmall,
  until,
} from '../replication/support.js';
import { Random } from '../support/random.js';
import { eitherMissing, type Server } from '../support/server.js';
import { startRedisReplica } from './support.js';
import { write, writeUntilKilled } from './writers.js';

/** Writes while something else is done. */
async function whileWriting(server: Server, work: () => Promise<void>): Promise<void> {
  const load = { isOver: false, isKilled: false };
  const writers = ['a', 'b'].map((name, i) =>
    writeUntilKilled(server, new Random(i + 1), name, load),
  );
  await until('writes', async () => (await server.ask('EXISTS', 'script:list')) === '1');
  load.isKilled = true;
  await work();
  load.isOver = true;
  await Promise.all(writers);
}

/** Some writes of all kinds. */
async function writeSome(server: Server, name: string): Promise<void> {
  const load = { isOver: false };
  const writer = write(server, new Random(5), name, load);
  const before = await number(server, 'total_commands_processed');
  await until('some writes', async () => {
    return (await number(server, 'total_commands_processed')) > before + 500;
  });
  load.isOver = true;
  await writer;
}

/** Has a Redis follow another server than before. @returns how it got there */
async function change(redis: Server, to: Server): Promise<'continued' | 'full'> {
  const before = await redis.info('master_replid');
  await follow(redis, to.port);
  await linkUp(redis);
  // A full sync leaves no second id.
  const ids = [await redis.info('master_replid'), await redis.info('master_replid2')];
  return ids.includes(before) ? 'continued' : 'full';
}

/** A Darter, a Darter and a Redis behind it. */
async function chain(first: Server, second: Server, redis: Server): Promise<void> {
  await follow(second, first.port);
  await linkUp(second);
  await follow(redis, first.port);
  await linkUp(redis);
}

describe('Redises change between Darters of a chain', { skip: eitherMissing() }, () => {
  test('after the primary was killed they continue at the one that is promoted', async () => {
    await using first = await startSmall();
    await using second = await startSmall();
    await using third = await startSmall();
    await using redis = await startRedisReplica();
    await using other = await startRedisReplica();
    await chain(first, second, redis);
    await follow(third, first.port);
    await follow(other, first.port);
    await linkUp(third);
    await linkUp(other);
    await whileWriting(first, async () => {
      // Both Redises end before what comes next, so that the Darters surely have all that they have.
      for (const server of [redis, other]) await follow(server, 1);
      await until('what the Redises have', async () => {
        const reached = await number(second, 'slave_repl_offset');
        return reached > 0 && (await second.ask('EXISTS', 'script:list')) === '1';
      });
      await writeSome(first, 'c');
      first.child.kill('SIGKILL');
    });
    assert.equal(await second.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await change(redis, second), 'continued');
    await follow(third, second.port);
    await writeSome(second, 'd');
    assert.equal(await change(other, second), 'continued');
    await linkUp(third);
    assert.equal(await second.ask('WAIT', '3', '60000'), '3');
    await sameAsRedis(redis, other, second, third);

    // And again, at the third, which has seen none of them before.
    second.child.kill('SIGKILL');
    assert.equal(await third.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await change(redis, third), 'continued');
    assert.equal(await change(other, third), 'continued');
    await writeSome(third, 'e');
    await sameAsRedis(redis, other, third);
  });

  test('after a takeover and a failover they continue at either side', async () => {
    await using first = await startSmall();
    await using second = await startSmall();
    await using redis = await startRedisReplica();
    await chain(first, second, redis);
    await whileWriting(first, async () => {
      assert.equal(await second.ask('REPLTAKEOVER', '30'), 'OK');
    });
    await writeSome(second, 'c');
    assert.equal(await change(redis, second), 'continued');
    await linkUp(first);
    await writeSome(second, 'd');
    await sameAsRedis(redis, first, second);

    assert.equal(await second.ask('FAILOVER'), 'OK');
    await until('the failover', async () => (await first.info('role')) === 'master');
    await writeSome(first, 'e');
    assert.equal(await change(redis, first), 'continued');
    await linkUp(second);
    await sameAsRedis(redis, first, second);

    // To a replica, and back to its primary.
    assert.equal(await change(redis, second), 'continued');
    await writeSome(first, 'f');
    await sameAsRedis(redis, first, second);
    assert.equal(await change(redis, first), 'continued');
    await writeSome(first, 'g');
    await sameAsRedis(redis, first, second);
  });

  test('a Redis that is ahead of the new primary gets a full sync', async (t) => {
    await using first = await startSmall();
    await using second = await startSmall();
    await using redis = await startRedisReplica();
    const proxy = await followThroughProxy(second, first, t);
    await follow(redis, first.port);
    await linkUp(redis);
    await writeSome(first, 'a');
    await sameAsRedis(redis, first, second);
    // From here on the second hears nothing.
    proxy.cut();
    await writeSome(first, 'b');
    await sameAsRedis(redis, first);
    first.child.kill('SIGKILL');
    assert.equal(await second.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    await writeSome(second, 'c');
    assert.equal(await change(redis, second), 'full');
    await sameAsRedis(redis, second);
  });
});
