/**
 * rate-limiter-flexible as applications use it: many clients on one key, over ioredis and node-redis. As
 * many pass as there are points, exactly, whoever asks.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import {
  BurstyRateLimiter,
  RateLimiterQueue,
  RateLimiterRedis,
  RateLimiterRes,
} from 'rate-limiter-flexible';
import { createClient } from 'redis';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

interface Client {
  readonly storeClient: unknown;
  readonly useRedisPackage: boolean;
  close(): void;
}

describe('rate limiters', { skip: darterMissing(), timeout: 60_000 }, () => {
  let server: Server;
  const clients: Client[] = [];

  before(async () => {
    server = await startDarter({ threads: 2 });
    for (let i = 0; i < 4; i++) {
      const storeClient = new Redis(server.port);
      clients.push({ storeClient, useRedisPackage: false, close: () => storeClient.disconnect() });
    }
    for (let i = 0; i < 4; i++) {
      const storeClient = createClient({ url: `redis://127.0.0.1:${server.port}` });
      await storeClient.connect();
      clients.push({ storeClient, useRedisPackage: true, close: () => storeClient.destroy() });
    }
  });
  after(async () => {
    for (const client of clients) client.close();
    await server.stop();
  });
  beforeEach(async () => {
    await server.ask('FLUSHALL');
  });

  const limiters = (options: {
    points: number;
    duration: number;
    blockDuration?: number;
    keyPrefix?: string;
  }) =>
    clients.map(
      ({ storeClient, useRedisPackage }) =>
        new RateLimiterRedis({ storeClient, useRedisPackage, ...options }),
    );

  /** What came of `count` attempts of each limiter at once. */
  const attempt = async (
    all: readonly RateLimiterRedis[],
    key: string,
    count: number,
  ): Promise<{ passed: RateLimiterRes[]; refused: RateLimiterRes[] }> => {
    const passed: RateLimiterRes[] = [];
    const refused: RateLimiterRes[] = [];
    const one = (limiter: RateLimiterRedis): Promise<unknown> =>
      limiter.consume(key).then(
        (result) => passed.push(result),
        (result: unknown) => {
          if (!(result instanceof RateLimiterRes)) throw result;
          refused.push(result);
        },
      );
    await Promise.all(all.flatMap((limiter) => Array.from({ length: count }, () => one(limiter))));
    return { passed, refused };
  };

  test('as many pass as there are points, each consumes one of its own', async () => {
    const { passed, refused } = await attempt(limiters({ points: 100, duration: 60 }), 'user', 50);
    assert.deepEqual([passed.length, refused.length], [100, 300]);
    const consumed = [...passed, ...refused].map((result) => result.consumedPoints);
    consumed.sort((a, b) => a - b);
    assert.deepEqual(
      consumed,
      Array.from({ length: 400 }, (_, i) => i + 1),
    );
    assert.equal(passed.filter((result) => result.isFirstInDuration).length, 1);
    for (const { msBeforeNext } of refused)
      assert.ok(msBeforeNext > 50_000 && msBeforeNext <= 60_000);
  });

  test('a window ends, a new one begins', async () => {
    // On a busy machine a short window may end before all have asked: then a longer one tells.
    for (const duration of [1, 4, 16]) {
      const all = limiters({ points: 10, duration, keyPrefix: `window:${duration}` });
      const passed: number[] = [];
      let isInTime = true;
      for (let window = 0; window < 2; window++) {
        const beganMs = performance.now();
        passed.push((await attempt(all, 'user', 5)).passed.length);
        isInTime &&= performance.now() - beganMs < duration * 1000;
        await until('it ends', async () => (await server.ask('DBSIZE')) === '0');
      }
      if (!isInTime) continue;
      assert.deepEqual(passed, [10, 10]);
      return;
    }
    assert.fail('no window was long enough for all to ask');
  });

  test('block, reward, penalty, set and delete', async () => {
    const [one, , , , other] = limiters({ points: 5, duration: 60, blockDuration: 30 });
    await one!.penalty('user', 2);
    await other!.reward('user', 1);
    assert.equal((await one!.get('user'))?.consumedPoints, 1);
    await other!.consume('user', 4);
    const refused: unknown = await one!.consume('user').catch((error: unknown) => error);
    assert.ok(refused instanceof RateLimiterRes && refused.msBeforeNext <= 30_000);
    assert.equal(await other!.delete('user'), true);
    assert.equal(await one!.get('user'), null);
    await one!.block('user', 10);
    await assert.rejects(async () => {
      throw (await other!.consume('user').catch(() => new Error('blocked'))) as Error;
    }, /blocked/);
    await one!.set('user', 3, 10);
    assert.equal((await other!.get('user'))?.remainingPoints, 2);
  });

  test('a queue lets calls through at its rate; bursts have points of their own', async () => {
    const [steady] = limiters({ points: 5, duration: 1 });
    const [slow] = limiters({ points: 5, duration: 60, keyPrefix: 'slow' });
    const [, , , , burst] = limiters({ points: 5, duration: 60, keyPrefix: 'burst' });
    const queue = new RateLimiterQueue(steady!);
    const started = Date.now();
    await Promise.all(Array.from({ length: 11 }, () => queue.removeTokens(1, 'calls')));
    assert.ok(Date.now() - started >= 1900, `11 calls took ${Date.now() - started} ms`);
    const bursty = new BurstyRateLimiter(slow!, burst!);
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, () => bursty.consume('bursts')),
    );
    assert.equal(results.filter((result) => result.status === 'fulfilled').length, 10);
  });
});
