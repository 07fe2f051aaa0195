/** TLS as clients meet it: who is let in, who is not, what is shown of them, new certificates. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { HANDSHAKES_MAX } from '../../src/server/channel/main-tls.js';
import { RawClient } from '../support/client.js';
import { claimPort, releasePort } from '../support/ports.js';
import {
  darterCommand,
  darterMissing,
  programMissing,
  type Server,
  spawnServer,
  startDarter,
  testsDarter,
} from '../support/server.js';
import { countSockets } from '../support/sockets.js';
import { until } from '../support/until.js';
import { Authority, contentOf, type Pair } from './certificates.js';

const BOUND_MS = 30_000;
/** Of moving one port between TLS and none. */
const ROUNDS = 5;
const skip = darterMissing() || programMissing('openssl') || (testsDarter ? false : 'needs Darter');

describe('TLS', { skip }, () => {
  let authority: Authority;
  let stranger: Authority;
  let own: Pair;
  let client: Pair;
  let server: Server;
  let port = 0;

  before(async () => {
    authority = new Authority('authority');
    stranger = new Authority('stranger');
    own = authority.sign('server');
    client = authority.sign('client');
    port = await claimPort();
    server = await startDarter({
      args: [...tlsArguments(port, own, authority), '--tls-threads', '1'],
    });
  });
  after(async () => {
    await server?.stop();
    releasePort(port);
    authority?.remove();
    stranger?.remove();
  });

  const options = (more: ConnectionOptions = {}): ConnectionOptions => ({
    ...{ host: '127.0.0.1', port, servername: 'localhost' },
    ca: readFileSync(authority.file),
    ...contentOf(client),
    ...more,
  });

  test('redis-cli --tls', { skip: programMissing('redis-cli') }, () => {
    const args = ['-p', String(port), '--tls', '--cacert', authority.file];
    const more = ['--cert', client.cert, '--key', client.key];
    const value = 'x'.repeat(200_000);
    const run = (...words: string[]) =>
      spawnSync('redis-cli', [...args, ...more, ...words], { timeout: BOUND_MS }).stdout.toString();
    assert.equal(
      spawnSync('redis-cli', [...args, ...more, '-x', 'SET', 'cli'], {
        input: value,
      }).stdout.toString(),
      'OK\n',
    );
    assert.equal(run('GET', 'cli'), `${value}\n`);
  });

  test('ioredis and node-redis', async () => {
    const tls = { ca: readFileSync(authority.file), ...contentOf(client) };
    const io = new Redis({ host: 'localhost', port, tls, maxRetriesPerRequest: 0 });
    await io.set('io', 'one');
    const node = createClient({ socket: { host: 'localhost', port, tls: true, ...tls } });
    node.on('error', () => {});
    await node.connect();
    assert.equal(await node.get('io'), 'one');
    const many = Array.from({ length: 2000 }, (_, i) => node.set(`many:${i}`, 'v'.repeat(500)));
    assert.ok((await Promise.all(many)).every((reply) => reply === 'OK'));
    await node.close();
    io.disconnect();
  });

  test('CLIENT LIST shows the true addresses, CLIENT KILL ends the connection', async () => {
    const socket = await open(options());
    const reply = await ask(socket, 'CLIENT LIST', /lib-ver/);
    assert.match(
      reply,
      new RegExp(`addr=127\\.0\\.0\\.1:${socket.localPort} laddr=127\\.0\\.0\\.1:${port} `),
    );
    assert.match(reply, / flags=N /);
    const ended = new Promise((resolve) => socket.once('close', resolve));
    assert.equal(await server.ask('CLIENT', 'KILL', 'ADDR', `127.0.0.1:${socket.localPort}`), '1');
    await ended;
  });

  test('a client that ends its side gets all replies first', async () => {
    const socket = await open(options());
    let received = 0;
    socket.on('data', (bytes) => {
      received += bytes.length;
    });
    const ended = new Promise((resolve) => socket.once('end', resolve));
    socket.end(`SET half ${'h'.repeat(1000)}\r\n${'GET half\r\n'.repeat(3000)}`);
    await ended;
    assert.equal(received, 5 + 3000 * (7 + 1000 + 2));
  });

  const refused: [string, () => ConnectionOptions][] = [
    ['no certificate', () => options({ cert: '', key: '' })],
    ["another authority's certificate", () => options(contentOf(stranger.sign('client')))],
    [
      'an expired certificate',
      () => options(contentOf(authority.sign('expired', { isExpired: true }))),
    ],
    [
      'TLS 1.1',
      () => options({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ],
  ];
  for (const [what, made] of refused) {
    test(`refuses ${what}`, async () => assert.equal(await outcome(made()), 'refused'));
  }

  test('a client sees a wrong host and a wrong authority', async () => {
    assert.equal(await outcome(options({ servername: 'elsewhere' })), 'refused');
    assert.equal(await outcome(options({ ca: readFileSync(stranger.file) })), 'refused');
    assert.equal(await outcome(options()), '+PONG');
  });

  test('a client that does not speak TLS is turned away, and does no harm', async () => {
    const socket = connectPlain({ host: '127.0.0.1', port });
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.write('PING\r\n');
    await ended;
    assert.doesNotMatch(received, /PONG/);
  });

  test('optional: without a certificate or with a right one, not with a wrong one', async () => {
    assert.equal(await server.ask('CONFIG', 'SET', 'tls-auth-clients', 'optional'), 'OK');
    assert.equal(await outcome(options({ cert: '', key: '' })), '+PONG');
    assert.equal(await outcome(options()), '+PONG');
    assert.equal(await outcome(options(contentOf(stranger.sign('other')))), 'refused');
    assert.equal(await server.ask('CONFIG', 'SET', 'tls-auth-clients', 'yes'), 'OK');
    assert.equal(await outcome(options({ cert: '', key: '' })), 'refused');
  });

  test('a session goes on with its ticket, but not past new rules', async () => {
    const first = await open(options({ maxVersion: 'TLSv1.2' }));
    const session = first.getSession();
    first.destroy();
    const again = await open(options({ session, maxVersion: 'TLSv1.2' }));
    assert.equal(again.isSessionReused(), true);
    again.destroy();
    assert.equal(await server.ask('CONFIG', 'SET', 'tls-session-cache-timeout', '200'), 'OK');
    const later = await open(options({ session, maxVersion: 'TLSv1.2' }));
    assert.equal(later.isSessionReused(), false);
    later.destroy();
  });

  test('new certificates are shown after CONFIG SET; wrong ones change nothing', async () => {
    const open1 = await open(options());
    const fresh = authority.sign('renewed');
    assert.equal(
      await server.ask('CONFIG', 'SET', 'tls-cert-file', fresh.cert, 'tls-key-file', fresh.key),
      'OK',
    );
    assert.equal(await shownName(options()), 'renewed');
    const failure = await server.ask('CONFIG', 'SET', 'tls-cert-file', own.cert);
    assert.match(
      failure,
      /'tls-cert-file'\) - Unable to update TLS configuration\. Check server logs\./,
    );
    assert.match(await server.ask('CONFIG', 'SET', 'tls-key-file', '/nowhere'), /Unable to update/);
    assert.equal(await shownName(options()), 'renewed');
    // In place: the same name once more reads the file again.
    const next = authority.sign('replaced');
    copyFileSync(next.key, fresh.key);
    copyFileSync(next.cert, fresh.cert);
    assert.equal(await server.ask('CONFIG', 'SET', 'tls-cert-file', fresh.cert), 'OK');
    assert.equal(await shownName(options()), 'replaced');
    assert.match(await ask(open1, 'PING', /PONG/), /PONG/);
    open1.destroy();
  });

  test('slow handshakes end with the timeout, however they trickle', async () => {
    assert.equal(await server.ask('CONFIG', 'SET', 'timeout', '1'), 'OK');
    const hello = Buffer.from('160301020001000001fc0303', 'hex');
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => {
        const socket = connectPlain({ host: '127.0.0.1', port });
        const ended = new Promise((resolve) => socket.once('close', resolve));
        socket.on('error', () => {});
        let sent = 0;
        // A third of them says nothing at all.
        const timer = setInterval(() => {
          if (i % 3 > 0) socket.write(hello.subarray(sent, ++sent));
        }, 200);
        return ended.finally(() => clearInterval(timer));
      }),
    );
    assert.equal(await server.ask('CONFIG', 'SET', 'timeout', '0'), 'OK');
    assert.equal(await outcome(options()), '+PONG');
  });

  test('very many who stop half way keep nobody else out, and leave nothing behind', async () => {
    const before = countSockets(server);
    const hello = Buffer.from('160301020001000001fc0303', 'hex');
    const stopped = Array.from({ length: HANDSHAKES_MAX + 40 }, () => {
      const socket = connectPlain({ host: '127.0.0.1', port }, () => socket.write(hello));
      return socket.on('error', () => {});
    });
    await until('all have come', () => stopped.every(({ connecting }) => !connecting));
    await until(
      'the oldest have made room',
      () => stopped.filter((one) => one.closed).length >= 40,
    );
    assert.equal(await outcome(options()), '+PONG');
    for (const socket of stopped) socket.destroy();
    await until('sockets as before', () => {
      const count = countSockets(server);
      return count <= before || `${count}, not ${before}`;
    });
  });

  test('a client that ends its side with its last command is gone then', async () => {
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const socket = connect(options());
          socket.on('error', () => {});
          const ended = new Promise((resolve) => socket.once('close', resolve));
          socket.once('secureConnect', () => socket.end('PING\r\n'));
          socket.resume();
          await ended;
        }),
      );
    }
    await until('all have left', async () => {
      const count = (await server.info('connected_clients')) ?? '';
      return count === '1' || count;
    });
  });

  test('connections leave nothing behind', async () => {
    await until('all have left', async () => (await server.info('connected_clients')) === '1');
    const before = countSockets(server);
    await Promise.all(Array.from({ length: 50 }, () => outcome(options())));
    await Promise.all(Array.from({ length: 20 }, () => outcome(options({ cert: '', key: '' }))));
    await until('sockets as before', () => {
      const count = countSockets(server);
      return count <= before || `${count}, not ${before}`;
    });
  });

  test('only TLS with port 0, and another tls-port at run time', async () => {
    const [first, second] = [await claimPort(), await claimPort()];
    const { command, args } = darterCommand();
    const words = [
      ...args,
      '--port',
      '0',
      '--threads',
      '1',
      ...tlsArguments(first, own, authority),
    ];
    const alone = spawnServer('darter', command, words, first);
    try {
      await alone.logged(/Ready to accept connections/);
      const admin = await open(options({ port: first }));
      assert.match(await ask(admin, `CONFIG SET tls-port ${port}`, /\r\n/), /Unable to listen/);
      assert.match(await ask(admin, `CONFIG SET tls-port ${second}`, /\r\n/), /OK/);
      // Once it is answered the TLS threads have moved: the former port is free.
      assert.equal(await outcome(options({ port: second })), '+PONG');
      assert.equal(await outcome(options({ port: first })), 'refused');
      for (const both of [`port ${second}`, `port ${first} tls-port ${first}`]) {
        assert.match(await ask(admin, `CONFIG SET ${both}`, /\r\n/), /Unable to listen/, both);
      }
      assert.equal(await outcome(options({ port: second })), '+PONG');
      const set = async (change: string) =>
        assert.equal(await ask(admin, `CONFIG SET ${change}`, /\r\n/), '+OK\r\n', change);
      for (let round = 0; round < ROUNDS; round++) {
        await set('tls-port 0');
        await set(`port ${second}`);
        const plain = await RawClient.connect({ port: second });
        assert.equal(await plain.text('PING'), 'PONG');
        await plain.close();
        await set('port 0');
        await set(`tls-port ${second}`);
        assert.equal(await outcome(options({ port: second })), '+PONG');
      }
      admin.destroy();
    } finally {
      await alone.stop();
      releasePort(second);
    }
  });
});

function tlsArguments(port: number, own: Pair, authority: Authority): string[] {
  return [
    ...['--tls-port', String(port), '--tls-cert-file', own.cert, '--tls-key-file', own.key],
    ...['--tls-ca-cert-file', authority.file],
  ];
}

/** Resolves once the server has let the client in: in TLS 1.3 a client alone cannot tell. */
async function open(options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect(options);
  await ask(socket, 'PING', /\+PONG\r\n/);
  return socket;
}

/** '+PONG', or 'refused' when there is no answer. */
async function outcome(options: ConnectionOptions): Promise<string> {
  try {
    const socket = await open(options);
    socket.destroy();
    return '+PONG';
  } catch {
    return 'refused';
  }
}

async function shownName(options: ConnectionOptions): Promise<string> {
  const socket = await open(options);
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return String(name);
}

function ask(socket: TLSSocket, command: string, until: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), BOUND_MS);
    const take = (bytes: Buffer): void => {
      text += bytes.toString('latin1');
      if (!until.test(text)) return;
      clearTimeout(timer);
      socket.off('data', take);
      socket.off('close', ended);
      resolve(text);
    };
    const ended = (): void => {
      clearTimeout(timer);
      reject(new Error(`closed after '${text}'`));
    };
    socket.on('data', take);
    socket.once('close', ended);
    socket.on('error', () => {});
    socket.write(`${command}\r\n`);
  });
}
