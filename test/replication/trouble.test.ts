/** Links that are cut, slow or damaged; processes that are killed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { PROTOCOL_VERSION } from '../../src/replication/primary/primary-state.js';
import { encode } from '../support/client.js';
import { textOf } from '../support/reply.js';
import { darterMissing, redisServerMissing, type Server, startRedis } from '../support/server.js';
import { LinkProxy } from './proxy.js';
import {
  fill,
  follow,
  followThroughProxy,
  Load,
  linkUp,
  number,
  sameData,
  startNode,
  startSmall,
  until,
} from './support.js';

const VERSION = String(PROTOCOL_VERSION);

describe('replication: trouble', { skip: darterMissing(), concurrency: 2 }, () => {
  test('a link cut for a while goes on where it was, while the journal holds it', async (t) => {
    await using primary = await startNode('--repl-backlog-size', '64mb');
    await using replica = await startNode();
    const proxy = await LinkProxy.start(primary.port);
    t.after(() => proxy.close());
    await fill(primary, 10_000, 100);
    await follow(replica, proxy.port);
    await linkUp(replica);
    const load = await Load.start(primary, 10);
    proxy.cut();
    await until('the link is down', async () => {
      return (await replica.info('master_link_status')) === 'down';
    });
    await until('it has been down for a second', async () => {
      return (await number(replica, 'master_link_down_since_seconds')) >= 1;
    });
    assert.equal((await replica.ask('EXISTS', 'fill:1')) === '1', true, 'it serves what it has');
    proxy.restore();
    await linkUp(replica);
    await load.stop();
    await sameData(primary, replica);
    assert.equal(await number(primary, 'sync_full'), 1);
    assert.equal(await number(primary, 'sync_partial_ok'), 1);
    assert.equal(await number(primary, 'sync_partial_err'), 0);
  });

  test("a hot key whose writes exceed its shard's journal survives a cut", async (t) => {
    await using primary = await startSmall('--repl-backlog-size', '32mb');
    await using replica = await startSmall();
    const proxy = await followThroughProxy(replica, primary, t);
    const size = await number(primary, 'repl_backlog_size');
    proxy.cut();
    // The journal of a shard holds half a MiB.
    const client = await primary.client();
    const commands = Array.from({ length: 1000 }, () => ['SET', 'hot', 'v'.repeat(200)]);
    for (let i = 0; i < 40; i++) await client.pipeline(commands);
    await client.close();
    assert.ok((await number(primary, 'repl_backlog_size')) > size + 4_000_000);
    proxy.restore();
    await linkUp(replica);
    await sameData(primary, replica);
    assert.equal(await number(primary, 'sync_full'), 1);
    assert.equal(await number(primary, 'sync_partial_ok'), 1);
    await until('the journal is small again', async () => {
      return (await number(primary, 'repl_backlog_size')) === size;
    });
  });

  test('a link cut for too long gets a full sync', async (t) => {
    await using primary = await startSmall('--shards', '16', '--repl-backlog-size', '1');
    await using replica = await startSmall('--shards', '16');
    const proxy = await followThroughProxy(replica, primary, t);
    proxy.cut();
    // 16 journals of 256 KiB, which may grow to twice that together, hold less.
    await fill(primary, 15_000, 1000);
    proxy.restore();
    await linkUp(replica);
    await sameData(primary, replica);
    assert.equal(await number(primary, 'sync_full'), 2);
    assert.equal(await number(primary, 'sync_partial_ok'), 0);
    assert.equal(await number(primary, 'sync_partial_err'), 1);
  });

  test('a replica killed and started anew, a primary killed and replaced', async () => {
    await using primary = await startNode();
    await using replica = await startNode();
    await fill(primary, 20_000, 100);
    const load = await Load.start(primary, 10);
    {
      await using victim = await startSmall();
      await follow(victim, primary.port);
      await linkUp(victim);
      victim.child.kill('SIGKILL');
    }
    await follow(replica, primary.port);
    await linkUp(replica);
    await until('the dead one is forgotten', async () => {
      return (await number(primary, 'connected_slaves')) === 1;
    });
    await load.stop();
    const confirmed = await confirmedWrites(primary, 50);
    primary.child.kill('SIGKILL');
    await until('the link is down', async () => {
      return (await replica.info('master_link_status')) === 'down';
    });
    assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    const client = await replica.client();
    for (const key of confirmed) assert.equal(await client.text('GET', key), `value of ${key}`);
    assert.equal(await client.text('SET', 'new', 'write'), 'OK');
    await client.close();
  });

  test('siblings of a promoted replica continue with it', async () => {
    await using primary = await startSmall();
    await using heir = await startSmall();
    await using sibling = await startSmall();
    await fill(primary, 5000, 100);
    await follow(heir, primary.port);
    await follow(sibling, primary.port);
    await linkUp(heir);
    await linkUp(sibling);
    const id = await primary.info('master_replid');
    const client = await primary.client();
    await client.text('SET', 'last', 'write');
    assert.equal(await client.text('WAIT', '2', '60000'), '2');
    await client.close();
    primary.child.kill('SIGKILL');
    assert.equal(await heir.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await heir.info('master_replid2'), id);
    assert.notEqual(await heir.info('master_replid'), id);
    await heir.ask('SET', 'next', 'write');
    await follow(sibling, heir.port);
    await linkUp(sibling);
    await sameData(heir, sibling);
    assert.equal(await number(heir, 'sync_full'), 0);
    assert.equal(await number(heir, 'sync_partial_ok'), 1);
  });

  test('damaged bytes close the link, and it comes back', async (t) => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    const proxy = await LinkProxy.start(primary.port);
    t.after(() => proxy.close());
    await fill(primary, 20_000, 100);
    proxy.damageAt = 1_000_000;
    await follow(replica, proxy.port);
    await linkUp(replica);
    await replica.logged(/No sync with primary .*damaged/);
    assert.equal(await number(primary, 'sync_full'), 1);
    assert.equal(await number(primary, 'sync_full_resumed'), 1);
    const load = await Load.start(primary, 5);
    proxy.damageAt = proxy.passed + 20_000;
    await replica.logged(/The link to primary .* is lost/);
    await linkUp(replica);
    await load.stop();
    await sameData(primary, replica);
  });

  test('nonsense on replication connections harms nobody', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await fill(primary, 1000, 100);
    await follow(replica, primary.port);
    await linkUp(replica);
    const requests = [
      ['DARTER', 'SYNC', VERSION, '?', '64', '16', '0'],
      ['DARTER', 'SYNC', VERSION, '?', 'x', '16', '2'],
      ['DARTER', 'SYNC', '99', '?', '64', '16', '2'],
      ['DARTER', 'SYNC', VERSION, 'short', '64', '16', '2'],
      ['DARTER', 'SYNC', VERSION, '?', '63', '16', '2'],
      ['DARTER', 'FLOW', 'none', '0'],
      ['DARTER', 'FLOW', '1-x', '999999999999'],
      ['DARTER', 'HANDOVER', '1000'],
      ['DARTER', 'DEMOTE', 'DONE'],
    ];
    for (const request of requests) {
      const client = await primary.client();
      const reply = await client.command(...request);
      assert.equal(reply.type, 'error', request.join(' '));
      await client.close();
    }
    const client = await primary.client();
    for (const version of ['1', '2']) {
      const older = await client.command('DARTER', 'SYNC', version, '?', '64', '16', '2');
      const text = `protocol version ${version} is not supported, only ${VERSION}`;
      assert.ok(textOf(older).includes(text), textOf(older));
    }
    const granted = await client.command('DARTER', 'SYNC', VERSION, '?', '64', '16', '2');
    assert.equal(granted.type, 'array');
    const [, id] = JSON.stringify(granted).match(/"(\d+-[0-9a-f]+)"/) ?? [];
    // What the primary sends on a flow is no reply that a client could read.
    const flow = connect(primary.port, '127.0.0.1');
    // A reset, where the primary has not read all, is an end like any other.
    flow.on('error', () => {});
    const closed = new Promise((resolve) => flow.once('close', resolve));
    flow.write(encode(['DARTER', 'FLOW', id as string, '0']));
    const [accepted] = (await once(flow, 'data')) as [Buffer];
    assert.equal(accepted.subarray(0, 5).toString(), '+OK\r\n');
    flow.resume();
    flow.write('this is no acknowledgement at all, as long as it may be '.repeat(20));
    await closed;
    await client.ended();
    await primary.logged(/an acknowledgement of another format/);
    assert.equal(await replica.info('master_link_status'), 'up');
    await primary.ask('SET', 'still', 'there');
    await sameData(primary, replica);
  });

  test('CONFIG SET repl-timeout counts for the links that there are', {
    skip: redisServerMissing(),
  }, async () => {
    const startPrimary = () => startRedis({ args: ['--repl-diskless-sync-delay', '0'] });
    for (const start of [startSmall, startPrimary]) {
      await using primary = await start();
      await using replica = await startSmall('--repl-timeout', '3600');
      await follow(replica, primary.port);
      await linkUp(replica);
      primary.child.kill('SIGSTOP');
      assert.equal(await replica.ask('CONFIG', 'SET', 'repl-timeout', '3'), 'OK');
      await until('the link is given up', async () => {
        return (await replica.info('master_link_status')) === 'down';
      });
      assert.equal(await replica.ask('CONFIG', 'SET', 'repl-timeout', '60'), 'OK');
      primary.child.kill('SIGCONT');
      await linkUp(replica);
    }
  });

  test('a replica that stops reading is dropped, and writers are not held up for long', async (t) => {
    await using primary = await startSmall(
      '--repl-timeout',
      '3',
      '--repl-backpressure-max-delay',
      '100',
    );
    await using replica = await startSmall('--repl-timeout', '60');
    await followThroughProxy(replica, primary, t);
    replica.child.kill('SIGSTOP');
    const load = await Load.start(primary, 2, 4000);
    await until('it is dropped', async () => (await number(primary, 'connected_slaves')) === 0);
    const done = load.done;
    await until('writers go on', async () => load.done > done + 2000);
    replica.child.kill('SIGCONT');
    await linkUp(replica);
    await load.stop();
    await sameData(primary, replica);
  });
});

/** Writes that WAIT has confirmed. */
async function confirmedWrites(primary: Server, count: number): Promise<string[]> {
  const client = await primary.client();
  const keys: string[] = [];
  for (let i = 0; i < count; i++) {
    const key = `confirmed:${i}`;
    await client.text('SET', key, `value of ${key}`);
    if (Number(await client.text('WAIT', '1', '60000')) >= 1) keys.push(key);
  }
  await client.close();
  assert.equal(keys.length, count);
  return keys;
}
