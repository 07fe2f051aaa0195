/** Values larger than a shard's share of repl-backlog-size, which is half a MiB by default. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../support/random.js';
import { darterMissing, type Server } from '../support/server.js';
import {
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

const MEBIBYTE = 1024 * 1024;
const CLIENTS = 3;
const ROUNDS = 2;
/** Longer than the slow link needs for a few of the values. */
const PATIENCE_MS = 60_000;
const LARGE = 'v'.repeat(3 * MEBIBYTE);

describe('replication: large values', { skip: darterMissing() }, () => {
  test('travel like all others, also in transactions and down a chain', async (t) => {
    await using primary = await startNode('--repl-backpressure-max-delay', String(PATIENCE_MS));
    await using replica = await startNode();
    await using second = await startSmall();
    const proxy = await followThroughProxy(replica, primary, t);
    await follow(second, replica.port);
    await linkUp(second);
    const journalBytes = await number(primary, 'repl_backlog_size');
    const load = await Load.start(primary, 5);
    for (const bytesPerSecond of [Number.POSITIVE_INFINITY, 10 * MEBIBYTE]) {
      // When the link is slow, writers have to wait for it.
      proxy.bytesPerSecond = bytesPerSecond;
      const clients = Array.from({ length: CLIENTS }, (_, client) => writeLarge(primary, client));
      await Promise.all(clients);
    }
    proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
    await load.stop();
    await sameData(primary, replica);
    await sameData(replica, second);
    // Nobody whom a replica could ask writes to it: one behind it that is too slow begins anew.
    assert.equal(await number(primary, 'sync_full'), 1, primary.log);
    assert.equal(await number(primary, 'sync_partial_ok'), 0, primary.log);
    await until('the journals are as small as before', async () => {
      const sizes = await Promise.all(
        [primary, replica].map((s) => number(s, 'repl_backlog_size')),
      );
      return sizes.every((size) => size === journalBytes) || String(sizes);
    });
  });

  test('a transaction with many leaves no memory behind on the replica', async () => {
    await using primary = await startSmall();
    await using replica = await startSmall();
    await follow(replica, primary.port);
    await linkUp(replica);
    const before = replica.residentBytes();
    const client = await primary.client();
    const values = Array.from({ length: 40 }, (_, i) => ['SET', `large:${i}`, LARGE]);
    await client.pipeline([['MULTI'], ...values, ['EXEC']]);
    assert.equal(await client.text('WAIT', '1', '30000'), '1');
    // The values take as much; before they are applied their records wait beside them.
    const bound = values.length * LARGE.length + 70 * MEBIBYTE;
    await until('their records are given back', async () => {
      const bytes = replica.residentBytes() - before;
      return bytes < bound || `${bytes} bytes more`;
    });
    await client.close();
    await sameData(primary, replica);
  });

  test('a link that is cut in the midst of one gets a full sync, once', async (t) => {
    // The journal does not keep a record of 8 MiB for long.
    await using primary = await startSmall('--repl-backlog-size', '4mb');
    await using replica = await startSmall();
    const proxy = await followThroughProxy(replica, primary, t);
    const journalBytes = await number(primary, 'repl_backlog_size');
    // It takes half a minute: also a machine that is busy cuts it in the midst.
    proxy.bytesPerSecond = MEBIBYTE / 4;
    const before = proxy.passed;
    await primary.ask('SET', 'large', 'v'.repeat(8 * MEBIBYTE));
    await until('some of it has gone', async () => proxy.passed > before + MEBIBYTE / 4);
    proxy.cut();
    await until('the link is down', async () => {
      return (await replica.info('master_link_status')) === 'down';
    });
    // For a while the journal keeps a large record, so that a link that comes back continues.
    await until('the journal is as small as before', async () => {
      const size = await number(primary, 'repl_backlog_size');
      return size === journalBytes || String(size);
    });
    for (let i = 0; i < 200; i++) await primary.ask('SET', `after:${i}`, 'w'.repeat(10_000));
    assert.equal(await replica.ask('EXISTS', 'large'), '0', 'nothing was applied by halves');
    proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
    proxy.restore();
    await linkUp(replica);
    await sameData(primary, replica);
    assert.equal(await number(primary, 'sync_full'), 2);
  });
});

/** Values of 0.1 to 3 MiB, changed in all the ways that leave large effects. */
async function writeLarge(server: Server, number: number): Promise<void> {
  const random = new Random(number + 1);
  const client = await server.client();
  const value = () => `${number}`.repeat(random.between(MEBIBYTE / 10, 3 * MEBIBYTE));
  const key = () => `large:${random.between(0, 9)}`;
  for (let i = 0; i < ROUNDS; i++) {
    await client.text('SET', key(), value());
    await client.text('APPEND', key(), value());
    await client.text('BITOP', 'NOT', key(), key());
    await client.text('MSET', key(), value(), 'small', '1', key(), value());
    const replies = await client.pipeline([
      ['MULTI'],
      ['SET', key(), value()],
      ['COPY', key(), key(), 'REPLACE'],
      ['SETRANGE', key(), '1000000', 'x'],
      ['EXEC'],
    ]);
    assert.equal(replies.at(-1)!.type, 'array');
    await client.command('DEL', key(), key());
  }
  await client.close();
}
