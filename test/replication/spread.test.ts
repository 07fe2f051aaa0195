/** Servers that spread the keys of hash tags differently: a replica takes over how its primary does. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { darterMissing, type Server } from '../support/server.js';
import { fill, follow, linkUp, number, sameData, startNode, startSmall } from './support.js';

const TAGS = ['user:1', 'user:2', 'a tag'];

async function fillTags(server: Server, keys: number, value: string): Promise<void> {
  const client = await server.client();
  for (const tag of TAGS) {
    const words = ['MSET'];
    for (let i = 0; i < keys; i++) words.push(`{${tag}}:${i}`, `${value}${i}`);
    assert.equal(await client.text(...words), 'OK');
  }
  await client.close();
}

async function assertWhole(servers: readonly Server[], spread: number): Promise<void> {
  await sameData(...servers);
  for (const server of servers) {
    assert.equal(await server.ask('DEBUG', 'CHECK'), 'OK');
    assert.equal(await number(server, 'shard_spread'), spread);
  }
}

describe('replication: hash tags', { skip: darterMissing() }, () => {
  test('replicas of any number of shards take the spread of their primary', async () => {
    await using primary = await startNode('--shards', '8', '--shard-spread', '4');
    await using same = await startSmall('--shards', '8', '--shard-spread', '1');
    await using fewer = await startSmall('--shards', '2');
    await using more = await startSmall('--shards', '32', '--shard-spread', '32');
    const servers = [primary, same, fewer, more];
    await fillTags(primary, 2000, 'first');
    await fill(primary, 3000, 20);
    for (const replica of [same, fewer, more]) {
      await fillTags(replica, 100, 'of its own');
      await follow(replica, primary.port);
    }
    for (const replica of [same, fewer, more]) await linkUp(replica);
    await assertWhole(servers, 4);
    await fillTags(primary, 2500, 'second');
    const client = await primary.client();
    await client.text('MULTI');
    for (let i = 0; i < 50; i++) await client.text('APPEND', `{user:2}:${i * 3}`, 'more');
    await client.text('EXEC');
    await assertWhole(servers, 4);
    await client.text('FLUSHDB');
    await client.text('SET', '{user:1}:1', 'last');
    await client.close();
    await assertWhole(servers, 4);
    for (const server of servers) assert.equal(await server.ask('DBSIZE'), '1');
  });

  test('a promoted replica keeps the spread, and passes it on', async () => {
    await using first = await startNode('--shard-spread', '2');
    await using second = await startNode();
    assert.equal(await number(first, 'shard_spread'), 2);
    assert.equal(await number(second, 'shard_spread'), 8);
    await fillTags(first, 500, 'first');
    await follow(second, first.port);
    await linkUp(second);
    await assertWhole([first, second], 2);
    assert.equal(await second.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    await fillTags(second, 700, 'second');
    await using third = await startSmall('--shard-spread', '64');
    for (const replica of [first, third]) {
      await follow(replica, second.port);
      await linkUp(replica);
    }
    await assertWhole([first, second, third], 2);
    assert.equal(await number(second, 'sync_partial_ok'), 1, 'the former primary continues');
  });
});
