/** Connections: many of them, limits, time-outs, passwords, Unix sockets, protected mode. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RawClient } from '../support/client.js';
import { claimPort, releasePort } from '../support/ports.js';
import { type Reply, textOf } from '../support/reply.js';
import {
  darterCommand,
  darterMissing,
  eitherMissing,
  programMissing,
  type Server,
  type ServerOptions,
  startDarter,
  startRedis,
} from '../support/server.js';
import { exchange, UNTIL_ITS_END_MS } from '../support/transcript.js';
import { until } from '../support/until.js';

async function withServer(
  options: ServerOptions,
  run: (server: Server) => Promise<void>,
): Promise<void> {
  const server = await startDarter(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

async function counts(server: Server, clients: number): Promise<void> {
  await until(`${clients} clients`, async () => {
    const counted = await server.info('connected_clients');
    return counted === String(clients) || String(counted);
  });
}

/** What PING is answered; '' when the connection ends without an answer. */
async function answer(client: RawClient): Promise<string> {
  return client.command('PING').then(textOf, () => '');
}

describe('connections', { skip: darterMissing() }, () => {
  test('500 at once, each with its own state', () =>
    withServer({}, async (server) => {
      const clients = await Promise.all(Array.from({ length: 500 }, () => server.client()));
      await Promise.all(
        clients.map((client, i) =>
          client.pipeline([
            ['SELECT', String(i % 16)],
            ['SET', `own:${i}`, String(i)],
            ['CLIENT', 'SETNAME', `client-${i}`],
          ]),
        ),
      );
      const read = await Promise.all(
        clients.map((client, i) =>
          client.pipeline([
            ['GET', `own:${i}`],
            ['CLIENT', 'GETNAME'],
          ]),
        ),
      );
      read.forEach((replies, i) => {
        assert.deepEqual(replies.map(textOf), [String(i), `client-${i}`]);
      });
      // What asks each time is a connection too, which is still counted for a moment.
      await counts(server, 501);
      await until('CLIENT LIST has them', async () => {
        const list = (await server.ask('CLIENT', 'LIST')).trim().split('\n');
        const ids = new Set(list.map((line) => /id=(\d+)/.exec(line)?.[1]));
        return (list.length === 501 && ids.size === 501) || `${list.length}, ${ids.size} ids`;
      });
      await Promise.all(clients.map((client) => client.close()));
      await counts(server, 1);
    }));

  test('CLIENT KILL ends another connection, on whatever thread it is', () =>
    withServer({}, async (server) => {
      const clients = await Promise.all(Array.from({ length: 10 }, () => server.client()));
      const ids = await Promise.all(clients.map((client) => client.text('CLIENT', 'ID')));
      for (const [i, victim] of clients.entries()) {
        if (i === 0) continue;
        const reply = await clients[0]?.text('CLIENT', 'KILL', 'ID', ids[i] as string);
        assert.equal(reply, '1');
        await victim.ended();
      }
      assert.equal(await clients[0]?.text('PING'), 'PONG');
      await clients[0]?.close();
    }));

  test('CLIENT NO-EVICT shows in the flags of the connection', () =>
    withServer({}, async (server) => {
      const client = await server.client();
      assert.equal(await client.text('CLIENT', 'NO-EVICT', 'ON'), 'OK');
      assert.match(await client.text('CLIENT', 'INFO'), / flags=e /);
      assert.equal(await client.text('CLIENT', 'NO-EVICT', 'OFF'), 'OK');
      assert.match(await client.text('CLIENT', 'INFO'), / flags=N /);
      await client.close();
    }));

  test('maxclients refuses with an error, and accepts again when there is room', () =>
    withServer({ args: ['--maxclients', '10'] }, async (server) => {
      const clients: RawClient[] = [];
      // The client that waited for the server's start may still be counted.
      await until('ten are served', async () => {
        const client = await server.client();
        const isServed = (await answer(client)) === 'PONG';
        if (isServed) clients.push(client);
        else await client.close();
        return clients.length === 10;
      });
      for (let i = 0; i < 5; i++) {
        const refused = await server.client();
        const reply = (await refused.replies(1))[0] as Reply;
        assert.equal(textOf(reply), 'ERR max number of clients reached');
        await refused.ended();
      }
      assert.equal(await clients[0]?.text('PING'), 'PONG');
      await clients.pop()?.close();
      await until('there is room', async () => {
        const client = await server.client();
        const isServed = (await answer(client)) === 'PONG';
        await client.close();
        return isServed;
      });
      await Promise.all(clients.map((client) => client.close()));
    }));

  test('timeout closes idle connections only', () =>
    withServer({ args: ['--timeout', '2'] }, async (server) => {
      const [idle, busy] = await Promise.all([server.client(), server.client()]);
      await idle.text('PING');
      const begun = Date.now();
      let ended = false;
      void idle.ended().then(() => {
        ended = true;
      });
      await until('the idle connection is closed', async () => {
        assert.equal(await busy.text('PING'), 'PONG');
        return ended;
      });
      assert.ok(Date.now() - begun > 1900, 'but not early');
      await busy.close();
    }));

  test('a Unix socket, with its permissions', () =>
    withServer(
      { args: ['--unixsocket', 'server.sock', '--unixsocketperm', '700'] },
      async (server) => {
        const path = join(server.directory, 'server.sock');
        assert.equal(statSync(path).mode & 0o777, 0o700);
        const client = await RawClient.connect({ path });
        assert.equal(await client.text('SET', 'k', 'over unix'), 'OK');
        assert.equal(await server.ask('GET', 'k'), 'over unix');
        assert.match(await client.text('CLIENT', 'INFO'), /addr=\S*server\.sock:0 /);
        await client.close();
      },
    ));

  test('a bind address: only there', () =>
    withServer({ args: ['--bind', '127.0.0.1'] }, async (server) => {
      assert.equal(await server.ask('PING'), 'PONG');
      await assert.rejects(RawClient.connect({ host: '127.0.0.2', port: server.port }));
    }));

  test('protected mode refuses who comes from elsewhere, whatever bind says', {
    skip: noNamespaces(),
  }, async () => {
    const port = await claimPort();
    const { command, args } = darterCommand();
    const folder = mkdtempSync(join(tmpdir(), 'darter-test-'));
    const bind = ['--bind', '0.0.0.0'];
    const options = ['--port', String(port), '--dir', folder, '--save', "''", ...bind];
    const start = [command, ...args, ...options].join(' ');
    // A network of its own, with an address that is not a loopback one and leads nowhere else.
    const script = `
      ip link set lo up && ip address add 192.0.2.1/32 dev lo || exit 9
      ${start} > /dev/null 2>&1 & server=$!
      for i in $(seq 600); do redis-cli -p ${port} PING > /dev/null 2>&1 && break; sleep 0.1; done
      redis-cli -h 192.0.2.1 -p ${port} PING
      redis-cli -p ${port} PING
      kill $server; wait $server`;
    const { stdout } = spawnSync('unshare', ['--net', 'sh', '-c', script], { timeout: 120_000 });
    releasePort(port);
    rmSync(folder, { recursive: true });
    assert.match(stdout.toString(), /^DENIED .* protected mode /);
    assert.match(stdout.toString(), /\nPONG\n$/);
  });
});

function noNamespaces(): string | false {
  const missing = programMissing('ip') || programMissing('redis-cli');
  if (missing !== false) return missing;
  const allowed = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up']).status === 0;
  return allowed ? false : 'network namespaces are not allowed here';
}

/** Inline commands; both servers have the password `secret`. */
const passwordScripts: readonly (readonly string[])[] = [
  ['PING', 'GET k', 'AUTH wrong', 'AUTH secret', 'PING'],
  ['AUTH default secret', 'SET k v', 'GET k'],
  ['AUTH nobody secret', 'AUTH', 'AUTH a b c', 'PING'],
  ['HELLO 3', 'HELLO 3 AUTH default wrong', 'HELLO 3 AUTH nobody secret', 'GET none'],
  ['HELLO', 'HELLO 2', 'CLIENT ID', 'COMMAND COUNT', 'NOSUCH'],
  ['AUTH secret', 'RESET', 'PING', 'AUTH secret', 'PING'],
  ['AUTH secret', 'AUTH wrong', 'PING'],
  ['MULTI', 'AUTH secret', 'MULTI', 'AUTH wrong', 'PING', 'EXEC'],
  ['QUIT', 'PING'],
  ['GET', 'SET k', 'GET k', 'RESET', 'ECHO x'],
  [
    'AUTH secret',
    'CONFIG SET requirepass ""',
    'AUTH secret',
    'CONFIG SET requirepass secret',
    'PING',
  ],
];

describe('passwords', { skip: eitherMissing() }, () => {
  test('answers are those of redis-server', async () => {
    const options = { args: ['--requirepass', 'secret'], password: 'secret' };
    const [ours, theirs] = await Promise.all([startDarter(options), startRedis(options)]);
    // Who is not logged in gets no answer to a marker: each exchange ends with its connection.
    const ending = { closes: true, quiet_ms: UNTIL_ITS_END_MS };
    try {
      for (const bytes of [
        ...passwordScripts.map((lines) => `${lines.join('\r\n')}\r\nQUIT\r\n`),
        '*11\r\n',
        '*2\r\n$16385\r\n',
        '*10\r\n$1\r\nxx\r\n\r\n',
        `${'x'.repeat(2000)}\r\nQUIT\r\n`,
      ]) {
        const [own, their] = await Promise.all([
          exchange(ours.port, bytes, ending),
          exchange(theirs.port, bytes, ending),
        ]);
        assert.deepEqual(own, their, bytes.slice(0, 100));
        assert.equal(own.ending, 'closed', bytes.slice(0, 100));
      }
    } finally {
      await Promise.all([ours.stop(), theirs.stop()]);
    }
  });

  test('a new password counts for new connections, on every thread', () =>
    withServer({}, async (server) => {
      const client = await server.client();
      assert.equal(await client.text('CONFIG', 'SET', 'requirepass', 'new'), 'OK');
      assert.equal(await client.text('PING'), 'PONG');
      for (let i = 0; i < 10; i++) {
        assert.equal(await server.ask('PING'), 'NOAUTH Authentication required.');
      }
      await client.close();
    }));
});
