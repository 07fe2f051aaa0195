/** Servers that come back with their snapshots continue with their primaries and replicas. */
import assert from 'node:assert/strict';
import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { follow, linkUp, sameData, until } from '../replication/support.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { newFolder, startIn, startSmallIn } from './support.js';

const skip = darterMissing();
const CHANGES = 'rdb_changes_since_last_save';

function startAt(port: number, folder: string): Promise<Server> {
  return startDarter({
    port,
    threads: 1,
    args: ['--enable-debug-command', 'yes', '--dir', folder],
  });
}

async function end(server: Server, ...how: string[]): Promise<void> {
  await server.ask('SHUTDOWN', ...how).catch(() => {});
  await server.exit();
}

test('a replica that restarts from its snapshot continues with its primary', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  await using primary = await startIn(newFolder(t));
  await primary.ask('DEBUG', 'POPULATE', '500', 'key', '100');
  {
    await using replica = await startIn(folder);
    await follow(replica, primary.port);
    await linkUp(replica);
    await primary.ask('SET', 'before', 'the save');
    await sameData(primary, replica);
    // Save points count what a primary changes too.
    await until('it is counted', async () => (await replica.info(CHANGES)) !== '0');
    assert.equal(await replica.ask('SAVE'), 'OK');
    assert.equal(await replica.info(CHANGES), '0');
    await primary.ask('SET', 'after', 'the save');
    await end(replica, 'NOSAVE');
  }
  await primary.ask('SET', 'without', 'replica');
  {
    // Without its primary it shows how far it is: Sentinel chooses by that.
    await using alone = await startIn(folder, '--replicaof', '127.0.0.1', '1');
    assert.ok(Number(await alone.info('slave_repl_offset')) > 0);
    assert.equal(await alone.ask('GET', 'before'), 'the save');
    assert.equal(await alone.info('master_replid'), await primary.info('master_replid'));
    // Saved once more, it is what it was.
    await end(alone, 'SAVE');
  }
  await using replica = await startIn(folder, '--replicaof', '127.0.0.1', String(primary.port));
  await linkUp(replica);
  await sameData(primary, replica);
  const story = `${primary.log}\n${replica.log}`;
  assert.equal(await primary.info('sync_partial_ok'), '1', story);
  assert.equal(await primary.info('sync_full'), '1', story);
});

test('replicas continue with a primary that has saved at its end', { skip }, async (t) => {
  const folder = newFolder(t);
  let port: number;
  await using replica = await startSmallIn(newFolder(t));
  {
    await using primary = await startSmallIn(folder);
    port = primary.port;
    await primary.ask('DEBUG', 'POPULATE', '500', 'key', '100');
    await follow(replica, port);
    await linkUp(replica);
    await primary.ask('SET', 'last', 'write');
    await end(primary, 'SAVE');
  }
  await using primary = await startAt(port, folder);
  await linkUp(replica);
  await primary.ask('SET', 'next', 'write');
  await sameData(primary, replica);
  assert.equal(await primary.info('sync_partial_ok'), '1');
  assert.equal(await primary.info('sync_full'), '0');
});

test('a replica that is ahead of the snapshot of its primary gets a full sync', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  let port: number;
  await using replica = await startSmallIn(newFolder(t));
  {
    await using primary = await startSmallIn(folder);
    port = primary.port;
    await follow(replica, port);
    await linkUp(replica);
    await primary.ask('SET', 'saved', 'write');
    assert.equal(await primary.ask('SAVE'), 'OK');
    await primary.ask('SET', 'lost', 'write');
    await sameData(primary, replica);
    primary.child.kill('SIGKILL');
    await primary.exit();
  }
  await using primary = await startAt(port, folder);
  // The same length as what was lost: only the history tells them apart.
  await primary.ask('SET', 'lost', 'other');
  await linkUp(replica);
  await sameData(primary, replica);
  assert.equal(await replica.ask('GET', 'lost'), 'other');
  assert.equal(await primary.info('sync_full'), '1');
});

test('who has lost writes in one crash does not continue over others that it wrote until the next', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  const journal = ['--appendonly', 'yes', '--appendfsync', 'always', '--threads', '1'];
  await using replica = await startIn(newFolder(t), '--threads', '1');
  {
    await using primary = await startIn(folder, ...journal);
    await follow(replica, primary.port);
    await linkUp(replica);
    await primary.ask('SET', 'kept', 'write');
    await primary.ask('SET', 'lost', 'write');
    await sameData(primary, replica);
    primary.child.kill('SIGKILL');
    await primary.exited;
  }
  assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
  const segment = join(folder, 'appendonlydir', 'appendonly.aof.1.1.0.segment');
  truncateSync(segment, statSync(segment).size - 5);
  {
    await using primary = await startIn(folder, ...journal);
    assert.equal(await primary.ask('MGET', 'kept', 'lost'), '[write $-1]');
    // As long as what was lost: only the history tells the positions apart.
    await primary.ask('SET', 'lost', 'other');
    primary.child.kill('SIGKILL');
    await primary.exited;
  }
  const where = ['--replicaof', '127.0.0.1', String(replica.port)];
  await using back = await startIn(folder, ...journal, ...where);
  await linkUp(back);
  await sameData(replica, back);
  assert.equal(await back.ask('GET', 'lost'), 'write');
  assert.equal(await replica.info('sync_partial_ok'), '0');
});

test('a replica with another number of shards than its primary cannot be saved', {
  skip,
}, async (t) => {
  await using primary = await startSmallIn(newFolder(t));
  await using replica = await startSmallIn(newFolder(t), '--shards', '16');
  await follow(replica, primary.port);
  await linkUp(replica);
  assert.match(await replica.ask('SAVE'), /^ERR a replica with another number of shards/);
});

test('WAITAOF counts the replicas that have the writes on their disks', { skip }, async (t) => {
  const always = ['--appendonly', 'yes', '--appendfsync', 'always'];
  await using primary = await startIn(newFolder(t), ...always, '--threads', '1');
  const folder = newFolder(t);
  await using without = await startIn(newFolder(t), '--threads', '1');
  await follow(without, primary.port);
  await linkUp(without);
  {
    await using replica = await startIn(folder, ...always, '--threads', '2');
    await follow(replica, primary.port);
    await linkUp(replica);
    await replica.logged(/REPLICAOF 127[\s\S]*The journal begins(?![\s\S]*is interrupted)/);
    await primary.ask('SET', 'key', 'value');
    assert.equal(await primary.ask('WAITAOF', '1', '1', '0'), '[1 1]');
    // The one without a journal has it as well, and never counts.
    assert.equal(await primary.ask('WAIT', '2', '0'), '2');
    assert.equal(await primary.ask('WAITAOF', '1', '2', '50'), '[1 1]');
    await replica.ask('CONFIG', 'SET', 'appendonly', 'no');
    await replica.logged(/The journal ends/);
    await primary.ask('SET', 'key', 'in no file of the replica');
    assert.equal(await primary.ask('WAITAOF', '0', '1', '50'), '[1 0]');
    await replica.ask('CONFIG', 'SET', 'appendfsync', 'everysec');
    await replica.ask('CONFIG', 'SET', 'appendonly', 'yes');
    // What was written before the chain is in its base.
    assert.equal(await primary.ask('WAITAOF', '0', '1', '0'), '[1 1]');
    await primary.ask('SET', 'key', 'on both disks');
    assert.equal(await primary.ask('WAITAOF', '1', '1', '0'), '[1 1]');
    replica.child.kill('SIGKILL');
    await replica.exited;
  }
  // Whose journal was switched off meanwhile is told so; nobody waits for what cannot come.
  const waiting = primary.ask('WAITAOF', '1', '3', '0');
  await primary.ask('CONFIG', 'SET', 'appendonly', 'no');
  assert.match(await waiting, /^ERR WAITAOF cannot be used when numlocal is set/);
  const role = primary.ask('WAITAOF', '0', '3', '0');
  // On another thread, REPLICAOF may come first.
  await until('it waits', async () => (await primary.info('blocked_clients')) === '1');
  await primary.ask('REPLICAOF', '127.0.0.1', '1');
  assert.match(await role, /^UNBLOCKED/);
  await using alone = await startIn(folder, ...always);
  assert.equal(await alone.ask('GET', 'key'), 'on both disks');
});
