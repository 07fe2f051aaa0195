/**
 * Letting go of connections: a connection that is detached and adopted again and again, between two
 * threads, loses nothing, repeats nothing and keeps its order.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PortableTransport } from './portable/net.js';
import { checksum } from './testing/line-server.js';
import {
  Client,
  eventually,
  ServerThread,
  serve,
  unavailable,
} from './testing/transport-client.js';
import type { TransportName } from './transport.js';

after(() => ServerThread.stopAll());

const MOVES = 60;
const OUTSTANDING_MAX = 200;

interface Pair {
  readonly port: number;
  readonly first: ServerThread;
  readonly second: ServerThread;
}

/** Two threads, each of which gets what the other detaches. */
async function withPair(name: TransportName, body: (pair: Pair) => Promise<void>): Promise<void> {
  const { thread: first, port } = await serve(name);
  const { thread: second } = await serve(name);
  first.onDetached = (state) => void second.order({ order: 'resume', state });
  second.onDetached = (state) => void first.order({ order: 'resume', state });
  const descriptors = openDescriptors();
  await body({ port, first, second });
  await eventually(async () => {
    const counters = [await first.counters(), await second.counters()];
    return counters.every(({ live }) => live === 0);
  }, 'all connections closed');
  await eventually(async () => openDescriptors() <= descriptors, 'all descriptors closed');
  await first.stop();
  await second.stop();
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Moves every connection to and fro until `done`, which is told how many moves there were. */
async function keepMoving({ first, second }: Pair, done: (moves: number) => boolean) {
  for (let moves = 0; !done(moves); ) {
    const one = await first.order({ order: 'detachAll' });
    await sleep(Math.random() * 4);
    const other = await second.order({ order: 'detachAll' });
    await sleep(Math.random() * 4);
    moves = one.detached + other.detached;
  }
}

interface Request {
  readonly bytes: Uint8Array;
  /** What the reply's line begins with; `more` bytes follow. */
  readonly reply: string;
  readonly more: number;
}

function request(random: number, name: string): Request {
  if (random < 0.02) {
    const length = 1000 + Math.floor(random * 50 * 200_000);
    const body = Uint8Array.from({ length }, (_, i) => i * 31 + length);
    return {
      bytes: Uint8Array.from([...Buffer.from(`into ${length}\n`), ...body]),
      reply: `${length} ${checksum(body)}`,
      more: 0,
    };
  }
  if (random < 0.04) {
    const length = Math.floor((random - 0.02) * 50 * 3_000_000);
    return { bytes: line(`big ${length}\necho ${name}`), reply: name, more: length };
  }
  const text = `${name} ${'x'.repeat(Math.floor(random * 200))}`;
  return { bytes: line(`echo ${text}`), reply: text, more: 0 };
}

function line(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\n`);
}

/** Keeps many requests under way until `done`, and checks each reply. Returns how many there were. */
async function pipeline(client: Client, name: string, done: () => boolean): Promise<number> {
  const asked: Request[] = [];
  let replies = 0;
  let ended = false;
  let failed = false;
  const write = async () => {
    for (let i = 0; !done() && !failed; i++) {
      const next = request(Math.random(), `${name}-${i}`);
      asked.push(next);
      client.socket.write(next.bytes);
      if (i % 50 === 0) await sleep(1);
      while (asked.length - replies > OUTSTANDING_MAX && !failed) await sleep(1);
    }
    ended = true;
  };
  const read = async () => {
    while (!ended || replies < asked.length) {
      const next = asked[replies];
      if (next === undefined) {
        await sleep(1);
        continue;
      }
      if (next.more > 0) await client.read(next.more);
      assert.equal(await client.line(), next.reply);
      replies++;
    }
  };
  const reading = read().catch((error: unknown) => {
    failed = true;
    throw error;
  });
  await Promise.all([write(), reading]);
  return replies;
}

for (const name of ['uring', 'epoll'] as const) {
  describe(`detaching from transport ${name}`, { skip: unavailable(name) }, () => {
    test('loses and reorders nothing of clients that pipeline all the time', () =>
      withPair(name, async (pair) => {
        const clients = await Promise.all([0, 1, 2].map(() => Client.connect(pair.port)));
        let ended = false;
        const working = Promise.all(
          clients.map((client, i) => pipeline(client, `client-${i}`, () => ended)),
        );
        const moving = keepMoving(pair, (moves) => moves >= MOVES).finally(() => {
          ended = true;
        });
        const [counts] = await Promise.all([working, moving]);
        assert.ok(Math.min(...counts) > 100, `${counts} replies`);
        for (const client of clients) client.destroy();
      }));

    test('a peer that ends meanwhile gets its replies and is closed once', () =>
      withPair(name, async (pair) => {
        let ended = false;
        const moving = keepMoving(pair, () => ended);
        moving.catch(() => {});
        for (let round = 0; round < 60; round++) {
          const client = await Client.connect(pair.port);
          const lines = Array.from({ length: 300 }, (_, i) => `${round} ${i}`);
          client.socket.write(lines.map((text) => `echo ${text}\n`).join(''));
          if (round % 3 === 0) client.socket.end();
          for (const text of lines) assert.equal(await client.line(), text);
          if (round % 3 === 0) assert.equal((await client.rest()).length, 0);
          else if (round % 3 === 1) client.socket.resetAndDestroy();
          else client.destroy();
        }
        ended = true;
        await moving;
        await eventually(async () => {
          const [one, other] = [await pair.first.counters(), await pair.second.counters()];
          return one.reasons.length + other.reasons.length === 60;
        }, 'each closed once');
        const [one, other] = [await pair.first.counters(), await pair.second.counters()];
        assert.equal(one.accepted + other.accepted, 60 + one.detached + other.detached);
      }));

    test('a slow reader is let go when it has taken its reply', () =>
      withPair(name, async (pair) => {
        const client = await Client.connect(pair.port);
        client.socket.pause();
        const length = 20 * 1024 * 1024;
        client.socket.write(`big ${length}\necho after\n`);
        await eventually(
          async () => (await pair.first.counters()).unsent > 0,
          'a send left bytes behind',
        );
        await pair.first.order({ order: 'detachAll' });
        await sleep(50);
        assert.equal((await pair.first.counters()).detached, 0);
        client.socket.resume();
        await client.read(length);
        assert.equal(await client.line(), 'after');
        await eventually(async () => (await pair.second.counters()).live === 1, 'adopted');
        assert.equal(await client.ask('echo there'), 'there');
        client.destroy();
      }));

    test('closing takes the request back', () =>
      withPair(name, async (pair) => {
        for (let round = 0; round < 5; round++) {
          const client = await Client.connect(pair.port);
          client.socket.write(`echo ${round}\nregret\necho never\n`);
          assert.equal((await client.rest()).length, 0);
          client.destroy();
        }
        const { accepted, detached, reasons } = await pair.first.counters();
        assert.deepEqual([accepted, detached, reasons], [5, 0, []]);
      }));
  });
}

test('the portable transport gives no descriptors away', () => {
  assert.throws(() => new PortableTransport(() => {}).detach(), { code: 'ENOTSUP' });
});
