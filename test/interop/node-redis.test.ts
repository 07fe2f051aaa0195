/** node-redis 5, with RESP2 and RESP3. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  BasicClientSideCache,
  type CommandParser,
  createClient,
  defineScript,
  RESP_TYPES,
  WatchError,
} from 'redis';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';
import { type Library, librarySuite } from './suite.js';

const binaryTypes = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

describe('node-redis', { skip: darterMissing() }, () => {
  let server: Server;
  before(async () => {
    server = await startDarter();
  });
  after(() => server.stop());

  for (const RESP of [2, 3] as const) {
    librarySuite(`RESP${RESP}`, () => connect(server.port, RESP));
  }

  test('a pool of clients', async () => {
    const client = createClient({ socket: { port: server.port } });
    await client.connect();
    await client.set('counter', '0');
    const others = await Promise.all(
      Array.from({ length: 8 }, async () => client.duplicate().connect()),
    );
    await Promise.all(
      others.flatMap((other) => Array.from({ length: 250 }, () => other.incr('counter'))),
    );
    assert.equal(await client.get('counter'), '2000');
    await Promise.all([client, ...others].map((each) => each.close()));
  });

  for (const RESP of [2, 3] as const) {
    test(`RESP${RESP}: messages of channels, patterns and shard channels`, async () => {
      const subscriber = createClient({ socket: { port: server.port }, RESP });
      const publisher = createClient({ socket: { port: server.port }, RESP });
      await Promise.all([subscriber.connect(), publisher.connect()]);
      const got: string[] = [];
      const take = (message: string, channel: string) => got.push(`${channel} ${message}`);
      await subscriber.subscribe('news', take);
      await subscriber.pSubscribe('n?ws', take);
      await subscriber.sSubscribe('shard', take);
      assert.equal(await publisher.publish('news', 'one'), 2);
      assert.equal(await publisher.sPublish('shard', 'two'), 1);
      await subscriber.pUnsubscribe('n?ws');
      await subscriber.unsubscribe('news');
      assert.equal(await publisher.publish('news', 'three'), 0);
      assert.equal(await publisher.sPublish('shard', 'four'), 1);
      await until('all messages', () => got.length >= 4 || `${got.length} messages`);
      assert.deepEqual(got, ['news one', 'news one', 'shard two', 'shard four']);
      await Promise.all([subscriber.close(), publisher.close()]);
    });
  }
  test('clientSideCache: a value that another client has changed is read anew', async () => {
    const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 0, evictPolicy: 'LRU' });
    const reader = createClient({
      ...{ RESP: 3 as const, clientSideCache: cache },
      socket: { port: server.port },
    });
    const writer = createClient({ socket: { port: server.port } });
    await Promise.all([reader.connect(), writer.connect()]);
    await writer.set('cached', '0');
    for (let value = 1; value <= 20; value++) {
      const before = cache.stats().hitCount;
      const first = await reader.get('cached');
      assert.equal(await reader.get('cached'), first);
      assert.ok(cache.stats().hitCount > before);
      await writer.set('cached', String(value));
      await reader.ping();
      assert.equal(await reader.get('cached'), String(value));
    }
    await writer.flushAll();
    await reader.ping();
    assert.equal(await reader.get('cached'), null);
    await Promise.all([reader.close(), writer.close()]);
  });

  test('users log in with a name and a password', async () => {
    const admin = createClient({ socket: { port: server.port } });
    await admin.connect();
    await admin.aclSetUser('app', ['on', '>secret', '~app:*', '+@string', '+client']);
    const users = await admin.aclGetUser('app');
    assert.deepEqual([users.flags, users.keys], [['on'], '~app:*']);
    for (const RESP of [2, 3] as const) {
      const login = { username: 'app', password: 'secret' };
      const client = createClient({ RESP, ...login, socket: { port: server.port } });
      await client.connect();
      assert.equal(await client.set('app:k', 'v'), 'OK');
      await assert.rejects(client.get('k'), /NOPERM .* one of the keys/);
      await assert.rejects(client.flushAll(), /NOPERM .* 'flushall' command/);
      client.destroy();
    }
    const [denied] = await admin.aclLog();
    assert.deepEqual(
      [denied?.reason, denied?.object, denied?.username, denied?.count],
      ['command', 'flushall', 'app', 2],
    );
    const wrong = createClient({
      ...{ username: 'app', password: 'no' },
      socket: { port: server.port, reconnectStrategy: false },
    });
    wrong.on('error', () => {});
    await assert.rejects(wrong.connect(), /WRONGPASS/);
    assert.equal(await admin.aclDelUser('app'), 1);
    await admin.close();
  });

  test('scripts and functions', async () => {
    const add = defineScript({
      NUMBER_OF_KEYS: 1,
      SCRIPT: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
      parseCommand(parser: CommandParser, key: string, by: number) {
        parser.pushKey(key);
        parser.push(String(by));
      },
      transformReply: (reply: number) => reply,
    });
    const client = createClient({ socket: { port: server.port }, scripts: { add } });
    await client.connect();
    await client.flushAll();
    assert.deepEqual([await client.add('n', 2), await client.add('n', 3)], [2, 5]);
    await client.scriptFlush();
    assert.equal(await client.add('n', 1), 6);
    const code = `#!lua name=lib
redis.register_function('double', function(keys) return redis.call('get', keys[1]) * 2 end)`;
    assert.equal(await client.functionLoad(code, { REPLACE: true }), 'lib');
    assert.equal(await client.fCall('double', { keys: ['n'], arguments: [] }), 12);
    const libraries = (await client.functionList()) as unknown as { library_name: string }[];
    assert.deepEqual(
      libraries.map(({ library_name: name }) => name),
      ['lib'],
    );
    const dump = await client.functionDump();
    assert.ok(dump.length > code.length);
    assert.equal(await client.functionFlush(), 'OK');
    const replies = await client.multi().add('n', 4).eval('return 1').exec();
    assert.deepEqual(replies, [10, 1]);
    await client.close();
  });

  test('scanIterator finds every key', async () => {
    const client = createClient({ socket: { port: server.port } });
    await client.connect();
    await client.flushAll();
    await client.mSet(Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`s:${i}`, 'v'])));
    const found = new Set<string>();
    for await (const page of client.scanIterator({ MATCH: 's:*', COUNT: 50 })) {
      for (const key of page) found.add(key);
    }
    assert.equal(found.size, 2000);
    await client.close();
  });
});

async function connect(port: number, RESP: 2 | 3): Promise<Library> {
  const client = createClient({ RESP, socket: { port } });
  client.on('error', () => {});
  await client.connect();
  return {
    command: (...args) => client.sendCommand(args) as Promise<unknown>,
    binary: async (...args) => (await client.sendCommand(args, binaryTypes)) as Buffer | null,
    pipeline: (commands) =>
      Promise.all(commands.map((args) => client.sendCommand([...args]) as Promise<unknown>)),
    transaction: async (commands) => {
      const multi = client.multi();
      for (const args of commands) multi.addCommand([...args]);
      try {
        return (await multi.exec()) as unknown[];
      } catch (error) {
        // WATCH went through sendCommand, of which the library does not know.
        if (error instanceof WatchError) return null;
        throw error;
      }
    },
    close: () => client.close(),
  };
}
