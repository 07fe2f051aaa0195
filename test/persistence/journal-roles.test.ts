/** The journals of servers that change their roles: the data goes on, and so does its journal. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { follow, linkUp, sameData, until } from '../replication/support.js';
import { darterMissing, type Server } from '../support/server.js';
import { newFolder, startSmallIn } from './support.js';

const skip = darterMissing();
const ON = ['--appendonly', 'yes'];

async function kill(server: Server): Promise<void> {
  server.child.kill('SIGKILL');
  await server.exited;
}

/** Chains of the journal that have a base. */
function chainsIn(folder: string): string[] {
  const files = readdirSync(join(folder, 'appendonlydir'));
  return files.filter((file) => file.endsWith('.base')).sort();
}

/** Follows the primary by a full sync, and waits for the journal of what that has brought. */
async function followWhole(replica: Server, primary: Server): Promise<void> {
  await follow(replica, primary.port);
  await linkUp(replica);
  await replica.logged(/REPLICAOF 127[\s\S]*The journal begins(?![\s\S]*is interrupted)/);
}

test('a replica that is promoted goes on in its journal: a kill at once loses nothing that is synced', {
  skip,
}, async (t) => {
  const folder = newFolder(t);
  await using primary = await startSmallIn(newFolder(t), ...ON);
  await primary.ask('SET', 'of the primary', '1');
  let chains: string[];
  {
    await using replica = await startSmallIn(folder, ...ON, '--appendfsync', 'everysec');
    await replica.ask('SET', 'is replaced', '1');
    await followWhole(replica, primary);
    await primary.ask('SET', 'streamed', '1');
    await until('the write', async () => (await replica.ask('GET', 'streamed')) === '1');
    chains = chainsIn(folder);
    await replica.ask('REPLICAOF', 'NO', 'ONE');
    await replica.ask('SET', 'own', '1');
    await replica.ask('MSET', 'a', '1', 'b', '2', 'c', '3');
    await replica.ask('FLUSHDB');
    await replica.ask('SET', 'after', '1');
    assert.equal(await replica.ask('WAITAOF', '1', '0', '0'), '[1 0]');
    assert.equal(await replica.info('aof_rewrite_in_progress'), '0');
    await kill(replica);
  }
  assert.deepEqual(chainsIn(folder), chains);
  await using replica = await startSmallIn(folder, ...ON);
  assert.equal(await replica.ask('DBSIZE'), '1');
  assert.equal(await replica.ask('GET', 'after'), '1');
});

test('roles that change back and forth leave one chain, also while it is rewritten', {
  skip,
}, async (t) => {
  const folders = [newFolder(t), newFolder(t)] as const;
  const always = [...ON, '--appendfsync', 'always'];
  await using one = await startSmallIn(folders[0], ...always);
  await one.ask('DEBUG', 'POPULATE', '20000', 'key', '200');
  let chains: string[];
  let place: string | undefined;
  {
    await using other = await startSmallIn(folders[1], ...always);
    await followWhole(other, one);
    chains = folders.flatMap(chainsIn);
    for (let i = 0; i < 2; i++) {
      const [heir, primary] = i % 2 === 0 ? [other, one] : [one, other];
      if (i > 0) await heir.ask('BGREWRITEAOF');
      assert.equal(await heir.ask('REPLTAKEOVER', '60'), 'OK');
      assert.equal(await heir.ask('SET', `turn${i}`, '1'), 'OK');
      assert.equal(await heir.ask('MSET', 'a', String(i), 'b', String(i), 'c', String(i)), 'OK');
      await linkUp(primary);
      // What the new primary has answered is on both disks.
      assert.equal(await heir.ask('WAITAOF', '1', '1', '0'), '[1 1]');
    }
    await until('no rewrite', async () => (await other.info('aof_rewrite_in_progress')) === '0');
    await until('no rewrite', async () => (await one.info('aof_rewrite_in_progress')) === '0');
    place = await one.info('master_replid');
    await kill(other);
    assert.deepEqual(folders.flatMap(chainsIn), chains);
  }
  assert.equal(await one.ask('SET', 'without', 'the other'), 'OK');
  // It has the id of the last primary, and goes on from where its files end.
  await using other = await startSmallIn(
    folders[1],
    ...always,
    '--replicaof',
    '127.0.0.1',
    String(one.port),
  );
  await linkUp(other);
  await sameData(one, other);
  assert.equal(await other.info('master_replid'), place);
  assert.equal(await one.ask('GET', 'turn1'), '1');
  const full = Number(await one.info('sync_full'));
  assert.equal(full, 1, 'only the first sync was a full one');
  await kill(one);
  await using again = await startSmallIn(folders[0], ...always);
  assert.equal(await again.ask('GET', 'without'), 'the other');
});
