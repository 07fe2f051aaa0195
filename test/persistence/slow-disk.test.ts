/** A disk whose syncs take seconds: what everysec promises all the same, and who tells of it. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { until } from '../replication/support.js';
import { darterMissing, rootDirectory, type Server, startDarter } from '../support/server.js';
import { newFolder } from './support.js';

const skip = darterMissing();
const SLOW = pathToFileURL(join(rootDirectory, 'dist/test/support/slow-sync.js'));
/** So long that only the test ends it. */
const STUCK_MS = '600000';
/** Longer than the beginning of a file. */
const LONG_VALUE = 'x'.repeat(10_000);

function startOn(folder: string, slowFile: string, policy: string, threads = 1): Promise<Server> {
  return startDarter({
    args: [
      ...['--dir', folder, '--appendonly', 'yes', '--appendfsync', policy, '--shards', '4'],
      ...['--latency-monitor-threshold', '1'],
    ],
    threads,
    env: { NODE_OPTIONS: `--import=${SLOW}`, DARTER_SLOW_FILE: slowFile },
  });
}

test('with everysec replies to writes wait while the disk is two seconds late, others do not', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const slowFile = join(newFolder(t), 'milliseconds');
  await using server = await startOn(folder, slowFile, 'everysec');
  writeFileSync(slowFile, STUCK_MS);
  // The last of these may be one that waits.
  const writes: Promise<string>[] = [];
  await until('the disk is late', async () => {
    writes.push(server.ask('SET', 'key', 'value'));
    return (await server.info('aof_delayed_fsync')) === '1';
  });
  await server.logged(/fsync is taking too long .disk is busy\?./);
  assert.notEqual(await server.info('aof_pending_bio_fsync'), '0');
  let isAnswered = false;
  const waiting = server.ask('SET', 'waits', '1').then((reply) => {
    isAnswered = true;
    return reply;
  });
  await until('it is done', async () => (await server.ask('GET', 'waits')) === '1');
  assert.equal(isAnswered, false);
  rmSync(slowFile);
  assert.equal(await waiting, 'OK');
  for (const reply of await Promise.all(writes)) assert.equal(reply, 'OK');
  await until('a sample', async () => {
    return /aof-write-pending-fsync/.test(await server.ask('LATENCY', 'LATEST'));
  });
  assert.equal(await server.ask('SET', 'key', 'value'), 'OK');
  assert.equal(await server.info('aof_delayed_fsync'), '1');
  server.child.kill('SIGKILL');
  await server.exited;
});

test('with always LATENCY tells how long syncs take', { skip }, async (t) => {
  const folder = newFolder(t);
  const slowFile = join(newFolder(t), 'milliseconds');
  await using server = await startOn(folder, slowFile, 'always');
  writeFileSync(slowFile, '300');
  await server.ask('SET', 'key', '1');
  await until('a sample', async () =>
    /aof-fsync-always/.test(await server.ask('LATENCY', 'LATEST')),
  );
  assert.equal(await server.info('aof_delayed_fsync'), '0');
});

test('replies wait for the disk from the OK of CONFIG SET appendfsync always on, on all threads', {
  skip,
}, async (t) => {
  const slowFile = join(newFolder(t), 'milliseconds');
  await using server = await startOn(newFolder(t), slowFile, 'everysec', 2);
  writeFileSync(slowFile, STUCK_MS);
  const clients = await Promise.all(Array.from({ length: 8 }, () => server.client()));
  t.after(() => Promise.all(clients.map((client) => client.close().catch(() => {}))));
  for (const client of clients) await client.command('PING');
  let answered = 0;
  const waiting: Promise<unknown>[] = [];
  assert.equal(await server.ask('CONFIG', 'SET', 'appendfsync', 'always'), 'OK');
  for (const [index, client] of clients.entries()) {
    waiting.push(client.command('SET', `key${index}`, '1').then(() => answered++));
  }
  // A client's own commands are answered in their order, so others look.
  for (const index of clients.keys()) {
    await until('it is done', async () => (await server.ask('GET', `key${index}`)) === '1');
  }
  assert.equal(answered, 0);
  rmSync(slowFile);
  await Promise.all(waiting);
  assert.equal(answered, clients.length);
});

test('what comes at the begin of a rewrite is with the system before the disk has the segment before', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const slowFile = join(newFolder(t), 'milliseconds');
  const segment = join(folder, 'appendonlydir/appendonly.aof.1.2.0.segment');
  {
    await using server = await startOn(folder, slowFile, 'everysec');
    await server.ask('SET', 'before', '1');
    writeFileSync(slowFile, STUCK_MS);
    await server.ask('BGREWRITEAOF');
    await until('the next segment', async () => existsSync(segment));
    // The disk may be late by then.
    const waiting = server.ask('SET', 'key', LONG_VALUE).catch(() => {});
    await until('it is written', async () => statSync(segment).size > LONG_VALUE.length);
    server.child.kill('SIGKILL');
    await server.exited;
    await waiting;
  }
  rmSync(slowFile);
  await using server = await startOn(folder, slowFile, 'everysec');
  assert.equal(await server.ask('GET', 'before'), '1');
  assert.equal(await server.ask('STRLEN', 'key'), String(LONG_VALUE.length));
});
