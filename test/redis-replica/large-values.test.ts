/** Values that are too long for one hold of their shard's lock: a Redis gets them as commands, behind the RDB. */
import { test } from 'node:test';
import { follow, linkUp, startNode } from '../replication/support.js';
import { sameAsRedis } from '../redis-primary/support.js';
import { eitherMissing, type Server } from '../support/server.js';
import { startRedisReplica } from './support.js';

/** Owns more than a MiB of pages, of each type. */
async function fillLarge(server: Server): Promise<void> {
  const client = await server.client({ timeout_ms: 60_000 });
  for (let from = 0; from < 20_000; from += 1000) {
    const words = Array.from({ length: 1000 }, (_, i) => `element-${from + i}`.padEnd(80, '.'));
    await client.command('SADD', 'set', ...words);
    await client.command('RPUSH', 'list', ...words);
    await client.command('HSET', 'hash', ...words.flatMap((word) => [word, word]));
    const scored = words.flatMap((word, i) => [`${(i * 37) % 500}`, word]);
    await client.command('ZADD', 'scores', ...scored);
  }
  for (let i = 1; i <= 4000; i++) {
    await client.command('XADD', 'stream', `${i}-1`, 'field', `value-${i}`.padEnd(400, '.'));
  }
  await client.close();
}

test('large values of every type reach a Redis', { skip: eitherMissing() }, async () => {
  await using primary = await startNode();
  await using redis = await startRedisReplica();
  await fillLarge(primary);
  await follow(redis, primary.port);
  await linkUp(redis).catch((error: Error) => {
    // Each attempt ends alike, and its reason is told once.
    throw new Error(primary.log.match(/No sync of.*/)?.[0] ?? primary.log, { cause: error });
  });
  await sameAsRedis(redis, primary);
});
