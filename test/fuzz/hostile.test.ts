/**
 * Hostile clients: whatever they announce, hold back or break off, the server lives, serves others,
 * and neither its memory nor its descriptors grow without bound.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesOf } from '../support/bytes.js';
import { encodeAll, RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, type Reply, textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter, testsDarter } from '../support/server.js';
import { countSockets } from '../support/sockets.js';
import { until } from '../support/until.js';

const mebibyte = 1024 * 1024;

describe('hostile clients', { skip: darterMissing() }, () => {
  let server: Server;
  let sockets = 0;

  before(async () => {
    server = await startDarter();
    await Promise.all(Array.from({ length: 50 }, () => server.ask('PING')));
    await sleep(200);
    sockets = countSockets(server);
  });
  after(() => server.stop());

  /** Others are served, and everything that was opened is closed again. */
  async function unharmed(): Promise<void> {
    const client = await server.client();
    await client.text('SET', 'alive', '1');
    assert.equal(await client.text('GET', 'alive'), '1');
    await client.close();
    await until('sockets are closed', () => countSockets(server) <= sockets + 8);
    assert.ok(server.alive);
  }

  async function open(count: number, bytes: string): Promise<Socket[]> {
    const sockets = await Promise.all(Array.from({ length: count }, () => connected(server)));
    for (const socket of sockets) socket.write(bytesOf(Buffer.from(bytes, 'latin1')));
    return sockets;
  }

  /** The most that the server's resident memory grows while so many clients hold these bytes back. */
  async function growthOf(count: number, bytes: string): Promise<number> {
    const before = server.residentBytes();
    const sockets = await open(count, bytes);
    let most = 0;
    for (let i = 0; i < 10; i++) {
      await sleep(50);
      most = Math.max(most, server.residentBytes() - before);
    }
    assert.equal(await server.ask('PING'), 'PONG');
    for (const socket of sockets) socket.destroy();
    return most;
  }

  test('a huge bulk announced by 100 clients and never sent', async () => {
    const growth = await growthOf(100, '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nsome');
    assert.ok(growth < 96 * mebibyte, `${growth} bytes`);
    await unharmed();
  });

  test('a million arguments announced by 100 clients and never sent', async () => {
    const growth = await growthOf(100, '*1048576\r\n$3\r\nDEL\r\n$1\r\nk\r\n');
    assert.ok(growth < 96 * mebibyte, `${growth} bytes`);
    await unharmed();
  });

  test('half a line from 100 clients', async () => {
    const growth = await growthOf(100, 'x'.repeat(60_000));
    assert.ok(growth < 96 * mebibyte, `${growth} bytes`);
    await unharmed();
  });

  test('a command of a million arguments is answered', async () => {
    const client = await server.client();
    client.write(`*1000001\r\n$3\r\nDEL\r\n${'$2\r\nkk\r\n'.repeat(1_000_000)}`);
    assert.equal(textOf((await client.replies(1))[0] as Reply), '0');
    await client.close();
    await unharmed();
  });

  test('an endless line ends with an error', async () => {
    const client = await server.client();
    for (let i = 0; i < 40 && !client.closed; i++) {
      client.write('y'.repeat(8192));
      await sleep(2);
    }
    await client.ended();
    const errors = client.unexpected.filter(isError).map(textOf);
    // The reset of a connection that still sends may overtake the error.
    if (errors.length > 0) assert.deepEqual(errors, ['ERR Protocol error: too big inline request']);
    await unharmed();
  });

  test('breaking off in the middle of anything', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    const bytes = encodeAll([
      ['SET', 'cut', 'x'.repeat(100)],
      ['MULTI'],
      ['GET', 'cut'],
      ['EXEC'],
      ['SET', 'cut', 'x'.repeat(200_000)],
      ['GET', 'cut'],
      ['WATCH', 'cut'],
      ['MGET', 'cut', 'cut', 'cut'],
    ]);
    for (let round = 0; round < 12; round++) {
      const sockets = await Promise.all(Array.from({ length: 50 }, () => connected(server)));
      for (const socket of sockets) {
        const cut = random.chance(0.5) ? random.below(300) : random.below(bytes.length);
        socket.write(bytesOf(bytes.subarray(0, cut)));
        if (random.chance(0.5)) await sleep(0);
        if (random.chance(0.3)) socket.resetAndDestroy();
        else socket.destroy();
      }
    }
    await unharmed();
  });

  test('half closed after a pipeline: every reply still comes', async () => {
    const client = await server.client();
    client.write(encodeAll(Array.from({ length: 1000 }, (_, i) => ['ECHO', String(i)])));
    client.socket.end();
    const replies = await client.replies(1000);
    assert.equal(textOf(replies[999] as Reply), '999');
    await client.ended();
    await unharmed();
  });

  test('a client that never reads and goes away leaves nothing behind', async () => {
    const client = await server.client();
    await client.text('SET', 'large', 'z'.repeat(100_000));
    await client.close();
    const before = server.residentBytes();
    for (let round = 0; round < 5; round++) {
      const sockets = await Promise.all(Array.from({ length: 4 }, () => connected(server)));
      for (const socket of sockets) {
        socket.pause();
        socket.write(bytesOf(encodeAll(Array.from({ length: 200 }, () => ['GET', 'large']))));
      }
      await sleep(150);
      for (const socket of sockets) socket.destroy();
      await sleep(50);
    }
    // 400 MB of replies that nobody read.
    const growth = () => server.residentBytes() - before;
    await until('memory of replies is given back', () => growth() < 200 * mebibyte);
    await unharmed();
  });

  test('a thousand clients with half a command end with the timeout', async () => {
    assert.equal(await server.ask('CONFIG', 'SET', 'timeout', '1'), 'OK');
    const slow = await open(1000, '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nhalf');
    const isOpen = (socket: Socket) => !socket.closed;
    for (const socket of slow) socket.resume();
    await until('all are closed', () => slow.filter(isOpen).length === 0);
    assert.equal(await server.ask('CONFIG', 'SET', 'timeout', '0'), 'OK');
    await unharmed();
  });

  test('many connections that say nothing', async () => {
    const sockets = await open(400, '');
    assert.equal(await server.ask('PING'), 'PONG');
    for (const socket of sockets) socket.destroy();
    await unharmed();
  });

  test('a flood of protocol errors', async () => {
    for (let round = 0; round < 10; round++) {
      const clients = await Promise.all(
        Array.from({ length: 40 }, () => RawClient.connect({ port: server.port })),
      );
      for (const client of clients) client.write('*1\r\n$x\r\n');
      await Promise.all(clients.map((client) => client.ended()));
      assert.equal(
        textOf(clients[0]?.unexpected[0] as Reply),
        'ERR Protocol error: invalid bulk length',
      );
    }
    await unharmed();
  });
});

describe('slow readers', { skip: darterMissing() }, () => {
  for (const transport of testsDarter ? ['uring', 'epoll', 'portable'] : ['its own']) {
    test(`replies wait for who does not read, in order (transport ${transport})`, async () => {
      const args = testsDarter ? ['--transport', transport] : [];
      const server = await startDarter({ args });
      try {
        await manyUnread(server);
      } finally {
        await server.stop();
      }
    });
  }
});

/** 500 large replies to one that pauses, among small ones that tell their place. */
async function manyUnread(server: Server): Promise<void> {
  const greedy = await server.client();
  await greedy.text('SET', 'large', 'z'.repeat(100_000));
  greedy.socket.pause();
  for (let i = 0; i < 500; i++) {
    greedy.write(
      encodeAll([
        ['GET', 'large'],
        ['ECHO', String(i)],
      ]),
    );
    if (i % 50 === 0) await sleep(2);
  }
  const other = await server.client();
  for (let i = 0; i < 100; i++) assert.equal(await other.text('PING'), 'PONG');
  const waiting = greedy.replies(1000);
  greedy.socket.resume();
  (await waiting).forEach((reply, i) => {
    const text = textOf(reply);
    if (i % 2 === 1) assert.equal(text, String((i - 1) / 2));
    else assert.ok(text.length === 100_000 && /^z*$/.test(text), `reply ${i}`);
  });
  await Promise.all([greedy.close(), other.close()]);
}

function connected(server: Server): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: server.port });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}
