/**
 * Random writes of all types on a redis-server that a Darter follows, with a Darter behind that: over a
 * link that is cut again and again. In the end all have the same. DARTER_SEED repeats the commands (not
 * their order among the clients), DARTER_CUTS is how often the link is cut.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LinkProxy } from '../replication/proxy.js';
import { RandomWrites } from '../replication/random-writes.js';
import {
  follow,
  followThroughProxy,
  linkUp,
  number,
  startNode,
  until,
} from '../replication/support.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { eitherMissing, type Server } from '../support/server.js';
import { sameAsRedis, startPrimary } from './support.js';

const CUTS = Number(process.env.DARTER_CUTS ?? 2);
const CLIENTS = 3;
const BATCH = 20;
const ELEMENTS = 300;
const LIBRARY = `#!lua name=lib
redis.register_function('push', function(keys, args)
  redis.call('RPUSH', keys[1], unpack(args))
  return redis.call('EXPIRE', keys[1], 100)
end)`;

const TYPES = ['string', 'hash', 'set', 'list', 'zset', 'stream'];
const RESTORES = `local payload = redis.call('DUMP', KEYS[1])
if payload then redis.call('RESTORE', KEYS[2], 90000, payload, 'REPLACE') end`;

describe('following a redis-server: random writes', { skip: eitherMissing() }, () => {
  test('after cuts a Darter, and one behind it, have what the redis-server has', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    const diskless = random.pick(['yes', 'no']);
    const backlog = random.pick(['1mb', '64mb', '16kb']);
    await using redis = await startPrimary(
      ...['--repl-diskless-sync', diskless, '--repl-backlog-size', backlog],
      // Small limits: values of all encodings are in the RDB.
      ...['--hash-max-listpack-entries', '8', '--list-max-listpack-size', '4'],
    );
    await using replica = await startNode();
    await using behind = await startNode('--threads', '1');
    const work = { isOver: false };
    const writers = Array.from({ length: CLIENTS }, (_, i) =>
      write(redis, new Random(random.next()), `c${i}-`, work),
    );
    const proxy = await followThroughProxy(replica, redis, t);
    await follow(behind, replica.port);
    await trouble(proxy, redis, random);
    work.isOver = true;
    await Promise.all(writers);
    await linkUp(replica);
    await linkUp(behind);
    const [full, partial] = [await redis.info('sync_full'), await redis.info('sync_partial_ok')];
    t.diagnostic(
      `diskless ${diskless}, backlog ${backlog}: ${full} full syncs, ${partial} continued`,
    );
    await sameAsRedis(redis, replica, behind);
    assert.doesNotMatch(replica.log + behind.log, / at .*\.js:\d+/, 'an exception in the log');
    // What cuts are for is not shown by a link that fails for another reason.
    assert.doesNotMatch(replica.log, /of the primary failed|which this server|internal error/);
  });
});

/** Cuts the link; each time another sync follows. */
async function trouble(proxy: LinkProxy, redis: Server, random: Random): Promise<void> {
  for (let i = 0; i < CUTS; i++) {
    await sleep(random.between(1, 400));
    const before = await syncs(redis);
    proxy.dropConnections();
    // Sometimes the next link is cut as well, while it is being made.
    if (random.chance(0.3)) {
      await sleep(random.between(200, 400));
      proxy.dropConnections();
    }
    await until('another sync', async () => (await syncs(redis)) > before);
  }
}

async function syncs(redis: Server): Promise<number> {
  return (await number(redis, 'sync_full')) + (await number(redis, 'sync_partial_ok'));
}

async function write(
  server: Server,
  random: Random,
  name: string,
  work: { readonly isOver: boolean },
): Promise<void> {
  const client = await server.client();
  await client.command('FUNCTION', 'LOAD', 'REPLACE', LIBRARY);
  const writes = new RandomWrites(random, name, ELEMENTS);
  while (!work.isOver) {
    const commands: string[][] = [];
    while (commands.length < BATCH) {
      commands.push(...writes.next().filter(isTold), ...special(random, name));
    }
    await client.pipeline(commands);
    await sleep(random.between(1, 10));
  }
  await client.close();
}

/** A Redis (7.0) does not tell its replicas of a consumer that is new and reads its history. */
function isTold(command: readonly string[]): boolean {
  return command[0] !== 'XREADGROUP' || command.at(-1) !== '0';
}

/** What the stream of a Redis has besides. */
function special(random: Random, name: string): string[][] {
  const key = `list:${random.below(12)}`;
  if (!random.chance(0.05)) return [];
  return random.pick([
    [
      [
        'EVAL',
        "redis.call('INCR', KEYS[1]); return redis.call('SET', KEYS[2], ARGV[1], 'PX', 900)",
        '2',
        `n${key}`,
        `s${key}`,
        name,
      ],
    ],
    [['FCALL', 'push', '1', key, name, name]],
    [['PUBLISH', 'channel', name]],
    [
      ['PFADD', 'hll:0', name],
      ['PFCOUNT', 'hll:0'],
    ],
    [
      ['MULTI'],
      ['PFADD', 'hll:1', name],
      ['PFCOUNT', 'hll:1'],
      ['EXEC'],
      ['PFCOUNT', 'hll:0', 'hll:1'],
    ],
    [
      [
        'EVAL',
        RESTORES,
        '2',
        `${random.pick(TYPES)}:${random.below(12)}`,
        `restored:${random.below(5)}`,
      ],
    ],
    [['SELECT', String(random.below(4))]],
    [
      ['SPOP', 'set:1', '3'],
      ['GETDEL', `s${key}`],
    ],
    [
      ['MULTI'],
      ['SELECT', '3'],
      ['INCR', 'count'],
      ['PUBLISH', 'channel', name],
      ['SWAPDB', '2', '3'],
      ['EXEC'],
    ],
    random.chance(0.1) ? [['FLUSHALL', 'ASYNC']] : [['FLUSHDB']],
  ]);
}
