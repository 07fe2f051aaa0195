/** Commands that concern the clients and the statistics of all threads, whichever thread they ask. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { isError, isList, textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const THREADS = 3;
const CLIENTS = 9;

describe('several threads answer as one server', { skip: darterMissing() }, () => {
  let server: Server;
  let clients: RawClient[] = [];

  before(async () => {
    const args = ['--enable-debug-command', 'yes', '--slowlog-log-slower-than', '-1'];
    args.push('--placement', 'spread');
    server = await startDarter({ threads: THREADS, args });
    // One after the other, so that they are shared out.
    for (let i = 0; i < CLIENTS; i++) clients.push(await server.client());
    for (const [i, client] of clients.entries()) await client.text('CLIENT', 'SETNAME', `c${i}`);
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await server.stop();
  });

  async function ids(): Promise<number[]> {
    return Promise.all(clients.map(async (client) => Number(await client.text('CLIENT', 'ID'))));
  }

  test('every client lists all', async () => {
    for (const client of clients) {
      const lines = (await client.text('CLIENT', 'LIST')).trimEnd().split('\n');
      const names = lines.map((line) => / name=(\w*) /.exec(line)?.[1]);
      for (let i = 0; i < CLIENTS; i++) assert.ok(names.includes(`c${i}`), lines.join('\n'));
      const listed = lines.map((line) => Number(/^id=(\d+) /.exec(line)?.[1]));
      assert.deepEqual(
        listed,
        [...listed].sort((a, b) => a - b),
      );
    }
    // Who asks is a client too; one that has just gone may still be counted.
    await until('no other clients', async () => {
      return (await server.info('connected_clients')) === String(CLIENTS + 1);
    });
  });

  test('all asking at once get their answers', async () => {
    const questions = clients.map(async (client) => {
      const replies = await client.pipeline(
        Array.from({ length: 20 }, () => ['CLIENT', 'LIST', 'TYPE', 'normal']),
      );
      return replies.every((reply) => textOf(reply).split('\n').length > CLIENTS);
    });
    assert.deepEqual(await Promise.all(questions), new Array(CLIENTS).fill(true));
  });

  test('inside EXEC too, while others write to the same shards', async () => {
    const [asking, ...others] = clients;
    const writing = others.map((client) =>
      client.pipeline(Array.from({ length: 200 }, (_, i) => ['MSET', `a${i}`, '1', `b${i}`, '2'])),
    );
    for (let round = 0; round < 20; round++) {
      const replies = await asking!.pipeline([
        ['MULTI'],
        ['SET', 'a1', 'x'],
        ['INFO', 'keyspace'],
        ['DEBUG', 'DIGEST'],
        ['EXEC'],
      ]);
      const results = replies[4]!;
      assert.ok(isList(results) && results.items.length === 3, textOf(results));
      assert.match(textOf(results.items[1]!), /db0:keys=\d+/);
      assert.match(textOf(results.items[2]!), /^[0-9a-f]{40}$/);
    }
    await Promise.all(writing);
    assert.equal(await asking!.text('DEBUG', 'CHECK'), 'OK');
    assert.equal(await asking!.text('FLUSHALL'), 'OK');
  });

  test('questions inside EXEC are answered, while others want the same shards', async () => {
    const [asking, ...others] = clients;
    const before = await asking!.text('DBSIZE');
    let done = false;
    const keys = Array.from({ length: 10 }, (_, i) => [`q${i}`, 'x']).flat();
    const wanting = others.map(async (client, i) => {
      while (!done) {
        const replies = await client.pipeline([
          ...[
            ['MSET', ...keys],
            ['KEYS', 'q1'],
            ['WATCH', 'q1'],
            ['INFO', 'keyspace'],
          ],
          ...[['MULTI'], ['MGET', 'q1', 'q2'], ['CLIENT', 'LIST'], ['EXEC']],
        ]);
        const text = replies.map(textOf).join(' ');
        assert.ok(!replies.some(isError) && !text.includes('ERR '), `client ${i}: ${text}`);
      }
    });
    try {
      for (let round = 0; round < 40; round++) {
        const replies = await asking!.pipeline([
          ...[['MULTI'], ['SET', 'q1', 'x'], ['CLIENT', 'LIST'], ['SLOWLOG', 'GET']],
          ...[
            ['CONFIG', 'RESETSTAT'],
            ['CLIENT', 'KILL', 'ID', '999999'],
            ['KEYS', 'q2'],
            ['EXEC'],
          ],
        ]);
        const results = replies.at(-1)!;
        assert.ok(isList(results) && results.items.length === 6, textOf(results));
        assert.ok(!results.items.some(isError), textOf(results));
      }
    } finally {
      done = true;
    }
    await Promise.all(wanting);
    await asking!.text('DEL', ...keys);
    assert.equal(await asking!.text('DBSIZE'), before);
  });

  test('SLOWLOG holds the commands of all, the newest first', async () => {
    const [first] = clients;
    await first!.text('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
    for (const [i, client] of clients.entries()) await client.text('ECHO', `e${i}`);
    const entries = await first!.command('SLOWLOG', 'GET', '-1');
    await first!.text('CONFIG', 'SET', 'slowlog-log-slower-than', '-1');
    assert.ok(isList(entries));
    const echoed = entries.items.map(textOf).filter((text) => text.includes('[ECHO '));
    assert.equal(echoed.length, CLIENTS);
    assert.match(echoed[0]!, new RegExp(`\\[ECHO e${CLIENTS - 1}\\]`));
    await clients[1]!.text('SLOWLOG', 'RESET');
    assert.equal(await first!.text('SLOWLOG', 'LEN'), '0');
  });

  test('LATENCY joins what the threads saw', async () => {
    await clients[0]!.text('CONFIG', 'SET', 'latency-monitor-threshold', '5');
    await Promise.all(clients.slice(1, 4).map((client) => client.text('DEBUG', 'SLEEP', '0.02')));
    const latest = await clients[5]!.text('LATENCY', 'LATEST');
    await clients[0]!.text('CONFIG', 'SET', 'latency-monitor-threshold', '0');
    // On a busy machine other things take as long.
    assert.equal(latest.match(/\[command \d+ \d+ \d+\]/g)?.length, 1, latest);
    assert.notEqual(await clients[6]!.text('LATENCY', 'RESET'), '0');
  });

  test('CONFIG SET holds on every thread at once', async () => {
    for (const [i, client] of clients.entries()) {
      await client.text('CONFIG', 'SET', 'hz', String(10 + i));
      const values = await Promise.all(clients.map((other) => other.text('CONFIG', 'GET', 'hz')));
      assert.deepEqual(values, new Array(CLIENTS).fill(`[hz ${10 + i}]`));
    }
  });

  test('statistics are sums, and RESETSTAT clears them all', async () => {
    await clients[0]!.text('CONFIG', 'RESETSTAT');
    for (const client of clients) await client.command('GET', 'nothing');
    assert.equal(await server.info('keyspace_misses'), String(CLIENTS));
    assert.match((await server.info('cmdstat_get'))!, new RegExp(`^calls=${CLIENTS},`));
    await clients[3]!.text('CONFIG', 'RESETSTAT');
    assert.equal(await server.info('keyspace_misses'), '0');
    assert.equal(await server.info('cmdstat_get'), undefined);
  });

  test('PAUSE WRITE holds writers on every thread, UNPAUSE lets them go', async () => {
    // Longer than any client waits for its reply.
    await clients[0]!.text('CLIENT', 'PAUSE', '300000', 'WRITE');
    const writes = clients.slice(1).map((client, i) => client.text('SET', `p${i}`, '1'));
    assert.equal(await clients[0]!.text('PING'), 'PONG');
    assert.equal(await clients[0]!.text('EXISTS', 'p0', 'p1', 'p2'), '0');
    await clients[0]!.text('CLIENT', 'UNPAUSE');
    await Promise.all(writes);
  });

  test('KILL ends clients of other threads but not the asker', async () => {
    const [first, ...others] = clients;
    const [, second] = await ids();
    assert.equal(await first!.text('CLIENT', 'KILL', 'ID', String(second)), '1');
    await others[0]!.ended();
    await until('no other clients', async () => {
      const listed = await first!.text('CLIENT', 'LIST', 'TYPE', 'normal');
      return listed.trimEnd().split('\n').length === CLIENTS - 1 || listed;
    });
    assert.equal(await first!.text('CLIENT', 'KILL', 'TYPE', 'normal'), String(CLIENTS - 2));
    await Promise.all(others.map((client) => client.ended()));
    assert.equal(await first!.text('PING'), 'PONG');
    const own = await first!.text('CLIENT', 'ID');
    assert.equal(await first!.text('CLIENT', 'KILL', 'ID', own, 'SKIPME', 'no'), '1');
    await first!.ended();
    clients = [];
  });
});

/** How many sockets listen on a port: with io_uring and epoll each thread has one. */
function listeners(port: number): number {
  const LISTEN = '0A';
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'latin1').trim().split('\n').slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, address, , state]) => address!.endsWith(local) && state === LISTEN).length;
}

test('the first client that is served finds all threads there', {
  skip: darterMissing() || (process.platform !== 'linux' && 'not Linux'),
}, async (t) => {
  const server = await startDarter({ threads: 4, args: ['--bind', '127.0.0.1'] });
  const found = listeners(server.port);
  t.after(() => server.stop());
  if ((await server.info('multiplexing_api')) === 'libuv') return t.skip('one listener for all');
  assert.equal(found, 4);
});
