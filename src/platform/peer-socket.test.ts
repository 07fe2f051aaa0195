import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { connectToPeer, sourceOptions } from './peer-socket.js';

const NOT_HERE = '192.0.2.1';

/** The address that a server on this machine sees a connection come from. */
async function seenFrom(source: string): Promise<string | undefined> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const arrived = once(server, 'connection') as Promise<[Socket]>;
  const socket = connectToPeer({ host: '127.0.0.1', port, tls: null, source }, () => {});
  const [peer] = await arrived;
  const { remoteAddress } = peer;
  socket.destroy();
  peer.destroy();
  server.close();
  return remoteAddress;
}

test('a connection comes from the source address', {
  skip: process.platform !== 'linux',
}, async () => {
  assert.equal(await seenFrom('127.0.0.2'), '127.0.0.2');
});

test('a source address that cannot be had is no reason not to connect', async () => {
  for (const source of ['', NOT_HERE, '::1', 'no-address']) {
    assert.equal(await seenFrom(source), '127.0.0.1', source);
  }
  assert.deepEqual(sourceOptions('127.0.0.1', 'localhost'), {
    localAddress: '127.0.0.1',
    family: 4,
  });
});
