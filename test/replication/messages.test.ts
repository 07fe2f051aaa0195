/** Messages of channels and keyspace events on replicas. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { isList, textOf } from '../support/reply.js';
import { darterMissing, type Server } from '../support/server.js';
import { follow, linkUp, startNode, until } from './support.js';

async function subscribed(server: Server, ...commands: string[]): Promise<RawClient> {
  const client = await server.client();
  client.write(commands.map((command) => `${command}\r\n`).join(''));
  await client.replies(commands.length);
  return client;
}

/** The messages that a client got, as 'channel payload'. */
function got(client: RawClient): string[] {
  return client.unexpected.map((reply) => {
    assert.ok(isList(reply), textOf(reply));
    return reply.items.slice(-2).map(textOf).join(' ');
  });
}

async function gets(client: RawClient, expected: readonly string[]): Promise<void> {
  await until(
    'all messages',
    async () => got(client).length >= expected.length || `${got(client)}`,
  );
  assert.deepEqual(got(client), expected);
}

describe('replication: messages', { skip: darterMissing() }, () => {
  test('reach the subscribers of replicas and of their replicas, in order', async () => {
    await using primary = await startNode('--threads', '2');
    await using replica = await startNode('--threads', '2');
    await using second = await startNode('--threads', '1');
    await follow(replica, primary.port);
    await linkUp(replica);
    await follow(second, replica.port);
    await linkUp(second);
    const commands = ['SUBSCRIBE news', 'PSUBSCRIBE n?', 'SSUBSCRIBE shard'];
    const clients = [
      await subscribed(replica, ...commands),
      await subscribed(second, ...commands),
    ] as const;
    const publisher = await primary.client();
    const expected: string[] = [];
    for (let i = 0; i < 200; i++) {
      await publisher.command('PUBLISH', i % 2 === 0 ? 'news' : 'n1', `${i}`);
      expected.push(`${i % 2 === 0 ? 'news' : 'n1'} ${i}`);
    }
    await publisher.pipeline([
      ['MULTI'],
      ['SET', 'k', 'v'],
      ['PUBLISH', 'news', 'inside'],
      ['SPUBLISH', 'shard', 'too'],
      ['EXEC'],
    ]);
    expected.push('news inside', 'shard too');
    for (const client of clients) await gets(client, expected);
    // What is published on a replica stays there.
    assert.equal(await replica.ask('PUBLISH', 'news', 'local'), '1');
    assert.equal(await primary.ask('PUBLISH', 'news', 'last'), '0');
    await gets(clients[0], [...expected, 'news local', 'news last']);
    await gets(clients[1], [...expected, 'news last']);
    await Promise.all([...clients, publisher].map((client) => client.close()));
  });

  test('events of what the primary does are told on the replica', async () => {
    await using primary = await startNode('--threads', '2');
    await using replica = await startNode('--threads', '2', '--notify-keyspace-events', 'EA');
    await primary.ask('SET', 'old', 'v');
    await follow(replica, primary.port);
    await linkUp(replica);
    const client = await subscribed(replica, 'PSUBSCRIBE __key*__:*');
    const writer = await primary.client();
    await writer.pipeline([
      ['SELECT', '1'],
      ['SET', 'k', 'v'],
      ['RPUSH', 'k2', 'a'],
      ['DEL', 'k'],
      ['SET', 'short', 'v', 'PX', '20'],
    ]);
    // An expired key is removed by the primary, so the replica tells of a DEL, as in Redis.
    await until('the events', async () => got(client).includes('__keyevent@1__:del short'));
    const events = got(client).filter((event) => !event.endsWith(' short'));
    assert.deepEqual(events.sort(), [
      '__keyevent@1__:del k',
      '__keyevent@1__:rpush k2',
      '__keyevent@1__:set k',
    ]);
    await Promise.all([client.close(), writer.close()]);
  });
});
