/** A server within this process: what `start` takes, what it gives, and what it gives back. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { StartOptions, StopOptions } from '../../src/server/embedding/darter.js';
import { RawClient } from '../support/client.js';
import { claimPort, releasePort } from '../support/ports.js';
import { textOf } from '../support/reply.js';
import { ask, held, required, startAndStop, startSmall, untilGivenBack } from './support.js';

const { start } = required();

function folderOf(t: { after(work: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'darter-embedding-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

describe('a server within the process', () => {
  test('serves clients at its url, and tells about itself', async (t) => {
    const lines: string[] = [];
    const server = await startSmall(t, {
      requirepass: 'a secret: #1',
      'maxmemory-policy': 'allkeys-lru',
      maxmemory: 5_000_000,
      user: ['reader on >word ~* +@read', 'writer on nopass ~* +@write'],
      onLog: (line) => lines.push(line),
    });
    const { url, port, host, socketPath } = server;
    assert.equal(url, `redis://:a%20secret%3A%20%231@127.0.0.1:${port}`);
    assert.deepEqual([host, socketPath], ['127.0.0.1', '']);
    const client = await RawClient.connect({ port });
    assert.equal(textOf(await client.command('PING')), 'NOAUTH Authentication required.');
    assert.equal(textOf(await client.command('AUTH', 'a secret: #1')), 'OK');
    assert.match(textOf(await client.command('CONFIG', 'GET', 'maxmemory*')), /allkeys-lru/);
    assert.match(textOf(await client.command('ACL', 'LIST')), /user reader on .*user writer on /);
    assert.equal(textOf(await client.command('SET', 'key', 'value')), 'OK');
    const info = await server.info('server', 'keyspace', 'memory');
    assert.equal(info.server?.tcp_port, port);
    assert.match(String(info.keyspace?.db0), /^keys=1,/);
    assert.equal(info.memory?.maxmemory, 5_000_000);
    assert.deepEqual(Object.keys(info), ['server', 'memory', 'keyspace']);
    await client.close();
    await server.stop();
    await server.closed;
    assert.match(lines.join('\n'), /within another program's process.*bye bye/s);
    await assert.rejects(RawClient.connect({ port }), /ECONNREFUSED/);
    await assert.rejects(server.info(), { code: 'ERR_DARTER_CLOSED' });
    await server.stop();
  });

  test('listens on a Unix socket alone', async (t) => {
    const folder = folderOf(t);
    const path = join(folder, 'socket');
    const server = await startSmall(t, { port: null, unixsocket: path });
    assert.deepEqual([server.port, server.url], [0, `unix://${path}`]);
    assert.equal(await ask(server, 'PING'), 'PONG');
  });

  test('is asked with wrong values, says so, and goes on', async (t) => {
    const server = await startSmall(t);
    const bad = (reason: RegExp) => ({ code: 'ERR_DARTER_DIRECTIVE', message: reason });
    const stop = (options: unknown) => server.stop(options as StopOptions);
    await assert.rejects(stop(null), bad(/^The options must be an object/));
    await assert.rejects(stop({ save: 'perhaps' }), bad(/^Option 'save': it can be 'default'/));
    await assert.rejects(server.info(7 as unknown as string), bad(/^The sections of 'info'/));
    assert.equal(await ask(server, 'PING'), 'PONG');
  });

  test('reads a configuration file, which options follow', async (t) => {
    const folder = folderOf(t);
    const configFile = join(folder, 'redis.conf');
    writeFileSync(configFile, 'maxmemory 7mb\nmaxmemory-policy allkeys-lfu\ntimeout 17\n');
    const server = await startSmall(t, { configFile, timeout: 18 });
    assert.equal(
      await ask(server, 'CONFIG', 'GET', 'maxmemory', 'timeout', 'maxmemory-policy'),
      '[maxmemory 7340032 timeout 18 maxmemory-policy allkeys-lfu]',
    );
  });

  test('does not start with what it does not understand, and says why', async () => {
    const bad = (reason: RegExp) => ({ code: 'ERR_DARTER_DIRECTIVE', message: reason });
    for (const [options, reason] of [
      [{ maxmemory: 'lots' }, /^Directive 'maxmemory': argument must be a memory value$/],
      [{ nonsense: 1 }, /^Directive 'nonsense': Bad directive or wrong number of arguments$/],
      [{ daemonize: true }, /^Directive 'daemonize': /],
      [{ configFile: '/nowhere/redis.conf' }, /can't open config file '\/nowhere\/redis.conf'/],
      [{ port: 70_000 }, /^Directive 'port': /],
      [{ 'repl-timeout': ['1', '2'] }, /^Directive 'repl-timeout': there is one value, no array$/],
      [{ user: 'x nonsense' }, /^Directive 'user': .*'nonsense': Syntax error$/],
      [{ user: 'x +nonsense' }, /'\+nonsense' for the user named 'x': Unknown command/],
      [{ user: '"a b" on' }, /Spaces not allowed in ACL usernames$/],
      [{ aclfile: '/nowhere/users.acl' }, /'\/nowhere\/users.acl': No such file or directory$/],
      [{ aclfile: '/nowhere/users.acl', user: 'x on' }, /^Users are defined in the configuration/],
      [{ constructor: 'x' }, /^Directive 'constructor': Bad directive/],
    ] as const) {
      await assert.rejects(start({ preset: 'test', ...options }), bad(reason));
    }
    const wrongType = { threads: {} } as unknown as { threads: number };
    await assert.rejects(start(wrongType), bad(/^Option 'threads': it must be/));
    const wrongPort = { port: Object.create(null) } as unknown as { port: number };
    await assert.rejects(start(wrongPort), bad(/^Option 'port': it must be/));
    for (const none of [null, 7, 'text', true, [], () => {}]) {
      await assert.rejects(
        start(none as unknown as { port: number }),
        bad(/^The options must be an object/),
      );
    }
    const port = await claimPort();
    try {
      const withoutKey = { preset: 'test', port: null, 'tls-port': port } as const;
      await assert.rejects(start(withoutKey), bad(/TLS: No tls-cert-file configured!$/));
    } finally {
      releasePort(port);
    }
  });

  test('takes what its options have themselves, not what they inherit', async (t) => {
    const inherited = { port: 1, onLog: 7, threads: 0 };
    const server = await start({ preset: 'test', __proto__: inherited } as unknown as StartOptions);
    t.after(() => server.stop({ save: 'nosave' }));
    assert.ok(server.port > 1);
    const own = JSON.parse('{"__proto__": {"port": 1}}') as StartOptions;
    const reason = { code: 'ERR_DARTER_DIRECTIVE', message: /^Option '__proto__': it must be/ };
    await assert.rejects(start(own), reason);
  });

  test('listens on no port without an address', async (t) => {
    const path = join(folderOf(t), 'socket');
    const server = await startSmall(t, { bind: '', unixsocket: path });
    assert.deepEqual([server.port, server.host, server.url], [0, '', `unix://${path}`]);
    assert.equal(await ask(server, 'PING'), 'PONG');
  });

  test('does not start beside another on its port, and leaves nothing behind', async (t) => {
    const { port } = await startSmall(t);
    const before = held();
    await assert.rejects(start({ preset: 'test', port, threads: 2 }), {
      code: 'EADDRINUSE',
      message: /127\.0\.0\.1:\d+: bind: Address already in use$/,
    });
    const metrics = { preset: 'test', 'metrics-port': port } as const;
    await assert.rejects(start(metrics), { code: 'EADDRINUSE', message: /of metrics-port 127/ });
    // Found out by a thread that binds, when the others have begun to load, and metrics-port is open.
    const free = await claimPort();
    t.after(() => releasePort(free));
    const nowhere = {
      preset: 'test',
      threads: 2,
      bind: '192.0.2.1',
      'metrics-port': free,
    } as const;
    await assert.rejects(start(nowhere), { code: 'EADDRNOTAVAIL' });
    await untilGivenBack(before);
  });

  test('saves its data when it ends, if it can, and goes on if it cannot', async (t) => {
    const folder = folderOf(t);
    const dir = mkdtempSync(join(folder, 'data-'));
    const server = await startSmall(t, { dir });
    assert.equal(await ask(server, 'SET', 'key', 'kept'), 'OK');
    rmSync(dir, { recursive: true });
    await assert.rejects(server.stop({ save: 'save' }), { code: 'ERR_DARTER_SAVE' });
    assert.equal(await ask(server, 'GET', 'key'), 'kept');
  });

  test('finds at its start what it has saved', async (t) => {
    const dir = folderOf(t);
    const first = await startSmall(t, { dir });
    assert.equal(await ask(first, 'SET', 'key', 'kept'), 'OK');
    await first.stop({ save: 'save' });
    const second = await startSmall(t, { dir });
    assert.equal(await ask(second, 'GET', 'key'), 'kept');
  });

  test("ends on a client's SHUTDOWN, which the program is told", async (t) => {
    const server = await startSmall(t);
    const client = await RawClient.connect({ port: server.port });
    client.write('SHUTDOWN NOSAVE\r\n');
    await server.closed;
    await client.close();
  });
});

describe('what several servers leave behind', () => {
  test('nothing: threads, descriptors and memory are given back', async () => {
    await startAndStop(1, 1);
    const before = held();
    await startAndStop(3, 2);
    await untilGivenBack(before);
    // A server's shards and journals have more address space than that.
    const grown = held().mebibytes - before.mebibytes;
    assert.ok(grown < 1024, `${grown} MiB of address space are left`);
  });

  test("the process's signals, folder and output are not touched", async (t) => {
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'uncaughtException', 'exit'];
    const listeners = () => signals.map((name) => process.listenerCount(name));
    const before = listeners();
    const [folder, code] = [process.cwd(), process.exitCode];
    const server = await startSmall(t, { dir: folderOf(t) });
    const during = listeners();
    assert.deepEqual(during.slice(0, -1), before.slice(0, -1));
    assert.equal(process.cwd(), folder);
    await server.stop();
    assert.deepEqual(listeners(), before);
    assert.equal(process.exitCode, code);
  });
});
