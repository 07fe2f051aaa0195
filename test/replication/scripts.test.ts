/** Scripts and functions with a replica: effects as one whole, libraries, what a replica may run. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { darterMissing, type Server } from '../support/server.js';
import { follow, linkUp, sameData, startNode, startSmall, until } from './support.js';

const LIBRARY = `#!lua name=lib
redis.register_function('put', function(keys, args) return redis.call('set', keys[1], args[1]) end)
redis.register_function{function_name = 'read', flags = {'no-writes'},
  callback = function(keys) return redis.call('get', keys[1]) end}`;

async function libraries(server: Server): Promise<string> {
  return server.ask('FUNCTION', 'LIST', 'WITHCODE');
}

async function sameLibraries(primary: Server, replica: Server): Promise<void> {
  await until('the same libraries', async () => {
    return (await libraries(primary)) === (await libraries(replica));
  });
}

describe('replication: scripts', { skip: darterMissing() }, () => {
  test('a replica has what scripts did, and the libraries of functions', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    assert.equal(await primary.ask('FUNCTION', 'LOAD', LIBRARY), 'lib');
    await replica.ask('FUNCTION', 'LOAD', LIBRARY.replaceAll("'put'", "'old'"));
    await follow(replica, primary.port);
    await linkUp(replica);
    await sameLibraries(primary, replica);

    const many = `for i = 1, 200 do
        redis.call('set', 'key:' .. i, ARGV[1] .. i)
        redis.call('rpush', 'list:' .. i % 7, i)
        redis.call('sadd', KEYS[1], math.random(1000), redis.call('time')[1])
      end
      redis.call('spop', KEYS[1], 20)
      return redis.call('pexpire', 'key:1', 100000)`;
    assert.equal(await primary.ask('EVAL', many, '1', 'chosen', 'v'), '1');
    assert.equal(await primary.ask('FCALL', 'put', '1', 'f', 'x'), 'OK');
    assert.match(await primary.ask('EVAL', "redis.call('set', 'half', 1) error('x')", '0'), /^ERR/);
    await sameData(primary, replica);
    assert.equal(await replica.ask('GET', 'half'), '1');

    assert.equal(await replica.ask('FCALL', 'read', '1', 'f'), 'x');
    assert.equal(await replica.ask('FCALL_RO', 'read', '1', 'f'), 'x');
    assert.match(
      await replica.ask('FCALL', 'put', '1', 'f', 'y'),
      /^READONLY You can't write against a read only replica\.$/,
    );
    assert.match(
      await replica.ask('EVAL', "return redis.call('set', KEYS[1], 1)", '1', 'k'),
      /^READONLY You can't write against a read only replica\. script: /,
    );
    assert.equal(await replica.ask('EVAL', "return redis.call('get', 'f')", '0'), 'x');
    assert.match(await replica.ask('FUNCTION', 'FLUSH'), /^READONLY/);
  });

  test('redis.set_repl keeps what a script does from replicas, until the next script', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await follow(replica, primary.port);
    await linkUp(replica);
    await primary.ask('SET', 'removed', '1');
    await primary.ask('SET', 'expired', '1', 'PX', '1');
    const source = `redis.set_repl(redis.REPL_NONE)
      redis.call('set', 'kept', 1) redis.call('rpush', 'list', 1, 2) redis.call('lpop', 'list')
      redis.call('del', 'removed') redis.call('get', 'expired')
      redis.set_repl(redis.REPL_AOF) redis.call('set', 'sent', 1)
      redis.set_repl(redis.REPL_ALL) redis.call('incr', 'sent')
      redis.set_repl(redis.REPL_NONE)
      return redis.call('incr', 'kept')`;
    assert.equal(await primary.ask('EVAL', source, '0'), '2');
    assert.equal(await primary.ask('EVAL', "return redis.call('set', 'next', 1)", '0'), 'OK');
    await until('the last effect', async () => (await replica.ask('GET', 'next')) === '1');
    assert.equal(await replica.ask('MGET', 'kept', 'sent', 'removed'), '[$-1 2 1]');
    assert.equal(await replica.ask('EXISTS', 'list'), '0');
    assert.equal(await primary.ask('MGET', 'kept', 'sent', 'removed'), '[2 2 $-1]');
    assert.match(await replica.ask('INFO', 'replication'), /master_link_status:up/);
  });

  test('transfers by scripts stay whole on a replica that joins meanwhile', async () => {
    await using primary = await startNode('--placement', 'spread');
    await using replica = await startNode('--placement', 'spread');
    const accounts = 40;
    for (let i = 0; i < accounts; i++) await primary.ask('SET', `account:${i}`, '100');
    const transfer = `local from, to = 'account:' .. ARGV[1], 'account:' .. ARGV[2]
      if tonumber(redis.call('get', from)) > 0 then
        redis.call('decr', from)
        redis.call('incr', to)
      end`;
    const sum = `local sum = 0
      for i = 0, ${accounts - 1} do sum = sum + redis.call('get', 'account:' .. i) end
      return sum`;
    let isOver = false;
    const work = [1, 2, 3, 5].map(async (seed) => {
      const client = await primary.client();
      for (let i = seed; !isOver; i += seed) {
        const [from, to] = [String(i % accounts), String((i * 7 + seed) % accounts)];
        await client.command('EVAL', transfer, '0', from, to);
      }
      await client.close();
    });
    await follow(replica, primary.port);
    await linkUp(replica);
    for (let i = 0; i < 60; i++) {
      assert.equal(await replica.ask('EVAL_RO', sum, '0'), String(accounts * 100));
    }
    isOver = true;
    await Promise.all(work);
    await sameData(primary, replica);
  });

  test('changes of libraries follow', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await follow(replica, primary.port);
    await linkUp(replica);
    for (let i = 0; i < 5; i++) {
      const code = `#!lua name=lib${i}\nredis.register_function('f${i}', function() return ${i} end)`;
      await primary.ask('FUNCTION', 'LOAD', code);
    }
    await sameLibraries(primary, replica);
    assert.match(
      await replica.ask('FCALL', 'f3', '0'),
      /^READONLY You can't write against a read only replica\.$/,
    );
    await primary.ask('FUNCTION', 'DELETE', 'lib2');
    await sameLibraries(primary, replica);
    assert.match(await replica.ask('FCALL', 'f2', '0'), /Function not found/);
    await primary.ask('FUNCTION', 'FLUSH');
    await sameLibraries(primary, replica);
    assert.equal(await libraries(replica), '[]');
  });
});
