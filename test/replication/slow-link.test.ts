/** A full sync over a link of 1 MB/s while clients write as fast as they can. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { darterMissing } from '../support/server.js';
import { LinkProxy } from './proxy.js';
import {
  fill,
  follow,
  followThroughProxy,
  Load,
  linkUp,
  number,
  sameData,
  startSmall,
  until,
} from './support.js';

const MEBIBYTE = 1024 * 1024;
const LIMITED_SECONDS = 3;
/** Their deletions are four times what the journal holds. */
const EXPIRING_KEYS = 100_000;
const KEY = 'a key with quite a long name, so that its end takes some bytes as well, number ';

describe('replication: a slow link', { skip: darterMissing() }, () => {
  test('costs bounded memory and time, and the sync ends without starting over', async (t) => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    const proxy = await LinkProxy.start(primary.port);
    t.after(() => proxy.close());
    await fill(primary, 100_000, 100);
    // Long enough for its buffers to be what they are under load.
    const load = await Load.start(primary, 0);
    await until('there are writes', () => load.done > 5000);
    const before = primary.residentBytes();
    proxy.bytesPerSecond = 1_000_000;
    await follow(replica, proxy.port);
    let most = 0;
    const done = load.done;
    const lookUntilMs = performance.now() + LIMITED_SECONDS * 1000;
    await until('a part has come, and writers go on', async () => {
      most = Math.max(most, primary.residentBytes() - before);
      const share = await number(replica, 'master_sync_perc');
      const commands = load.done - done;
      const isEnough = share > 0 && commands > LIMITED_SECONDS * 100;
      return (isEnough && performance.now() > lookUntilMs) || `${share} %, ${commands} commands`;
    });
    assert.equal(await replica.info('master_sync_in_progress'), '1');
    assert.ok((await number(replica, 'master_sync_perc')) < 100);
    assert.ok(most <= 64 * MEBIBYTE, `${Math.round(most / MEBIBYTE)} MiB more`);
    proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
    await linkUp(replica);
    await load.stop();
    await sameData(primary, replica);
    assert.equal(await number(primary, 'sync_full'), 1);
  });

  test('carries the ends of many keys at once without losing its place', async (t) => {
    await using primary = await startSmall('--shards', '16', '--repl-backlog-size', '4mb');
    await using replica = await startSmall('--shards', '16');
    const proxy = await followThroughProxy(replica, primary, t);
    const client = await primary.client();
    await client.text('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
    for (let i = 0; i < EXPIRING_KEYS; i += 1000) {
      const set = (_: unknown, k: number) => ['SET', `${KEY}${i + k}`, 'v', 'PX', '1'];
      await client.pipeline(Array.from({ length: 1000 }, set));
    }
    await until('all are there', async () => (await replica.ask('DBSIZE')) === `${EXPIRING_KEYS}`);
    proxy.bytesPerSecond = 100_000;
    await client.text('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
    await until('some are gone', async () => (await number(primary, 'expired_keys')) > 0);
    await sleep(2000);
    const left = Number(await primary.ask('DBSIZE'));
    assert.ok(left > 0 && left < EXPIRING_KEYS, `${left} keys are left until the link has room`);
    assert.equal(
      await client.text('EXISTS', ...Array.from({ length: 1000 }, (_, k) => `${KEY}${k}`)),
      '0',
    );
    proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
    await until('all are gone', async () => (await replica.ask('DBSIZE')) === '0');
    await sameData(primary, replica);
    assert.equal(await number(primary, 'sync_full'), 1);
    await client.close();
  });
});
