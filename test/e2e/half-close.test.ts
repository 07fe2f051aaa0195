/** Who ends its side gets all replies, and all of its commands are run, also those that had to wait. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { until } from '../replication/support.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';

const CLIENTS = 8;
const TRANSPORTS = ['auto', 'epoll', 'portable'];

/** Sends all at once, ends its side, and reads to the end. @returns lines that came */
function ask(port: number, request: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let lines = 0;
    socket.on('data', (bytes) => {
      for (const byte of bytes) if (byte === 10) lines++;
    });
    socket.on('error', reject);
    socket.on('end', () => {
      socket.destroy();
      resolve(lines);
    });
    socket.end(request);
  });
}

async function askAll(server: Server, commands: number, before = ''): Promise<number[]> {
  const request = before + 'INCR counter\r\n'.repeat(commands);
  return Promise.all(Array.from({ length: CLIENTS }, () => ask(server.port, request)));
}

describe('a client that ends its side', { skip: darterMissing() }, () => {
  for (const transport of TRANSPORTS) {
    test(`its replies wait for the disk (${transport})`, async () => {
      const args = ['--appendonly', 'yes', '--appendfsync', 'always', '--transport', transport];
      await using server = await startDarter({ args });
      for (const commands of [1, 100, 3000]) {
        assert.deepEqual(await askAll(server, commands), new Array(CLIENTS).fill(commands));
      }
    });

    test(`its commands wait for a shard, and for their turn (${transport})`, async () => {
      const args = ['--placement', 'spread', '--transport', transport];
      await using server = await startDarter({ args, threads: 2 });
      for (let round = 0; round < 5; round++) {
        await server.ask('SET', 'counter', '0');
        assert.deepEqual(await askAll(server, 5000), new Array(CLIENTS).fill(5000));
        assert.equal(await server.ask('GET', 'counter'), String(CLIENTS * 5000));
        await askAll(server, 5000, 'CLIENT REPLY OFF\r\n');
        await until(
          'all are run',
          async () => (await server.ask('GET', 'counter')) === String(2 * CLIENTS * 5000),
        );
      }
    });
  }
});
