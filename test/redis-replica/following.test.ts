/**
 * A redis-server follows a Darter: how it joins, what both show, what becomes of cuts and failovers. The chain of
 * four servers takes long and runs by command:
 *
 *     DARTER_CHAIN=1 node --test dist/test/redis-replica/following.test.js
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { sameAsRedis, startPrimary } from '../redis-primary/support.js';
import {
  follow,
  followThroughProxy,
  linkUp,
  number,
  startNode,
  startSmall,
  until,
} from '../replication/support.js';
import { isList, textOf } from '../support/reply.js';
import { eitherMissing, programMissing, type Server } from '../support/server.js';
import { atOneOffset, startRedisReplica, syncs } from './support.js';

const LIBRARY = `#!lua name=lib
redis.register_function{
  function_name = 'answer', callback = function() return 42 end, flags = { 'no-writes' }
}`;
const TEN_MEGABYTES = 10_000_000;
/** Longer than what is in an RDB as one value. */
const MEMBERS = 12_000;

/** Values of all types, in several databases. */
async function fillAllTypes(primary: Server, prefix: string): Promise<void> {
  const client = await primary.client();
  const run = (...words: string[]) => client.text(...words);
  await run('SET', `${prefix}large`, 'x'.repeat(TEN_MEGABYTES));
  await run('SET', `${prefix}expiring`, 'v', 'EX', '1000');
  await run('RPUSH', `${prefix}list`, '1', 'two', 'x'.repeat(9000));
  await run('SADD', `${prefix}set`, '1', '2', '3');
  await run('ZADD', `${prefix}zset`, '1.5', 'a', '-inf', 'b');
  await run('HSET', `${prefix}hash`, 'field', 'value');
  await run('PFADD', `${prefix}hll`, 'a', 'b');
  await run('EVAL', MANY, '2', `${prefix}many`, `${prefix}fields`);
  await run('SELECT', '5');
  await run('XADD', `${prefix}stream`, '1-1', 'f', 'v');
  await run('XADD', `${prefix}stream`, '2-1', 'f', 'v');
  await run('XGROUP', 'CREATE', `${prefix}stream`, 'group', '0');
  await run('XREADGROUP', 'GROUP', 'group', 'c', 'COUNT', '1', 'STREAMS', `${prefix}stream`, '>');
  await client.close();
}

const MANY = `local name = string.rep('x', 100)
for i = 1, ${MEMBERS} do
  redis.call('ZADD', KEYS[1], i, name .. i)
  redis.call('HSET', KEYS[2], 'f' .. (i % 1000), i)
end`;

async function transaction(primary: Server, ...commands: string[][]): Promise<void> {
  const client = await primary.client();
  await client.pipeline([['MULTI'], ...commands, ['EXEC']]);
  await client.close();
}

const CHAIN = process.env.DARTER_CHAIN === undefined ? 'by command: DARTER_CHAIN=1' : false;

describe('a redis-server follows', { skip: eitherMissing() }, () => {
  test('it gets all that there is, and all that is done afterwards', async (t) => {
    await using primary = await startNode();
    await using redis = await startRedisReplica();
    await fillAllTypes(primary, 'before:');
    await primary.ask('FUNCTION', 'LOAD', LIBRARY);
    await follow(redis, primary.port);
    await linkUp(redis);
    const listener = await redis.client();
    await listener.command('SUBSCRIBE', 'news');

    await t.test('values of all types, functions, transactions, whole databases', async () => {
      await sameAsRedis(redis, primary);
      assert.equal(await redis.ask('FCALL_RO', 'answer', '0'), '42');
      await fillAllTypes(primary, 'after:');
      await primary.ask('INCRBYFLOAT', 'float', '1.5');
      await primary.ask('SPOP', 'after:set', '2');
      await primary.ask('SWAPDB', '5', '6');
      await transaction(primary, ['MSET', 'a', '1', 'b', '2'], ['SELECT', '5'], ['INCR', 'count']);
      await transaction(primary, ['SELECT', '6'], ['FLUSHDB'], ['MSET', 'c', '3', 'd', '4']);
      await sameAsRedis(redis, primary);
      await primary.ask('FUNCTION', 'DELETE', 'lib');
      await primary.ask('FLUSHALL');
      await primary.ask('MSET', 'e', '1', 'f', '2', 'g', '3');
      assert.equal(await primary.ask('PUBLISH', 'news', 'text'), '0');
      const [message] = await listener.replies(1);
      assert.deepEqual(message !== undefined && isList(message) ? message.items.map(textOf) : [], [
        'message',
        'news',
        'text',
      ]);
      await sameAsRedis(redis, primary);
      assert.equal(await redis.ask('FUNCTION', 'LIST'), '[]');
    });

    await t.test('WAIT, INFO and ROLE count it as those of a Redis do', async () => {
      await primary.ask('SET', 'counted', '1');
      assert.equal(await primary.ask('WAIT', '1', '30000'), '1');
      assert.equal(await redis.ask('GET', 'counted'), '1');
      await atOneOffset(primary, redis);
      assert.equal(await primary.info('connected_slaves'), '1');
      assert.match(
        String(await primary.info('slave0')),
        new RegExp(`port=${redis.port},state=online,offset=\\d+`),
      );
      assert.equal(await redis.info('master_replid'), await primary.info('master_replid'));
      assert.match(String(await primary.ask('ROLE')), new RegExp(`master.*${redis.port}`, 's'));
    });

    await t.test('CLIENT LIST and CLIENT KILL take it for a client, as Redis does', async () => {
      const shown = await primary.ask('CLIENT', 'LIST', 'TYPE', 'REPLICA');
      assert.match(shown, /^id=\d+ addr=127\.0\.0\.1:\d+ .* flags=S .* omem=\d+ .*user=default/);
      await until('it has acknowledged', async () =>
        / cmd=replconf /.test(await primary.ask('CLIENT', 'LIST', 'TYPE', 'REPLICA')),
      );
      const field = (name: string) => new RegExp(` ?${name}=(\\S*)`).exec(shown)![1]!;
      const [id, address] = [field('id'), field('addr')];
      assert.match(await primary.ask('CLIENT', 'LIST', 'ID', id), new RegExp(`addr=${address} `));
      assert.doesNotMatch(await primary.ask('CLIENT', 'LIST', 'TYPE', 'NORMAL'), /flags=S/);
      assert.equal(await primary.ask('CLIENT', 'UNBLOCK', id), '0');
      assert.match(
        await redis.ask('CLIENT', 'LIST', 'TYPE', 'MASTER'),
        new RegExp(`laddr=${address} `),
      );
      for (const filter of [['ID', id], ['ADDR'], ['TYPE', 'REPLICA'], []]) {
        const now = await primary.ask('CLIENT', 'LIST', 'TYPE', 'REPLICA');
        const other = / addr=(\S+)/.exec(now)![1]!;
        const before = await number(primary, 'sync_partial_ok');
        const words =
          filter.length === 0 ? [other] : filter[0] === 'ADDR' ? ['ADDR', other] : filter;
        const answer = await primary.ask('CLIENT', 'KILL', ...words);
        assert.equal(answer, filter.length === 0 ? 'OK' : '1');
        assert.doesNotMatch(await primary.ask('CLIENT', 'LIST'), new RegExp(` addr=${other} `));
        await until(
          'it continues',
          async () => (await number(primary, 'sync_partial_ok')) > before,
        );
      }
      await primary.logged(/has left: CLIENT KILL/);
      await sameAsRedis(redis, primary);
    });

    await t.test('who watches with MONITOR gets no answer to PSYNC', async () => {
      const client = await primary.client();
      await client.command('MONITOR');
      client.write('PSYNC ? -1\r\nECHO next\r\n');
      assert.deepEqual(
        (await client.replies(2)).map(textOf).map((text) => /next/.test(text)),
        [true, true],
      );
      await client.close();
    });

    await t.test('the end of its user ends it', async () => {
      await primary.ask(
        'ACL',
        'SETUSER',
        'follower',
        'on',
        '>secret',
        '+psync',
        '+replconf',
        '+ping',
      );
      await redis.ask('CONFIG', 'SET', 'masteruser', 'follower');
      await redis.ask('CONFIG', 'SET', 'masterauth', 'secret');
      await primary.ask('CLIENT', 'KILL', 'TYPE', 'REPLICA');
      await until('it is another user', async () =>
        / user=follower /.test(await primary.ask('CLIENT', 'LIST', 'TYPE', 'REPLICA')),
      );
      assert.equal(await primary.ask('CLIENT', 'KILL', 'USER', 'follower'), '1');
      await until('it is back', async () =>
        / user=follower /.test(await primary.ask('CLIENT', 'LIST', 'TYPE', 'REPLICA')),
      );
      assert.equal(await primary.ask('ACL', 'DELUSER', 'follower'), '1');
      await primary.logged(/(has left|No sync of .*): its user is no more/);
      assert.doesNotMatch(await primary.ask('CLIENT', 'LIST'), /user=follower/);
      await redis.ask('CONFIG', 'SET', 'masteruser', '');
      await redis.ask('CONFIG', 'SET', 'masterauth', '');
      await linkUp(redis);
    });

    await t.test('what Redis 7.0 does not know ends the sync, by name', async () => {
      await primary.ask('HSET', 'map', 'f', 'v');
      await primary.ask('HPEXPIRE', 'map', '1000000', 'FIELDS', '1', 'f');
      await primary.logged(
        /has left: Redis 7\.0 does not know HPEXPIREAT, which changed the key map/,
      );
      await primary.logged(/No sync .* does not know fields that expire, as the hash map has/);
      await primary.ask('DEL', 'map');
      await linkUp(redis);
      await sameAsRedis(redis, primary);
    });
  });

  test('it continues after a cut link, also at a sibling, beside Darters', async (t) => {
    await using primary = await startNode();
    await using redis = await startRedisReplica();
    await using sibling = await startRedisReplica();
    await using darter = await startSmall();
    await primary.ask('SET', 'a', '1');
    const proxy = await followThroughProxy(redis, primary, t);
    await follow(darter, primary.port);
    await linkUp(darter);
    await fillAllTypes(primary, '');
    await follow(sibling, primary.port);
    await linkUp(sibling);

    await t.test('where it was', async () => {
      const full = await number(primary, 'sync_full');
      const before = await syncs(primary);
      proxy.cut();
      await primary.ask('MSET', 'b', '2', 'c', '3');
      proxy.restore();
      await until('another sync', async () => (await syncs(primary)) > before);
      assert.equal(await primary.ask('WAIT', '3', '30000'), '3');
      assert.equal(await number(primary, 'sync_full'), full, `${primary.log}\n${redis.log}`);
      await sameAsRedis(redis, primary, sibling, darter);
    });

    await t.test('and at another Redis, as offsets are the same for all', async () => {
      assert.equal(await darter.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
      await sameAsRedis(darter, redis, sibling);
      await primary.stop();
      for (const replica of [redis, sibling]) {
        await until(
          'its link is down',
          async () => (await replica.info('master_link_status')) === 'down',
        );
      }
      // One of them may have a last PING that the other has not.
      const isAhead =
        (await number(redis, 'slave_repl_offset')) >= (await number(sibling, 'slave_repl_offset'));
      const [heir, other] = isAhead ? [redis, sibling] : [sibling, redis];
      assert.equal(await heir.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
      await follow(other, heir.port);
      await linkUp(other);
      assert.equal(await heir.info('sync_partial_ok'), '1');
      assert.equal(await heir.info('sync_full'), '0');
      await sameAsRedis(darter, redis, sibling);
    });
  });

  test('a chain of both kinds has the same everywhere', { skip: CHAIN }, async () => {
    await using first = await startPrimary();
    await using second = await startNode();
    await using third = await startRedisReplica();
    await using fourth = await startNode();
    // A Redis tells its replicas of what a group has read, not how many entries these are.
    await fillAllTypes(first, '');
    for (const [replica, primary] of [
      [second, first],
      [third, second],
      [fourth, third],
    ] as const) {
      await follow(replica, primary.port);
      await linkUp(replica);
    }
    await first.ask('EVAL', MANY, '2', 'more', 'fields');
    await first.ask('XADD', 'other', '*', 'f', 'v');
    await transaction(first, ['MSET', 'x', '1', 'y', '2'], ['SWAPDB', '0', '5'], ['INCR', 'z']);
    await sameAsRedis(first, second, third, fourth);
    await first.ask('FLUSHALL');
    await first.ask('SET', 'b', '2');
    await sameAsRedis(first, second, third, fourth);
  });
});

const toolsMissing = eitherMissing() || programMissing('redis-cli');

test('redis-cli gets an RDB that redis-check-rdb and redis-server take', {
  skip: toolsMissing,
}, async () => {
  await using primary = await startNode();
  await fillAllTypes(primary, '');
  await primary.ask('FUNCTION', 'LOAD', LIBRARY);
  const directory = mkdtempSync(join(tmpdir(), 'darter-rdb-'));
  try {
    for (const [option, name] of [
      ['--rdb', 'all.rdb'],
      ['--functions-rdb', 'functions.rdb'],
    ] as const) {
      const path = join(directory, name);
      const transfer = spawnSync('redis-cli', ['-p', String(primary.port), option, path]);
      assert.equal(transfer.status, 0, String(transfer.stderr));
      const check = spawnSync('redis-check-rdb', [path]);
      assert.match(String(check.stdout), /RDB looks OK/);
      await using redis = await startRedisReplica({
        args: ['--dir', directory, '--dbfilename', name],
      });
      assert.equal(await redis.ask('FCALL_RO', 'answer', '0'), '42');
      if (option === '--rdb') await sameAsRedis(redis, primary);
      else assert.equal(await redis.ask('DBSIZE'), '0');
    }
    await until('redis-cli has left', async () => (await primary.info('connected_slaves')) === '0');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
