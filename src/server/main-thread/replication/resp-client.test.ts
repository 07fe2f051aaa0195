/** The control connection against primaries that lie. */
import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { ControlClient, REPLY_BYTES_MAX } from './resp-client.js';

const TIMEOUT_MS = 5000;
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A client of a primary that answers every command with these bytes. */
async function clientOf(...answers: string[]): Promise<ControlClient> {
  const listening = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.on('data', () => {
      for (const answer of answers) socket.write(answer, 'latin1');
    });
  });
  servers.push(listening);
  await new Promise<void>((resolve) => {
    listening.listen(0, '127.0.0.1', () => resolve());
  });
  const { port } = listening.address() as AddressInfo;
  return ControlClient.connect({ host: '127.0.0.1', port, tls: null }, TIMEOUT_MS);
}

test('lines, bulks and arrays of them, also in pieces', async () => {
  const client = await clientOf('*3\r\n+o', 'ne\r\n$3\r\nt\r\n', '\r\n:-5\r\n');
  assert.deepEqual(await client.command(['PING'], TIMEOUT_MS), ['+one', 't\r\n', '-5']);
  client.end('');
});

test('a line that does not end, ends the connection at the limit', async () => {
  for (const begin of ['+', '-ERR ', '*2\r\n+', '$999999999\r\n']) {
    const client = await clientOf(begin, 'x'.repeat(2 * REPLY_BYTES_MAX));
    await assert.rejects(client.command(['PING'], TIMEOUT_MS), /reply does not end/, begin);
  }
});

test('arrays in arrays, to any depth, and arrays of too many are no reply', async () => {
  const deep = '*1\r\n'.repeat(100_000);
  for (const answer of [deep, '*2\r\n+a\r\n*1\r\n', '*1025\r\n', '*99999999\r\n', 'what\r\n']) {
    const client = await clientOf(answer);
    const reason = /what the primary sends is no reply/;
    await assert.rejects(client.command(['PING'], TIMEOUT_MS), reason, answer.slice(0, 20));
  }
});
