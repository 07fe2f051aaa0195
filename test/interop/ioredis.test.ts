/** ioredis, with RESP2 and RESP3. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';
import { type Library, librarySuite } from './suite.js';

describe('ioredis', { skip: darterMissing() }, () => {
  let server: Server;
  before(async () => {
    server = await startDarter();
  });
  after(() => server.stop());

  const options = (protocol: 2 | 3) => ({ port: server.port, protocol, maxRetriesPerRequest: 1 });
  for (const protocol of [2, 3] as const) {
    librarySuite(`RESP${protocol}`, async () => adapt(new Redis(options(protocol))));
  }

  test('automatic pipelining of 3000 calls', async () => {
    const redis = new Redis({ ...options(2), enableAutoPipelining: true });
    const written = Array.from({ length: 3000 }, (_, i) => redis.set(`auto:${i}`, String(i)));
    assert.ok((await Promise.all(written)).every((reply) => reply === 'OK'));
    const read = await Promise.all(Array.from({ length: 3000 }, (_, i) => redis.get(`auto:${i}`)));
    assert.ok(read.every((value, i) => value === String(i)));
    await redis.quit();
  });

  for (const protocol of [2, 3] as const) {
    test(`RESP${protocol}: messages of channels and patterns, in order`, async () => {
      const subscriber = new Redis(options(protocol));
      const publisher = new Redis(options(protocol));
      const got: string[] = [];
      subscriber.on('message', (channel, text) => got.push(`${channel} ${text}`));
      subscriber.on('pmessage', (pattern, channel, text) =>
        got.push(`${pattern} ${channel} ${text}`),
      );
      assert.equal(await subscriber.subscribe('news', 'other'), 2);
      assert.equal(await subscriber.psubscribe('n*'), 3);
      for (let i = 0; i < 100; i++) assert.equal(await publisher.publish('news', `${i}`), 2);
      await subscriber.unsubscribe('news');
      assert.equal(await publisher.publish('news', 'end'), 1);
      await until('all messages', () => got.length >= 201 || `${got.length} messages`);
      const sent = Array.from({ length: 100 }, (_, i) => [`news ${i}`, `n* news ${i}`]);
      assert.deepEqual(got, [...sent.flat(), 'n* news end']);
      await Promise.all([subscriber.quit(), publisher.quit()]);
    });
  }
  test('users log in with a name and a password', async () => {
    const admin = new Redis(options(2));
    await admin.acl('SETUSER', 'app', 'on', '>secret', '~app:*', '+@string', '+info');
    for (const protocol of [2, 3] as const) {
      const login = { username: 'app', password: 'secret' };
      const redis = new Redis({ ...options(protocol), ...login });
      assert.equal(await redis.set('app:k', 'v'), 'OK');
      await assert.rejects(redis.get('k'), /^ReplyError: NOPERM .* one of the keys/);
      await assert.rejects(redis.flushall(), /^ReplyError: NOPERM .* 'flushall' command/);
      assert.equal(await redis.get('app:k'), 'v');
      redis.disconnect();
    }
    const wrong = new Redis({
      ...options(2),
      username: 'app',
      password: 'no',
      retryStrategy: null,
    });
    wrong.on('error', () => {});
    await assert.rejects(wrong.get('app:k'));
    wrong.disconnect();
    assert.equal(await admin.acl('DELUSER', 'app'), 1);
    await admin.quit();
  });

  test('defineCommand: a limiter and a lock, loaded once and again after SCRIPT FLUSH', async () => {
    const redis = new Redis(options(2)) as Redis & {
      limit(key: string, most: number): Promise<number>;
      unlock(key: string, token: string): Promise<number>;
    };
    redis.defineCommand('limit', {
      numberOfKeys: 1,
      lua: `local count = redis.call('INCR', KEYS[1])
        if count == 1 then redis.call('PEXPIRE', KEYS[1], 60000) end
        if count > tonumber(ARGV[1]) then return -redis.call('PTTL', KEYS[1]) end
        return tonumber(ARGV[1]) - count`,
    });
    redis.defineCommand('unlock', {
      numberOfKeys: 1,
      lua: `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
        return 0`,
    });
    await redis.flushall();
    assert.deepEqual([await redis.limit('l', 2), await redis.limit('l', 2)], [1, 0]);
    assert.ok((await redis.limit('l', 2)) < 0);
    await redis.script('FLUSH');
    assert.ok((await redis.limit('l', 2)) < 0);
    await redis.set('lock', 'token', 'PX', 60_000, 'NX');
    assert.equal(await redis.unlock('lock', 'other'), 0);
    assert.equal(await redis.unlock('lock', 'token'), 1);
    const results = await redis.pipeline().eval('return ARGV[1]', 0, 'x').call('ping').exec();
    assert.deepEqual(results, [
      [null, 'x'],
      [null, 'PONG'],
    ]);
    await assert.rejects(redis.eval("return redis.call('nope')", 0), /Unknown Redis command/);
    await redis.quit();
  });

  test('scanStream finds every key', async () => {
    const redis = new Redis(options(2));
    await redis.flushall();
    await redis.mset(Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`s:${i}`, 'v'])));
    const found = new Set<string>();
    for await (const page of redis.scanStream({ match: 's:*', count: 50 })) {
      for (const key of page as string[]) found.add(key);
    }
    assert.equal(found.size, 2000);
    await redis.quit();
  });
});

function adapt(redis: Redis): Library {
  const unwrap = (results: [Error | null, unknown][] | null): unknown[] | null =>
    results === null ? null : results.map(([error, value]) => error ?? value);
  return {
    command: (name, ...args) => redis.call(String(name), ...args),
    binary: async (name, ...args) =>
      (await redis.callBuffer(String(name), ...args)) as Buffer | null,
    pipeline: async (commands) => unwrap(await redis.pipeline(batch(commands)).exec()) as unknown[],
    transaction: async (commands) => unwrap(await redis.multi(batch(commands)).exec()),
    close: async () => {
      await redis.quit();
    },
  };
}

/** Its pipelines know commands by their names in lower case. */
function batch(commands: readonly (readonly string[])[]): string[][] {
  return commands.map(([name = '', ...args]) => [name.toLowerCase(), ...args]);
}
