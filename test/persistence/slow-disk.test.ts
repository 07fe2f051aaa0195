/** A disk whose syncs take seconds: what everysec promises all the same, and who tells of it. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
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

interface Killed {
  readonly folder: string;
  readonly slowFile: string;
  /** Of the first segment when it held the key `before`, and nothing else. */
  readonly bytes: number;
}

const FIRST = 'appendonlydir/appendonly.aof.1.1.0.segment';
const SECOND = 'appendonlydir/appendonly.aof.1.2.0.segment';

/** Killed when a rewrite has begun and the disk has not yet taken what was written before. */
async function killInRewrite(t: TestContext): Promise<Killed> {
  const folder = newFolder(t);
  const slowFile = join(newFolder(t), 'milliseconds');
  const [first, second] = [join(folder, FIRST), join(folder, SECOND)];
  await using server = await startOn(folder, slowFile, 'everysec');
  // The disk may be late by then.
  const waiting: Promise<unknown>[] = [];
  const write = async (key: string, file: string, bytes: number): Promise<number> => {
    waiting.push(server.ask('SET', key, LONG_VALUE).catch(() => {}));
    const size = bytes + LONG_VALUE.length;
    await until(`${key} is written`, async () => statSync(file).size > size);
    return statSync(file).size;
  };
  const bytes = await write('before', first, 0);
  writeFileSync(slowFile, STUCK_MS);
  await write('last', first, bytes);
  await server.ask('BGREWRITEAOF');
  await until('the next segment', async () => existsSync(second));
  await write('key', second, 0);
  server.child.kill('SIGKILL');
  await server.exited;
  await Promise.all(waiting);
  rmSync(slowFile);
  return { folder, slowFile, bytes };
}

test('what comes at the begin of a rewrite is with the system before the disk has the segment before', {
  skip,
}, async (t) => {
  const { folder, slowFile } = await killInRewrite(t);
  await using server = await startOn(folder, slowFile, 'everysec');
  for (const key of ['before', 'last', 'key']) {
    assert.equal(await server.ask('STRLEN', key), String(LONG_VALUE.length));
  }
});

test('a machine that dies then may lose both ends: aof-load-truncated no refuses them', {
  skip,
}, async (t) => {
  const { folder, slowFile, bytes } = await killInRewrite(t);
  truncateSync(join(folder, FIRST), bytes);
  const args = ['--dir', folder, '--appendonly', 'yes', '--aof-load-truncated', 'no'];
  await assert.rejects(startDarter({ args }), /Segment 2 of the journal counts for nothing/);
  await using server = await startOn(folder, slowFile, 'everysec');
  assert.equal(await server.ask('STRLEN', 'before'), String(LONG_VALUE.length));
  assert.equal(await server.ask('EXISTS', 'last', 'key'), '0');
});
