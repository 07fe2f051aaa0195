/**
 * socket.io with its adapter for streams: two servers exchange what they broadcast over one stream, and a
 * client that was cut off gets what it has missed, from the other server too.
 */
import assert from 'node:assert/strict';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { Server as SocketServer } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { darterMissing, type Server, startDarter } from '../support/server.js';

const WITHIN_MS = 30_000;
const POLL_MS = 20;
/** One for each server of socket.io, and the one that asks. */
const OWN_CLIENTS = 3;
const MESSAGES = 300;

const sockets = new Set<Socket>();

/** One server of socket.io on a client of Darter. */
interface Node {
  readonly http: HttpServer;
  readonly server: SocketServer;
  readonly url: string;
}

/** A client, and what it was told. */
interface Browser {
  readonly socket: Socket;
  readonly heard: string[];
}

async function startNode(redisClient: unknown): Promise<Node> {
  const http = createServer();
  const server = new SocketServer(http, {
    adapter: createAdapter(redisClient, { maxLen: 1000, blockTimeInMs: 500 }),
    connectionStateRecovery: { maxDisconnectionDuration: 60_000 },
    transports: ['websocket'],
  });
  server.on('connection', (socket) => {
    socket.on('join', (room: string, done: () => void) => {
      void socket.join(room);
      done();
    });
  });
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
  return { http, server, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

/**
 * Waits until each hears the other. Before it has read its first entry a server reads from `$` again and
 * again, and what comes between two of these reads is lost.
 */
async function bothListen(nodes: readonly Node[]): Promise<void> {
  const browsers = await Promise.all(nodes.map((node) => connect(node.url)));
  const deaf = new Set(nodes);
  for (const [index, { socket }] of browsers.entries()) {
    socket.on('warm-up', (from: string) => {
      if (from !== nodes[index]!.url) deaf.delete(nodes[index]!);
    });
  }
  for (const deadline = Date.now() + WITHIN_MS; deaf.size > 0; ) {
    assert.ok(Date.now() < deadline, 'the servers do not hear each other');
    for (const node of nodes) node.server.emit('warm-up', node.url);
    await sleep(POLL_MS);
  }
}

/** Waits until the adapters have closed their own clients; they would connect again for ever. */
async function adaptersLeft(server: Server): Promise<void> {
  for (const deadline = Date.now() + WITHIN_MS; ; await sleep(POLL_MS)) {
    const clients = Number(await server.info('connected_clients'));
    if (clients <= OWN_CLIENTS) return;
    assert.ok(Date.now() < deadline, `${clients} clients are left`);
  }
}

async function connect(url: string): Promise<Browser> {
  const socket = io(url, {
    transports: ['websocket'],
    reconnectionDelay: 10,
    forceNew: true,
    autoConnect: false,
  });
  sockets.add(socket);
  const heard: string[] = [];
  socket.on('news', (text: string) => heard.push(text));
  const connected = once(socket, 'connect');
  socket.connect();
  await connected;
  return { socket, heard };
}

function once(socket: Socket, event: string): Promise<void> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`no ${event} in time`)), WITHIN_MS);
    socket.once(event, () => {
      clearTimeout(timer);
      done();
    });
  });
}

/** Waits until a client has heard so much. */
async function hears({ socket, heard }: Browser, expected: readonly string[]): Promise<void> {
  while (heard.length < expected.length) await once(socket, 'news');
  assert.deepEqual(heard, expected);
}

function texts(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${i}`);
}

for (const library of ['node-redis', 'ioredis']) {
  describe(`socket.io over ${library}`, { skip: darterMissing(), timeout: 120_000 }, () => {
    let server: Server;
    let nodes: Node[] = [];
    const closing: (() => void)[] = [];

    const open = async (): Promise<unknown> => {
      if (library === 'ioredis') {
        const client = new Redis({ port: server.port, host: '127.0.0.1' });
        closing.push(() => client.disconnect());
        return client;
      }
      const client = createClient({ url: `redis://127.0.0.1:${server.port}` });
      closing.push(() => client.destroy());
      return client.connect();
    };

    before(async () => {
      server = await startDarter({ threads: 2 });
      nodes = [await startNode(await open()), await startNode(await open())];
      await bothListen(nodes);
    });
    after(async () => {
      for (const socket of sockets) socket.disconnect();
      for (const node of nodes) await node.server.close();
      await adaptersLeft(server);
      for (const close of closing) close();
      await server.stop();
    });

    test('what one server broadcasts comes to the clients of both, in order', async () => {
      const [one, other] = nodes as [Node, Node];
      const browsers = [await connect(one.url), await connect(other.url)];
      const expected = texts('all', MESSAGES);
      for (const text of expected) one.server.emit('news', text);
      await Promise.all(browsers.map((browser) => hears(browser, expected)));
      other.server.emit('news', 'back');
      await Promise.all(browsers.map((browser) => hears(browser, [...expected, 'back'])));
      const found = new Set((await one.server.fetchSockets()).map(({ id }) => id));
      for (const { socket } of browsers) assert.ok(found.has(socket.id!), 'of both servers');
      for (const { socket } of browsers) socket.disconnect();
    });

    test('rooms reach over both servers, and binary data comes whole', async () => {
      const [one, other] = nodes as [Node, Node];
      const [inside, outside] = [await connect(other.url), await connect(other.url)];
      await inside.socket.timeout(WITHIN_MS).emitWithAck('join', 'room');
      const binary = new Promise<Buffer>((done) => inside.socket.once('binary', done));
      one.server.to('room').emit('binary', Buffer.from([0, 255, 13, 10]));
      assert.deepEqual(Buffer.from(await binary), Buffer.from([0, 255, 13, 10]));
      one.server.to('room').emit('news', 'for the room');
      one.server.emit('news', 'for all');
      await hears(inside, ['for the room', 'for all']);
      await hears(outside, ['for all']);
      for (const { socket } of [inside, outside]) socket.disconnect();
    });

    test('a client that was cut off gets what it has missed, also from the other server', async () => {
      const [one, other] = nodes as [Node, Node];
      const browser = await connect(one.url);
      const witness = await connect(other.url);
      one.server.emit('news', 'first');
      await hears(browser, ['first']);
      await hears(witness, ['first']);
      const back = once(browser.socket, 'connect');
      // It comes back to the other server, as behind a balancer.
      Object.assign(browser.socket.io, { uri: other.url });
      browser.socket.io.engine.close();
      const missed = texts('missed', 50);
      for (const text of missed) one.server.emit('news', text);
      await hears(witness, ['first', ...missed]);
      await back;
      assert.equal(browser.socket.recovered, true);
      await hears(browser, ['first', ...missed]);
      for (const { socket } of [browser, witness]) socket.disconnect();
    });
  });
}
