/**
 * Keyspace notifications: random commands raise the same events, in the same order, as on
 * redis-server. After each command a message on a channel of its own tells where its events end.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeAll, type RawClient } from '../support/client.js';
import { converse, type Step } from '../support/conversation.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isList, type Reply, textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { data, makeSequence, type Sequence } from './sequence.js';

const STEPS = Number(process.env.DARTER_DIFFERENTIAL_EVENTS ?? 4000);
const SEQUENCE_STEPS = 500;
const SHOWN_MAX = 10;
const TIMEOUT_MS = 120_000;

/** A message as 'channel payload', a pattern's as well. */
function shown(reply: Reply): string {
  assert.ok(isList(reply), textOf(reply));
  const words = reply.items.map(textOf);
  return JSON.stringify(words.slice(words[0] === 'pmessage' ? 2 : 1));
}

/** The events of a sequence, each step's under its number. */
async function eventsOf(server: Server, sequence: Sequence, classes: string): Promise<string[]> {
  const clients: RawClient[] = [];
  const subscriber = await server.client();
  try {
    await server.ask('FLUSHALL');
    await server.ask('CONFIG', 'SET', 'notify-keyspace-events', classes);
    for (const protocol of sequence.protocols) {
      const client = await server.client();
      if (protocol === 3) await client.command('HELLO', '3');
      clients.push(client);
    }
    subscriber.write(encodeAll([['PSUBSCRIBE', '__key*__:*']]));
    subscriber.write(encodeAll([['SUBSCRIBE', 'step', 'end']]));
    await subscriber.replies(3);
    for (const [number, { connection, args }] of sequence.steps.entries()) {
      const client = clients[connection]!;
      await client.pipeline([args, ['PUBLISH', 'step', `${number} ${args.join(' ')}`]]);
    }
    for (const client of clients) await client.close();
    await server.ask('PUBLISH', 'end', '');
    return await untilEnd(subscriber);
  } finally {
    await Promise.all([...clients, subscriber].map((client) => client.close()));
  }
}

async function untilEnd(subscriber: RawClient): Promise<string[]> {
  const end = JSON.stringify(['end', '']);
  const endMs = Date.now() + TIMEOUT_MS;
  for (;;) {
    const { unexpected } = subscriber;
    const last = unexpected[unexpected.length - 1];
    if (last !== undefined && shown(last) === end) return unexpected.splice(0).map(shown);
    assert.ok(Date.now() < endMs, 'the last message has not come');
    await sleep(5);
  }
}

/** The lines of both servers that belong to the first steps whose events differ. */
function differences(own: readonly string[], their: readonly string[]): string[] {
  const theirs = byStep(their);
  const found = byStep(own).flatMap((step, i) => {
    const other = theirs[i] ?? 'nothing';
    return step === other ? [] : [`ours: ${step}  theirs: ${other}`];
  });
  return found.slice(0, SHOWN_MAX);
}

function byStep(lines: readonly string[]): string[] {
  const steps: string[] = [];
  let events = '';
  for (const line of lines) {
    if (line.startsWith('["step"')) {
      steps.push(`${line}${events}`);
      events = '';
    } else {
      events += ` ${line}`;
    }
  }
  return [...steps, events];
}

function without(sequence: Sequence, isLeftOut: (name: string) => boolean): Sequence {
  const steps = sequence.steps.filter(({ args }) => !isLeftOut(args[0]!.toUpperCase()));
  return { ...sequence, steps };
}

const scripts: Readonly<Record<string, readonly Step[]>> = {
  'only the classes named, on the channels named': [
    [1, 'PSUBSCRIBE __key*__:*'],
    [0, 'CONFIG SET notify-keyspace-events El', 'SET a 1', 'LPUSH l 1', 'DEL l'],
    [0, 'CONFIG SET notify-keyspace-events Kg$', 'SET a 1', 'LPUSH l 1', 'DEL l'],
    [0, 'CONFIG SET notify-keyspace-events A', 'SET a 1', 'DEL a'],
    [0, 'CONFIG SET notify-keyspace-events ""', 'SET a 1', 'DEL a'],
    [0, 'CONFIG SET notify-keyspace-events Km', 'GET a', 'CONFIG GET notify-keyspace-events'],
    [0, 'CONFIG SET notify-keyspace-events AmEKx', 'CONFIG GET notify-keyspace-events'],
    [0, 'CONFIG SET notify-keyspace-events zdhKm', 'CONFIG GET notify-keyspace-events'],
    [0, 'CONFIG SET notify-keyspace-events KEq'],
  ],
  'events and messages of a transaction keep their order': [
    [0, 'CONFIG SET notify-keyspace-events KEA'],
    [1, 'SUBSCRIBE __keyevent@0__:set m'],
    [0, 'MULTI', 'SET a 1', 'PUBLISH m one', 'SET b 1', 'PUBLISH m two', 'SET c 1', 'EXEC'],
  ],
};

describe('keyspace notifications', { skip: eitherMissing() }, () => {
  let ours: Server;
  let theirs: Server;

  before(async () => {
    const args = ['--enable-debug-command', 'yes'];
    [ours, theirs] = await Promise.all([startDarter({ threads: 2, args }), startRedis({ args })]);
  });
  after(() => Promise.all([ours.stop(), theirs.stop()]));

  for (const [name, steps] of Object.entries(scripts)) {
    test(name, async () => {
      await Promise.all([ours.ask('FLUSHALL'), theirs.ask('FLUSHALL')]);
      const [own, their] = await Promise.all([
        converse(ours.port, 2, steps),
        converse(theirs.port, 2, steps),
      ]);
      const shownOf = (line: string) => line.replace(/(id\\r\\n):\d+/, '$1');
      assert.deepEqual(own.map(shownOf), their.map(shownOf));
    });
  }

  test('an expired key is told once', async () => {
    for (const server of [ours, theirs]) {
      const [subscriber, client] = [await server.client(), await server.client()];
      await client.command('CONFIG', 'SET', 'notify-keyspace-events', 'KEx');
      await subscriber.command('PSUBSCRIBE', '__key*__:*');
      for (const key of ['a', 'b']) await client.command('SET', key, '1', 'PX', '50');
      await sleep(100);
      await client.command('GET', 'a');
      const told = (await subscriber.replies(4)).map(shown).sort();
      await sleep(200);
      assert.deepEqual(told, [
        '["__keyevent@0__:expired","a"]',
        '["__keyevent@0__:expired","b"]',
        '["__keyspace@0__:a","expired"]',
        '["__keyspace@0__:b","expired"]',
      ]);
      assert.equal(subscriber.unexpected.length, 0);
      await Promise.all([subscriber.close(), client.close()]);
    }
  });

  test('a subscribed client gets the events of a command of its own before the reply', async () => {
    // Redis writes some of them before and some behind it, depending on the command.
    const [, first, second] = await converse(ours.port, 1, [
      [0, 'HELLO 3', 'CONFIG SET notify-keyspace-events EA', 'PSUBSCRIBE __keyevent*__:*'],
      [0, 'DEL l', 'LPUSH l 1 2'],
      [0, 'LPOP l 2'],
    ]);
    assert.match(first!, /__:lpush\\r\\n\$1\\r\\nl\\r\\n:2\\r\\n"$/);
    assert.match(second!, /__:lpop.*__:del\\r\\n\$1\\r\\nl\\r\\n\*2\\r\\n\$1\\r\\n2.*1\\r\\n"$/);
  });

  const seed = seedFromEnvironment();
  for (const classes of ['AKE', 'AKEmn']) {
    test(`${STEPS} random commands with ${classes}, DARTER_SEED=${seed}`, async () => {
      for (let from = 0; from < STEPS; from += SEQUENCE_STEPS) {
        const random = new Random(seed + from);
        const sequence = without(makeSequence(random, SEQUENCE_STEPS, data), (name) =>
          name.startsWith('@'),
        );
        const [own, their] = await Promise.all([
          eventsOf(ours, sequence, classes),
          eventsOf(theirs, sequence, classes),
        ]);
        assert.deepEqual(differences(own, their), []);
      }
    });
  }
});
