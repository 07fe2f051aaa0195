/** Clients that wait for streams, beside redis-server: what wakes them, and with which reply. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { type Reply, showReply } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

const BLOCK_MS = '400';

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

  async function withClients(
    server: Server,
    work: (clients: RawClient[]) => Promise<Reply[]>,
  ): Promise<string> {
    const clients = await Promise.all([server.client(), server.client(), server.client()]);
    try {
      await clients[0]!.command('FLUSHALL');
      return (await work(clients)).map((reply) => showReply(reply)).join('\n');
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  }

  async function waiters(admin: RawClient, count: number): Promise<void> {
    for (let i = 0; i < 200; i++) {
      const info = showReply(await admin.command('INFO', 'clients'), Infinity);
      if (info.includes(`blocked_clients:${count}`)) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.fail('nobody waits');
  }

  for (const protocol of ['2', '3']) {
    for (const scenario of SCENARIOS) {
      const name = scenario.map((words) => words.join(' ')).join(', ');
      test(`RESP${protocol}: ${name}`, async () => {
        const outcomes = await Promise.all(
          servers.map((server) =>
            withClients(server, async ([admin, reader, consumer]) => {
              await Promise.all([
                reader!.command('HELLO', protocol),
                consumer!.command('HELLO', protocol),
              ]);
              await admin!.command('XADD', 's', '1-1', 'f', 'v');
              await admin!.command('XGROUP', 'CREATE', 's', 'g', '$');
              const read = reader!.command(
                'XREAD',
                'BLOCK',
                BLOCK_MS,
                'STREAMS',
                't',
                's',
                '0',
                '$',
              );
              const take = consumer!.command(
                ...['XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', BLOCK_MS, 'COUNT', '5'],
                ...['STREAMS', 's', '>'],
              );
              await waiters(admin!, 2);
              const own: Reply[] = [];
              for (const words of scenario) own.push(await admin!.command(...words));
              return [...own, await read, await take, await admin!.command('EXISTS', 's')];
            }),
          ),
        );
        assert.equal(outcomes[0], outcomes[1]);
      });
    }
  }
});
