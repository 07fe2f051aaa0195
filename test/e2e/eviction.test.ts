/** maxmemory of real servers: under each policy, to replicas and to those who are told of evictions. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { follow, linkUp, number, sameData, startNode, until } from '../replication/support.js';
import { encode, type RawClient } from '../support/client.js';
import { Random } from '../support/random.js';
import { isError, type Reply, showReply, textOf } from '../support/reply.js';
import { darterMissing, eitherMissing, type Server, startRedis } from '../support/server.js';

const LIMIT = 6 << 20;
/** What a batch of writes may add after the last look at the limit. */
const SLACK = 512 << 10;
const BATCHES = 14;
const BATCH = 250;
const VALUE_BYTES_MAX = 2000;
const LARGE_BYTES = 40_000;

/** A write of some type under a key that is used once. */
function write(random: Random, key: string): string[] {
  const value = 'v'.repeat(random.below(VALUE_BYTES_MAX));
  switch (random.below(8)) {
    case 0:
      return ['HSET', key, 'field', value, 'other', 'x'];
    case 1:
      return ['RPUSH', key, value, 'x'.repeat(100)];
    case 2:
      return ['SADD', key, value, 'member'];
    case 3:
      return ['ZADD', key, '1', value, '2', 'member'];
    case 4:
      return ['XADD', key, '*', 'field', value];
    case 5:
      return ['SET', key, 'w'.repeat(random.below(LARGE_BYTES))];
    default:
      return ['SET', key, value];
  }
}

/** Writes more than there is room for. @returns the errors */
async function fill(
  client: RawClient,
  expire: boolean,
  check: () => Promise<void>,
): Promise<Set<string>> {
  const random = new Random(11);
  const errors = new Set<string>();
  for (let batch = 0; batch < BATCHES; batch++) {
    const commands: string[][] = [];
    for (let i = 0; i < BATCH; i++) {
      const key = `key:${batch}:${i}`;
      commands.push(write(random, key));
      if (expire) commands.push(['EXPIRE', key, String(1000 + random.below(100_000))]);
    }
    for (const reply of await client.pipeline(commands)) {
      if (isError(reply)) errors.add(showReply(reply));
    }
    await check();
  }
  return errors;
}

async function within(server: Server): Promise<void> {
  const used = await number(server, 'used_memory');
  assert.ok(used <= LIMIT + SLACK, `${used} bytes are used`);
}

const POLICIES = ['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-lru'];
const MORE_POLICIES = ['volatile-lfu', 'volatile-random', 'volatile-ttl'];

describe('eviction', { skip: darterMissing() }, () => {
  test('under each policy, writes of all types stay within maxmemory', async () => {
    const server = await startNode('--maxmemory', String(LIMIT), '--threads', '2');
    const client = await server.client();
    try {
      for (const policy of [...POLICIES, ...MORE_POLICIES]) {
        await client.text('CONFIG', 'SET', 'maxmemory-policy', policy);
        const before = await number(server, 'evicted_keys');
        const errors = await fill(client, policy.startsWith('volatile'), () => within(server));
        assert.deepEqual([...errors], [], policy);
        assert.ok((await number(server, 'evicted_keys')) > before + 500, policy);
        assert.equal(await client.text('DEBUG', 'CHECK'), 'OK');
        assert.equal(await client.text('FLUSHALL'), 'OK');
      }
    } finally {
      await server.stop();
    }
  });

  test('where nothing may be evicted, writes are refused, and reads and DEL are not', async () => {
    const server = await startNode('--maxmemory', String(LIMIT), '--threads', '2');
    const client = await server.client();
    try {
      for (const policy of ['noeviction', 'volatile-lru']) {
        await client.text('CONFIG', 'SET', 'maxmemory-policy', policy);
        const errors = await fill(client, false, () => within(server));
        assert.deepEqual(
          [...errors].map((error) =>
            /OOM command not allowed when used memory > 'maxmemory'\./.test(error),
          ),
          [true],
        );
        assert.equal(await number(server, 'evicted_keys'), 0);
        assert.match(await client.text('RANDOMKEY'), /^key:/);
        // In the same turn: the other policy helps at once.
        const replies = await client.pipeline([
          ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random'],
          ['SET', 'fits', 'now'],
        ]);
        for (const reply of replies) assert.equal(textOf(reply), 'OK');
        await client.text('FLUSHALL');
        await client.text('CONFIG', 'RESETSTAT');
      }
    } finally {
      await server.stop();
    }
  });

  test('a lower maxmemory is reached in the background', async () => {
    const server = await startNode('--maxmemory-policy', 'allkeys-lru', '--threads', '2');
    const client = await server.client();
    try {
      await fill(client, false, async () => {});
      const used = await number(server, 'used_memory');
      const limit = Math.floor(used / 2);
      await client.text('CONFIG', 'SET', 'maxmemory', String(limit));
      await until('evicted', async () => (await number(server, 'used_memory')) <= limit);
      await server.logged(/maxmemory \(\d+\) is smaller than the current memory usage/);
      assert.ok((await number(server, 'evicted_keys')) > 0);
    } finally {
      await server.stop();
    }
  });

  test('a replica gets evictions as removals, and evicts nothing by itself', async () => {
    const [primary, replica] = await Promise.all([
      startNode(
        '--maxmemory',
        String(LIMIT),
        '--maxmemory-policy',
        'allkeys-lru',
        '--threads',
        '2',
      ),
      startNode('--maxmemory', '1mb', '--maxmemory-policy', 'allkeys-lru', '--threads', '2'),
    ]);
    const client = await primary.client();
    try {
      await follow(replica, primary.port);
      await linkUp(replica);
      assert.equal((await fill(client, false, () => within(primary))).size, 0);
      assert.ok((await number(primary, 'evicted_keys')) > 500);
      await client.text('CONFIG', 'SET', 'maxmemory', '0');
      await sameData(primary, replica);
      for (const server of [primary, replica]) {
        assert.equal(await server.ask('DEBUG', 'CHECK'), 'OK');
      }
      assert.equal(await number(replica, 'evicted_keys'), 0);
    } finally {
      await Promise.all([primary.stop(), replica.stop()]);
    }
  });

  test('evictions are told as events, and to clients that have the key in a cache', async () => {
    const server = await startNode('--maxmemory-policy', 'allkeys-lru', '--threads', '2');
    const [client, cached, subscriber] = await Promise.all([
      server.client(),
      server.client(),
      server.client(),
    ]);
    try {
      for (const one of [cached, subscriber]) await one.command('HELLO', '3');
      await client.text('CONFIG', 'SET', 'notify-keyspace-events', 'Ee');
      subscriber.write(encode(['SUBSCRIBE', '__keyevent@0__:evicted']));
      // The confirmation is a push, which stands before this answer.
      await subscriber.command('PING');
      await cached.text('CLIENT', 'TRACKING', 'ON');
      await client.text('SET', 'mine', 'x');
      await cached.command('GET', 'mine');
      const told = async (one: RawClient): Promise<boolean> => {
        await one.command('PING');
        return one.pushes.some((push) => /mine/.test(showReply(push)));
      };
      await client.text('CONFIG', 'SET', 'maxmemory', '1');
      await until('told by an event', () => told(subscriber));
      await until('told to the cache', () => told(cached));
      assert.equal(await client.text('EXISTS', 'mine'), '0');
    } finally {
      await server.stop();
    }
  });
});

/** What both servers answer to these, one connection after the other. */
async function answers(server: Server, lines: readonly string[]): Promise<string[]> {
  const client = await server.client();
  const replies: Reply[] = [];
  for (const line of lines) replies.push(await client.command(...line.split(' ')));
  await client.close();
  return replies.map((reply, i) => `${lines[i]}: ${showReply(reply)}`);
}

const EVAL = 'EVAL';
const SCRIPT = "return(redis.call('set','k','v'))";
const FLAGGED = "#!lua\nreturn(redis.call('set','k','v'))";
const ALLOWED = "#!lua\u0020flags=allow-oom\nreturn(redis.call('set','k','v'))";

describe('maxmemory beside Redis', { skip: eitherMissing() }, () => {
  test('errors of OBJECT, CONFIG, transactions and scripts are the same', async () => {
    const [darter, redis] = await Promise.all([startNode(), startRedis()]);
    try {
      const lines = [
        ...[
          'SET k v',
          'OBJECT FREQ k',
          'OBJECT IDLETIME k',
          'OBJECT FREQ none',
          'OBJECT IDLETIME none',
        ],
        ...[
          'CONFIG SET maxmemory-policy nope',
          'CONFIG SET maxmemory-samples 0',
          'CONFIG SET maxmemory 10%',
        ],
        ...[
          'CONFIG SET maxmemory-eviction-tenacity 101',
          'CONFIG SET maxmemory-policy allkeys-lfu',
        ],
        ...['OBJECT IDLETIME k', 'OBJECT IDLETIME none', 'OBJECT FREQ none'],
        ...['CONFIG SET maxmemory-policy volatile-lru', 'OBJECT FREQ k'],
        ...[
          'CONFIG SET maxmemory-policy noeviction',
          'CONFIG SET maxmemory 1',
          'SET a b',
          'GET k',
          'MULTI',
          'GET k',
          'SET a b',
          'EXEC',
        ],
        ...[
          'MULTI',
          'DISCARD',
          'DEL none',
          'APPEND a b',
          'HSET a b c',
          'HDEL a b',
          'CONFIG SET maxmemory 0',
        ],
        ...[
          'MULTI',
          'SET a b',
          'CONFIG SET maxmemory 1',
          'EXEC',
          'CONFIG SET maxmemory 0',
          'GET a',
        ],
        ...['CONFIG SET maxmemory 1', 'LPUSH a b', 'LPOP a', 'EXPIRE k 100', 'PERSIST k', 'TTL k'],
        'CONFIG SET maxmemory 0',
      ];
      assert.deepEqual(await answers(darter, lines), await answers(redis, lines));
      for (const server of [darter, redis]) await server.ask('CONFIG', 'SET', 'maxmemory', '1');
      const scripts = (server: Server) =>
        Promise.all([SCRIPT, FLAGGED, ALLOWED].map((script) => askScript(server, script)));
      assert.deepEqual(await scripts(darter), await scripts(redis));
    } finally {
      await Promise.all([darter.stop(), redis.stop()]);
    }
  });
});

async function askScript(server: Server, script: string): Promise<string> {
  const client = await server.client();
  const reply = showReply(await client.command(EVAL, script, '1', 'k'));
  await client.close();
  return reply;
}
