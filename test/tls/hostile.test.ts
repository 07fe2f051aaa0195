/** Handshakes that are none: the server stays, nothing leaks, nobody gets in. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { claimPort, releasePort } from '../support/ports.js';
import { Random } from '../support/random.js';
import { darterMissing, programMissing, startDarter, testsDarter } from '../support/server.js';
import { until } from '../support/until.js';
import { Authority, contentOf } from './certificates.js';

const ATTEMPTS = Number(process.env.DARTER_TLS_ATTEMPTS ?? 100);
const AT_ONCE = 20;
/** How long a client waits for a server that says nothing. */
const IDLE_MS = 300;
const skip = darterMissing() || programMissing('openssl') || (testsDarter ? false : 'needs Darter');

/** What a client of TLS sends first. */
async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connectTls({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  server.close();
  return bytes;
}

/** Random bytes, a hello cut short, a hello with wrong bytes, one followed by anything. */
function hostileBytes(random: Random, hello: Buffer): Buffer {
  const kind = random.below(4);
  const noise = Buffer.from(Array.from({ length: random.below(2000) }, () => random.below(256)));
  if (kind === 0) return noise;
  if (kind === 1) return hello.subarray(0, random.below(hello.length));
  if (kind === 2) return Buffer.concat([hello, noise]);
  const mutated = Buffer.from(hello);
  for (let i = random.below(8); i >= 0; i--)
    mutated[random.below(hello.length)] = random.below(256);
  return mutated;
}

/** @returns what the server sent, once the connection is over */
function send(port: number, bytes: Buffer, breaksOff: boolean): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let received = '';
    socket.on('data', (data) => {
      received += data.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
    socket.write(Buffer.concat([bytes, Buffer.from('PING\r\n')]), () => {
      if (breaksOff) socket.destroy();
      else socket.end();
    });
    // A server that waits for the rest of a record closes after its own, longer time.
    socket.setTimeout(IDLE_MS, () => {
      socket.destroy();
    });
  });
}

describe('hostile handshakes', { skip }, () => {
  test('end their connections and leave nothing behind', async (t) => {
    const random = new Random(Number(process.env.DARTER_TEST_SEED ?? Date.now() % 1e6));
    t.diagnostic(`seed ${random.seed}`);
    const authority = new Authority('authority');
    const own = authority.sign('server');
    const port = await claimPort();
    const server = await startDarter({
      args: [
        ...['--tls-port', String(port), '--tls-ca-cert-file', authority.file],
        ...['--tls-cert-file', own.cert, '--tls-key-file', own.key],
      ],
    });
    t.after(async () => {
      await server.stop();
      authority.remove();
      releasePort(port);
    });
    const hello = await clientHello();
    const descriptors = () => readdirSync(`/proc/${server.pid}/fd`).length;
    await send(port, hello, false);
    const before = descriptors();
    for (let done = 0; done < ATTEMPTS; done += AT_ONCE) {
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, () =>
          send(port, hostileBytes(random, hello), random.below(2) === 0),
        ),
      );
      for (const answer of answers) assert.doesNotMatch(answer, /PONG/);
    }
    await until('descriptors as before', () => descriptors() <= before || `${descriptors()}`);
    assert.equal(await server.info('connected_clients'), '1');
    const client = connectTls({
      ...{ host: '127.0.0.1', port, servername: 'localhost' },
      ...contentOf(own),
      rejectUnauthorized: false,
    });
    client.write('PING\r\n');
    const [answer] = (await once(client, 'data')) as [Buffer];
    assert.equal(answer.toString(), '+PONG\r\n');
    client.destroy();
  });
});
