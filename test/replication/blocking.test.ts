/** Clients that wait for keys, and replicas: what was taken for them travels along; roles end waits. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../support/random.js';
import { isError, showReply } from '../support/reply.js';
import { darterMissing, type Server } from '../support/server.js';
import { follow, linkUp, number, sameData, startNode, until } from './support.js';

const RUN_MS = 3000;
const CONSUMERS = 12;
const PLACED = ['--threads', '2', '--placement', 'spread'];

const queues = Array.from({ length: 6 }, (_, i) => `queue:${i}`);

async function consume(server: Server, random: Random, isOver: () => boolean): Promise<void> {
  const client = await server.client();
  while (!isOver()) {
    const [one, other] = [random.pick(queues), random.pick(queues)];
    const reply = await client.command(
      ...random.pick([
        ['BLPOP', one, other, '0.1'],
        ['BRPOPLPUSH', one, other, '0.1'],
        ['BLMOVE', one, one, 'LEFT', 'RIGHT', '0.1'],
        ['BLMPOP', '0.1', '2', one, other, 'RIGHT', 'COUNT', '3'],
        ['BZPOPMAX', `z${one}`, `z${other}`, '0.1'],
        ['BZMPOP', '0.1', '1', `z${one}`, 'MIN', 'COUNT', '2'],
      ]),
    );
    assert.ok(!isError(reply), showReply(reply));
  }
  await client.close();
}

async function produce(server: Server, random: Random, isOver: () => boolean): Promise<void> {
  const client = await server.client();
  for (let i = 0; !isOver(); i++) {
    const [one, other] = [random.pick(queues), random.pick(queues)];
    await client.pipeline([
      ['RPUSH', one, `a${i}`, `b${i}`],
      ['ZADD', `z${other}`, String(random.below(50)), `m${i}`],
      ['MULTI'],
      ['LPUSH', other, `c${i}`],
      ['RPUSH', one, `d${i}`],
      ['EXEC'],
      ['RENAME', one, random.pick(queues)],
    ]);
    await sleep(random.below(8));
  }
  await client.close();
}

async function waiting(server: Server, count: number): Promise<void> {
  await until(
    `${count} clients wait`,
    async () => (await number(server, 'blocked_clients')) === count,
  );
}

describe('replication: clients that wait for keys', { skip: darterMissing() }, () => {
  test('a replica has the same data, whoever was served and however', async () => {
    await using primary = await startNode(...PLACED);
    await using replica = await startNode('--threads', '2');
    await follow(replica, primary.port);
    await linkUp(replica);
    const untilMs = Date.now() + RUN_MS;
    const isOver = () => Date.now() > untilMs;
    const random = (i: number) => new Random(4711 + i);
    await Promise.all([
      ...Array.from({ length: CONSUMERS }, (_, i) => consume(primary, random(i), isOver)),
      produce(primary, random(100), isOver),
      produce(primary, random(101), isOver),
    ]);
    await waiting(primary, 0);
    await sameData(primary, replica);
    assert.equal(await replica.ask('DEBUG', 'CHECK'), 'OK');
  });

  test('a client of a writable replica is served by what the primary sends', async () => {
    await using primary = await startNode(...PLACED);
    await using replica = await startNode(...PLACED, '--replica-read-only', 'no');
    await follow(replica, primary.port);
    await linkUp(replica);
    const client = await replica.client();
    const reply = client.command('BLPOP', 'none', 'jobs', '0');
    await waiting(replica, 1);
    await primary.ask('RPUSH', 'jobs', 'one');
    assert.equal(showReply(await reply), 'array(bulk "jobs", bulk "one")');
    assert.equal(await replica.ask('EXISTS', 'jobs'), '0');
    assert.equal(await primary.ask('LLEN', 'jobs'), '1');
    await client.close();
  });

  test('who waits when the server becomes a replica is told so, and can wait again', async () => {
    await using primary = await startNode(...PLACED);
    await using replica = await startNode(...PLACED);
    const clients = await Promise.all(Array.from({ length: 8 }, () => replica.client()));
    const replies = clients.map((client, i) =>
      i % 4 === 0 ? client.command('WAIT', '3', '0') : client.command('BLPOP', `q${i}`, '0'),
    );
    await waiting(replica, clients.length);
    await follow(replica, primary.port);
    for (const reply of replies) assert.match(showReply(await reply), /UNBLOCKED force unblock/);
    await Promise.all(clients.map((client) => client.ended()));
    await waiting(replica, 0);
    await linkUp(replica);
    assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    const client = await replica.client();
    const reply = client.command('BLPOP', 'q', '0');
    await waiting(replica, 1);
    await replica.ask('RPUSH', 'q', 'x');
    assert.equal(showReply(await reply), 'array(bulk "q", bulk "x")');
    await client.close();
  });
});
