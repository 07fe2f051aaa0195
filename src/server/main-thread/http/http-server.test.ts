import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { type Answer, type Asked, askHttp } from '../../../../test/support/http.js';
import { claimPort, releasePort } from '../../../../test/support/ports.js';
import { until } from '../../../../test/support/until.js';
import { Log } from '../../../base/log.js';
import { HTTP_CONNECTIONS_MAX, HTTP_HEADER_BYTES_MAX, HttpServer } from './http-server.js';
import { answerText, type Route } from './route.js';
import { whyUntrusted } from './trusted-request.js';

const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/open', isOpen: true, handle: (_, to) => answerText(to, 200, 'open') },
  { method: 'GET', path: '/own/*', isOpen: false, handle: (_, to) => answerText(to, 200, 'own') },
  { method: 'POST', path: '/own/do', isOpen: false, handle: (_, to) => answerText(to, 200, 'did') },
  {
    method: 'GET',
    path: '/broken',
    isOpen: true,
    handle: () => Promise.reject(new Error('as the test wants it')),
  },
];

class Site {
  /** Requests for what never answers. */
  waited = 0;
  isStarting = false;
  readonly lines: string[] = [];
  readonly server: HttpServer;

  constructor(readonly port: number) {
    const log = new Log((line) => this.lines.push(line));
    // The name cannot be an address of this machine: it is left out, and known all the same.
    const bind = ['127.0.0.1', '-192.0.2.1'];
    const waits: Route = {
      ...{ method: 'GET', path: '/waits', isOpen: true },
      handle: () => {
        this.waited++;
      },
    };
    const routes = [...ROUTES, waits];
    this.server = new HttpServer({ port, bind, routes, isStarting: () => this.isStarting, log });
  }

  ask(path: string, asked?: Asked): Promise<Answer> {
    return askHttp(this.port, path, asked);
  }
}

async function listening(t: TestContext): Promise<Site> {
  const port = await claimPort();
  const site = new Site(port);
  t.after(async () => {
    await site.server.close();
    releasePort(port);
  });
  await site.server.listen();
  return site;
}

describe('the HTTP server', () => {
  test('routes answer by path and method, and nothing else is there', async (t) => {
    const site = await listening(t);
    assert.deepEqual((await site.ask('/open?x=1')).text, 'open\n');
    const head = await site.ask('/open', { method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal((await site.ask('/own/a/b')).text, 'own\n');
    assert.equal((await site.ask('/own/do', { method: 'POST', body: 'x' })).text, 'did\n');
    assert.equal((await site.ask('/')).status, 404);
    assert.equal((await site.ask('/open/')).status, 404);
    const wrong = await site.ask('/open', { method: 'POST' });
    assert.deepEqual([wrong.status, wrong.headers.allow], [405, 'HEAD, GET']);
    assert.equal(
      (await site.ask('/open', { body: 'x', headers: { 'Content-Length': '1' } })).status,
      413,
    );
    assert.equal(wrong.headers['access-control-allow-origin'], undefined);
  });

  test('while the server starts every route says so, and none is asked', async (t) => {
    const site = await listening(t);
    site.isStarting = true;
    const early = await site.ask('/broken');
    assert.deepEqual([early.status, early.text], [503, 'starting\n']);
    assert.equal(early.headers['retry-after'], '1');
    assert.equal((await site.ask('/own/do', { method: 'POST', body: 'x' })).status, 503);
    assert.equal((await site.ask('/nowhere')).status, 404);
    assert.deepEqual(site.lines.slice(1), []);
    site.isStarting = false;
    assert.equal((await site.ask('/open')).status, 200);
  });

  test('an exception answers 500, and the log has it', async (t) => {
    const site = await listening(t);
    assert.equal((await site.ask('/broken')).status, 500);
    assert.match(site.lines.join('\n'), /answering GET \/broken: Error: as the test wants it/);
    assert.equal((await site.ask('/open')).status, 200);
  });

  test('names that are not the server, and other sites, are refused but on open routes', async (t) => {
    const site = await listening(t);
    const status = async (path: string, headers: Record<string, string>, method = 'GET') =>
      (await site.ask(path, { method, headers })).status;
    const own = `127.0.0.1:${site.port}`;
    assert.equal(await status('/own/x', { Host: 'evil.example' }), 403);
    assert.equal(await status('/own/x', { Host: `evil.example:${site.port}` }), 403);
    assert.equal(await status('/own/x', { Host: '127.0.0.1.evil.example' }), 403);
    assert.notEqual(whyUntrusted({}, 'GET', ['']), null);
    assert.equal(await status('/open', { Host: 'evil.example' }), 200);
    for (const host of ['localhost', `LOCALHOST:${site.port}`, '[::1]:80', '192.0.2.7']) {
      assert.equal(await status('/own/x', { Host: host }), 200, host);
    }
    const elsewhere = { Host: own, 'Sec-Fetch-Site': 'cross-site' };
    assert.equal(await status('/own/x', elsewhere), 403);
    assert.equal(await status('/own/x', { ...elsewhere, 'Sec-Fetch-Site': 'same-origin' }), 200);
    const followed = { ...elsewhere, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };
    assert.equal(await status('/own/x', followed), 200);
    assert.equal(await status('/own/do', followed, 'POST'), 403);
    assert.equal(
      await status('/own/do', { Host: own, Origin: 'http://evil.example' }, 'POST'),
      403,
    );
    assert.equal(await status('/own/do', { Host: own, Origin: 'null' }, 'POST'), 403);
    assert.equal(await status('/own/do', { Host: own, Origin: `http://${own}` }, 'POST'), 200);
    // A proxy with TLS stands before it.
    assert.equal(await status('/own/do', { Host: own, Origin: `https://${own}` }, 'POST'), 200);
    assert.equal(await status('/own/do', { Host: own, Origin: `ftp://${own}` }, 'POST'), 403);
  });

  test('headers that are too long are refused', async (t) => {
    const site = await listening(t);
    const headers = { 'X-Long': 'x'.repeat(HTTP_HEADER_BYTES_MAX) };
    assert.equal((await site.ask('/open', { headers })).status, 431);
  });

  test('a connection has one request at a time, whatever it sends at once', async (t) => {
    const site = await listening(t);
    const sendAll = (paths: readonly string[]): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect({ host: '127.0.0.1', port: site.port });
        let text = '';
        socket.on('data', (bytes) => {
          text += String(bytes);
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve(text));
        socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
      });
    await sendAll(Array.from({ length: 1000 }, () => '/waits'));
    assert.equal(site.waited, 1);
    const answers = (await sendAll(['/open', '/waits', '/open'])).split('HTTP/1.1 200').length - 1;
    assert.deepEqual([answers, site.waited], [1, 1]);
    assert.equal((await site.ask('/open')).status, 200);
  });

  test('one connection too many is closed, and when the others leave there is room again', async (t) => {
    const site = await listening(t);
    let closed = 0;
    const sockets = Array.from({ length: HTTP_CONNECTIONS_MAX + 3 }, () => {
      const socket = connect({ host: '127.0.0.1', port: site.port });
      socket.on('error', () => {});
      socket.on('close', () => closed++);
      return socket;
    });
    const leave = () => {
      for (const socket of sockets) socket.destroy();
    };
    t.after(leave);
    await until('three are closed', () => closed === 3 || `${closed} closed`);
    leave();
    await until('others are served', async () =>
      site.ask('/open').then(
        ({ status }) => status === 200,
        (error: Error) => error.message,
      ),
    );
  });

  test('closing ends connections that wait, and an address in use is an error', async (t) => {
    const site = await listening(t);
    const second = new Site(site.port);
    await assert.rejects(second.server.listen(), {
      code: 'EADDRINUSE',
      message: /metrics-port 127\.0\.0\.1:\d+: .*in use/i,
    });
    const socket = connect({ host: '127.0.0.1', port: site.port });
    socket.on('error', () => {});
    let isClosed = false;
    socket.on('close', () => {
      isClosed = true;
    });
    socket.write('GET /open HTTP/1.1\r\n');
    await until('it is connected', () => socket.readyState === 'open');
    await until('it is known', async () => (await site.ask('/open')).status === 200);
    await site.server.close();
    await until('it is closed', () => isClosed);
  });
});
