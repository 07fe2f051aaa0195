/** A Darter follows a redis-server: how it joins, what it shows, what becomes of restarts and failovers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  fill,
  follow,
  linkUp,
  number,
  startNode,
  startSmall,
  until,
} from '../replication/support.js';
import { claimPort } from '../support/ports.js';
import { textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter } from '../support/server.js';
import { caughtUp, contentOf, sameAsRedis, startAgain, startPrimary } from './support.js';

const LIBRARY = `#!lua name=lib
redis.register_function{
  function_name = 'answer', callback = function() return 42 end, flags = { 'no-writes' }
}`;
const TEN_MEGABYTES = 10_000_000;

/** Values of all types, in several databases. */
async function fillAllTypes(redis: Server): Promise<void> {
  const client = await redis.client();
  const run = (...words: string[]) => client.text(...words);
  await run('SET', 'large', 'x'.repeat(TEN_MEGABYTES));
  await run('SET', 'expiring', 'v', 'EX', '1000');
  await run('RPUSH', 'list', '1', 'two', 'x'.repeat(9000));
  await run('SADD', 'set', '1', '2', '3');
  await run('ZADD', 'zset', '1.5', 'a', '-inf', 'b');
  await run('HSET', 'hash', 'field', 'value');
  await run('FUNCTION', 'LOAD', LIBRARY);
  await run('SELECT', '5');
  await run('XADD', 'stream', '1-1', 'f', 'v');
  await run('XADD', 'stream', '2-1', 'f', 'v');
  await run('XGROUP', 'CREATE', 'stream', 'group', '0');
  await run('XREADGROUP', 'GROUP', 'group', 'consumer', 'COUNT', '1', 'STREAMS', 'stream', '>');
  await client.close();
}

describe('following a redis-server', { skip: eitherMissing() }, () => {
  test('joins by either transfer, shows what a replica of Redis shows, and is promoted', async (t) => {
    await using redis = await startPrimary('--repl-diskless-sync', 'no');
    await using replica = await startNode();
    await using behind = await startNode('--threads', '1');
    await fillAllTypes(redis);
    await replica.ask('SET', 'own', 'goes');
    await replica.ask('FUNCTION', 'LOAD', LIBRARY.replace('lib', 'other'));

    await t.test('a full sync from disk brings all of it, also to a Darter behind', async () => {
      await follow(replica, redis.port);
      await linkUp(replica);
      await follow(behind, replica.port);
      await linkUp(behind);
      await sameAsRedis(redis, replica, behind);
      for (const server of [replica, behind]) {
        assert.equal(await server.ask('FUNCTION', 'LIST', 'LIBRARYNAME', 'other'), '[]');
        assert.equal(await server.ask('FCALL_RO', 'answer', '0'), '42');
      }
      await replica.logged(/Loading an RDB of .* MB/);
    });

    await t.test('INFO, ROLE and the primary show a replica of Redis', async () => {
      await caughtUp(redis, replica);
      assert.equal(await replica.info('role'), 'slave');
      assert.equal(await replica.info('master_replid'), await redis.info('master_replid'));
      assert.equal(await replica.info('master_sync_in_progress'), '0');
      assert.match(
        await replica.ask('ROLE'),
        new RegExp(`^\\[slave 127.0.0.1 ${redis.port} connected \\d+\\]$`),
      );
      const shown = await redis.info('slave0');
      assert.match(shown!, new RegExp(`port=${replica.port},state=online`));
      assert.match(await replica.ask('SET', 'a', 'b'), /^READONLY/);
    });

    await t.test(
      'the primary is a client, as on a replica of Redis, and can be killed',
      async () => {
        await redis.ask('SET', 'shown', '1');
        await caughtUp(redis, replica);
        const shown = await replica.ask('CLIENT', 'LIST', 'TYPE', 'MASTER');
        assert.match(shown, new RegExp(`^id=\\d+ addr=127\\.0\\.0\\.1:${redis.port} `));
        assert.match(shown, / flags=M .* cmd=\w+ user=\(superuser\) /);
        assert.doesNotMatch(shown, /cmd=NULL/);
        assert.match(await behind.ask('CLIENT', 'LIST', 'TYPE', 'MASTER'), / flags=M /);
        assert.match(await replica.ask('CLIENT', 'LIST', 'TYPE', 'REPLICA'), / flags=S /);
        const before = await number(redis, 'sync_partial_ok');
        assert.equal(await replica.ask('CLIENT', 'KILL', 'TYPE', 'MASTER'), '1');
        await until('it continues', async () => (await number(redis, 'sync_partial_ok')) > before);
        await linkUp(replica);
        await linkUp(behind);
        assert.equal(await behind.ask('CLIENT', 'KILL', 'TYPE', 'MASTER'), '1');
        await behind.logged(/lost: CLIENT KILL/);
        await linkUp(behind);
      },
    );

    await t.test('WAIT and GETACK are answered at once', async () => {
      const client = await redis.client();
      await client.text('SET', 'huge', 'y'.repeat(TEN_MEGABYTES));
      await client.text('SET', 'awaited', '1');
      assert.equal(await client.text('WAIT', '1', '30000'), '1');
      await client.close();
      assert.equal(await replica.ask('GET', 'awaited'), '1');
      for (const server of [replica, behind]) {
        await until(
          'the long value',
          async () => (await server.ask('STRLEN', 'huge')) === String(TEN_MEGABYTES),
        );
      }
    });

    await t.test('messages and libraries reach the servers behind', async () => {
      const subscriber = await behind.client();
      await subscriber.command('SUBSCRIBE', 'news');
      const client = await redis.client();
      await client.pipeline([['MULTI'], ['PUBLISH', 'news', 'first'], ['SET', 'k', 'v'], ['EXEC']]);
      await client.text('PUBLISH', 'news', 'second');
      const messages = (await subscriber.replies(2)).map(textOf);
      assert.deepEqual(messages, ['[message news first]', '[message news second]']);
      await client.text('FUNCTION', 'DELETE', 'lib');
      await until(
        'the library is gone',
        async () => (await behind.ask('FUNCTION', 'LIST')) === '[]',
      );
      await client.close();
      await subscriber.close();
    });

    await t.test('the primary decides what has expired', async () => {
      const client = await redis.client();
      await client.text('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
      await client.text('SELECT', '9');
      await client.text('SET', 'short', 'v', 'PX', '100');
      await caughtUp(redis, replica);
      const reader = await replica.client();
      await reader.text('SELECT', '9');
      await until('it is hidden', async () => (await reader.text('EXISTS', 'short')) === '0');
      assert.equal(await reader.text('DBSIZE'), '1');
      await client.text('EXISTS', 'short');
      await until('it is removed', async () => (await reader.text('DBSIZE')) === '0');
      await client.close();
      await reader.close();
    });

    await t.test(
      'promotion keeps the data, the id as the second one, and the Darter behind',
      async () => {
        await caughtUp(redis, replica);
        const [id, offset] = [
          await replica.info('master_replid'),
          await number(replica, 'slave_repl_offset'),
        ];
        const before = await contentOf(redis);
        assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
        assert.equal(await replica.info('role'), 'master');
        assert.deepEqual(await contentOf(replica), before);
        assert.equal(await replica.info('master_replid2'), id);
        assert.ok((await number(replica, 'second_repl_offset')) > offset);
        await replica.ask('SET', 'after', 'promotion');
        await until(
          'the write comes',
          async () => (await behind.ask('GET', 'after')) === 'promotion',
        );
        assert.equal(await replica.info('sync_full'), '1');
        await replica.logged(/a Redis, which can follow it in turn/);
      },
    );

    await t.test('back as a replica it gets a full sync, without a disk', async () => {
      await redis.ask('CONFIG', 'SET', 'repl-diskless-sync', 'yes');
      await redis.ask('FLUSHALL');
      await fill(redis, 1000, 100);
      await follow(replica, redis.port);
      await linkUp(replica);
      await linkUp(behind);
      await sameAsRedis(redis, replica, behind);
      await replica.logged(/Loading an RDB straight from its memory/);
    });
  });

  test('goes on after a restart of the redis-server, and after its failover', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'redis-primary-'));
    const port = await claimPort();
    const start = () => startAgain(port, directory);
    let redis = await start();
    t.after(async () => {
      await redis.stop();
      rmSync(directory, { recursive: true });
    });
    await using other = await startPrimary();
    await using replica = await startNode();
    await fill(redis, 1000, 20);
    await follow(other, port);
    await follow(replica, port);
    await linkUp(replica);

    await t.test('a restarted primary continues the history that its RDB tells', async () => {
      await redis.ask('SET', 'before', 'restart');
      await caughtUp(redis, replica);
      const offset = await replica.info('slave_repl_offset');
      // Its replicas have all: so the RDB has the id and the offset that they have.
      const ended = redis.exit();
      await redis.ask('SHUTDOWN', 'SAVE').catch(() => '');
      await ended;
      await until(
        'the link is down',
        async () => (await replica.info('master_link_status')) === 'down',
      );
      assert.ok((await number(replica, 'slave_repl_offset')) >= Number(offset));
      assert.equal(await replica.ask('GET', 'before'), 'restart');
      redis = await start();
      await linkUp(replica);
      await redis.ask('SET', 'after', 'restart');
      await sameAsRedis(redis, replica);
      assert.ok((await number(redis, 'sync_partial_ok')) > 0);
      await replica.logged(/The sync continues with Redis/);
    });

    await t.test(
      'the promoted replica of the redis-server continues it under a new id',
      async () => {
        await linkUp(other);
        // A PING that one replica has got and the other has not would make histories of them.
        await redis.ask('CONFIG', 'SET', 'repl-ping-replica-period', '3600');
        await caughtUp(redis, replica, other);
        const before = await number(other, 'sync_partial_ok');
        assert.equal(await other.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
        await other.ask('SET', 'after', 'failover');
        await follow(replica, other.port);
        await linkUp(replica);
        await sameAsRedis(other, replica);
        assert.equal(await number(other, 'sync_partial_ok'), before + 1);
        assert.equal(await replica.info('master_replid'), await other.info('master_replid'));
      },
    );

    await t.test('a Darter at the same address is followed as a Darter', async () => {
      other.child.kill('SIGKILL');
      await other.exited;
      // The port is still claimed: nobody else gets it.
      await using darter = await startDarter({ port: other.port });
      await darter.ask('SET', 'only', 'here');
      await linkUp(replica);
      await until('its data', async () => (await replica.ask('GET', 'only')) === 'here');
      assert.equal(await replica.ask('DBSIZE'), '1');
    });
  });

  test('a primary with users is asked by masteruser and masterauth', async () => {
    await using redis = await startPrimary();
    await redis.ask('ACL', 'SETUSER', 'replica', 'on', '>secret', '+ping', '+psync', '+replconf');
    await redis.ask('ACL', 'SETUSER', 'default', 'off');
    await using replica = await startSmall('--masteruser', 'replica', '--masterauth', 'wrong');
    await follow(replica, redis.port);
    await until('the reason is shown', async () =>
      /WRONGPASS/.test((await replica.info('master_link_failure')) ?? ''),
    );
    await replica.ask('CONFIG', 'SET', 'masterauth', 'secret');
    await linkUp(replica);
  });

  test('bind-source-addr says where it comes from', async () => {
    // To a Redis in protected mode 127.0.0.2 is not this machine.
    await using redis = await startPrimary('--protected-mode', 'no');
    await using replica = await startSmall('--bind-source-addr', '127.0.0.2');
    await follow(replica, redis.port);
    await linkUp(replica);
    assert.match((await redis.info('slave0')) ?? '', /ip=127\.0\.0\.2,/);
  });
});
