/**
 * Hundreds of clients that stop reading: big replies, messages of channels, MONITOR. What waits for them is
 * bounded by client-output-buffer-limit, others are served meanwhile, and all of it is given back.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { encode, RawClient } from '../support/client.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const skip = darterMissing();
const MEBIBYTE = 1 << 20;
const VALUE_BYTES = 100 << 10;
const READERS = 200;
const SUBSCRIBERS = 100;
const MONITORS = 20;
/** Of one client, in MiB. */
const LIMIT = 1;
/** What a turn adds to a client's output before its limit is looked at. */
const TURN_BYTES = MEBIBYTE;

interface Silent {
  readonly clients: readonly RawClient[];
  /** Makes the server owe them more than their limit. */
  readonly owe: () => Promise<void>;
}

async function silent(server: Server, count: number): Promise<RawClient[]> {
  const clients = await Promise.all(
    Array.from({ length: count }, () => RawClient.connect({ port: server.port })),
  );
  for (const { socket } of clients) {
    socket.pause();
    socket.on('error', () => {});
  }
  return clients;
}

async function figure(client: RawClient, section: string, field: string): Promise<number> {
  const text = await client.text('INFO', section);
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(text)?.[1]);
}

const KINDS: Readonly<Record<string, (server: Server, admin: RawClient) => Promise<Silent>>> = {
  'big replies': async (server, admin) => {
    await admin.text('SET', 'large', 'v'.repeat(VALUE_BYTES));
    const clients = await silent(server, READERS);
    const pipeline = encode(['GET', 'large']).toString('latin1').repeat(100);
    return {
      clients,
      owe: async () => {
        for (const client of clients) client.write(pipeline);
      },
    };
  },
  messages: async (server, admin) => {
    const clients = await silent(server, SUBSCRIBERS);
    for (const client of clients) client.write(encode(['SUBSCRIBE', 'news']));
    await until('all have subscribed', async () => {
      return (await admin.text('PUBLISH', 'news', 'first')) === String(SUBSCRIBERS);
    });
    const message = 'm'.repeat(VALUE_BYTES);
    return {
      clients,
      owe: async () => {
        for (let i = 0; i < 100; i++) await admin.text('PUBLISH', 'news', message);
      },
    };
  },
  MONITOR: async (server, admin) => {
    const clients = await silent(server, MONITORS);
    for (const client of clients) client.write(encode(['MONITOR']));
    await until('all watch', async () => {
      return (await admin.text('CLIENT', 'LIST')).match(/cmd=monitor/g)?.length === MONITORS;
    });
    const value = 'm'.repeat(16 << 10);
    return {
      clients,
      owe: async () => {
        for (let i = 0; i < 1000; i++) await admin.text('SET', 'k', value);
      },
    };
  },
};

async function bounded(t: TestContext, begin: (typeof KINDS)[string]): Promise<void> {
  const bound = `normal ${LIMIT}mb 0 0 pubsub ${LIMIT}mb 0 0`;
  const server = await startDarter({
    args: ['--threads', '2', '--client-output-buffer-limit', ...bound.split(' ')],
  });
  t.after(() => server.stop());
  const [admin, other] = [await server.client(), await server.client()];
  const { clients, owe } = await begin(server, admin);
  const before = await figure(admin, 'memory', 'used_memory');
  let isOver = false;
  let most = 0;
  // Others are served all the while: each answer is one of theirs.
  const watching = (async () => {
    while (!isOver) most = Math.max(most, await figure(other, 'memory', 'mem_clients_normal'));
  })();
  await owe();
  await until('all are closed', async () => {
    const left = await figure(admin, 'clients', 'connected_clients');
    return left === 2 || `${left} connected`;
  });
  isOver = true;
  await watching;
  const mostAllowed = clients.length * (LIMIT * MEBIBYTE + TURN_BYTES);
  assert.ok(most <= mostAllowed, `${most} bytes for clients, ${mostAllowed} allowed`);
  for (const { socket } of clients) socket.destroy();
  await until('their memory is back', async () => {
    const bytes = (await figure(admin, 'memory', 'used_memory')) - before;
    return bytes < MEBIBYTE || `${bytes} bytes more than before`;
  });
  await until('the process is as small as it was, about', async () => {
    const data = await figure(admin, 'memory', 'used_memory');
    const resident = (await figure(admin, 'memory', 'used_memory_rss')) - data;
    // A server of two threads that has compiled its code, see docs/memory.md.
    return resident < 200 * MEBIBYTE || `${resident} bytes resident`;
  });
  assert.equal(await admin.text('PING'), 'PONG');
}

for (const [kind, begin] of Object.entries(KINDS)) {
  test(
    `clients that read none of their ${kind} are bounded, and leave nothing behind`,
    {
      skip,
    },
    (t) => bounded(t, begin),
  );
}
