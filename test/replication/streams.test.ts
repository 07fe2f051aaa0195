/** Streams and replicas: readers that wait on a replica, groups after reads, claims and a takeover. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { showReply } from '../support/reply.js';
import { darterMissing, type Server } from '../support/server.js';
import { follow, linkUp, number, sameData, startNode, startSmall, until } from './support.js';

/** A bound of failures only. */
const SYNC_MS_MAX = 120_000;

/** Idle times and times seen are those of each server. */
function timeless(text: string): string {
  return text
    .replace(/(bulk "(?:seen-time|idle|radix-tree-keys|radix-tree-nodes)", )integer "\d+"/g, '$1')
    .replace(/\s+/g, ' ');
}

describe('replication: streams', { skip: darterMissing() }, () => {
  test('a reader waits on a replica, and groups are the same on both', async () => {
    const [primary, replica] = await Promise.all([startSmall(), startSmall()]);
    try {
      const client = await primary.client();
      const other = await replica.client();
      const reader = await replica.client();
      for (let i = 1; i <= 200; i++) await client.command('XADD', 's', `${i}-1`, 'n', String(i));
      await client.command('XGROUP', 'CREATE', 's', 'g', '0');
      await client.command('XREADGROUP', 'GROUP', 'g', 'a', 'COUNT', '20', 'STREAMS', 's', '>');
      await client.command('XDEL', 's', '3-1', '199-1');
      await follow(replica, primary.port);
      await linkUp(replica);

      const read = reader.command('XREAD', 'BLOCK', '0', 'STREAMS', 's', '$');
      await until('the reader waits', async () => (await number(replica, 'blocked_clients')) === 1);
      await client.command('XADD', 's', '500-1', 'for', 'replica');
      assert.equal(
        showReply(await read),
        'array(array(bulk "s", array(array(bulk "500-1", array(bulk "for", bulk "replica")))))',
      );

      await client.command('XREADGROUP', 'GROUP', 'g', 'b', 'COUNT', '9', 'STREAMS', 's', '>');
      await client.command('XREADGROUP', 'GROUP', 'g', 'a', 'COUNT', '3', 'STREAMS', 's', '0');
      await client.command(
        'XREADGROUP',
        'GROUP',
        'g',
        'c',
        'NOACK',
        'COUNT',
        '2',
        'STREAMS',
        's',
        '>',
      );
      await client.command('XACK', 's', 'g', '4-1', '5-1');
      await client.command('XCLAIM', 's', 'g', 'b', '0', '6-1', '7-1', 'RETRYCOUNT', '9');
      await client.command('XAUTOCLAIM', 's', 'g', 'd', '0', '-', 'COUNT', '4');
      await client.command('XADD', 's', 'MAXLEN', '~', '100', '600-1', 'n', 'x');
      await client.command('XTRIM', 's', 'MAXLEN', '50');
      await client.command('WAIT', '1', '5000');
      await sameData(primary, replica);
      const full = ['XINFO', 'STREAM', 's', 'FULL', 'COUNT', '0'];
      const [ours, theirs] = await Promise.all([client.command(...full), other.command(...full)]);
      assert.equal(
        timeless(showReply(theirs, Number.POSITIVE_INFINITY)),
        timeless(showReply(ours, Number.POSITIVE_INFINITY)),
      );
      await Promise.all([client, other, reader].map((each) => each.close()));
    } finally {
      await Promise.all([primary.stop(), replica.stop()]);
    }
  });

  test('a large stream is written, read and trimmed while two replicas get it in parts', async () => {
    await using primary = await startNode();
    await using first = await startSmall();
    await using second = await startNode();
    const client = await primary.client();
    const value = 'v'.repeat(1000);
    for (let i = 0; i < 20; i++) {
      await client.pipeline(many(1000, () => ['XADD', 's', '*', 'field', value, 'n', String(i)]));
    }
    const bytes = Number(await client.text('MEMORY', 'USAGE', 's'));
    assert.ok(bytes > 18 << 20, `${bytes} bytes`);
    for (const group of ['g', 'h']) {
      await client.command('XGROUP', 'CREATE', 's', group, '0');
      await client.pipeline(many(40, (i) => readBy(group, `consumer ${i}`, 250)));
    }
    await Promise.all([follow(first, primary.port), follow(second, primary.port)]);
    let rounds = 0;
    const isUp = async (server: Server): Promise<boolean> =>
      (await server.info('master_link_status')) === 'up';
    const endMs = performance.now() + SYNC_MS_MAX;
    for (; !((await isUp(first)) && (await isUp(second))); rounds++) {
      assert.ok(performance.now() < endMs, `no link after ${rounds} rounds`);
      await client.pipeline([
        ...many(100, () => ['XADD', 's', 'MAXLEN', '~', '19000', '*', 'field', value]),
        ['XREADGROUP', 'GROUP', 'g', 'later', 'COUNT', '50', 'STREAMS', 's', '>'],
        ['XAUTOCLAIM', 's', 'h', 'other', '0', '-', 'COUNT', '20', 'JUSTID'],
        ['XGROUP', 'CREATE', 's', `new ${rounds}`, '$'],
        ['XGROUP', 'DELCONSUMER', 's', 'g', `consumer ${rounds}`],
        ['XTRIM', 's', 'MAXLEN', '=', '18990'],
      ]);
    }
    assert.ok(rounds > 0);
    assert.equal(await client.text('WAIT', '2', '30000'), '2');
    await sameData(primary, first, second);
    const expected = await groupsOf(primary);
    assert.deepEqual(await groupsOf(first), expected);
    assert.deepEqual(await groupsOf(second), expected);
    await client.close();
  });
});

function many(count: number, command: (index: number) => string[]): string[][] {
  return Array.from({ length: count }, (_, i) => command(i));
}

function readBy(group: string, consumer: string, count: number): string[] {
  return ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', String(count), 'STREAMS', 's', '>'];
}

async function groupsOf(server: Server): Promise<string[]> {
  const client = await server.client();
  const questions = [
    ['XINFO', 'GROUPS', 's'],
    ['XPENDING', 's', 'g'],
    ['XPENDING', 's', 'h'],
  ];
  const replies = await client.pipeline(questions);
  await client.close();
  return replies.map((reply) => showReply(reply, Number.POSITIVE_INFINITY));
}
