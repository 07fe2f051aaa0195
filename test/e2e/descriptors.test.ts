/** Descriptors run out: clients get their error, what cannot be opened fails alone, no data is lost. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import {
  darterCommand,
  darterMissing,
  limited,
  programMissing,
  type Server,
  type ServerOptions,
  startDarter,
} from '../support/server.js';
import { until } from '../support/until.js';

const TOO_MANY = 'ERR max number of clients reached';
/** So often the same number of descriptors, that no thread is still opening any. */
const LOOKS_AT_REST = 10;

/** A server that is ended with the test; null where the limit can be raised and tells nothing. */
async function startLimited(
  t: TestContext,
  descriptors: number,
  options: ServerOptions = {},
): Promise<Server | null> {
  const server = await startDarter({ ...options, descriptors });
  t.after(() => server.stop());
  await server.logged(/Ready to accept connections/);
  if (/maxclients has been reduced/.test(server.log)) return server;
  t.skip('this user may raise the limit');
  return null;
}

async function maxClients(server: Server): Promise<number> {
  const reply = await server.ask('CONFIG', 'GET', 'maxclients');
  return Number(/^\[maxclients (\d+)\]$/.exec(reply)![1]);
}

/** Connections that ask once, and what they were answered: 'PONG', an error, or '' so far. */
class Crowd {
  readonly sockets: Socket[] = [];
  readonly answers: string[] = [];

  constructor(t: TestContext) {
    t.after(() => this.leave());
  }

  add(port: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const index = this.sockets.length;
      const socket = connect({ host: '127.0.0.1', port });
      this.answers.push('');
      this.sockets.push(socket);
      socket.on('data', (bytes) => {
        this.answers[index] += bytes.toString('latin1');
      });
      // A reset overtakes the answer when the server closes before it has read the request.
      socket.on('error', () => {
        if (this.answers[index] === '') this.answers[index] = `-${TOO_MANY}\r\n`;
      });
      socket.write('PING\r\n');
    }
  }

  count(answer: string): number {
    return this.answers.filter((text) => text === answer).length;
  }

  get served(): number {
    return this.count('+PONG\r\n');
  }

  get refused(): number {
    return this.count(`-${TOO_MANY}\r\n`);
  }

  leave(): void {
    for (const socket of this.sockets.splice(0)) socket.destroy();
    this.answers.length = 0;
  }
}

function openDescriptors(server: Server): number {
  return readdirSync(`/proc/${server.pid}/fd`).length;
}

function setLimit(server: Server, descriptors: number): void {
  execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${descriptors}:`]);
}

async function linkIsUp(replica: Server): Promise<boolean> {
  return (await replica.info('master_link_status')) === 'up';
}

/** The only client: those that were there before may still be counted for a moment. */
async function onlyClient(t: TestContext, server: Server): Promise<RawClient> {
  const client = await server.client();
  t.after(() => client.close());
  await until('nobody else is there', async () => {
    const text = await client.text('INFO', 'clients');
    return /^connected_clients:1\r$/m.test(text) || text;
  });
  return client;
}

/** Starts the threads for replicas and files, which open descriptors of their own, before it is their time. */
async function startFlowThreads(server: Server): Promise<void> {
  assert.equal(await server.ask('SAVE'), 'OK');
  const looks = new Array<number>(LOOKS_AT_REST).fill(0);
  await until('no more descriptors are opened', () => {
    looks.shift();
    looks.push(openDescriptors(server));
    return looks.every((count) => count === looks[0]) || looks.join(' ');
  });
}

describe('descriptors run out', { skip: darterMissing() || programMissing('bash') }, () => {
  test('maxclients gives way to a low limit, with the words of Redis', async (t) => {
    const server = await startLimited(t, 256);
    if (server === null) return;
    const clients = await maxClients(server);
    assert.ok(clients > 100 && clients < 224, `${clients}`);
    assert.match(
      server.log,
      /# You requested maxclients of 10000 requiring at least \d+ max file descriptors\.\n/,
    );
    assert.match(
      server.log,
      /# Server can't set maximum open files to \d+ because of OS error: Operation not permitted\.\n/,
    );
    assert.ok(
      server.log.includes(
        `# Current maximum open files is 256. maxclients has been reduced to ${clients} to ` +
          "compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
      ),
    );
    assert.equal(
      await server.ask('CONFIG', 'SET', 'maxclients', '20000'),
      "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system " +
        `is not able to handle the specified number of clients, try with ${clients}`,
    );
    assert.equal(await maxClients(server), clients);
    assert.equal(await server.ask('CONFIG', 'SET', 'maxclients', '50'), 'OK');
    assert.equal(await maxClients(server), 50);
  });

  test('a limit that leaves room for no client ends the start', () => {
    const { command, args } = darterCommand();
    const [program, words] = limited(command, [...args, '--port', '0'], { descriptors: 60 });
    const result = spawnSync(program, words, { timeout: 15_000 });
    assert.equal(result.status, 1);
    assert.match(
      String(result.stdout),
      /Your current 'ulimit -n' of 60 is not enough for the server to start\. Please increase/,
    );
  });

  for (const transport of ['auto', 'epoll', 'portable']) {
    test(`1,200 clients in the first second (${transport}): some are served, the others told why`, async (t) => {
      const server = await startLimited(t, 1024, { args: ['--transport', transport] });
      if (server === null) return;
      const clients = await maxClients(server);
      const own = await onlyClient(t, server);
      const crowd = new Crowd(t);
      crowd.add(server.port, 1200);
      await until('all have an answer', () => crowd.served + crowd.refused === 1200);
      assert.equal(crowd.served + 1, clients);
      await own.close();
      assert.ok(openDescriptors(server) < 1024, 'the reserve is untouched');
      crowd.leave();
      await until('the clients have left', async () => (await server.ask('PING')) === 'PONG');
      assert.ok(!/Accepting client/.test(server.log), server.log);
    });
  }

  test('with all clients there, the server still follows a primary and serves a replica', async (t) => {
    const server = await startLimited(t, 1024);
    const primary = await startDarter();
    const replica = await startDarter();
    t.after(() => Promise.all([primary.stop(), replica.stop()]));
    if (server === null) return;
    await primary.ask('SET', 'k', 'of the primary');
    const clients = await maxClients(server);
    const own = await onlyClient(t, server);
    const crowd = new Crowd(t);
    // One place for the client that asks here, in which a replica's flows come later, and one for its control
    // connection.
    crowd.add(server.port, clients - 2);
    await until('all are served', () => crowd.served === clients - 2);
    assert.equal(await own.text('REPLICAOF', '127.0.0.1', String(primary.port)), 'OK');
    await until('the link is up', async () => {
      return /^master_link_status:up\r$/m.test(await own.text('INFO', 'replication'));
    });
    assert.equal(await own.text('GET', 'k'), 'of the primary');
    await own.close();
    await replica.ask('REPLICAOF', '127.0.0.1', String(server.port));
    await until("the replica's link is up", () => linkIsUp(replica));
    const reserved = openDescriptors(server) - clients + 1;
    assert.ok(reserved <= 1024 - clients, `${reserved} of ${1024 - clients} are in use`);
  });

  const needsLimits = programMissing('prlimit');
  for (const transport of ['auto', 'epoll', 'portable']) {
    test(`no descriptor for a client (${transport}): said once, survived`, {
      skip: needsLimits,
    }, async (t) => {
      // Few descriptors, so that io_uring looks at the limit for each client.
      const server = await startLimited(t, 1024, { args: ['--transport', transport] });
      if (server === null) return;
      const client = await server.client();
      await client.text('SET', 'k', 'v');
      await startFlowThreads(server);
      setLimit(server, openDescriptors(server));
      const crowd = new Crowd(t);
      crowd.add(server.port, 20);
      // Node's own sockets turn such clients away without a word.
      const isTold = () => /Accepting client connection: accept: Too many/.test(server.log);
      const areGone = () => crowd.sockets.some((socket) => socket.closed);
      await until('the clients are noticed', transport === 'portable' ? areGone : isTold);
      assert.equal(await client.text('GET', 'k'), 'v');
      assert.match(await client.text('INFO', 'memory'), /used_memory_rss:[1-9]/);
      await sleep(500);
      const lines = server.log.match(/Too many open files/g)?.length ?? 0;
      assert.ok(lines <= 2, `${lines} lines of two threads`);
      crowd.leave();
      setLimit(server, 1024);
      await until('clients come in again', async () => {
        try {
          return (await server.ask('GET', 'k')) === 'v';
        } catch {
          return false;
        }
      });
      await client.close();
    });
  }

  test('no descriptor for a sync: it fails, the server goes on, the next try succeeds', {
    skip: needsLimits,
  }, async (t) => {
    const [primary, replica] = await Promise.all([startDarter(), startDarter({ threads: 2 })]);
    t.after(() => Promise.all([primary.stop(), replica.stop()]));
    await primary.ask('SET', 'k', 'v');
    const client = await replica.client();
    await client.text('SET', 'own', 'data');
    setLimit(replica, openDescriptors(replica) + 2);
    assert.equal(await client.text('REPLICAOF', '127.0.0.1', String(primary.port)), 'OK');
    await until('a thread or a socket was refused', () =>
      /a flow thread does not start|Too many open files|EMFILE/.test(replica.log),
    );
    assert.equal(await client.text('GET', 'own'), 'data');
    setLimit(replica, 1024);
    await until('the link is up', () => linkIsUp(replica));
    assert.equal(await client.text('GET', 'k'), 'v');
    await client.close();
  });

  test('no descriptor for a replica: it is turned away, and comes back', {
    skip: needsLimits,
  }, async (t) => {
    const [primary, replica] = await Promise.all([startDarter(), startDarter()]);
    t.after(() => Promise.all([primary.stop(), replica.stop()]));
    const client = await primary.client();
    await client.text('SET', 'k', 'v');
    await startFlowThreads(primary);
    setLimit(primary, openDescriptors(primary) + 1);
    await replica.ask('REPLICAOF', '127.0.0.1', String(primary.port));
    await until('the sync fails', () => /No sync with primary/.test(replica.log));
    assert.equal(await client.text('GET', 'k'), 'v');
    setLimit(primary, 1024);
    await until('the link is up', () => linkIsUp(replica));
    await client.close();
  });
});
