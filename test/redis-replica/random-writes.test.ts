/**
 * Random writes of all types on a Darter that a redis-server follows, with a Darter behind that: over a link
 * that is cut again and again, also during full syncs. In the end all have the same. DARTER_SEED repeats
 * the commands (not their order among the clients), DARTER_CUTS is how often the link is cut.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sameAsRedis } from '../redis-primary/support.js';
import type { LinkProxy } from '../replication/proxy.js';
import { follow, followThroughProxy, linkUp, startNode, until } from '../replication/support.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { eitherMissing, type Server } from '../support/server.js';
import { startRedisReplica, syncs } from './support.js';
import { fillLarge, write } from './writers.js';

const CUTS = Number(process.env.DARTER_CUTS ?? 2);
const CLIENTS = 3;

describe('a redis-server follows: random writes', { skip: eitherMissing() }, () => {
  test('after cuts it has what the Darter has', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    await using primary = await startNode('--repl-backlog-size', random.pick(['1mb', '64mb']));
    await using redis = await startRedisReplica();
    await using behind = await startNode('--threads', '1');
    await fillLarge(primary);
    const work = { isOver: false };
    const writers = Array.from({ length: CLIENTS }, (_, i) =>
      write(primary, new Random(random.next()), `c${i}-`, work),
    );
    const proxy = await followThroughProxy(redis, primary, t);
    await follow(behind, redis.port);
    await trouble(proxy, { primary, redis }, random);
    work.isOver = true;
    await Promise.all(writers);
    await linkUp(redis);
    const [full, partial] = [
      await primary.info('sync_full'),
      await primary.info('sync_partial_ok'),
    ];
    t.diagnostic(`${full} full syncs, ${partial} continued`);
    await sameAsRedis(redis, primary);
    await linkUp(behind);
    await sameAsRedis(redis, behind);
    assert.equal(await primary.ask('WAIT', '1', '30000'), '1');
    assert.doesNotMatch(primary.log, / at .*\.js:\d+/, 'an exception in the log');
    assert.doesNotMatch(
      redis.log,
      /Protocol error|Bad file format|corruption|Guru|Short read|CRITICAL/,
    );
  });
});

/** Ends the link, each time until another sync follows: one that continues, or a full one. */
async function trouble(
  proxy: LinkProxy,
  { primary, redis }: { readonly primary: Server; readonly redis: Server },
  random: Random,
): Promise<void> {
  for (let i = 0; i < CUTS; i++) {
    await sleep(random.between(1, 400));
    const before = await syncs(primary);
    if (i % 2 === 0) proxy.dropConnections();
    else {
      // Its data is of another history then.
      await redis.ask('REPLICAOF', 'NO', 'ONE');
      await redis.ask('SET', 'own', String(i));
      await follow(redis, proxy.port);
    }
    await until('another sync', async () => (await syncs(primary)) > before);
  }
}
