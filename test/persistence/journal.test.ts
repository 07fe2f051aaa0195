/** The journal of running servers: written, loaded, rewritten, switched on and off, refused when damaged. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../replication/support.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { darterCommand, darterMissing, type Server } from '../support/server.js';
import { CrashRounds } from './crash.js';
import { contentOf, fill, newFolder, startIn, startSmallIn } from './support.js';

const skip = darterMissing();
const ON = ['--appendonly', 'yes'];
/** `npm run crash` kills hundreds of times. */
const CRASHES = 10;

async function kill(server: Server): Promise<void> {
  server.child.kill('SIGKILL');
  await server.exited;
}

function filesOf(folder: string): string[] {
  return readdirSync(join(folder, 'appendonlydir')).sort();
}

function rewritten(server: Server, count: number): Promise<void> {
  return until(`${count} rewrites`, async () => {
    const rewrites = await server.info('aof_rewrites');
    return Number(rewrites) >= count || `${rewrites} rewrites`;
  });
}

test('all types are there after a kill, also with another number of shards', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  let content: string;
  {
    await using server = await startIn(folder, ...ON, '--appendfsync', 'always');
    await fill(server);
    content = await contentOf(server);
    await kill(server);
  }
  {
    await using server = await startIn(folder, ...ON);
    assert.equal(await contentOf(server), content);
    await server.ask('SHUTDOWN', 'NOSAVE').catch(() => {});
    await server.exit();
  }
  await using server = await startIn(folder, ...ON, '--shards', '16');
  assert.equal(await contentOf(server), content);
});

for (const policy of ['always', 'everysec'] as const) {
  test(`${CRASHES} kills under load lose no more than appendfsync ${policy} says, also in a rewrite`, {
    skip,
  }, async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    const rounds = new CrashRounds({
      ...{ folder: newFolder(t), policy, random, rewrites: policy === 'always' },
      ...{ ends: 0.1, killedStarts: 0.1 },
    });
    let writes = 0;
    for (let i = 0; i < CRASHES; i++) writes += await rounds.round();
    await rounds.end();
    assert.ok(writes > 0);
  });
}

test('a rewrite replaces the base, and what it has goes', { skip }, async (t) => {
  const folder = newFolder(t);
  let content: string;
  {
    await using server = await startSmallIn(folder, ...ON, '--appendfsync', 'always');
    for (let i = 0; i < 50; i++) await server.ask('SET', `key${i % 7}`, `value${i}`);
    const before = filesOf(folder);
    const old = join(folder, 'appendonlydir', 'appendonly.aof.1.1.0.segment');
    const bytes = readFileSync(old);
    assert.equal(await server.ask('BGREWRITEAOF'), 'Background append only file rewriting started');
    await rewritten(server, 1);
    assert.equal(await server.info('aof_last_bgrewrite_status'), 'ok');
    await server.ask('SET', 'after', 'value');
    const after = filesOf(folder);
    assert.ok(before.includes('appendonly.aof.1.1.0.segment'));
    assert.ok(!after.includes('appendonly.aof.1.1.0.segment'));
    assert.ok(after.includes('appendonly.aof.1.2.0.segment'));
    // By itself, when it has grown.
    await server.ask('CONFIG', 'SET', 'auto-aof-rewrite-min-size', '100000');
    for (let i = 0; i < 30; i++) await server.ask('SET', 'key', 'x'.repeat(10_000));
    await rewritten(server, 2);
    content = await contentOf(server);
    await kill(server);
    // As when it was killed before all that the base has was removed.
    writeFileSync(old, bytes);
  }
  {
    await using server = await startSmallIn(folder, ...ON, '--appendfsync', 'always');
    assert.equal(await contentOf(server), content);
    assert.equal(await server.ask('GET', 'after'), 'value');
    await server.ask('SET', 'after', 'a start');
    await kill(server);
  }
  await using server = await startSmallIn(folder, ...ON);
  assert.equal(await server.ask('GET', 'after'), 'a start');
});

/** What WAITAOF refuses; the journal is off. */
async function checkRefusals(server: Server): Promise<void> {
  const NUMBER = 'ERR value is not an integer or out of range';
  const refusals: [string[], string][] = [
    [['2', '0', '0'], 'ERR value is out of range, value must between 0 and 1'],
    [['0', '-1', '0'], 'ERR value is out of range, must be positive'],
    [['x', '0', '0'], NUMBER],
    [['0', '0', '-1'], 'ERR timeout is negative'],
    [
      ['1', '0', '0'],
      'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.',
    ],
  ];
  for (const [words, text] of refusals) assert.equal(await server.ask('WAITAOF', ...words), text);
  assert.equal(await server.ask('WAITAOF', '0', '0', '0'), '[0 0]');
}

test('it is switched on and off while the server runs, without a gap', { skip }, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startSmallIn(folder, '--appendfsync', 'always');
    await server.ask('SET', 'before', '1');
    assert.equal(await server.info('aof_enabled'), '0');
    await checkRefusals(server);
    assert.equal(await server.ask('CONFIG', 'SET', 'appendonly', 'yes'), 'OK');
    await server.logged(/The journal begins: chain 1/);
    await server.ask('SET', 'while', '1');
    assert.equal(await server.ask('WAITAOF', '1', '0', '0'), '[1 0]');
    // There is no replica: the time goes by.
    assert.match(await server.ask('WAITAOF', '0', '1', '20'), /^\[[01] 0\]$/);
    assert.equal(await server.ask('CONFIG', 'SET', 'appendonly', 'no'), 'OK');
    await server.logged(/The journal ends/);
    await server.ask('SET', 'without', '1');
    assert.equal(await server.ask('CONFIG', 'SET', 'appendonly', 'yes'), 'OK');
    await server.logged(/The journal begins: chain 2/);
    await server.ask('SET', 'again', '1');
    await kill(server);
  }
  await using server = await startSmallIn(folder, ...ON);
  for (const key of ['before', 'while', 'without', 'again']) {
    assert.equal(await server.ask('GET', key), '1', key);
  }
});

test('nobody waits for a journal that a replica cannot have', { skip }, async (t) => {
  await using primary = await startIn(newFolder(t), '--shards', '16', '--threads', '1');
  const always = ['--appendfsync', 'always', '--replica-read-only', 'no', '--threads', '1'];
  await using replica = await startIn(newFolder(t), ...ON, ...always);
  assert.equal(await replica.ask('SET', 'is replaced', '1'), 'OK');
  await replica.ask('REPLICAOF', '127.0.0.1', String(primary.port));
  await until('a sync', async () => (await replica.info('master_link_status')) === 'up');
  assert.match(await replica.ask('BGREWRITEAOF'), /^ERR a replica with another number of shards/);
  assert.equal(await replica.ask('SET', 'of the replica', '1'), 'OK');
  // Promoted, it has one again.
  await replica.ask('REPLICAOF', 'NO', 'ONE');
  await replica.logged(/The journal begins: chain [2-9]/);
  assert.equal(await replica.ask('SET', 'own', '1'), 'OK');
  assert.equal(await replica.ask('WAITAOF', '1', '0', '0'), '[1 0]');
});

test('a torn tail is cut off and told; damage elsewhere ends the start', { skip }, async (t) => {
  const folder = newFolder(t);
  const path = (file: string) => join(folder, 'appendonlydir', file);
  {
    await using server = await startIn(folder, ...ON, '--appendfsync', 'always', '--threads', '1');
    for (let i = 0; i < 30; i++) await server.ask('SET', 'key', `value${i}`);
    await kill(server);
  }
  const segment = path('appendonly.aof.1.1.0.segment');
  const check = () => {
    const { command, args } = darterCommand();
    const words = [...args, '--check', path('appendonly.aof.1.base')];
    return spawnSync(command, words, { encoding: 'utf8' });
  };
  assert.match(check().stdout, /appendonly\.aof\.1\.1\.0\.segment: \d+ blocks/);
  const whole = readFileSync(segment);
  truncateSync(segment, whole.length - 5);
  {
    await using server = await startIn(folder, ...ON, '--appendfsync', 'always', '--threads', '1');
    await server.logged(/torn tail, cut off at offset \d+/);
    assert.equal(await server.ask('GET', 'key'), 'value28');
    await server.ask('SET', 'key', 'after');
    await kill(server);
  }
  const damaged = readFileSync(segment);
  damaged[4000]! ^= 4;
  writeFileSync(segment, damaged);
  assert.match(check().stderr, /segment is damaged at offset 3\d\d\d/);
  await assert.rejects(startIn(folder, ...ON), /segment is damaged at offset 3\d\d\d/);
});

test('a server ends also while a rewrite waits for a disk that refuses', { skip }, async (t) => {
  const folder = newFolder(t);
  await using server = await startIn(folder, ...ON, '--threads', '1', '--shards', '4');
  await server.ask('SET', 'key', 'value');
  rmSync(join(folder, 'appendonlydir'), { recursive: true });
  await server.ask('BGREWRITEAOF');
  await server.logged(/Error writing to the AOF file: ENOENT/);
  server.child.kill('SIGTERM');
  assert.equal((await server.exit()).code, 0);
});

test('files of a journal without its base, and of a Redis, are not removed', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const start = () => startIn(folder, ...ON, '--threads', '1', '--shards', '4');
  {
    await using server = await start();
    await server.ask('SET', 'key', 'value');
    assert.equal(await server.ask('WAITAOF', '1', '0', '0'), '[1 0]');
    await kill(server);
  }
  const [base, elsewhere] = ['appendonlydir/appendonly.aof.1.base', 'base'].map((name) =>
    join(folder, name),
  );
  renameSync(base!, elsewhere!);
  writeFileSync(`${base}.rdb`, '');
  const before = filesOf(folder);
  {
    await using server = await start();
    await server.logged(/appendonly\.aof\.1\.base is missing: nothing of this chain/);
    assert.equal(await server.ask('DBSIZE'), '0');
    for (const file of before) assert.ok(filesOf(folder).includes(file), file);
    await kill(server);
  }
  for (const file of filesOf(folder).filter((name) => !before.includes(name))) {
    rmSync(join(folder, 'appendonlydir', file));
  }
  renameSync(elsewhere!, base!);
  await using server = await start();
  assert.equal(await server.ask('GET', 'key'), 'value');
});

test('a chain to which nothing was written goes on, also when its next segment was just begun', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const start = () => startIn(folder, ...ON, '--threads', '1', '--shards', '4');
  for (let life = 0; life < 2; life++) await kill(await start());
  // The crash came before the beginning of the newest one was on the disk.
  const newest = filesOf(folder).findLast((file) => file.endsWith('.segment'))!;
  truncateSync(join(folder, 'appendonlydir', newest), 10);
  {
    await using server = await start();
    await server.ask('SET', 'key', 'value');
    assert.equal(await server.ask('WAITAOF', '1', '0', '0'), '[1 0]');
    await kill(server);
  }
  await using server = await start();
  assert.equal(await server.ask('GET', 'key'), 'value');
});

const prlimit = spawnSync('prlimit', ['--version']).status === 0;

test('a disk that refuses refuses writes; when it takes them again all goes on', {
  skip: skip || (!prlimit && 'needs prlimit'),
}, async (t) => {
  const folder = newFolder(t);
  const limit = (server: Server, bytes: string) =>
    assert.equal(spawnSync('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}`]).status, 0);
  {
    await using server = await startSmallIn(folder, ...ON, '--appendfsync', 'always');
    await server.ask('SET', 'before', '1');
    limit(server, '4096:unlimited');
    const waiting = server.ask('SET', 'waits', 'x'.repeat(10_000));
    const text = 'MISCONF Errors writing to the AOF file: File too large';
    await until('the refusal', async () => (await server.ask('PING')).startsWith(text));
    await until('the refusal', async () =>
      (await server.ask('SET', 'refused', '1')).startsWith(text),
    );
    assert.ok((await server.ask('PING')).startsWith(text));
    assert.equal(await server.ask('GET', 'before'), '1');
    assert.equal(await server.info('aof_last_write_status'), 'err');
    // What shows no write waits for no disk.
    assert.match(await server.ask('CONFIG', 'SET', 'save', ''), /^OK$/);
    assert.match(await server.ask('BGREWRITEAOF'), /rewriting|ERR|MISCONF/);
    limit(server, 'unlimited:unlimited');
    // Its reply was not given before it is on the disk.
    assert.equal(await waiting, 'OK');
    await until('writes', async () => (await server.ask('SET', 'after', '1')) === 'OK');
    assert.equal(await server.info('aof_last_write_status'), 'ok');
    await kill(server);
  }
  await using server = await startSmallIn(folder, ...ON);
  assert.equal(await server.ask('STRLEN', 'waits'), '10000');
  assert.equal(await server.ask('GET', 'after'), '1');
});

test('a disk that goes on refusing does not fill the log, and lets writes in again', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  await using server = await startSmallIn(folder, ...ON);
  const logLines = () => server.log.split('\n').filter((line) => line.includes('Error writing'));
  rmSync(join(folder, 'appendonlydir'), { recursive: true });
  await server.ask('BGREWRITEAOF');
  await server.logged(/Error writing to the AOF file: ENOENT/);
  await until('refused', async () => /MISCONF/.test(String(await server.ask('PING'))));
  const uptime = Number(await server.info('uptime_in_seconds'));
  await until('attempts', async () => Number(await server.info('uptime_in_seconds')) > uptime + 1);
  mkdirSync(join(folder, 'appendonlydir'));
  await server.logged(/The journal can be written again/);
  await until('writes', async () => (await server.ask('SET', 'key', 'value')) === 'OK');
  assert.ok(logLines().length <= 2, `${logLines().length} lines`);
});
