/** CONFIG SET of `port` and `bind` moves the listeners, as in Redis; what cannot be had changes nothing. */
import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RawClient } from '../support/client.js';
import { claimPort, releasePort } from '../support/ports.js';
import { textOf } from '../support/reply.js';
import {
  darterMissing,
  eitherMissing,
  type Server,
  startDarter,
  startRedis,
} from '../support/server.js';

/** An address that no machine has (TEST-NET-1). */
const NOWHERE = '192.0.2.1';
const TRIES = 8;

/** '+PONG' of each thread's listener, or 'refused'. */
async function answers(port: number, host = '127.0.0.1'): Promise<string> {
  try {
    // The system spreads clients over the listeners of all threads.
    const clients = await Promise.all(
      Array.from({ length: TRIES }, () => RawClient.connect({ host, port })),
    );
    const replies = await Promise.all(clients.map((client) => client.command('PING')));
    await Promise.all(clients.map((client) => client.close()));
    return [...new Set(replies.map(textOf))].join();
  } catch {
    return 'refused';
  }
}

/** The same steps on either server. @returns what each gave */
async function steps(server: Server, path: string): Promise<string[]> {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const takenPort = (taken.address() as AddressInfo).port;
  const [second, third] = [await claimPort(), await claimPort()];
  const admin = await RawClient.connect({ path });
  const old = await server.client();
  const seen: string[] = [];
  const set = async (...words: string[]): Promise<void> => {
    const reply = textOf(await admin.command('CONFIG', 'SET', ...words)).trimEnd();
    const now = textOf(await admin.command('CONFIG', 'GET', 'bind'));
    seen.push(reply, now);
    const ports = [server.port, second, third];
    for (const port of ports) seen.push(await answers(port));
  };
  await set('port', String(takenPort));
  await set('port', String(second));
  await set('bind', '127.0.0.1');
  await set('bind', NOWHERE);
  await set('bind', `127.0.0.1 ${NOWHERE}`);
  await set('bind', `127.0.0.1 -${NOWHERE}`);
  await set('port', String(third), 'bind', NOWHERE);
  await set('bind', '127.0.0.1 127.0.0.2', 'port', String(third));
  seen.push(await answers(third, '127.0.0.2'));
  await set('bind', '');
  await set('bind', '* -::*');
  await set('port', '0');
  await set('port', String(server.port));
  // Who was connected before stays, on whichever thread.
  seen.push(textOf(await old.command('PING')), textOf(await admin.command('PING')));
  await Promise.all([old.close(), admin.close()]);
  taken.close();
  for (const port of [second, third]) releasePort(port);
  return seen;
}

describe('listening elsewhere at run time', () => {
  test('as redis-server does it', { skip: eitherMissing() }, async () => {
    const results = await Promise.all(
      [startDarter, startRedis].map(async (start) => {
        const server = await start({ args: ['--unixsocket', 'darter.sock'] });
        try {
          return await steps(server, join(server.directory, 'darter.sock'));
        } finally {
          await server.stop();
        }
      }),
    );
    assert.deepEqual(results[0], results[1]);
  });

  test('with the other transports', { skip: darterMissing() }, async () => {
    for (const transport of ['epoll', 'portable']) {
      await using server = await startDarter({ args: ['--transport', transport] });
      const port = await claimPort();
      const admin = await server.client();
      await admin.text('CONFIG', 'SET', 'port', String(port));
      assert.equal(await answers(port), 'PONG', transport);
      assert.equal(await answers(server.port), 'refused', transport);
      await admin.text('CONFIG', 'SET', 'port', String(server.port));
      assert.equal(await answers(server.port), 'PONG', transport);
      await admin.close();
      releasePort(port);
    }
  });
});
