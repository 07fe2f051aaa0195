/** FAILOVER: what it refuses, in Redis's words; whom it chooses; what it does when nobody comes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isList, textOf } from '../support/reply.js';
import { darterMissing, redisServerMissing, type Server, startRedis } from '../support/server.js';
import { fill, follow, linkUp, sameData, startSmall, until } from './support.js';

const OTHER = ['TO', '127.0.0.1', '7'];

/** What is wrong with each, or would be without replicas. */
const WRONG: readonly (readonly string[])[] = [
  [],
  ['ABORT'],
  ['FOO'],
  ['TO'],
  ['TO', 'a'],
  ['TO', '127.0.0.1', 'abc'],
  ['TO', '127.0.0.1', '0'],
  ['TO', '127.0.0.1', '70000'],
  ['TO', '127.0.0.1', '-1'],
  ['TO', '127.0.0.1', '99999999999999999999'],
  ['TIMEOUT'],
  ['TIMEOUT', '0'],
  ['TIMEOUT', '-1'],
  ['TIMEOUT', 'abc'],
  ['TIMEOUT', '1', 'TIMEOUT', '2'],
  ['TIMEOUT', '0', 'FOO'],
  ['TIMEOUT', '10', 'ABORT'],
  ['FORCE'],
  ['FORCE', 'FORCE'],
  ['FORCE', 'TIMEOUT', '10'],
  ['ABORT', 'TIMEOUT', '10'],
  ['ABORT', 'ABORT'],
  OTHER,
  [...OTHER, 'FORCE'],
  [...OTHER, ...OTHER],
  [...OTHER, 'FORCE', 'TIMEOUT', '10'],
  [...OTHER, 'TIMEOUT', '10', 'FORCE'],
  ['to', '127.0.0.1', '7', 'timeout', 'abc', 'force'],
];

/** A target that does not exist, or nothing that makes sense: none begins a failover. */
const WRONG_WITH_REPLICA = WRONG.filter((words) => words.length > 0);

async function answers(server: Server, questions: readonly (readonly string[])[]) {
  const client = await server.client();
  const replies = await client.pipeline(questions.map((words) => ['FAILOVER', ...words]));
  await client.close();
  return replies.map((reply, i) => `${questions[i]!.join(' ')}: ${textOf(reply)}`);
}

function state(server: Server): Promise<string | undefined> {
  return server.info('master_failover_state');
}

describe('replication: FAILOVER', { skip: darterMissing() }, () => {
  test('refuses what Redis refuses, in its words', { skip: redisServerMissing() }, async () => {
    await using node = await startSmall();
    await using replica = await startSmall();
    await using redis = await startRedis();
    await using redisReplica = await startRedis();
    const same = async (questions: readonly (readonly string[])[]) => {
      assert.deepEqual(await answers(node, questions), await answers(redis, questions));
    };
    await same(WRONG);
    await follow(replica, node.port);
    await follow(redisReplica, redis.port);
    await linkUp(replica);
    await linkUp(redisReplica);
    await until('Redis has it', async () => /online/.test((await redis.info('slave0')) ?? ''));
    await same(WRONG_WITH_REPLICA);
    for (const words of [[], ['ABORT'], ['TIMEOUT', '0'], ['TO', 'localhost', '7']]) {
      assert.deepEqual(await answers(replica, [words]), await answers(redisReplica, [words]));
    }
    // A failover that waits for a replica which is stopped.
    for (const server of [replica, redisReplica]) server.child.kill('SIGSTOP');
    for (const server of [node, redis]) assert.equal(await server.ask('SET', 'k', 'v'), 'OK');
    await same([[], [], ['TIMEOUT', '0'], ['TO', '127.0.0.1', '7'], ['FOO']]);
    const refused = [
      ['NO', 'ONE'],
      ['1.2.3.4', '5'],
      ['1.2.3.4', 'abc'],
    ];
    for (const server of [node, redis]) {
      assert.equal(await state(server), 'waiting-for-sync');
      for (const words of refused) {
        const answer = await server.ask('REPLICAOF', ...words);
        assert.equal(answer, 'ERR REPLICAOF not allowed while failing over.');
      }
    }
    await same([['ABORT'], ['ABORT']]);
    assert.equal(await state(node), 'no-failover');
    for (const server of [replica, redisReplica]) server.child.kill('SIGCONT');
    assert.equal(await node.ask('SET', 'k', 'w'), 'OK');
  });

  test('gives the role to the replica it names, or to one that has everything', async () => {
    await using first = await startSmall();
    await using second = await startSmall();
    await using third = await startSmall();
    await fill(first, 2000, 100);
    await follow(second, first.port);
    await follow(third, first.port);
    await linkUp(second);
    await linkUp(third);
    assert.equal(await first.ask('FAILOVER', 'TO', '127.0.0.1', String(third.port)), 'OK');
    await until('the third is it', async () => (await third.info('role')) === 'master');
    await linkUp(first);
    assert.equal(await state(first), 'no-failover');
    assert.equal(await first.info('master_port'), String(third.port));
    // Its sibling still follows the first, behind it.
    await linkUp(second);
    assert.equal(await third.ask('SET', 'k', 'v'), 'OK');
    await sameData(first, second, third);
    // The first is the only one that the third could choose; in a transaction as well.
    const client = await third.client();
    await client.pipeline([['MULTI'], ['FAILOVER', 'TIMEOUT', '10000'], ['EXEC']]);
    await client.close();
    await until('the first is it', async () => (await first.info('role')) === 'master');
    await linkUp(third);
    assert.equal(await first.ask('SET', 'k', 'w'), 'OK');
    await linkUp(second);
    await sameData(first, second, third);
    assert.equal(await first.info('sync_full'), '2');
    assert.equal(await third.info('sync_full'), '0');
  });

  test('holds writes until its timeout, or forces a replica that lags', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await primary.ask('SET', 'k', 'v');
    await follow(replica, primary.port);
    await linkUp(replica);
    replica.child.kill('SIGSTOP');
    assert.equal(await primary.ask('SET', 'k', 'w'), 'OK');
    const to = ['TO', '127.0.0.1', String(replica.port)];
    const beganMs = performance.now();
    assert.equal(await primary.ask('FAILOVER', ...to, 'TIMEOUT', '1500'), 'OK');
    assert.equal(await primary.ask('GET', 'k'), 'w', 'reads go on');
    assert.equal(await primary.ask('SET', 'k', 'x'), 'OK');
    assert.ok(performance.now() - beganMs > 1400, 'held until then');
    await until('it is over', async () => (await state(primary)) === 'no-failover');
    assert.equal(await primary.info('role'), 'master');
    await primary.logged(/did not come in time/);
    assert.equal(await primary.ask('FAILOVER', ...to, 'FORCE', 'TIMEOUT', '300'), 'OK');
    await until('it is forced', async () => (await state(primary)) === 'failover-in-progress');
    // As a Redis at this stage: nobody should take it for the primary any more.
    assert.equal(await primary.info('role'), 'slave');
    assert.equal(await primary.info('master_port'), String(replica.port));
    assert.equal(await primary.info('master_link_status'), 'down');
    const client = await primary.client();
    const role = await client.command('ROLE');
    await client.close();
    assert.ok(isList(role));
    assert.deepEqual(role.items.map(textOf).slice(0, 4), [
      ...['slave', '127.0.0.1', String(replica.port), 'handshake'],
    ]);
    replica.child.kill('SIGCONT');
    await until('it has the role', async () => (await replica.info('role')) === 'master');
    await linkUp(primary);
    assert.equal(await replica.ask('SET', 'k', 'y'), 'OK');
    await sameData(primary, replica);
  });

  test('once it is forced refuses new writes as Redis does, and goes on with those it holds', {
    skip: redisServerMissing(),
  }, async () => {
    for (const start of [startSmall, startRedis]) {
      await using primary = await start();
      await using replica = await start();
      await follow(replica, primary.port);
      await linkUp(replica);
      const isOnline = async () => /online|stable_sync/.test((await primary.info('slave0')) ?? '');
      await until('it is online', isOnline);
      replica.child.kill('SIGSTOP');
      assert.equal(await primary.ask('SET', 'k', 'v'), 'OK');
      const order = ['TO', '127.0.0.1', String(replica.port), 'FORCE', 'TIMEOUT', '1500'];
      assert.equal(await primary.ask('FAILOVER', ...order), 'OK');
      const held = primary.ask('SET', 'held', 'w');
      await until('it is forced', async () => (await state(primary)) === 'failover-in-progress');
      assert.match(await primary.ask('SET', 'k', 'x'), /^READONLY /);
      assert.equal(await primary.ask('GET', 'k'), 'v');
      assert.equal(await primary.ask('FAILOVER', 'ABORT'), 'OK');
      assert.equal(await held, 'OK');
      assert.equal(await primary.ask('SET', 'k', 'y'), 'OK');
      replica.child.kill('SIGCONT');
    }
  });

  test('forced, ended and forced again while its target is stopped', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await follow(replica, primary.port);
    await linkUp(replica);
    replica.child.kill('SIGSTOP');
    assert.equal(await primary.ask('SET', 'k', 'v'), 'OK');
    const order = ['TO', '127.0.0.1', String(replica.port), 'FORCE', 'TIMEOUT', '100'];
    for (let asked = 1; asked <= 4; asked++) {
      assert.equal(await primary.ask('FAILOVER', ...order), 'OK');
      const count = () => primary.log.match(/is asked to take over/g)?.length ?? 0;
      await until('the target is asked', async () => count() === asked);
      if (asked < 4) assert.equal(await primary.ask('FAILOVER', 'ABORT'), 'OK');
    }
    replica.child.kill('SIGCONT');
    await until('it has the role', async () => (await replica.info('role')) === 'master');
    await linkUp(primary);
    await sameData(primary, replica);
  });
});
