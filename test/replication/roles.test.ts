/** Roles: what each may do, how they change, chains, takeover. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isError, showReply, textOf } from '../support/reply.js';
import { darterMissing, redisServerMissing, startDarter, startRedis } from '../support/server.js';
import { LinkProxy } from './proxy.js';
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

describe('replication: roles', { skip: darterMissing(), concurrency: 2 }, () => {
  test('a replica refuses writes, and serves reads', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await primary.ask('SET', 'k', 'v');
    await follow(replica, primary.port);
    await linkUp(replica);
    const client = await replica.client();
    assert.equal(await client.text('GET', 'k'), 'v');
    const readOnly = "READONLY You can't write against a read only replica.";
    for (const words of [['SET', 'k', 'w'], ['DEL', 'k'], ['FLUSHALL']]) {
      const reply = await client.command(...words);
      assert.ok(isError(reply) && reply.text === readOnly, showReply(reply));
    }
    await client.text('MULTI');
    assert.ok(isError(await client.command('SET', 'k', 'w')));
    assert.match(showReply(await client.command('EXEC')), /EXECABORT/);
    assert.match(showReply(await client.command('WAIT', '1', '0')), /ERR WAIT cannot be used with/);
    assert.equal(await client.text('CONFIG', 'SET', 'replica-read-only', 'no'), 'OK');
    assert.equal(await client.text('SET', 'local', 'write'), 'OK');
    assert.equal(await primary.ask('EXISTS', 'local'), '0');
    assert.equal(
      await client.text('REPLICAOF', '127.0.0.1', String(primary.port)),
      'OK Already connected to specified master',
    );
    await client.close();
  });

  test('WAIT counts replicas, and gives up in time', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    const client = await primary.client();
    await client.text('SET', 'k', 'v');
    assert.equal(await client.text('WAIT', '0', '0'), '0');
    const before = Date.now();
    assert.equal(await client.text('WAIT', '1', '200'), '0');
    assert.ok(Date.now() - before >= 195);
    await follow(replica, primary.port);
    await linkUp(replica);
    await client.text('SET', 'k', 'w');
    assert.equal(await client.text('WAIT', '1', '0'), '1');
    assert.equal(await replica.ask('GET', 'k'), 'w');
    assert.equal(await client.text('WAIT', '2', '100'), '1');
    // What is behind a WAIT that waits for ever comes after it; CLIENT UNBLOCK ends it.
    const id = await client.text('CLIENT', 'ID');
    const waiting = client.command('WAIT', '5', '0');
    await until('it waits', async () => {
      return (await primary.ask('CLIENT', 'UNBLOCK', id)) === '1';
    });
    assert.equal(
      (await waiting).type === 'integer' && showReply(await waiting).includes('1'),
      true,
    );
    await client.close();
  });

  test('CLIENT UNBLOCK of a WAIT tells how many have what it waits for', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await follow(replica, primary.port);
    await linkUp(replica);
    const client = await primary.client();
    await client.text('SET', 'k', 'v');
    const id = await client.text('CLIENT', 'ID');
    const waiting = client.text('WAIT', '5', '0');
    const blocked = async () => (await number(primary, 'blocked_clients')) === 1;
    await until('it waits', blocked);
    // The replica has that, and nothing that comes later.
    assert.equal(await primary.ask('WAIT', '1', '0'), '1');
    replica.child.kill('SIGSTOP');
    await primary.ask('SET', 'later', 'v');
    assert.equal(await primary.ask('CLIENT', 'UNBLOCK', id), '1');
    assert.equal(await waiting, '1');
    replica.child.kill('SIGCONT');
    await client.close();
  });

  test('min-replicas-to-write', async () => {
    await using primary = await startSmall('--min-replicas-to-write', '1');
    await using replica = await startSmall();
    const client = await primary.client();
    const refused = await client.command('SET', 'k', 'v');
    assert.ok(isError(refused));
    assert.match(refused.text, /^NOREPLICAS Not enough good replicas to write\.$/);
    await follow(replica, primary.port);
    await linkUp(replica);
    await until('it is accepted', async () => !isError(await client.command('SET', 'k', 'v')));
    assert.equal(await primary.info('min_slaves_good_slaves'), '1');
    await replica.ask('REPLICAOF', 'NO', 'ONE');
    await until('it is refused', async () => isError(await client.command('SET', 'k', 'v')));
    await client.close();
  });

  test('a replica counts for min-replicas-to-write from the moment that INFO calls it online', async () => {
    const starts = redisServerMissing() ? [startDarter] : [startRedis, startDarter];
    for (const start of starts) {
      const args = ['--min-replicas-to-write', '1', '--repl-diskless-sync-delay', '0'];
      await using primary = await start({ args });
      await using replica = await start();
      const client = await primary.client();
      for (let round = 0; round < 5; round++) {
        await follow(replica, primary.port);
        await until('it is online', async () => {
          const info = await client.text('INFO', 'replication');
          if (!/^slave0:.*state=online/m.test(info)) return false;
          assert.match(info, /^min_slaves_good_slaves:1\r$/m, `${primary.kind}, round ${round}`);
          assert.equal(await client.text('SET', 'k', 'v'), 'OK');
          return true;
        });
        await replica.ask('REPLICAOF', 'NO', 'ONE');
        await until('it has left', async () => (await primary.info('connected_slaves')) === '0');
      }
      await client.close();
    }
  });

  test('a replica without its primary serves stale data, or says MASTERDOWN', async (t) => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    const proxy = await LinkProxy.start(primary.port);
    t.after(() => proxy.close());
    await primary.ask('SET', 'k', 'v');
    await follow(replica, proxy.port);
    await linkUp(replica);
    proxy.cut();
    await until('it is down', async () => (await replica.info('master_link_status')) === 'down');
    assert.equal(await replica.ask('GET', 'k'), 'v');
    assert.equal(await replica.ask('CONFIG', 'SET', 'replica-serve-stale-data', 'no'), 'OK');
    assert.match(await replica.ask('GET', 'k'), /^MASTERDOWN Link with MASTER is down/);
    assert.equal(
      await replica.ask('PING'),
      'MASTERDOWN Link with MASTER is down and ' + "replica-serve-stale-data is set to 'no'.",
    );
    assert.match(await replica.ask('INFO', 'replication'), /role:slave/);
    proxy.restore();
    await linkUp(replica);
    assert.equal(await replica.ask('GET', 'k'), 'v');
  });

  test('during a full sync clients get LOADING, and it can be called off', async (t) => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    const proxy = await LinkProxy.start(primary.port);
    t.after(() => proxy.close());
    await fill(primary, 60_000, 100);
    proxy.bytesPerSecond = 500_000;
    await follow(replica, proxy.port);
    await until('it loads', async () => /^LOADING/.test(await replica.ask('GET', 'k')));
    assert.equal(await replica.info('master_sync_in_progress'), '1');
    assert.equal(await replica.info('loading'), '1');
    assert.match(await replica.ask('ROLE'), /sync/);
    await until('keys come', async () => (await number(replica, 'master_sync_keys')) > 0);
    // A busy machine would be through with the sync before all has been asked.
    proxy.bytesPerSecond = 1000;
    assert.ok((await number(replica, 'master_sync_read_bytes')) > 0);
    assert.ok((await number(replica, 'master_sync_left_bytes')) > 0);
    assert.match((await primary.info('slave0')) ?? '', /state=send_bulk/);
    assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await replica.ask('SET', 'own', 'again'), 'OK');
    assert.equal(await replica.ask('DBSIZE'), '1', 'half a data set is none');
    await until('the primary forgets it', async () => {
      return (await number(primary, 'connected_slaves')) === 0;
    });
  });

  test('a replica of a replica', async () => {
    await using primary = await startSmall();
    await using middle = await startSmall();
    await using last = await startSmall();
    await fill(primary, 10_000, 100);
    await follow(middle, primary.port);
    await follow(last, middle.port);
    await linkUp(last);
    const load = await Load.start(primary, 10);
    await until('there are writes', () => load.done > 500);
    await load.stop();
    await sameData(primary, middle, last);
    assert.equal(await last.info('master_replid'), await primary.info('master_replid'));
    // Keys still expire, each with an effect.
    await until('the same offset', async () => {
      const offset = await primary.info('master_repl_offset');
      return (await last.info('master_repl_offset')) === offset;
    });
    assert.equal(await number(middle, 'connected_slaves'), 1);
    // The middle one goes: the last one continues with the first.
    middle.child.kill('SIGKILL');
    await follow(last, primary.port);
    await linkUp(last);
    await primary.ask('SET', 'direct', 'now');
    await sameData(primary, last);
    assert.equal(await number(primary, 'sync_full'), 1);
  });

  test('REPLTAKEOVER under load loses no write', async () => {
    await using primary = await startNode();
    await using replica = await startNode();
    await using sibling = await startNode();
    await fill(primary, 10_000, 100);
    await follow(replica, primary.port);
    await follow(sibling, primary.port);
    await linkUp(replica);
    await linkUp(sibling);
    const client = await primary.client();
    const acknowledged: number[] = [];
    let stop = false;
    const writing = (async () => {
      for (let i = 0; !stop; i++) {
        const reply = await client.command('SET', `counted:${i}`, String(i));
        if (isError(reply)) break;
        acknowledged.push(i);
      }
    })();
    await until('there are writes', async () => acknowledged.length > 50);
    assert.equal(await replica.ask('REPLTAKEOVER', '10'), 'OK');
    await until('writers are refused', async () => {
      return (await primary.ask('SET', 'x', 'y')).startsWith('READONLY');
    });
    stop = true;
    await writing;
    await client.close();
    const heir = await replica.client();
    const found = await heir.pipeline(acknowledged.map((i) => ['GET', `counted:${i}`]));
    assert.deepEqual(found.map(textOf), acknowledged.map(String));
    await heir.text('SET', 'new', 'primary');
    await heir.close();
    await linkUp(primary);
    await follow(sibling, replica.port);
    await linkUp(sibling);
    await sameData(primary, replica, sibling);
    assert.equal(await number(replica, 'sync_full'), 0);
    assert.equal(
      await primary.ask('CONFIG', 'GET', 'replicaof').then((x) => x.includes(String(replica.port))),
      true,
    );
  });

  test('a primary that shuts down gives its replicas the last writes', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await follow(replica, primary.port);
    await linkUp(replica);
    const client = await primary.client();
    const commands = Array.from({ length: 20_000 }, (_, i) => [
      'SET',
      `last:${i}`,
      'x'.repeat(200),
    ]);
    await client.pipeline(commands);
    client.write('SHUTDOWN\r\n');
    await client.ended();
    await primary.exit();
    assert.equal(await replica.ask('DBSIZE'), '20000');
  });
});
