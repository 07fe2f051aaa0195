/** Connections to tls-port that are no good: noise, broken handshakes, wrong certificates. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { claimPort, releasePort } from '../../support/ports.js';
import type { Random } from '../../support/random.js';
import {
  darterMissing,
  programMissing,
  type Server,
  startDarter,
  testsDarter,
} from '../../support/server.js';
import { countSockets } from '../../support/sockets.js';
import { until } from '../../support/until.js';
import { Authority, contentOf } from '../../tls/certificates.js';
import type { ServerRun, ServerTarget } from '../server-fuzz.js';

/** Connections of an input, all at once. */
const AT_ONCE = 20;
/** How long a client waits that has gone silent, before it breaks off. */
const SILENCE_MS = 200;
/** Bounds failures only. */
const ANSWER_MS = 60_000;
const GROWTH_BYTES_MAX = 128 * 1024 * 1024;

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

/** Noise, a hello cut short, one with wrong bytes, one followed by anything, RESP. */
function hostileBytes(random: Random, hello: Buffer): Buffer {
  const noise = Buffer.from(random.binary(random.below(2000)), 'latin1');
  const kind = random.below(5);
  if (kind === 0) return noise;
  if (kind === 1) return hello.subarray(0, random.below(hello.length));
  if (kind === 2) return Buffer.concat([hello, noise]);
  if (kind === 3) return Buffer.from('*1\r\n$4\r\nPING\r\n'.repeat(random.between(1, 50)));
  const mutated = Buffer.from(hello);
  for (let i = random.below(8); i >= 0; i--)
    mutated[random.below(hello.length)] = random.below(256);
  return mutated;
}

type Ending = 'destroy' | 'reset' | 'half close' | 'silence';
const ENDINGS: readonly Ending[] = ['destroy', 'reset', 'half close', 'silence'];

function endOf(socket: Socket, ending: Ending): void {
  if (ending === 'destroy') socket.destroy();
  else if (ending === 'reset') socket.resetAndDestroy();
  else if (ending === 'half close') socket.end();
}

/** @returns what the server sent, once the connection is over */
function sendRaw(port: number, bytes: Buffer, ending: Ending): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: ending === 'half close' });
    let received = '';
    socket.on('data', (data) => {
      received += data.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
    socket.write(Buffer.concat([bytes, Buffer.from('PING\r\n')]), () => endOf(socket, ending));
    socket.on('end', () => socket.end());
    // The server waits for the rest of a record, for longer than this.
    socket.setTimeout(SILENCE_MS, () => socket.destroy());
  });
}

/** A client that speaks TLS. @returns what it got, once the connection is over */
function speak(
  options: ConnectionOptions,
  spoil: (client: TLSSocket, raw: Socket) => void,
): Promise<string> {
  return new Promise((resolve) => {
    const raw = connect({ host: '127.0.0.1', port: options.port! });
    const client = connectTls({ ...options, socket: raw, rejectUnauthorized: false });
    let received = '';
    client.on('data', (data) => {
      received += data.toString('latin1');
    });
    for (const socket of [raw, client]) socket.on('error', () => client.destroy());
    raw.on('close', () => {
      client.destroy();
      resolve(received);
    });
    client.once('secureConnect', () => spoil(client, raw));
    raw.setTimeout(ANSWER_MS, () => raw.destroy(new Error('the server does not end it')));
  });
}

/** A client that is right, until it renegotiates, sends noise as a record, or breaks off. */
function spoilers(random: Random): (client: TLSSocket, raw: Socket) => void {
  const kind = random.below(4);
  const noise = Buffer.from(random.binary(random.between(6, 600)), 'latin1');
  return (client, raw) => {
    if (kind === 0) {
      client.renegotiate({}, () => client.destroy());
      client.write('ECHO renegotiated\r\n', () => client.end());
    } else if (kind === 1) {
      raw.write(noise, () => raw.end());
    } else if (kind === 2) {
      client.write('ECHO half', () => raw.resetAndDestroy());
    } else {
      client.end('ECHO half');
    }
  };
}

class Handshakes implements ServerRun {
  private sockets = 0;
  private residentBytes = 0;

  private constructor(
    private readonly server: Server,
    private readonly port: number,
    private readonly hello: Buffer,
    private readonly right: ConnectionOptions,
    private readonly wrong: readonly ConnectionOptions[],
    private readonly keeper: TLSSocket,
    private readonly authorities: readonly Authority[],
  ) {}

  static async start(): Promise<Handshakes> {
    const [authority, stranger] = [new Authority('authority'), new Authority('stranger')];
    const own = authority.sign('server');
    const port = await claimPort();
    const server = await startDarter({
      args: [
        ...['--tls-port', String(port), '--tls-ca-cert-file', authority.file],
        ...['--tls-cert-file', own.cert, '--tls-key-file', own.key],
      ],
    });
    const base = { host: '127.0.0.1', port, servername: 'localhost' };
    const right = { ...base, ...contentOf(authority.sign('client')) };
    const wrong = [
      base,
      { ...base, ...contentOf(stranger.sign('other')) },
      { ...base, ...contentOf(authority.sign('expired', { isExpired: true })) },
      { ...base, ...contentOf(selfSigned(stranger)) },
    ].flatMap((one) => [one, { ...one, maxVersion: 'TLSv1.2' as const }]);
    const keeper = connectTls({ ...right, rejectUnauthorized: false });
    const authorities = [authority, stranger];
    const hello = await clientHello();
    const made = new Handshakes(server, port, hello, right, wrong, keeper, authorities);
    await made.serves();
    made.sockets = countSockets(server);
    made.residentBytes = server.residentBytes();
    return made;
  }

  async run(random: Random): Promise<void> {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => this.attempt(random)));
    for (const answer of answers) assert.doesNotMatch(answer, /PONG|ECHO|renegotiated/);
    await this.serves();
  }

  private attempt(random: Random): Promise<string> {
    const kind = random.below(10);
    if (kind < 7) {
      return sendRaw(this.port, hostileBytes(random, this.hello), random.pick(ENDINGS));
    }
    if (kind < 9) {
      return speak(random.pick(this.wrong), (client) => client.write('PING\r\n'));
    }
    const maxVersion = random.pick(['TLSv1.2', 'TLSv1.3'] as const);
    return speak({ ...this.right, maxVersion }, spoilers(random));
  }

  /** Somebody who came in before is served on. */
  private async serves(): Promise<void> {
    const { keeper } = this;
    keeper.write('GET keeper\r\n');
    const [answer] = (await once(keeper, 'data', {
      signal: AbortSignal.timeout(ANSWER_MS),
    })) as [Buffer];
    assert.equal(answer.toString(), '$-1\r\n');
  }

  async check(): Promise<void> {
    const { server } = this;
    await until('sockets are closed', () => {
      const count = countSockets(server);
      return count <= this.sockets || `${count}, ${this.sockets} before`;
    });
    await until('clients have left', async () => {
      const count = (await server.info('connected_clients')) ?? '';
      return count === '2' || count;
    });
    const growth = () => server.residentBytes() - this.residentBytes;
    await until('memory is given back', () => growth() < GROWTH_BYTES_MAX || `${growth()} bytes`);
  }

  async stop(): Promise<void> {
    this.keeper.destroy();
    await this.server.stop();
    releasePort(this.port);
    for (const authority of this.authorities) authority.remove();
  }
}

function selfSigned(authority: Authority): { cert: string; key: string } {
  return { cert: authority.file, key: authority.file.replace(/\.crt$/, '.key') };
}

export const target: ServerTarget = {
  name: 'tls-handshakes',
  summary:
    'Noise, broken and refused handshakes at tls-port end their connections, let nobody in, leave ' +
    'nothing behind and disturb nobody.',
  testInputs: 5,
  missing: () =>
    darterMissing() || programMissing('openssl') || (testsDarter ? false : 'needs Darter'),
  start: () => Handshakes.start(),
};
