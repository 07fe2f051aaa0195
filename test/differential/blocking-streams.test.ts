/** Clients that wait for streams, beside redis-server: what wakes them, and with which reply. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { type Reply, showReply } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { until } from '../support/until.js';

/** Bounds failures only: who still waits after a scenario is told to end as at its time. */
const BLOCK_MS = '60000';
/** For the test that waits for its end. */
const SHORT_BLOCK_MS = '50';

/** What is done while a reader (XREAD from $) and a consumer of group g wait for the stream. */
const SCENARIOS: readonly (readonly string[][])[] = [
  [['XADD', 's', '5-1', 'a', 'b']],
  [
    ['XADD', 's', '5-1', 'a', 'b'],
    ['XADD', 's', '5-2', 'c', '7'],
  ],
  [['MULTI'], ['XADD', 's', '5-1', 'a', 'b'], ['XADD', 's', '6-1', 'a', 'b'], ['EXEC']],
  [['MULTI'], ['XADD', 's', '5-1', 'a', 'b'], ['DEL', 's'], ['EXEC']],
  [['XADD', 'other', '5-1', 'a', 'b']],
  [['DEL', 's']],
  [['UNLINK', 's']],
  [['SET', 's', 'x']],
  [['XGROUP', 'DESTROY', 's', 'g']],
  [['XGROUP', 'DESTROY', 's', 'other']],
  [['XGROUP', 'SETID', 's', 'g', '0']],
  [['RENAME', 's', 'other']],
  [
    ['XADD', 'other', '9-9', 'a', 'b'],
    ['COPY', 'other', 's', 'REPLACE'],
  ],
  [
    ['XADD', 'other', '9-9', 'a', 'b'],
    ['RENAME', 'other', 's'],
  ],
  [
    ['RPUSH', 'other', 'x'],
    ['RENAME', 'other', 's'],
  ],
  [['SORT', 'none', 'STORE', 's']],
  [['FLUSHDB']],
  [['FLUSHALL']],
  [['SWAPDB', '0', '1']],
  [['PEXPIRE', 's', '0']],
  [['XTRIM', 's', 'MAXLEN', '0']],
  [
    ['XADD', 's', '5-1', 'a', 'b'],
    ['XDEL', 's', '5-1'],
  ],
  [['XADD', 's', 'MAXLEN', '0', '5-1', 'a', 'b']],
];

describe('clients that wait for streams', { skip: eitherMissing() }, () => {
  let servers: Server[] = [];

  before(async () => {
    servers = await Promise.all([startDarter(), startRedis()]);
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function withClients<T>(
    server: Server,
    work: (clients: RawClient[]) => Promise<T>,
  ): Promise<T> {
    const clients = await Promise.all([server.client(), server.client(), server.client()]);
    try {
      await clients[0]!.command('FLUSHALL');
      return await work(clients);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  }

  async function waiters(admin: RawClient, count: number): Promise<void> {
    await until('they wait', async () => {
      const info = showReply(await admin.command('INFO', 'clients'), Infinity);
      return info.includes(`blocked_clients:${count}`) || info;
    });
  }

  /**
   * All replies of a scenario, with those of reader and consumer.
   * @param waits which of the two a Redis leaves waiting: Darter may wake clients a moment later
   */
  async function play(
    [admin, reader, consumer]: RawClient[],
    protocol: string,
    scenario: readonly (readonly string[])[],
    waits?: readonly boolean[],
  ): Promise<{ text: string; waits: boolean[] }> {
    const sleepers = [reader!, consumer!];
    await Promise.all(sleepers.map((client) => client.command('HELLO', protocol)));
    const ids = await Promise.all(sleepers.map((client) => client.text('CLIENT', 'ID')));
    await admin!.command('XADD', 's', '1-1', 'f', 'v');
    await admin!.command('XGROUP', 'CREATE', 's', 'g', '$');
    const read = ['XREAD', 'BLOCK', BLOCK_MS, 'STREAMS', 't', 's', '0', '$'];
    const take = ['XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', BLOCK_MS, 'COUNT', '5'];
    const replies = [
      reader!.command(...read),
      consumer!.command(...take, ...['STREAMS', 's', '>']),
    ];
    await waiters(admin!, 2);
    const own: Reply[] = [];
    for (const words of scenario) own.push(await admin!.command(...words));
    const ended: string[] = [];
    for (const [i, id] of ids.entries()) {
      if (waits?.[i] === false) await replies[i];
      ended.push(await admin!.text('CLIENT', 'UNBLOCK', id));
    }
    const all = [...own, ...(await Promise.all(replies)), await admin!.command('EXISTS', 's')];
    const text = [...ended, ...all.map((reply) => showReply(reply))].join('\n');
    return { text, waits: ended.map((answer) => answer === '1') };
  }

  for (const protocol of ['2', '3']) {
    for (const scenario of SCENARIOS) {
      const name = scenario.map((words) => words.join(' ')).join(', ');
      test(`RESP${protocol}: ${name}`, async () => {
        const [darter, redis] = servers as [Server, Server];
        const theirs = await withClients(redis, (clients) => play(clients, protocol, scenario));
        const ours = await withClients(darter, (clients) =>
          play(clients, protocol, scenario, theirs.waits),
        );
        assert.equal(ours.text, theirs.text);
      });
    }

    test(`RESP${protocol}: a wait ends at its time`, async () => {
      const outcomes = await Promise.all(
        servers.map((server) =>
          withClients(server, async ([admin, reader]) => {
            await reader!.command('HELLO', protocol);
            await admin!.command('XADD', 's', '1-1', 'f', 'v');
            await admin!.command('XGROUP', 'CREATE', 's', 'g', '$');
            const block = ['BLOCK', SHORT_BLOCK_MS, 'STREAMS', 's'];
            const read = await reader!.command('XREAD', ...block, '$');
            const take = await reader!.command('XREADGROUP', 'GROUP', 'g', 'c', ...block, '>');
            return [read, take].map((reply) => showReply(reply)).join('\n');
          }),
        ),
      );
      assert.equal(outcomes[0], outcomes[1]);
    });
  }
});
