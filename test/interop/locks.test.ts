/**
 * Locks and semaphores by Lua scripts, as redlock and redis-semaphore make them: whoever holds one is
 * alone (or one of so many), a holder that is lost is followed by another, nobody releases another's.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { LostLockError, MultiSemaphore, Mutex, RedlockMutex, Semaphore } from 'redis-semaphore';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

interface RedlockLock {
  unlock(): Promise<void>;
  extend(ttlMs: number): Promise<RedlockLock>;
}

interface RedlockOptions {
  readonly retryCount: number;
  readonly retryDelay: number;
  readonly retryJitter: number;
}

/** redlock comes without types. */
const Redlock = createRequire(import.meta.url)('redlock') as new (
  clients: readonly Redis[],
  options: RedlockOptions,
) => { lock(resource: string | string[], ttlMs: number): Promise<RedlockLock> };

const patient: RedlockOptions = { retryCount: 5000, retryDelay: 10, retryJitter: 10 };
const impatient: RedlockOptions = { retryCount: 0, retryDelay: 0, retryJitter: 0 };

/** How many are inside at once, at most; each adds to a sum by reading, waiting and writing. */
class Section {
  most = 0;
  sum = 0;
  #inside = 0;

  async enter(): Promise<void> {
    this.most = Math.max(this.most, ++this.#inside);
    const before = this.sum;
    await sleep(2);
    this.sum = before + 1;
    this.#inside--;
  }
}

describe('locks', { skip: darterMissing(), timeout: 300_000 }, () => {
  let server: Server;
  let clients: Redis[];
  before(async () => {
    server = await startDarter({ threads: 2 });
    clients = Array.from({ length: 10 }, () => new Redis(server.port));
  });
  after(async () => {
    for (const client of clients) client.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await clients[0]!.flushall();
  });

  test('redlock: one holder at a time among ten clients', async () => {
    const section = new Section();
    const work = async (client: Redis): Promise<void> => {
      const redlock = new Redlock([client], patient);
      for (let round = 0; round < 10; round++) {
        const lock = await redlock.lock(['a', 'b'], 5000);
        await section.enter();
        await lock.unlock();
      }
    };
    await Promise.all(clients.map(work));
    assert.deepEqual([section.most, section.sum], [1, 100]);
    assert.equal(await clients[0]!.dbsize(), 0);
  });

  test('redlock: a lock is extended, expires, and is not released by who has lost it', async () => {
    const [first, second] = clients.map((client) => new Redlock([client], impatient));
    const held = await first!.lock('r', 5000);
    await assert.rejects(second!.lock('r', 5000), /unable to achieve a quorum|LockError/i);
    const before = await clients[0]!.pttl('r');
    const extended = await held.extend(60_000);
    assert.ok((await clients[0]!.pttl('r')) > before);
    await assert.rejects(second!.lock('r', 5000));
    await clients[0]!.pexpire('r', 50);
    await until('it expires', async () => (await clients[0]!.exists('r')) === 0);
    const other = await second!.lock('r', 60_000);
    await assert.rejects(extended.unlock());
    await assert.rejects(extended.extend(1000));
    assert.equal(await clients[0]!.exists('r'), 1);
    await other.unlock();
    assert.equal(await clients[0]!.exists('r'), 0);
  });

  test('a quorum of three servers goes on without one of them', async () => {
    const servers = await Promise.all([0, 1].map(() => startDarter({ threads: 1 })));
    const others = servers.map((one) => new Redis(one.port, { enableOfflineQueue: false }));
    for (const client of others) client.on('error', () => {});
    await Promise.all(others.map((client) => once(client, 'ready')));
    try {
      const quorum = [clients[0]!, ...others];
      const redlock = new Redlock(quorum, impatient);
      const held = await redlock.lock('r', 5000);
      await assert.rejects(redlock.lock('r', 5000));
      await held.unlock();
      await servers[1]!.stop();
      const again = await redlock.lock('r', 5000);
      await assert.rejects(redlock.lock('r', 5000));
      await again.unlock();
      const mutex = new RedlockMutex(quorum, 'm', { acquireTimeout: 60_000 });
      await mutex.acquire();
      assert.equal(
        await new RedlockMutex(quorum, 'm', { acquireTimeout: 100 }).tryAcquire(),
        false,
      );
      await mutex.release();
    } finally {
      for (const client of others) client.disconnect();
      await Promise.all(servers.map((one) => one.stop()));
    }
  });

  test('redis-semaphore: a mutex has one holder, a semaphore as many as it says', async () => {
    for (const limit of [1, 3]) {
      const section = new Section();
      const work = async (client: Redis): Promise<void> => {
        const options = { retryInterval: 5, acquireTimeout: 60_000 };
        const lock =
          limit === 1
            ? new Mutex(client, 'm', options)
            : new Semaphore(client, 's', limit, options);
        for (let round = 0; round < 10; round++) {
          await lock.acquire();
          await section.enter();
          await lock.release();
        }
      };
      await Promise.all(clients.map(work));
      assert.equal(section.most, limit);
      if (limit === 1) assert.equal(section.sum, 100);
    }
    assert.equal(await clients[0]!.dbsize(), 0);
  });

  test('redis-semaphore: permits are counted, a lost lock is noticed', async () => {
    const options = { retryInterval: 5, acquireTimeout: 50 };
    const three = new MultiSemaphore(clients[0]!, 's', 4, 3, options);
    const two = new MultiSemaphore(clients[1]!, 's', 4, 2, options);
    await three.acquire();
    assert.equal(await two.tryAcquire(), false);
    await three.release();
    assert.equal(await two.tryAcquire(), true);
    await two.release();

    const losses: unknown[] = [];
    const onLockLost = (error: LostLockError): void => {
      losses.push(error);
    };
    const mutex = new Mutex(clients[0]!, 'm', {
      lockTimeout: 10_000,
      refreshInterval: 20,
      onLockLost,
    });
    await mutex.acquire();
    const key = (await clients[1]!.keys('*m'))[0]!;
    await clients[1]!.pexpire(key, 5000);
    await until('it is refreshed', async () => (await clients[1]!.pttl(key)) > 6000);
    assert.equal(losses.length, 0);
    await clients[1]!.set(key, 'another');
    await until('the loss is noticed', () => losses.length > 0);
    assert.ok(losses[0] instanceof LostLockError);
    await mutex.release();
    assert.equal(await clients[1]!.get(key), 'another');
  });
});
