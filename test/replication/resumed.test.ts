/** A full sync goes on after its link was cut. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test';
import { darterMissing, type Server } from '../support/server.js';
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

const KEYS = 12_000;
const VALUE_BYTES = 500;
/** What a full sync takes on the link, at least. */
const DATA_BYTES = KEYS * VALUE_BYTES;
const SLOW_BYTES_PER_SECOND = 5_000_000;
const FIRST_KEYS = 200;
/** Until the replica has something to keep: on a busy machine it takes its time, and sockets fill. */
const FIRST_BYTES_PER_SECOND = 200_000;

/** Follows over a link that is cut when these shares of the data have passed. */
async function followWithCuts(
  replica: Server,
  primary: Server,
  t: TestContext,
  shares: readonly number[],
): Promise<LinkProxy> {
  const proxy = await LinkProxy.start(primary.port);
  t.after(() => proxy.close());
  proxy.bytesPerSecond = FIRST_BYTES_PER_SECOND;
  await follow(replica, proxy.port);
  await until('the replica has keys', async () => {
    const keys = await replica.info('master_sync_keys');
    return Number(keys) >= FIRST_KEYS || `${keys} keys`;
  });
  // By the proxy itself: on a busy machine this thread looks too late.
  proxy.cutsAt = shares.map((share) => share * DATA_BYTES);
  proxy.bytesPerSecond = SLOW_BYTES_PER_SECOND;
  await until('the last cut', async () => proxy.cutsAt.length === 0 || `${proxy.passed} bytes`);
  return proxy;
}

describe('replication: a full sync that goes on', { skip: darterMissing() }, () => {
  // Shared, as starting servers costs more than the tests do.
  let primary: Server;
  let replica: Server;

  before(async () => {
    [primary, replica] = await Promise.all([startNode(), startNode()]);
  });
  after(() => Promise.all([primary?.stop(), replica?.stop()]));
  beforeEach(async () => {
    assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await primary.ask('FLUSHALL'), 'OK');
    assert.equal(await primary.ask('CONFIG', 'RESETSTAT'), 'OK');
    await fill(primary, KEYS, VALUE_BYTES);
  });

  test('what was shipped before three cuts is not shipped again, under writes', async (t) => {
    // On a busy machine the sync takes many times as long: the writes must stay few all the same.
    const load = await Load.start(primary, 200);
    const proxy = await followWithCuts(replica, primary, t, [0.3, 0.6, 0.9]);
    await until('the replica is loading', async () => {
      const reply = await replica.ask('GET', 'fill:1').catch((error: Error) => error.message);
      return reply.includes('LOADING') || reply;
    });
    await linkUp(replica);
    await load.stop();
    await sameData(primary, replica);
    const story = `${primary.log}\n${replica.log}`;
    assert.equal(await number(primary, 'sync_full'), 1, story);
    assert.equal(await number(primary, 'sync_full_resumed'), 3, story);
    // Bytes that were in the sockets are sent again, and there are the writes. If every attempt
    // began anew it would be 2.8 times the data.
    assert.ok(proxy.passed < DATA_BYTES * 2, `${proxy.passed} bytes have passed`);
  });

  test('two replicas, one with other shards; SWAPDB meanwhile', async (t) => {
    await using other = await startSmall('--shards', '16');
    await Promise.all([
      followWithCuts(replica, primary, t, [0.2, 0.5]),
      followWithCuts(other, primary, t, [0.2]),
    ]);
    assert.equal(await primary.ask('SWAPDB', '0', '3'), 'OK');
    await linkUp(replica);
    await linkUp(other);
    await sameData(primary, replica, other);
    assert.ok((await number(primary, 'sync_full_resumed')) >= 2);
  });

  test('a replica that is told to be a primary drops the half that it has', async (t) => {
    await followWithCuts(replica, primary, t, [0.4]);
    assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await replica.ask('DBSIZE'), '0');
    assert.equal(await replica.ask('SET', 'a', '1'), 'OK');
  });

  test('a primary that was started again, and another one, begin anew', async (t) => {
    await using second = await startSmall();
    await fill(second, 1000, 100);
    await followWithCuts(replica, primary, t, [0.4]);
    await primary.stop();
    await follow(replica, second.port);
    await linkUp(replica);
    await sameData(second, replica);
    assert.equal(await number(second, 'sync_full_resumed'), 0);
    assert.equal(await number(second, 'sync_full'), 1);
  });
});
