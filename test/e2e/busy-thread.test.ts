/** A thread in a command of minutes: its own clients wait, whoever comes anew does not. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const skip = darterMissing();
/** Longer than the test. */
const SLEEP_SECONDS = '300';
const CLIENTS = 40;

/** Puts the thread that serves new clients to sleep. @returns whether it still sleeps */
async function putToSleep(server: Server): Promise<() => boolean> {
  const sleeper = await server.client();
  let isAsleep = true;
  const over = () => {
    isAsleep = false;
  };
  const commands = [
    ['SET', 'begun', '1'],
    ['DEBUG', 'SLEEP', SLEEP_SECONDS],
  ];
  sleeper.pipeline(commands).then(over, over);
  await until('the thread sleeps', () => isSeenByOthers(server));
  return () => isAsleep;
}

/** Whom the thread accepts in the turn in which it goes to sleep, its own clients, get no answer. */
async function isSeenByOthers(server: Server): Promise<boolean> {
  const client = await server.client();
  const begun = client.text('GET', 'begun').catch(() => 'closed');
  return (await Promise.race([begun, delay(200, 'nothing yet')])) === '1';
}

function connectAll(server: Server, path?: string): Promise<RawClient[]> {
  const options = path === undefined ? {} : { path };
  return Promise.all(Array.from({ length: CLIENTS }, () => server.client(options)));
}

async function start(t: TestContext, transport: string): Promise<Server> {
  const server = await startDarter({
    args: ['--transport', transport, '--enable-debug-command', 'yes', '--unixsocket', 'socket'],
  });
  t.after(async () => {
    // A thread that sleeps does not wind itself up.
    server.child.kill('SIGKILL');
    await server.stop();
  });
  return server;
}

for (const transport of ['auto', 'epoll']) {
  test(`while a thread is in a long command, new clients are served by another, transport ${transport}`, {
    skip,
  }, async (t) => {
    const server = await start(t, transport);
    const isAsleep = await putToSleep(server);
    const clients = [
      ...(await connectAll(server)),
      ...(await connectAll(server, join(server.directory, 'socket'))),
    ];
    // Some have come before the thread was known to be away, others come now.
    const replies = await Promise.all(clients.map((client) => client.text('PING')));
    const later = await connectAll(server);
    replies.push(...(await Promise.all(later.map((client) => client.text('PING')))));
    assert.deepEqual([...new Set(replies)], ['PONG']);
    assert.equal(isAsleep(), true);
  });
}
