/** Threads that publish and subscribe, in one process: their messages to each other wait in a queue. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { Region, toBinary } from '../../base/region.js';
import {
  CHANNEL,
  type NameKind,
  PATTERN,
  SHARD_CHANNEL,
} from '../../commands/contract/pubsub-port.js';
import { ControlBlock } from '../../memory/control.js';
import { ControlLayout } from '../../memory/control-layout.js';
import { matchGlob } from '../../protocol/glob.js';
import { Arguments } from '../../protocol/parser.js';
import { Reply } from '../../protocol/reply.js';
import { ClientSession } from '../session.js';
import * as counters from './counters.js';
import { SubscriptionDirectory } from './directory.js';
import { PubSub } from './pubsub.js';

const THREADS = 3;
const DIRECTORY_BYTES = 64 << 20;
const SPACE_BYTES = 1 << 20;

interface World {
  readonly control: ControlBlock;
  readonly directories: SubscriptionDirectory[];
  readonly threads: TestThread[];
  /** Messages between threads that have not arrived. */
  readonly mail: { to: number; bytes: Region }[];
}

let world: World;

/** One thread with its clients, and what each has got. */
class TestThread {
  readonly args = new Arguments();
  session = new ClientSession(0, -1, '', '', 0, () => true);
  readonly got = new Map<ClientSession, string[]>();
  readonly pubsub: PubSub;
  private staged = '';

  constructor(thread: number, directory: SubscriptionDirectory, mail: World['mail']) {
    this.pubsub = new PubSub({
      thread,
      threads: THREADS,
      directory,
      output: {
        stage: (region, offset, length) => {
          this.staged = toBinary(region, offset, length);
        },
        pushStaged: (session) => {
          this.got.get(session)!.push(this.staged);
          return true;
        },
      },
      command: this,
      reply: new Reply(regionOf('')),
      send: (to, message, length) => mail.push({ to, bytes: copy(message, length) }),
      replicate: () => {},
      monitored: () => {},
      events: { isPending: false, flush: () => {} },
    });
  }

  client(protocol: 2 | 3 = 2): ClientSession {
    const session = new ClientSession(this.got.size + 1, 0, '', '', 0, () => true);
    session.protocol = protocol;
    this.got.set(session, []);
    return session;
  }

  as(session: ClientSession, ...words: string[]): this {
    this.session = session;
    const text = words.join('');
    this.args.region = regionOf(text);
    this.args.count = 0;
    let at = 0;
    for (const word of words) {
      this.args.push(at, word.length);
      at += word.length;
    }
    return this;
  }

  subscribe(session: ClientSession, kind: NameKind, name: string): boolean {
    return this.as(session, 'subscribe', name).pubsub.subscribe(kind, 1);
  }

  unsubscribe(session: ClientSession, kind: NameKind, name: string): void {
    this.as(session, 'unsubscribe', name).pubsub.unsubscribe(kind, 1);
  }

  publish(kind: NameKind, channel: string, payload: string): number {
    return this.as(this.session, 'publish', channel, payload).pubsub.publish(kind);
  }

  takeGot(session: ClientSession): string[] {
    return this.got.get(session)!.splice(0);
  }
}

function regionOf(text: string): Region {
  const region = new Region(new SharedArrayBuffer((text.length + 15) & ~7), 0);
  region.bytes.set(Buffer.from(text, 'latin1'));
  return region;
}

function copy(from: Region, length: number): Region {
  return regionOf(toBinary(from, 0, length));
}

function deliverAll(): void {
  for (const { to, bytes } of world.mail.splice(0)) world.threads[to]!.pubsub.receive(bytes, 0);
}

function message(channel: string, payload: string): string {
  return `*3\r\n$7\r\nmessage\r\n$${channel.length}\r\n${channel}\r\n$${payload.length}\r\n${payload}\r\n`;
}

beforeEach(() => {
  const layout = new ControlLayout(Object.values(counters));
  const control = ControlBlock.create(layout, THREADS, 0);
  const region = new Region(new SharedArrayBuffer(DIRECTORY_BYTES), 0);
  SubscriptionDirectory.format(region, control, [1, 2]);
  const mail: World['mail'] = [];
  const directories = Array.from(
    { length: THREADS },
    (_, thread) => new SubscriptionDirectory(region, control, thread),
  );
  const threads = directories.map((directory, i) => new TestThread(i, directory, mail));
  world = { control, directories, threads, mail };
});

test('a message reaches subscribers of all threads, once each, and the number is right', () => {
  const [one, two, three] = world.threads as [TestThread, TestThread, TestThread];
  const clients = world.threads.map((thread) => thread.client());
  for (const [i, thread] of world.threads.entries()) thread.subscribe(clients[i]!, CHANNEL, 'news');
  const second = two.client(3);
  two.subscribe(second, CHANNEL, 'news');
  assert.equal(three.publish(CHANNEL, 'news', 'hello'), 4);
  deliverAll();
  assert.deepEqual(one.takeGot(clients[0]!), [message('news', 'hello')]);
  assert.deepEqual(two.takeGot(clients[1]!), [message('news', 'hello')]);
  assert.deepEqual(two.takeGot(second), [message('news', 'hello').replace('*', '>')]);
  assert.deepEqual(three.takeGot(clients[2]!), [message('news', 'hello')]);
});

test('who subscribes while a message is under way does not get it', () => {
  const [one, two] = world.threads as [TestThread, TestThread];
  const early = two.client();
  const late = two.client();
  two.subscribe(early, CHANNEL, 'news');
  assert.equal(one.publish(CHANNEL, 'news', 'm'), 1);
  two.subscribe(late, CHANNEL, 'news');
  deliverAll();
  assert.deepEqual(two.takeGot(early), [message('news', 'm')]);
  assert.deepEqual(two.takeGot(late), []);
});

test('a list whose number is used again gets no message of the one before', () => {
  const [one, two] = world.threads as [TestThread, TestThread];
  const client = two.client();
  two.subscribe(client, CHANNEL, 'old');
  assert.equal(one.publish(CHANNEL, 'old', 'm'), 1);
  two.unsubscribe(client, CHANNEL, 'old');
  two.subscribe(client, CHANNEL, 'new');
  deliverAll();
  assert.deepEqual(two.takeGot(client), []);
});

test('the messages of patterns follow that of the channel', () => {
  const [one, two] = world.threads as [TestThread, TestThread];
  const client = two.client();
  two.subscribe(client, PATTERN, 'n*');
  two.subscribe(client, CHANNEL, 'news');
  two.subscribe(client, PATTERN, 'x*');
  assert.equal(one.publish(CHANNEL, 'news', 'm'), 2);
  assert.equal(one.publish(SHARD_CHANNEL, 'news', 'm'), 0);
  deliverAll();
  const got = two.takeGot(client);
  assert.equal(got[0], message('news', 'm'));
  assert.match(got[1]!, /^\*4\r\n\$8\r\npmessage\r\n\$2\r\nn\*\r\n\$4\r\nnews\r\n\$1\r\nm\r\n$/);
  assert.equal(got.length, 2);
});

test('a client that is gone leaves nothing behind', () => {
  const [one] = world.threads as [TestThread];
  const client = one.client();
  for (let i = 0; i < 20_000; i++) one.subscribe(client, CHANNEL, `channel-${i}`);
  one.subscribe(client, PATTERN, 'p*');
  const used = world.control.word(counters.DIRECTORY_PAGES).load();
  assert.ok(used > 100, `${used} pages`);
  assert.equal(one.pubsub.names(CHANNEL), 20_000);
  one.pubsub.release(client);
  assert.equal(client.subscriptions, null);
  assert.equal(one.pubsub.names(CHANNEL), 0);
  assert.equal(one.pubsub.names(PATTERN), 0);
  for (let i = 0; i < 1000 && world.directories[0]!.names.isSparse; i++) {
    world.directories[1]!.maintain();
  }
  world.directories[0]!.names.check();
  const left = world.control.word(counters.DIRECTORY_PAGES).load();
  assert.ok(left <= 4, `${left} pages are left`);
});

test('without room for a name nothing changes', () => {
  const layout = new ControlLayout(Object.values(counters));
  const control = ControlBlock.create(layout, THREADS, 0);
  const region = new Region(new SharedArrayBuffer(SPACE_BYTES), 0);
  SubscriptionDirectory.format(region, control, [1, 2]);
  const directory = new SubscriptionDirectory(region, control, 0);
  const thread = new TestThread(0, directory, []);
  const client = thread.client();
  let names = 0;
  while (thread.subscribe(client, CHANNEL, `${names}-${'x'.repeat(1000)}`)) names++;
  assert.ok(names > 100, `${names} names`);
  assert.equal(client.subscriptions!.of(CHANNEL).size, names);
  assert.equal(thread.pubsub.names(CHANNEL), names);
  assert.equal(thread.publish(CHANNEL, `0-${'x'.repeat(1000)}`, 'm'), 1);
  directory.names.check();
  thread.pubsub.release(client);
  assert.equal(thread.pubsub.names(CHANNEL), 0);
});

/** A model: who is subscribed to what. */
class Model {
  readonly subscribed = new Map<ClientSession, Set<string>>();

  set(session: ClientSession): Set<string> {
    const set = this.subscribed.get(session) ?? new Set<string>();
    this.subscribed.set(session, set);
    return set;
  }

  receivers(kind: NameKind, channel: string): number {
    let count = 0;
    for (const names of this.subscribed.values()) {
      for (const name of names) {
        const own = name.slice(1);
        if (name[0] === String(kind) && own === channel) count++;
        if (kind === CHANNEL && name[0] === String(PATTERN) && matches(own, channel)) count++;
      }
    }
    return count;
  }
}

function matches(pattern: string, subject: string): boolean {
  const [p, s] = [regionOf(pattern), regionOf(subject)];
  return matchGlob(p, 0, pattern.length, s, 0, subject.length, false);
}

test('random clients of all threads: every answer of PUBLISH is what was delivered', () => {
  const step = fc.record({
    thread: fc.nat(THREADS - 1),
    client: fc.nat(3),
    action: fc.constantFrom('subscribe', 'subscribe', 'unsubscribe', 'publish', 'release'),
    kind: fc.constantFrom<NameKind>(CHANNEL, PATTERN, SHARD_CHANNEL),
    name: fc.constantFrom('a', 'b', 'ab', 'a*', '?', 'x'.repeat(9000)),
  });
  const clients = world.threads.map((thread) =>
    Array.from({ length: 4 }, (_, i) => thread.client(i % 2 === 0 ? 2 : 3)),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const { thread: number, client, action, kind, name } of steps) {
        const thread = world.threads[number]!;
        const session = clients[number]![client]!;
        if (action === 'subscribe') {
          assert.ok(thread.subscribe(session, kind, name));
          model.set(session).add(kind + name);
        } else if (action === 'unsubscribe') {
          thread.unsubscribe(session, kind, name);
          model.set(session).delete(kind + name);
        } else if (action === 'release') {
          thread.pubsub.release(session);
          model.set(session).clear();
        } else if (kind !== PATTERN) {
          assert.equal(thread.publish(kind, name, 'm'), model.receivers(kind, name));
          deliverAll();
          const got = clients.flatMap((row, i) =>
            row.flatMap((other) => world.threads[i]!.takeGot(other)),
          );
          assert.equal(got.length, model.receivers(kind, name));
        }
      }
      for (const [i, row] of clients.entries()) {
        for (const session of row) world.threads[i]!.pubsub.release(session);
      }
      assert.equal(world.threads[0]!.pubsub.names(CHANNEL), 0);
    }),
    { numRuns: 60 },
  );
});
