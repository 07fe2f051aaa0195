/** Clients that take much memory: slow readers, and senders that never finish, are bounded. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startNode, until } from '../replication/support.js';
import { encode, RawClient } from '../support/client.js';
import { textOf } from '../support/reply.js';
import { darterMissing, type Server } from '../support/server.js';

const LIMIT = 8 << 20;
const READERS = 12;
/** So much that the buffers of the system do not hold it. */
const REPLIES = 80;
const VALUE_BYTES = 256 << 10;
const SENDERS = 400;

async function connected(server: Server, count: number): Promise<RawClient[]> {
  return Promise.all(
    Array.from({ length: count }, () =>
      RawClient.connect({ port: server.port, timeout_ms: 60_000 }),
    ),
  );
}

/** A field of INFO, asked by a client that is not evicted: others may be, while there is too much. */
async function number(client: RawClient, field: string): Promise<number> {
  const text = await client.text('INFO');
  return Number(new RegExp(`^${field}:(.*)`, 'm').exec(text)?.[1]);
}

/** Clients of the server with what CLIENT LIST tells of a field. */
async function listed(client: RawClient, field: string): Promise<number[]> {
  const lines = (await client.text('CLIENT', 'LIST')).trim().split('\n');
  return lines.map((line) => Number(new RegExp(` ${field}=(\\d+)`).exec(line)?.[1]));
}

describe('memory of clients', { skip: darterMissing() }, () => {
  test('clients that do not read are closed, the largest first, but for those that may stay', async () => {
    const server = await startNode('--maxmemory-clients', String(LIMIT), '--threads', '2');
    const client = await server.client();
    try {
      await client.text('CLIENT', 'NO-EVICT', 'ON');
      await client.text('SET', 'large', 'v'.repeat(VALUE_BYTES));
      const readers = await connected(server, READERS);
      for (const reader of readers) {
        reader.socket.pause();
        for (let i = 0; i < REPLIES; i++) reader.write(encode(['GET', 'large']));
      }
      await until('some are evicted', async () => (await number(client, 'evicted_clients')) > 0);
      await until('clients have less than the limit', async () => {
        const bytes = await number(client, 'mem_clients_normal');
        return bytes <= LIMIT || String(bytes);
      });
      await server.logged(/Evicting client: id=\d+ /);
      assert.equal(await client.text('PING'), 'PONG');
      for (const reader of readers) reader.socket.destroy();
    } finally {
      await server.stop();
    }
  });

  test('a share of maxmemory is a limit as well, and NO-EVICT saves a client', async () => {
    const server = await startNode('--maxmemory', '40mb', '--maxmemory-clients', '5%');
    const [client, kept] = [await server.client(), await server.client()];
    try {
      await client.text('CLIENT', 'NO-EVICT', 'ON');
      await kept.text('CLIENT', 'NO-EVICT', 'ON');
      const half = `*2\r\n$4\r\nECHO\r\n$${5 << 20}\r\n${'x'.repeat(4 << 20)}`;
      kept.write(half);
      await until('it is seen', async () => (await number(client, 'mem_clients_normal')) > 4 << 20);
      const [lost] = await connected(server, 1);
      lost!.socket.on('error', () => {});
      lost!.write(half);
      await until('it is evicted', async () => (await number(client, 'evicted_clients')) === 1);
      kept.write(`${'x'.repeat(1 << 20)}\r\n`);
      const [reply] = await kept.replies(1);
      assert.equal(textOf(reply!).length, 5 << 20);
    } finally {
      await server.stop();
    }
  });

  test('a thread whose clients may all stay does not keep the others from closing theirs', async () => {
    const args = ['--maxmemory-clients', '2mb', '--threads', '2', '--placement', 'spread'];
    const server = await startNode(...args);
    const client = await server.client();
    try {
      await client.text('CLIENT', 'NO-EVICT', 'ON');
      const threadOf = async (other: RawClient): Promise<string> =>
        / io-thread=(\d+)/.exec(await other.text('CLIENT', 'INFO'))![1]!;
      const others = await connected(server, 24);
      const threads = await Promise.all(others.map(threadOf));
      const kept = others[0]!;
      const lost = others[threads.findIndex((thread) => thread !== threads[0])];
      assert.ok(lost !== undefined, 'clients of both threads');
      await kept.text('CLIENT', 'NO-EVICT', 'ON');
      const part = (bytes: number) => `*2\r\n$4\r\nECHO\r\n$${9 << 20}\r\n${'x'.repeat(bytes)}`;
      kept.write(part(6 << 20));
      await until('it is seen', async () => (await number(client, 'mem_clients_normal')) > 6 << 20);
      lost.socket.on('error', () => {});
      lost.write(part(3 << 20));
      await lost.ended();
      assert.equal(await client.text('PING'), 'PONG');
      assert.match(await client.text('CLIENT', 'LIST'), / argv-mem=[1-9]\d{6,} /);
    } finally {
      await server.stop();
    }
  });

  test('a value that is announced and does not come evicts no keys', async () => {
    const args = ['--maxmemory', '20mb', '--maxmemory-policy', 'allkeys-random'];
    const server = await startNode(...args);
    const [client, liar] = [await server.client(), await server.client()];
    try {
      await client.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `key:${i}`, 'value']));
      liar.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${500 << 20}\r\n${'x'.repeat(300_000)}`);
      await until('it is seen', async () => {
        const bytes = await number(client, 'mem_clients_normal');
        return bytes > 290_000 || String(bytes);
      });
      assert.ok((await number(client, 'mem_clients_normal')) < 1 << 20);
      assert.equal(await client.text('SET', 'another', 'value'), 'OK');
      assert.equal(await number(client, 'evicted_keys'), 0);
      assert.equal(await client.text('DBSIZE'), '101');
    } finally {
      await server.stop();
    }
  });

  test('CLIENT LIST tells what a client has sent, queued, and not read', async () => {
    const server = await startNode();
    const [client, busy] = [await server.client(), await server.client()];
    try {
      await busy.text('MULTI');
      await busy.text('SET', 'key', 'v'.repeat(100_000));
      busy.write(`*2\r\n$4\r\nECHO\r\n$200000\r\n${'x'.repeat(150_000)}`);
      const largest = async (field: string) => Math.max(...(await listed(client, field)));
      await until('its input is seen', async () => (await largest('argv-mem')) >= 150_000);
      assert.ok((await largest('multi-mem')) >= 100_000);
      assert.ok((await largest('tot-mem')) >= 250_000);
    } finally {
      await server.stop();
    }
  });

  test('senders that never finish a command cost what they have sent, and no reader waits', async () => {
    const server = await startNode('--threads', '2');
    const client = await server.client();
    try {
      const before = await number(client, 'mem_clients_normal');
      const senders = await connected(server, SENDERS);
      for (const sender of senders) sender.write('*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1000\r\nx');
      const count = async () =>
        (await listed(client, 'argv-mem')).filter((bytes) => bytes > 0).length;
      await until('all are seen', async () => (await count()) === SENDERS);
      await until('they are added up', async () => {
        const bytes = (await number(client, 'mem_clients_normal')) - before;
        return (bytes > 0 && bytes < SENDERS * 32_768) || String(bytes);
      });
      await Promise.all(senders.map((sender) => sender.close()));
    } finally {
      await server.stop();
    }
  });
});
