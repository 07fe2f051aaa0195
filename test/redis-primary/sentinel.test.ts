/**
 * A redis-sentinel watches a redis-server that a redis-server and a Darter follow; either is promoted. It
 * takes its time, so it runs by command only:
 *
 *     DARTER_SENTINEL=1 node --test dist/test/redis-primary/sentinel.test.js
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { follow, linkUp, startNode, until } from '../replication/support.js';
import { claimPort } from '../support/ports.js';
import {
  eitherMissing,
  programMissing,
  type Server,
  spawnServer,
  untilReady,
} from '../support/server.js';
import { caughtUp, contentOf, sameAsRedis, startPrimary } from './support.js';

async function startSentinel(primaryPort: number): Promise<Server> {
  const port = await claimPort();
  const file = join(tmpdir(), `sentinel-${process.pid}-${port}.conf`);
  writeFileSync(
    file,
    `port ${port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 ${primaryPort} 1\n` +
      'sentinel down-after-milliseconds main 2000\nsentinel failover-timeout main 60000\n',
  );
  const sentinel = spawnServer('redis', 'redis-sentinel', [file], port);
  await untilReady(sentinel);
  return sentinel;
}

/** A sentinel that promotes a server, or tells it whom to follow, ends all its clients. */
function said(server: Server, expected: string, ...words: string[]): Promise<void> {
  return until(`${words.join(' ')}: ${expected}`, async () => {
    const answer = await server.ask(...words).catch(String);
    return answer.includes(expected) || answer;
  });
}

/** Has the sentinel promote the replica that it prefers, once it knows both. */
async function failOver(sentinel: Server, to: Server): Promise<void> {
  await said(sentinel, 'OK', 'SENTINEL', 'FAILOVER', 'main');
  await said(to, 'role:master', 'INFO', 'replication');
}

const MISSING = eitherMissing() || programMissing('redis-sentinel');
const SKIPPED = process.env.DARTER_SENTINEL === undefined && 'by command only';

describe('a sentinel over a redis-server with a Darter', { skip: MISSING || SKIPPED }, () => {
  test('the Darter follows a promoted redis-server, and is promoted itself', async () => {
    await using first = await startPrimary();
    await using second = await startPrimary('--replica-priority', '10');
    await using darter = await startNode('--replica-priority', '50');
    await follow(second, first.port);
    await follow(darter, first.port);
    await linkUp(second);
    await linkUp(darter);
    await first.ask('SET', 'k', 'v');
    await using sentinel = await startSentinel(first.port);
    await until('the sentinel knows both', async () => {
      const replicas = await sentinel.ask('SENTINEL', 'REPLICAS', 'main');
      return [second, darter].every(({ port }) => replicas.includes(` ${port} `)) || replicas;
    });

    // What a living one still sends its replicas, the promoted one may lack.
    await caughtUp(first, second, darter);
    first.child.kill('SIGKILL');
    await said(second, 'role:master', 'INFO', 'replication');
    await said(second, 'OK', 'SET', 'after', 'the failover');
    await said(darter, `master_port:${second.port}`, 'INFO', 'replication');
    await said(darter, 'master_link_status:up', 'INFO', 'replication');
    await sameAsRedis(second, darter);
    // The promoted one has the history of the first.
    await darter.logged(/The sync continues with Redis/);
    assert.equal(darter.log.split('Full sync from Redis').length, 2);

    await second.ask('CONFIG', 'SET', 'replica-priority', '100');
    await caughtUp(second, darter);
    const before = await contentOf(second);
    await failOver(sentinel, darter);
    assert.deepEqual(await contentOf(darter), before);
    await said(darter, 'OK', 'SET', 'by', 'the Darter');
    // The Redis follows the Darter.
    await said(second, `master_port:${darter.port}`, 'INFO', 'replication');
    await said(second, 'master_link_status:up', 'INFO', 'replication');
    await said(second, 'the Darter', 'GET', 'by');
    await sameAsRedis(second, darter);
  });
});
