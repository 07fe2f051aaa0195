/** DUMP and RESTORE between Darter and redis-server, both ways, and the errors of RESTORE. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonical } from '../../src/persistence/rdb/testing.js';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, isList, showReply, textOf } from '../support/reply.js';
import { darterMissing, startDarter, startRedis, testedRedisMissing } from '../support/server.js';
import { dataset } from './dataset.js';
import { redisContent } from './redis-content.js';

const seed = seedFromEnvironment();
const skip = darterMissing() || testedRedisMissing();

const TESTED = ['--enable-debug-command', 'yes'];
const SMALL = [
  ...['--list-max-listpack-size', '2', '--hash-max-listpack-entries', '3'],
  ...['--hash-max-listpack-value', '9', '--zset-max-listpack-entries', '3'],
  ...['--zset-max-listpack-value', '9', '--set-max-intset-entries', '3'],
];

type Both = (redis: RawClient, darter: RawClient) => Promise<void>;

async function withBoth(args: readonly string[], use: Both): Promise<void> {
  await using redisServer = await startRedis({ args: [...TESTED, ...args] });
  await using darterServer = await startDarter({ args: [...TESTED, ...args] });
  const redis = await redisServer.client();
  const darter = await darterServer.client();
  try {
    await use(redis, darter);
  } finally {
    await redis.close();
    await darter.close();
  }
}

async function fill(client: RawClient, random: Random): Promise<void> {
  for (const reply of await client.pipeline(dataset(random))) {
    if (isError(reply)) throw new Error(showReply(reply));
  }
}

/** Copies all keys of database 0 from one server to another, with their expiry. */
async function copyAll(from: RawClient, to: RawClient): Promise<string[]> {
  const names = await from.command('KEYS', '*');
  if (!isList(names)) throw new Error('KEYS answers no list');
  const keys = names.items.map(textOf);
  const payloads = await from.pipeline(keys.map((key) => ['DUMP', key]));
  const times = await from.pipeline(keys.map((key) => ['PEXPIRETIME', key]));
  const words = keys.map((key, i) => {
    const time = Math.max(0, Number(textOf(times[i]!)));
    return ['RESTORE', key, String(time), textOf(payloads[i]!), 'ABSTTL'];
  });
  const replies = await to.pipeline(words);
  for (const [i, reply] of replies.entries()) {
    assert.equal(textOf(reply), 'OK', JSON.stringify(keys[i]!.slice(0, 80)));
  }
  return keys;
}

async function sameKeys(redis: RawClient, darter: RawClient, keys: string[]): Promise<void> {
  for (const words of [['DEBUG', 'DIGEST-VALUE'], ['OBJECT', 'ENCODING'], ['PEXPIRETIME']]) {
    const ours = await darter.pipeline(keys.map((key) => [...words, key]));
    const theirs = await redis.pipeline(keys.map((key) => [...words, key]));
    for (const [i, key] of keys.entries()) {
      const what = `${words.join(' ')} ${JSON.stringify(key.slice(0, 80))}`;
      assert.equal(showReply(ours[i]!), showReply(theirs[i]!), what);
    }
  }
}

describe('DUMP and RESTORE beside redis-server', { skip }, () => {
  for (const [name, args] of [
    ['default limits', []],
    ['small limits', SMALL],
  ] as const) {
    test(`values go to Darter and back, with ${name} (seed ${seed})`, async () => {
      await withBoth(args, async (redis, darter) => {
        await fill(redis, new Random(seed));
        const content = (await redisContent(redis)).filter(({ database }) => database === 0);
        const keys = await copyAll(redis, darter);
        assert.ok(keys.length > 90);
        await sameKeys(redis, darter, keys);
        await redis.text('FLUSHALL');
        await copyAll(darter, redis);
        await sameKeys(redis, darter, keys);
        assert.deepEqual(canonical(await redisContent(redis)), canonical(content));
        assert.equal(await darter.text('DEBUG', 'CHECK'), 'OK');
      });
    });
  }

  test('FREQ and IDLETIME are as useful as in Redis, in steps', async () => {
    const limits = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lfu'];
    await withBoth(limits, async (redis, darter) => {
      await redis.text('SET', 'source', 'v');
      const payload = textOf(await redis.command('DUMP', 'source'));
      for (const frequency of [0, 5, 60, 128, 200, 255]) {
        const words = ['RESTORE', 'k', '0', payload, 'REPLACE', 'FREQ', String(frequency)];
        for (const client of [redis, darter]) assert.equal(await client.text(...words), 'OK');
        const told = Number(await darter.text('OBJECT', 'FREQ', 'k'));
        const wanted = Number(await redis.text('OBJECT', 'FREQ', 'k'));
        assert.ok(Math.abs(told - wanted) <= 7, `${told} for ${wanted}`);
      }
      await darter.text('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
      const order: number[] = [];
      for (const seconds of ['0', '10', '1000', '90000', '9223372036854775807']) {
        const words = ['RESTORE', 'k', '0', payload, 'REPLACE', 'IDLETIME', seconds];
        assert.equal(await darter.text(...words), 'OK');
        await darter.text('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu');
        order.push(Number(await darter.text('OBJECT', 'FREQ', 'k')));
        await darter.text('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
      }
      assert.deepEqual(
        order,
        [...order].sort((one, other) => other - one),
      );
      assert.ok(order[0]! > order.at(-1)!, order.join());
      assert.equal(await darter.text('DEBUG', 'CHECK'), 'OK');
    });
  });

  test('errors and options are those of Redis', async () => {
    await withBoth([], async (redis, darter) => {
      await redis.text('RPUSH', 'list', 'a', 'b');
      const payload = textOf(await redis.command('DUMP', 'list'));
      const damaged = `${payload.slice(0, -1)}x`;
      const scripts: string[][] = [
        ['RESTORE', 'k', '0', 'x'],
        ['RESTORE', 'k', '0', damaged],
        ['RESTORE', 'k', 'x', payload],
        ['RESTORE', 'k', '-1', payload],
        ['RESTORE', 'k', '0', payload, 'FOO'],
        ['RESTORE', 'k', '0', payload, 'IDLETIME'],
        ['RESTORE', 'k', '0', payload, 'IDLETIME', '-1'],
        ['RESTORE', 'k', '0', payload, 'IDLETIME', 'x'],
        ['RESTORE', 'k', '0', payload, 'FREQ', '256'],
        ['RESTORE', 'k', '0', payload, 'FREQ', '-1'],
        ['RESTORE', 'k', '0', payload, 'FREQ', '1', 'IDLETIME', '1'],
        ['RESTORE', 'k', '0', payload, 'IDLETIME', '1', 'FREQ', '1'],
        ['EXISTS', 'k'],
        ['RESTORE', 'k', '0', payload, 'IDLETIME', '1', 'IDLETIME', '2'],
        ['RESTORE', 'k', '0', payload],
        ['RESTORE', 'k', '0', damaged],
        ['RESTORE', 'k', 'x', payload],
        ['RESTORE', 'k', '100000', payload, 'REPLACE', 'FREQ', '7'],
        ['LRANGE', 'k', '0', '-1'],
        ['TTL', 'k'],
        ['RESTORE', 'k', '4102444800000', payload, 'ABSTTL', 'REPLACE'],
        ['PEXPIRETIME', 'k'],
        ['RESTORE', 'k', '9223372036854775807', payload, 'ABSTTL', 'REPLACE'],
        ['PEXPIRETIME', 'k'],
        ['RESTORE', 'k', '9223372036854775808', payload, 'ABSTTL', 'REPLACE'],
        ['RESTORE', 'k', '1', damaged, 'ABSTTL', 'REPLACE'],
        ['EXISTS', 'k'],
        ['RESTORE', 'k', '1', payload, 'ABSTTL', 'REPLACE'],
        ['EXISTS', 'k'],
        ['RESTORE', 'k', '1', payload, 'ABSTTL'],
        ['EXISTS', 'k'],
        ['DUMP', 'none'],
        ['DUMP', 'list', 'x'],
        ['RESTORE-ASKING', 'asked', '0', payload],
        ['LLEN', 'asked'],
      ];
      for (const words of scripts) {
        const ours = showReply(await darter.command(...words));
        assert.equal(ours, showReply(await redis.command(...words)), words.join(' ').slice(0, 80));
      }
    });
  });
});
