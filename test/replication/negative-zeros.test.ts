/** Scores of -0: a listpack has none, a skiplist keeps them. Each server is to have what the primary stored. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sameAsRedis } from '../redis-primary/support.js';
import { startRedisReplica } from '../redis-replica/support.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { follow, linkUp, sameData, startNode } from './support.js';

const BATCHES = 4;
const BATCH_MEMBERS = 2000;

function zeros(count: number, prefix = '', paddedLength = 0): string[] {
  return Array.from({ length: count }, (_, i) => [
    '-0',
    `member ${prefix}${i}`.padEnd(paddedLength),
  ]).flat();
}

/** Sets of all sizes, in both forms, written by each kind of command that makes one. */
async function write(server: Server, name: string): Promise<void> {
  const client = await server.client();
  const run = async (...words: string[]): Promise<void> => {
    assert.doesNotMatch(await client.text(...words), /^ERR/);
  };
  await run('ZADD', `${name}:listpack`, '-0', 'a', '1', 'b', '-0.0', '-0');
  await run('ZINCRBY', `${name}:listpack`, '-0', 'c');
  await run('ZADD', `${name}:growing`, ...zeros(200), '1', 'one');
  await run('ZUNIONSTORE', `${name}:stored`, '1', `${name}:growing`, 'WEIGHTS', '-1');
  await run('COPY', `${name}:stored`, `${name}:copied`);
  await run('ZADD', `${name}:shrunk`, '1', 'x'.repeat(100), '-0', 'a');
  await run('ZREM', `${name}:shrunk`, 'x'.repeat(100));
  await run('ZADD', `${name}:shrunk`, '-0', 'b');
  // More than a MiB: a full sync ships it in parts.
  await run('ZADD', `${name}:large`, '5', 'x'.repeat(100));
  for (let i = 0; i < BATCHES; i++) {
    await run('ZADD', `${name}:large`, ...zeros(BATCH_MEMBERS, `${i}.`, 200));
  }
  await run('ZRANGESTORE', `${name}:cut`, `${name}:large`, '5', '3000');
  await run('ZRANGESTORE', `${name}:zeros`, `${name}:large`, '0', '0', 'BYSCORE');
  await client.close();
}

test('-0 is on replicas of both kinds what it is on the primary', {
  skip: eitherMissing(),
}, async () => {
  await using primary = await startNode();
  await using redis = await startRedisReplica();
  await using replica = await startNode('--threads', '1');
  await using same = await startRedis({ args: ['--enable-debug-command', 'yes'] });
  await write(primary, 'before');
  for (const server of [redis, replica]) {
    await follow(server, primary.port);
    await linkUp(server);
  }
  await write(primary, 'after');
  await sameData(primary, replica);
  await sameAsRedis(redis, primary);
  // And the primary stores what a Redis does.
  for (const name of ['before', 'after']) await write(same, name);
  await sameAsRedis(same, primary);
});

test('-0 is in snapshots and journals what it was', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'darter-zeros-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const args = ['--enable-debug-command', 'yes', '--dir', directory, '--appendonly', 'yes'];
  let digest: string;
  {
    await using server = await startDarter({ args });
    await write(server, 'before');
    assert.equal(await server.ask('SAVE'), 'OK');
    await write(server, 'after');
    digest = await server.ask('DEBUG', 'DIGEST');
    server.child.kill('SIGKILL');
    await server.exit();
  }
  await using again = await startDarter({ args });
  assert.equal(await again.ask('DEBUG', 'DIGEST'), digest);
  // An RDB makes a listpack of a skiplist that has become small, as in Redis.
  await again.ask('DEL', 'before:shrunk', 'after:shrunk');
  digest = await again.ask('DEBUG', 'DIGEST');
  assert.equal(await again.ask('DEBUG', 'RELOAD'), 'OK');
  assert.equal(await again.ask('DEBUG', 'DIGEST'), digest);
});
