/** Servers that come back with their snapshots continue with their primaries and replicas. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { follow, linkUp, sameData, until } from '../replication/support.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { newFolder, startIn } from './support.js';

const skip = darterMissing();
const CHANGES = 'rdb_changes_since_last_save';

function startAt(port: number, folder: string): Promise<Server> {
  return startDarter({ port, args: ['--enable-debug-command', 'yes', '--dir', folder] });
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
  assert.equal(await primary.info('sync_partial_ok'), '1');
  assert.equal(await primary.info('sync_full'), '1');
});

test('replicas continue with a primary that has saved at its end', { skip }, async (t) => {
  const folder = newFolder(t);
  let port: number;
  await using replica = await startIn(newFolder(t));
  {
    await using primary = await startIn(folder);
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
  await using replica = await startIn(newFolder(t));
  {
    await using primary = await startIn(folder);
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

test('a replica with another number of shards than its primary cannot be saved', {
  skip,
}, async (t) => {
  await using primary = await startIn(newFolder(t));
  await using replica = await startIn(newFolder(t), '--shards', '16');
  await follow(replica, primary.port);
  await linkUp(replica);
  assert.match(await replica.ask('SAVE'), /^ERR a replica with another number of shards/);
});
