/** Folders of data: whose they are, those that cannot be written, and a journal that has grown old. */
import assert from 'node:assert/strict';
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../replication/support.js';
import { darterMissing, type Server } from '../support/server.js';
import { newFolder, saved, startIn } from './support.js';

const skip = darterMissing();
const ON = ['--appendonly', 'yes', '--appendfsync', 'always'];
const UNSAVED = ['--save', ''];
const PROTECTED = ['--enable-protected-configs', 'yes'];
const SMALL = ['--threads', '1', '--shards', '4'];

const INCREMENT = 'file appendonly.aof.1.incr.aof seq 1 type i\n';

async function kill(server: Server): Promise<void> {
  server.child.kill('SIGKILL');
  await server.exited;
}

test('a second server in a folder is refused, and told who has it', { skip }, async (t) => {
  const folder = newFolder(t);
  const [one, other] = ['--dbfilename one.rdb', '--dbfilename other.rdb'].map((s) => s.split(' '));
  const points = ['--save', '3600 1'];
  await using first = await startIn(folder, ...one!, ...ON, ...SMALL, ...points);
  await first.ask('SET', 'key', 'first');
  const held = (what: string) =>
    new RegExp(`process ${first.pid} has the ${what} in .*: .*lock is locked. Give each server`);
  const same = [...one!, ...SMALL, ...points];
  await assert.rejects(startIn(folder, ...same), held('snapshots'));
  await assert.rejects(startIn(folder, ...other!, ...ON, ...SMALL), held('journal'));
  // Other names, and nothing that writes the same ones at its start.
  await using second = await startIn(folder, ...one!, ...UNSAVED, ...SMALL, ...PROTECTED);
  assert.equal(await second.ask('SAVE'), 'ERR');
  await second.logged(held('snapshots'));
  assert.equal(await second.ask('CONFIG', 'SET', 'dbfilename', 'other.rdb'), 'OK');
  assert.equal(await second.ask('SAVE'), 'OK');
  assert.equal(await second.ask('CONFIG', 'SET', 'appendonly', 'yes'), 'OK');
  await second.logged(held('journal'));
  assert.equal(await second.info('aof_rewrite_in_progress'), '1');
  assert.equal(await first.ask('SET', 'key', 'first again'), 'OK');
  await kill(first);
  // The kernel has given the locks back; nothing was damaged.
  await using third = await startIn(folder, ...one!, ...ON, ...SMALL, ...points);
  assert.equal(await third.ask('GET', 'key'), 'first again');
});

test('a journal that cannot be written ends the start, and says why', { skip }, async (t) => {
  const folder = newFolder(t);
  writeFileSync(join(folder, 'appendonlydir'), 'a file');
  const why = /The journal cannot be written: (EEXIST|ENOTDIR)/;
  await assert.rejects(startIn(folder, ...ON, ...SMALL), why);
  // Nobody may create anything there.
  await assert.rejects(startIn('/proc', ...ON, ...SMALL), /The journal cannot be written: E[A-Z]+/);
});

test('until the first base is whole INFO says that it is on its way', { skip }, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startIn(folder, '--appendfsync', 'always', ...UNSAVED);
    await server.ask('DEBUG', 'POPULATE', '20000');
    for (let i = 0; i < 3; i++) {
      assert.equal(await server.ask('CONFIG', 'SET', 'appendonly', 'no'), 'OK');
      assert.equal(await server.info('aof_rewrite_in_progress'), '0');
      await server.ask('SET', 'without', String(i));
      assert.equal(await server.ask('CONFIG', 'SET', 'appendonly', 'yes'), 'OK');
      await until('the base', async () => (await server.info('aof_rewrite_in_progress')) === '0');
      // From here on an acknowledged write is on the disk.
      await server.ask('SET', 'with', String(i));
    }
    await kill(server);
  }
  await using server = await startIn(folder, ...ON);
  assert.equal(await server.ask('MGET', 'with', 'without'), '[2 2]');
  assert.equal(await server.ask('DBSIZE'), '20002');
});

test('a start takes the snapshot that is newer than a journal that was switched off', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startIn(folder, ...ON, ...UNSAVED, ...SMALL);
    await server.ask('SET', 'key', 'in the journal');
    await server.ask('CONFIG', 'SET', 'appendonly', 'no');
    await server.logged(/The journal ends/);
    await server.ask('SET', 'key', 'in no file');
    await kill(server);
  }
  {
    // Redis does the same: what the files of the journal have counts.
    await using server = await startIn(folder, ...ON, ...UNSAVED, ...SMALL);
    assert.equal(await server.ask('GET', 'key'), 'in the journal');
    await server.logged(/The journal was switched off at .*no snapshot that is known to be newer/);
    await server.ask('CONFIG', 'SET', 'appendonly', 'no');
    await server.logged(/The journal ends/);
    for (const count of [1, 2]) {
      await server.ask('SET', 'key', `in snapshot ${count}`);
      await server.ask('SAVE');
      await saved(server, count);
    }
    assert.ok(readdirSync(join(folder, 'appendonlydir')).some((name) => name.endsWith('.ended')));
    await kill(server);
  }
  {
    await using server = await startIn(folder, ...ON, ...UNSAVED, ...SMALL);
    assert.equal(await server.ask('GET', 'key'), 'in snapshot 2');
    await server.logged(/The journal was switched off at .*: the snapshot is newer, and is loaded/);
    await server.ask('SET', 'key', 'in the next chain');
    await kill(server);
  }
  await using server = await startIn(folder, ...ON, ...UNSAVED, ...SMALL);
  assert.equal(await server.ask('GET', 'key'), 'in the next chain');
  assert.ok(!readdirSync(join(folder, 'appendonlydir')).some((name) => name.endsWith('.ended')));
});

test('a start from a journal warns of an append-only file that a Redis has written since', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startIn(folder, ...ON, ...UNSAVED, ...SMALL);
    await server.ask('SET', 'key', 'in the journal');
    await kill(server);
  }
  const file = join(folder, 'appendonlydir', 'appendonly.aof.1.incr.aof');
  writeFileSync(`${file.slice(0, -'.1.incr.aof'.length)}.manifest`, INCREMENT);
  writeFileSync(file, '*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$8\r\nby Redis\r\n');
  const hour = 3600;
  for (const isNewer of [false, true]) {
    const time = Date.now() / 1000 + (isNewer ? hour : -hour);
    utimesSync(file, time, time);
    await using server = await startIn(folder, ...ON, ...UNSAVED, ...SMALL);
    await server.logged(/Ready to accept connections/);
    assert.equal(await server.ask('GET', 'key'), 'in the journal');
    assert.equal(/1\.incr\.aof is newer than the journal/.test(server.log), isNewer);
    await kill(server);
  }
});

test('a snapshot of another history is not taken for one newer than the journal', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  {
    await using server = await startIn(folder, ...ON, ...UNSAVED, ...SMALL);
    await server.ask('SET', 'key', 'in the journal');
    await server.ask('CONFIG', 'SET', 'appendonly', 'no');
    await server.logged(/The journal ends/);
    await kill(server);
  }
  {
    // Started without its journal by mistake, it is empty.
    await using server = await startIn(folder, ...SMALL);
    assert.equal(await server.ask('EXISTS', 'key'), '0');
    assert.equal(await server.ask('SAVE'), 'OK');
    await kill(server);
  }
  await using server = await startIn(folder, ...ON, ...UNSAVED, ...SMALL);
  assert.equal(await server.ask('GET', 'key'), 'in the journal');
});
