/** `/health` and `/ready` of a server that starts, that runs, and of its replica. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { claimPort, releasePort } from '../support/ports.js';
import {
  beginDarter,
  darterMissing,
  rootDirectory,
  type Server,
  type ServerOptions,
  startDarter,
} from '../support/server.js';
import { until } from '../support/until.js';

const FAULT = pathToFileURL(join(rootDirectory, 'dist/test/support/fault.js')).href;

interface Site {
  readonly server: Server;
  readonly get: (path: string) => Promise<string>;
}

/** Returns `status text`. */
async function getFrom(port: number, path: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return `${response.status} ${(await response.text()).trim()}`;
}

/** A server with a metrics-port. */
async function startSite(t: TestContext, { args = [] }: ServerOptions = {}): Promise<Site> {
  const port = await claimPort();
  const server = await startDarter({ args: ['--metrics-port', String(port), ...args] });
  t.after(async () => {
    await server.stop();
    releasePort(port);
  });
  return { server, get: (path) => getFrom(port, path) };
}

/** A server whose I/O threads begin only when `letBegin` is called. */
async function beginLate(t: TestContext, metricsPort: number) {
  const folder = mkdtempSync(join(tmpdir(), 'darter-late-'));
  const file = join(folder, 'now');
  const server = await beginDarter({
    args: ['--metrics-port', String(metricsPort)],
    env: {
      NODE_OPTIONS: `--import ${FAULT}`,
      DARTER_FAULT_THREAD: 'io-thread',
      DARTER_FAULT_KIND: 'late',
      DARTER_FAULT_FILE: file,
    },
  });
  t.after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  return { server, letBegin: () => writeFileSync(file, '') };
}

describe('probes', { skip: darterMissing() }, () => {
  test('a server is healthy and ready, and stays healthy while a script runs', async (t) => {
    const { server, get } = await startSite(t, { args: ['--busy-reply-threshold', '50'] });
    assert.equal(await get('/health'), '200 ok');
    assert.equal(await get('/ready'), '200 ready');
    const client = await server.client();
    const script = client.command('EVAL', 'while true do end', '0');
    await until('it is busy', async () => (await server.ask('GET', 'k')).startsWith('BUSY'));
    assert.equal(await get('/health'), '200 ok');
    assert.equal(await server.ask('SCRIPT', 'KILL'), 'OK');
    await script;
    await client.close();
    const set = await server.ask('CONFIG', 'SET', 'metrics-port', '1');
    assert.match(set, /can't set immutable config/);
  });

  test('a server that starts says so, and nobody is served before', async (t) => {
    const port = await claimPort();
    t.after(() => releasePort(port));
    const { server, letBegin } = await beginLate(t, port);
    const get = (path: string) => getFrom(port, path).catch((error: Error) => error.message);
    await until('it listens', async () => {
      const answer = await get('/ready');
      return answer === '503 starting' || answer;
    });
    for (const path of ['/health', '/metrics', '/console']) {
      assert.equal(await get(path), '503 starting', path);
    }
    await assert.rejects(server.client(), /ECONNREFUSED/);
    letBegin();
    await until('it is ready', async () => {
      const answer = await get('/ready');
      return answer === '200 ready' || answer;
    });
    assert.equal(await get('/health'), '200 ok');
    assert.equal(await server.ask('PING'), 'PONG');
  });

  test('a metrics-port in use ends the start before any client is served', async (t) => {
    const port = await claimPort();
    const other = createServer().listen(port, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => {
      other.close();
      releasePort(port);
    });
    // Its I/O threads never begin: it ends without them.
    const { server } = await beginLate(t, port);
    assert.equal((await server.exit()).code, 1);
    const why = /Could not create the listening socket of metrics-port 127\.0\.0\.1:\d+: .*in use/;
    await server.logged(why);
  });

  test('a replica is ready while its link is up, and says why it is not', async (t) => {
    const primary = await startDarter({ threads: 1, args: ['--repl-diskless-sync-delay', '0'] });
    t.after(() => primary.stop());
    const { server, get } = await startSite(t);
    await primary.ask('SET', 'k', 'v');
    await server.ask('REPLICAOF', '127.0.0.1', String(primary.port));
    await until('it is ready', async () => {
      const isUp = (await server.info('master_link_status')) === 'up';
      const answer = await get('/ready');
      return (isUp && answer === '200 ready') || answer;
    });
    await primary.stop();
    const down = `503 the link to the primary 127.0.0.1:${primary.port} is down`;
    await until('it is not', async () => {
      const answer = await get('/ready');
      return answer.startsWith(down) || answer;
    });
    assert.equal(await get('/health'), '200 ok');
    await server.ask('REPLICAOF', 'NO', 'ONE');
    assert.equal(await get('/ready'), '200 ready');
  });
});
