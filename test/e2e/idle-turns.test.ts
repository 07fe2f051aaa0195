/** A thread on which clients wait sleeps too: it does not look every millisecond whether they still must. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const THREADS = 2;
const OBSERVED_MS = 1000;
/** A thread has 10 to 30 turns a second for its own background work, and 1000 if it polls. */
const TURNS_MAX_MS = 0.1 * THREADS;
const LONG_MS = '600000';

describe('turns while clients wait', { skip: darterMissing() }, () => {
  let server: Server;
  let admin: RawClient;

  before(async () => {
    server = await startDarter({ threads: THREADS, args: ['--placement', 'spread'] });
  });
  after(() => server.stop());
  beforeEach(async () => {
    admin = await server.client();
  });

  async function turns(): Promise<number> {
    const text = await admin.text('INFO', 'stats');
    return Number(/total_reads_processed:(\d+)/.exec(text)![1]);
  }

  async function assertQuiet(): Promise<void> {
    const [before, startMs] = [await turns(), performance.now()];
    await sleep(OBSERVED_MS);
    const count = (await turns()) - before;
    const passedMs = performance.now() - startMs;
    assert.ok(count < passedMs * TURNS_MAX_MS, `${count} turns in ${Math.round(passedMs)} ms`);
  }

  /** Clients of both threads send a command, and all of them wait. */
  async function waiting(
    ...words: string[]
  ): Promise<{ clients: RawClient[]; done: Promise<string[]> }> {
    const clients = await Promise.all(Array.from({ length: 6 }, () => server.client()));
    const done = Promise.all(clients.map((client) => client.text(...words)));
    await until('all wait', async () => {
      const text = await admin.text('INFO', 'clients');
      return text.includes(`blocked_clients:${clients.length}`) || text;
    });
    return { clients, done };
  }

  test('for the end of CLIENT PAUSE, and UNPAUSE ends that wait at once', async () => {
    await admin.text('CLIENT', 'PAUSE', LONG_MS, 'WRITE');
    const { clients, done } = await waiting('SET', 'k', 'v');
    await assertQuiet();
    await admin.text('CLIENT', 'UNPAUSE');
    assert.deepEqual(
      await done,
      clients.map(() => 'OK'),
    );
    await admin.text('CLIENT', 'PAUSE', '200', 'WRITE');
    assert.deepEqual(
      await Promise.all(clients.map((client) => client.text('SET', 'k', 'v'))),
      clients.map(() => 'OK'),
    );
    await Promise.all(clients.map((client) => client.close()));
  });

  test('for keys', async () => {
    const { clients, done } = await waiting('BLMOVE', 'from', 'to', 'LEFT', 'LEFT', '0');
    await assertQuiet();
    for (const _ of clients) await admin.text('RPUSH', 'from', 'x');
    assert.deepEqual(
      await done,
      clients.map(() => 'x'),
    );
    await Promise.all(clients.map((client) => client.close()));
  });

  test('for replicas and files that do not come', async () => {
    const { clients, done } = await waiting('WAIT', '1', '3000');
    await assertQuiet();
    assert.deepEqual(
      await done,
      clients.map(() => '0'),
    );
    await Promise.all(clients.map((client) => client.close()));
  });
});
