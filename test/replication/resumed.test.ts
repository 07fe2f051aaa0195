/** A full sync goes on after its link was cut. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { darterMissing, type Server } from '../support/server.js';
import { LinkProxy } from './proxy.js';
import { fill, follow, Load, linkUp, number, sameData, startNode, until } from './support.js';

const KEYS = 40_000;
const VALUE_BYTES = 500;
/** What a full sync takes on the link, at least. */
const DATA_BYTES = KEYS * VALUE_BYTES;
const SLOW_BYTES_PER_SECOND = 8_000_000;

/** Follows over a link that is cut when these shares of the data have passed. */
async function followWithCuts(
  replica: Server,
  primary: Server,
  t: TestContext,
  shares: readonly number[],
): Promise<LinkProxy> {
  const proxy = await LinkProxy.start(primary.port);
  t.after(() => proxy.close());
  proxy.bytesPerSecond = SLOW_BYTES_PER_SECOND;
  await follow(replica, proxy.port);
  for (const share of shares) {
    await until(`${share} have passed`, async () => {
      return proxy.passed >= share * DATA_BYTES || `${proxy.passed} bytes`;
    });
    proxy.dropConnections();
  }
  return proxy;
}

describe('replication: a full sync that goes on', { skip: darterMissing() }, () => {
  test('what was shipped before three cuts is not shipped again, under writes', async (t) => {
    await using primary = await startNode();
    await using replica = await startNode();
    await fill(primary, KEYS, VALUE_BYTES);
    const load = await Load.start(primary, 20);
    const proxy = await followWithCuts(replica, primary, t, [0.3, 0.6, 0.9]);
    await until('the replica is loading', async () => {
      const reply = await replica.ask('GET', 'fill:1').catch((error: Error) => error.message);
      return reply.includes('LOADING') || reply;
    });
    await linkUp(replica);
    await load.stop();
    await sameData(primary, replica);
    assert.equal(await number(primary, 'sync_full'), 1);
    assert.equal(await number(primary, 'sync_full_resumed'), 3);
    // Bytes that were in the sockets are sent again, and there are the writes.
    assert.ok(proxy.passed < DATA_BYTES * 1.5, `${proxy.passed} bytes have passed`);
  });

  test('two replicas, one with other shards; SWAPDB meanwhile', async (t) => {
    await using primary = await startNode();
    await using alike = await startNode();
    await using other = await startNode('--shards', '16');
    await fill(primary, KEYS, VALUE_BYTES);
    await Promise.all([
      followWithCuts(alike, primary, t, [0.2, 0.5]),
      followWithCuts(other, primary, t, [0.2]),
    ]);
    assert.equal(await primary.ask('SWAPDB', '0', '3'), 'OK');
    await linkUp(alike);
    await linkUp(other);
    await sameData(primary, alike, other);
    assert.ok((await number(primary, 'sync_full_resumed')) >= 2);
  });

  test('a primary that was started again, and another one, begin anew', async (t) => {
    await using replica = await startNode();
    await using second = await startNode();
    await fill(second, 1000, 100);
    {
      await using first = await startNode();
      await fill(first, KEYS, VALUE_BYTES);
      await followWithCuts(replica, first, t, [0.4]);
    }
    await follow(replica, second.port);
    await linkUp(replica);
    await sameData(second, replica);
    assert.equal(await number(second, 'sync_full_resumed'), 0);
    assert.equal(await number(second, 'sync_full'), 1);
  });

  test('a replica that is told to be a primary drops the half that it has', async (t) => {
    await using primary = await startNode();
    await using replica = await startNode();
    await fill(primary, KEYS, VALUE_BYTES);
    await followWithCuts(replica, primary, t, [0.4]);
    assert.equal(await replica.ask('REPLICAOF', 'NO', 'ONE'), 'OK');
    assert.equal(await replica.ask('DBSIZE'), '0');
    assert.equal(await replica.ask('SET', 'a', '1'), 'OK');
  });
});
