/** Disks, files and names that are against the server: saves that fail half way, damage, folders in the way. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../replication/support.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { darterCommand, darterMissing, type Server } from '../support/server.js';
import { newFolder, startIn } from './support.js';

const skip = darterMissing();
const prlimit = spawnSync('prlimit', ['--version']).status === 0;
const SMALL = ['--threads', '1', '--shards', '4', '--save', ''];
const ON = ['--appendonly', 'yes', '--appendfsync', 'everysec'];
const PROTECTED = ['--enable-protected-configs', 'yes'];

async function kill(server: Server): Promise<void> {
  server.child.kill('SIGKILL');
  await server.exited;
}

/** No file of the server may be longer. */
function limitFiles(server: Server, bytes: string): void {
  const { status } = spawnSync('prlimit', ['--pid', String(server.pid), `--fsize=${bytes}`]);
  assert.equal(status, 0);
}

/** Waits until INFO's field is 0. */
function over(server: Server, field: string): Promise<void> {
  return until(field, async () => (await server.info(field)) === '0');
}

test('a save that the disk refuses half way leaves the snapshot before, and no file of its own', {
  skip: skip || (!prlimit && 'needs prlimit'),
}, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startIn(folder, ...SMALL, ...PROTECTED);
    for (const format of ['native', 'rdb']) {
      await server.ask('CONFIG', 'SET', 'snapshot-format', format);
      await server.ask('SET', 'key', `saved as ${format}`);
      await server.ask('DEBUG', 'POPULATE', '20000', format, '100');
      assert.equal(await server.ask('SAVE'), 'OK');
      const before = readdirSync(folder).sort();
      await server.ask('SET', 'key', 'in no file');
      limitFiles(server, '500000:unlimited');
      assert.equal(await server.ask('SAVE'), 'ERR');
      await server.logged(/Error saving DB on disk: EFBIG: file too large, write '.*dump/);
      await server.ask('BGSAVE');
      await over(server, 'rdb_bgsave_in_progress');
      assert.equal(await server.info('rdb_last_bgsave_status'), 'err');
      assert.deepEqual(readdirSync(folder).sort(), before);
      limitFiles(server, 'unlimited:unlimited');
    }
    await kill(server);
  }
  await using server = await startIn(folder, ...SMALL, '--snapshot-format', 'rdb');
  assert.equal(await server.ask('GET', 'key'), 'saved as rdb');
});

test('a rewrite that the disk refuses half way costs nothing', {
  skip: skip || (!prlimit && 'needs prlimit'),
}, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startIn(folder, ...SMALL, ...ON);
    await server.ask('DEBUG', 'POPULATE', '20000', 'key', '100');
    assert.match(await server.ask('BGREWRITEAOF'), /started/);
    await until('a rewrite', async () => (await server.info('aof_rewrites')) === '1');
    // The base would be longer.
    limitFiles(server, '1000000:unlimited');
    assert.match(await server.ask('BGREWRITEAOF'), /started/);
    await server.logged(/Rewriting the journal has failed: EFBIG: file too large, write '.*base/);
    await over(server, 'aof_rewrite_in_progress');
    assert.equal(await server.info('aof_last_bgrewrite_status'), 'err');
    assert.equal(await server.ask('SET', 'after', 'the failure'), 'OK');
    assert.equal(await server.ask('WAITAOF', '1', '0', '0'), '[1 0]');
    await kill(server);
  }
  await using server = await startIn(folder, ...SMALL, ...ON);
  assert.equal(await server.ask('GET', 'after'), 'the failure');
  assert.equal(await server.ask('DBSIZE'), '20001');
});

test('what a save or a journal is made of may change while it is written', { skip }, async (t) => {
  const folder = newFolder(t);
  const other = newFolder(t);
  {
    await using server = await startIn(folder, ...SMALL, ...PROTECTED, ...ON);
    await server.ask('DEBUG', 'POPULATE', '20000', 'key', '100');
    const changes = [
      ['snapshot-format', 'rdb'],
      ['rdbcompression', 'no'],
      ['dbfilename', 'other.rdb'],
      ['snapshot-format', 'native'],
      ['snapshot-keep', '2'],
      ['appendfsync', 'always'],
      ['no-appendfsync-on-rewrite', 'yes'],
      ['aof-rewrite-incremental-fsync', 'no'],
      ['rdb-save-incremental-fsync', 'no'],
      ['dir', other],
      ['save', '3600 1'],
    ];
    for (const [index, [name, value]] of changes.entries()) {
      await server.ask(index % 2 === 0 ? 'BGSAVE' : 'BGREWRITEAOF');
      assert.equal(await server.ask('CONFIG', 'SET', name!, value!), 'OK');
      await over(server, 'rdb_bgsave_in_progress');
      await over(server, 'aof_rewrite_in_progress');
      assert.equal(await server.info('rdb_last_bgsave_status'), 'ok', name);
      assert.equal(await server.info('aof_last_bgrewrite_status'), 'ok', name);
    }
    assert.equal(await server.ask('SAVE'), 'OK');
    // The next start looks in the new folder.
    assert.equal(await server.ask('CONFIG', 'SET', 'appendonly', 'no'), 'OK');
    await server.logged(/The journal ends/);
    assert.equal(await server.ask('CONFIG', 'SET', 'appendonly', 'yes'), 'OK');
    await server.logged(/The journal ends[\s\S]*The journal begins: chain 1 in/);
    await server.ask('SET', 'after', '1');
    await kill(server);
  }
  for (const [where, ...args] of [
    [folder, '--snapshot-format', 'rdb'],
    [other, ...ON],
  ] as const) {
    await using server = await startIn(where, ...SMALL, ...args);
    assert.equal(await server.ask('EXISTS', 'key:0', 'key:19999'), '2', where);
    if (where === other) assert.equal(await server.ask('GET', 'after'), '1');
    await kill(server);
  }
});

test('names of any kind and links are followed; what is in the way is named', {
  skip,
}, async (t) => {
  const root = newFolder(t);
  const folder = join(root, 'a folder, "ünïcode" 日本');
  const link = join(root, 'link');
  mkdirSync(folder);
  symlinkSync(folder, link);
  const names = ['--dbfilename', 'dät a.db', '--appendfilename', 'é f', '--appenddirname', 'd ï'];
  {
    await using server = await startIn(link, ...SMALL, ...ON, ...names);
    await server.ask('SET', 'key', 'value');
    assert.equal(await server.ask('SAVE'), 'OK');
    await kill(server);
  }
  {
    await using server = await startIn(folder, ...SMALL, ...ON, ...names);
    assert.equal(await server.ask('GET', 'key'), 'value');
    await kill(server);
  }
  mkdirSync(join(root, 'dump.darter'));
  await assert.rejects(startIn(root, ...SMALL), /EISDIR: .*, read '.*\/dump\.darter'/);
  mkdirSync(join(root, 'x.rdb'));
  await assert.rejects(startIn(root, ...SMALL, '--dbfilename', 'x.rdb'), /EISDIR.*\/x\.rdb'/);
});

test('no damage to a file of a snapshot or a base goes unseen', { skip }, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startIn(folder, ...SMALL, ...ON);
    await server.ask('DEBUG', 'POPULATE', '500', 'key', '50');
    assert.equal(await server.ask('SAVE'), 'OK');
    assert.match(await server.ask('BGREWRITEAOF'), /started/);
    await until('a rewrite', async () => (await server.info('aof_rewrites')) === '1');
    await kill(server);
  }
  const random = new Random(seedFromEnvironment());
  t.diagnostic(`DARTER_SEED=${random.seed}`);
  const journal = join(folder, 'appendonlydir');
  const manifests = [join(folder, 'dump.darter'), join(journal, 'appendonly.aof.1.base')];
  const { command, args } = darterCommand();
  for (const manifest of manifests) {
    const paths = [folder, journal]
      .flatMap((where) => readdirSync(where).map((file) => join(where, file)))
      .filter((path) => path.startsWith(manifest));
    const path = random.pick(paths);
    const whole = readFileSync(path);
    const at = random.below(whole.length);
    const flipped = Buffer.from(whole);
    flipped[at]! ^= 1 << random.below(8);
    for (const damaged of [flipped, whole.subarray(0, at)]) {
      writeFileSync(path, damaged);
      const { status, stderr } = spawnSync(command, [...args, '--check', manifest]);
      assert.equal(status, 1, `${path} at ${at}`);
      assert.match(stderr.toString(), / is damaged at offset \d+: ./);
    }
    const more = manifest === manifests[0] ? [] : ON;
    await assert.rejects(startIn(folder, ...SMALL, ...more), / is damaged at offset \d+: ./);
    writeFileSync(path, whole);
  }
});
