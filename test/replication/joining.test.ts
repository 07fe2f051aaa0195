/** Replicas that join a primary under load, one or several, of another shape, and leave. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { darterMissing, type Server } from '../support/server.js';
import {
  fill,
  follow,
  Load,
  linkUp,
  number,
  sameData,
  startNode,
  startSmall,
  until,
} from './support.js';

/** All of 127.0.0.0/8 is this machine. */
const isLinux = process.platform === 'linux';

describe('replication: joining', { skip: darterMissing(), concurrency: 2 }, () => {
  test('replicas that join under load hold the same data at rest', async () => {
    await using primary = await startNode();
    await using one = await startNode();
    await using other = await startNode();
    await fill(primary, 30_000, 100);
    await one.ask('SET', 'old', 'data of its own goes');
    const load = await Load.start(primary, 5);
    await until('there are writes', () => load.done > 200);
    await follow(one, primary.port);
    await linkUp(one);
    const before = load.done;
    await follow(other, primary.port);
    await linkUp(other);
    await until('the load goes on', async () => load.done > before + 500);
    await load.stop();
    await sameData(primary, one, other);
    assert.equal(await one.ask('EXISTS', 'old'), '0');
    assert.equal(await number(primary, 'connected_slaves'), 2);
    assert.equal(await number(primary, 'sync_full'), 2);
    assert.match((await primary.info('slave0')) ?? '', /state=online,offset=\d+,lag=\d+$/);
    assert.ok((await number(primary, 'total_net_repl_output_bytes')) > 3_000_000);
    assert.ok((await number(one, 'total_net_repl_input_bytes')) > 3_000_000);
  });

  test('bind-source-addr says where a replica comes from', { skip: !isLinux }, async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await replica.ask('CONFIG', 'SET', 'bind-source-addr', '127.0.0.2');
    await follow(replica, primary.port);
    await linkUp(replica);
    assert.match((await primary.info('slave0')) ?? '', /ip=127\.0\.0\.2,/);
  });

  test('a replica with another number of shards is served key by key', async () => {
    await using primary = await startNode();
    await using replica = await startSmall('--shards', '16');
    await fill(primary, 20_000, 50);
    const load = await Load.start(primary, 5);
    await follow(replica, primary.port);
    await linkUp(replica);
    const before = load.done;
    await until('the load goes on', () => load.done > before + 500);
    await load.stop();
    await sameData(primary, replica);
  });

  test('a replica with another number of threads and databases', async () => {
    await using primary = await startNode('--databases', '4');
    await using replica = await startNode('--threads', '1');
    const client = await primary.client();
    await client.text('SELECT', '3');
    await client.text('SET', 'in', 'three');
    await fill(primary, 1000, 10);
    await follow(replica, primary.port);
    await linkUp(replica);
    await client.text('SET', 'later', 'x', 'EX', '1000');
    await client.close();
    await until('the same number of keys', async () => {
      const [ours, theirs] = [await primary.info('db3'), await replica.info('db3')];
      return (ours !== undefined && ours.split(',')[0] === theirs?.split(',')[0]) || String(theirs);
    });
    await using small = await startNode('--databases', '1');
    await follow(small, primary.port);
    await small.logged(/has 1 databases, 4 are needed/);
    assert.equal(await small.info('master_link_status'), 'down');
  });

  test('large values, a data set replaced while it is shipped, and keys that expire', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    const client = await primary.client();
    const large = 'large'.repeat(1_000_000);
    for (let i = 0; i < 3; i++) await client.text('SET', `large:${i}`, `${i}${large}`);
    await fill(primary, 30_000, 100);
    await follow(replica, primary.port);
    await client.text('FLUSHDB');
    await client.text('SET', 'after', large);
    await fill(primary, 1000, 100);
    await client.text('APPEND', 'after', 'more');
    await client.close();
    await linkUp(replica);
    await sameData(primary, replica);
    assert.equal(await replica.ask('STRLEN', 'after'), String(large.length + 4));
    await keysExpire(primary, replica);
  });

  test('the directive replicaof, with a password', async () => {
    await using primary = await startSmall('--requirepass', 'secret');
    await using replica = await startSmall(
      ...['--replicaof', '127.0.0.1', String(primary.port), '--masterauth', 'secret'],
    );
    await linkUp(replica);
    assert.equal(await replica.ask('CONFIG', 'SET', 'masterauth', 'wrong'), 'OK');
    assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await replica.info('role'), 'master');
    await follow(replica, primary.port);
    await replica.logged(/WRONGPASS/);
    assert.equal(await replica.ask('CONFIG', 'SET', 'masterauth', 'secret'), 'OK');
    await linkUp(replica);
  });
});

/** Keys that expire are gone on both sides at the same time. */
async function keysExpire(primary: Server, replica: Server): Promise<void> {
  const client = await primary.client();
  await client.text('FLUSHALL');
  for (let i = 0; i < 200; i++) await client.text('SET', `e:${i}`, 'x', 'PX', String(50 + i));
  await client.close();
  await until('they are gone', async () => (await primary.ask('DBSIZE')) === '0');
  await until('there too', async () => (await replica.ask('DBSIZE')) === '0');
  await sameData(primary, replica);
}
