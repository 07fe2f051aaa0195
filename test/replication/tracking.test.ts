/** Clients of a replica that track keys: what comes from the primary invalidates them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { showReply } from '../support/reply.js';
import { darterMissing } from '../support/server.js';
import { follow, linkUp, startNode, until } from './support.js';

const PLACED = ['--threads', '2', '--placement', 'spread'];

/** The invalidations that have come since the last call. */
async function told(client: RawClient): Promise<string[]> {
  await client.command('PING');
  return client.pushes.splice(0).map((push) => showReply(push));
}

async function isTold(client: RawClient, pattern: RegExp): Promise<void> {
  const seen: string[] = [];
  await until(`told ${pattern}`, async () => {
    seen.push(...(await told(client)));
    return seen.some((push) => pattern.test(push));
  });
}

describe('replication: clients that track keys', { skip: darterMissing() }, () => {
  test('writes, flushes and full syncs of the primary invalidate caches at the replica', async () => {
    const [primary, replica] = await Promise.all([startNode(...PLACED), startNode(...PLACED)]);
    const writer = await primary.client();
    const [reader, prefixed] = [await replica.client(), await replica.client()];
    try {
      for (const client of [reader, prefixed]) await client.command('HELLO', '3');
      await reader.text('CLIENT', 'TRACKING', 'ON');
      await prefixed.text('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'a');
      await reader.command('GET', 'before');
      await follow(replica, primary.port);
      await linkUp(replica);
      await isTold(reader, /null|nil|_/);
      await reader.command('MGET', 'a1', 'b1', 'c1');
      await told(prefixed);
      await writer.text('SET', 'a1', 'x');
      await isTold(reader, /a1/);
      await isTold(prefixed, /a1/);
      await writer.pipeline([['MULTI'], ['SET', 'b1', 'x'], ['INCR', 'c1'], ['EXEC']]);
      await isTold(reader, /b1|c1/);
      await reader.command('GET', 'a1');
      await writer.text('PEXPIRE', 'a1', '50');
      await isTold(reader, /a1/);
      await told(reader);
      await writer.text('FLUSHALL');
      await isTold(reader, /invalidate/);
      await writer.text('SET', 'a1', 'x');
      await isTold(prefixed, /a1/);
      assert.equal((await reader.command('GET', 'none')).type, 'null');
    } finally {
      await Promise.all([writer.close(), reader.close(), prefixed.close()]);
      await Promise.all([primary.stop(), replica.stop()]);
    }
  });
});
