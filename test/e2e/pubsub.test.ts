/** Publish and subscribe over all threads of a server: order, counts, limits, and what is left. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { isList, type Reply, textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const THREADS = 3;
const SUBSCRIBERS = 9;
const PUBLISHERS = 4;
const MESSAGES = 300;
const NAMES = 30_000;
/** Names of one command. */
const BATCH = 1000;
/** More than a mailbox keeps for a thread that is behind. */
const FLOOD_MESSAGES = 90;
const MEBIBYTE = 1 << 20;

function words(reply: Reply): string[] {
  assert.ok(isList(reply), textOf(reply));
  return reply.items.map(textOf);
}

describe('publish and subscribe over threads', { skip: darterMissing() }, () => {
  let server: Server;

  before(async () => {
    const args = ['--placement', 'spread', '--enable-debug-command', 'yes'];
    server = await startDarter({ threads: THREADS, args });
  });
  after(() => server.stop());

  async function open(count: number): Promise<RawClient[]> {
    const clients: RawClient[] = [];
    for (let i = 0; i < count; i++) clients.push(await server.client());
    return clients;
  }

  async function field(name: string): Promise<number> {
    return Number(await server.info(name));
  }

  test('every subscriber gets all messages of a publisher in order', async () => {
    const subscribers = await open(SUBSCRIBERS);
    const publishers = await open(PUBLISHERS);
    const placed = await server.ask('CLIENT', 'LIST');
    const threads = new Set([...placed.matchAll(/io-thread=(\d+)/g)].map(([, thread]) => thread));
    assert.equal(threads.size, THREADS);
    for (const subscriber of subscribers) await subscriber.command('SUBSCRIBE', 'news');
    const counts = await Promise.all(
      publishers.map((publisher, p) =>
        publisher.pipeline(
          Array.from({ length: MESSAGES }, (_, i) => ['PUBLISH', 'news', `${p}:${i}`]),
        ),
      ),
    );
    assert.ok(counts.flat().every((count) => textOf(count) === String(SUBSCRIBERS)));
    for (const subscriber of subscribers) {
      const next = new Array<number>(PUBLISHERS).fill(0);
      for (const reply of await subscriber.replies(PUBLISHERS * MESSAGES)) {
        const [kind, channel, payload] = words(reply);
        assert.deepEqual([kind, channel], ['message', 'news']);
        const [publisher, number] = payload!.split(':').map(Number);
        assert.equal(number, next[publisher!]!++, `of publisher ${publisher}`);
      }
    }
    await Promise.all([...subscribers, ...publishers].map((client) => client.close()));
  });

  test('the sum of all answers is the number of messages delivered, while clients come and go', async () => {
    const publishers = await open(3);
    const subscribers = await open(6);
    let isOver = false;
    let begun = 0;
    let delivered = 0;
    const coming = subscribers.map(async (client) => {
      while (!isOver) {
        await client.command('SUBSCRIBE', 'busy');
        begun++;
        await sleep(Math.random() * 5);
        // Messages stand before the confirmation of the end.
        client.write('UNSUBSCRIBE busy\r\n');
        for (;;) {
          const [kind] = words((await client.replies(1))[0]!);
          if (kind === 'unsubscribe') break;
          assert.equal(kind, 'message');
          delivered++;
        }
      }
    });
    let answered = 0;
    await until('they come and go', () => begun > 2 * subscribers.length);
    const publishing = publishers.map(async (client) => {
      for (let i = 0; i < 200; i++) {
        const counts = await client.pipeline([
          ['PUBLISH', 'busy', `${i}`],
          ['PUBLISH', 'busy', `${i}`],
        ]);
        answered += counts.reduce((sum, count) => sum + Number(textOf(count)), 0);
      }
    });
    await Promise.all(publishing);
    isOver = true;
    await Promise.all(coming);
    assert.ok(answered > 0);
    // A message that is under way when its receiver leaves on another thread is counted, not delivered.
    assert.ok(delivered <= answered, `${delivered} delivered, ${answered} answered`);
    assert.ok(delivered >= answered / 2, `${delivered} delivered, ${answered} answered`);
    await Promise.all([...subscribers, ...publishers].map((client) => client.close()));
  });

  test('CLIENT LIST, CLIENT KILL and INFO know subscribers', async () => {
    const [client, other] = (await open(2)) as [RawClient, RawClient];
    for (const command of ['SUBSCRIBE a b', 'PSUBSCRIBE c*', 'SSUBSCRIBE d e f']) {
      client.write(`${command}\r\n`);
    }
    await client.replies(6);
    // Subscribers that have just gone may still be counted.
    await until('nobody else is subscribed', async () => {
      return (
        (await server.ask('CLIENT', 'LIST', 'TYPE', 'pubsub')).trimEnd().split('\n').length === 1
      );
    });
    await until('their names are gone too', async () => {
      const names = ['pubsub_channels', 'pubsub_patterns', 'pubsubshard_channels'];
      const counts: number[] = [];
      for (const name of names) counts.push(await field(name));
      return String(counts) === '2,1,3' || String(counts);
    });
    const line = await server.ask('CLIENT', 'LIST', 'TYPE', 'pubsub');
    assert.match(line, / flags=P .* sub=2 psub=1 ssub=3 /);
    assert.equal(line.trimEnd().split('\n').length, 1);
    assert.equal(await server.ask('CLIENT', 'KILL', 'TYPE', 'pubsub'), '1');
    await client.ended();
    assert.equal(textOf(await other.command('PUBLISH', 'a', 'x')), '0');
    await until('no name is left', async () => {
      return (await field('pubsub_channels')) + (await field('pubsub_patterns')) === 0;
    });
    await other.close();
  });

  test('a subscriber that does not read is closed at the limit of its class', async () => {
    const [slow, publisher] = (await open(2)) as [RawClient, RawClient];
    await slow.command('SUBSCRIBE', 'flood');
    slow.socket.pause();
    await publisher.text('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 4mb 0 0');
    const payload = Buffer.alloc(MEBIBYTE, 'x');
    await until('it is closed', async () => {
      return textOf(await publisher.command('PUBLISH', 'flood', payload)) === '0';
    });
    slow.socket.resume();
    await slow.ended();
    await publisher.text('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
    await publisher.close();
  });

  test('subscribers of a thread that was too far behind are closed', async () => {
    const clients = await open(3 * THREADS);
    const ids: string[] = [];
    for (const client of clients) ids.push(await client.text('CLIENT', 'ID'));
    const [subscriber, ...others] = clients as [RawClient, ...RawClient[]];
    await subscriber.text('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 0 0 0');
    await subscriber.command('SUBSCRIBE', 'flood');
    const payload = Buffer.alloc(MEBIBYTE, 'x');
    // On a busy machine the thread is awake again before all have been sent, or a client has moved.
    for (const seconds of ['3', '10', '30']) {
      const lines = (await server.ask('CLIENT', 'LIST')).split('\n');
      const [home, ...threads] = ids.map((id) => {
        const line = lines.find((candidate) => candidate.startsWith(`id=${id} `));
        return line === undefined ? undefined : /io-thread=(\d+)/.exec(line)![1]!;
      });
      // Its end was not here yet when the last round was over.
      if (home === undefined) break;
      const neighbour = others[threads.indexOf(home!)];
      const far = others[threads.findIndex((thread) => thread !== home)]!;
      const slept = neighbour?.command('DEBUG', 'SLEEP', seconds);
      await sleep(200);
      // At once: a round trip takes long on a busy machine.
      await far.pipeline(
        Array.from({ length: FLOOD_MESSAGES }, () => ['PUBLISH', 'flood', payload]),
      );
      await slept;
      await Promise.race([subscriber.ended(), sleep(1000, undefined, { ref: false })]);
      if (subscriber.closed) break;
    }
    await subscriber.ended();
    await server.logged(/Closing 1 subscribers/);
    const [publisher] = others;
    await publisher!.text('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
    assert.equal(textOf(await publisher!.command('PUBLISH', 'flood', 'x')), '0');
    await Promise.all(clients.map((client) => client.close()));
  });

  test('many names leave nothing behind', async () => {
    const clients = await open(THREADS);
    const before = await field('mem_subscriptions');
    for (const [c, client] of clients.entries()) {
      for (let from = 0; from < NAMES; from += BATCH) {
        const names = Array.from({ length: BATCH }, (_, i) => `name:${c}:${from + i}`);
        client.write(`SUBSCRIBE ${names.join(' ')}\r\n`);
        await client.replies(BATCH);
      }
    }
    assert.equal(await field('pubsub_channels'), NAMES * THREADS);
    const used = await field('mem_subscriptions');
    assert.ok(used < NAMES * THREADS * 150, `${used} bytes for ${NAMES * THREADS} names`);
    for (const client of clients.slice(1)) {
      client.write('UNSUBSCRIBE\r\n');
      await client.replies(NAMES);
    }
    // The first one leaves without a word.
    await clients[0]!.close();
    await until('the memory is given back', async () => {
      const left = (await field('mem_subscriptions')) - before;
      return left <= 8 * 65536 || `${left} bytes are left`;
    });
    assert.equal(await field('pubsub_channels'), 0);
    await Promise.all(clients.map((client) => client.close()));
  });
});
