/**
 * Whole requests through the network layer, the dispatcher and a keyspace: damaged or not, cut
 * anywhere, their shards taken now and then by another thread. The replies must be well-formed and
 * the same as to a stream that came whole, no exception may happen, no lock stay, and another client
 * must get its answers all the while.
 */
import assert from 'node:assert/strict';
import { Region } from '../../../src/base/region.js';
import type { CommandDefinition } from '../../../src/commands/contract/definition.js';
import { isContainerDefinition } from '../../../src/commands/contract/definition.js';
import type { ServerPort } from '../../../src/commands/contract/server-port.js';
import { ReplyDecoder } from '../../../src/commands/contract/test-decoder.js';
import { commandModules } from '../../../src/commands/index.generated.js';
import { definitionsOf } from '../../../src/engine/definitions.js';
import { ClientSession } from '../../../src/engine/session.js';
import { createShards, lockedShards, openShards, TestEngine } from '../../../src/engine/testing.js';
import type { Shards } from '../../../src/keyspace/shards.js';
import { Frontend } from '../../../src/net/frontend.js';
import type { FrontendPolicy } from '../../../src/net/policy.js';
import { quietPolicy } from '../../../src/net/testing.js';
import { ClientsTransport } from '../../../src/net/testing-clients.js';
import type { Random } from '../../support/random.js';
import type { FuzzTarget } from '../fuzz.js';
import { damage, encode, inlineWord, randomCuts, randomWord } from '../requests.js';

const SHARDS = 4;
const PING = encode(['PING']);
const PONG = '+PONG\r\n';
const GROUPS = ['string', 'bitmap', 'generic', 'transactions', 'connection'];
/** What chance answers, and what asks ports that are not here. */
const LEFT_OUT = /^(randomkey|wait|waitaof|migrate|auth|hello|client|client\|.*)$/;
const KEYS = ['a', 'b', 'c', '{a}1', '{a}2', '', 'key:with:a:long:name:that:goes:on'];
const VALUES = [
  ...['0', '1', '-1', '2', '7', '63', '100', '1000', '65536', '4294967295', '9223372036854775807'],
  ...['-9223372036854775808', '1.5', '1e3', 'nan', 'x', 'u8', 'i16', 'u63', '#1', '*', '?', '[ab]'],
];
const OPTIONS = [
  ...['NX', 'XX', 'GT', 'GET', 'SET', 'INCRBY', 'EX', 'PX', 'EXAT', 'KEEPTTL', 'PERSIST', 'MATCH'],
  ...['COUNT', 'TYPE', 'AND', 'XOR', 'NOT', 'BYTE', 'BIT', 'LEN', 'IDX', 'WITHMATCHLEN', 'REPLACE'],
  ...['DB', 'ASYNC', 'SYNC', 'OVERFLOW', 'SAT', 'FAIL', 'ENCODING', 'FREQ', 'IDLETIME', 'string'],
];

const definitions = definitionsOf(commandModules).filter(
  ({ name, group }) => (GROUPS.includes(group) && !LEFT_OUT.test(name)) || name.startsWith('flush'),
) as CommandDefinition[];
const names = definitions
  .filter((definition) => !isContainerDefinition(definition))
  .map(({ name, arity }) => ({ words: name.split('|'), arity }));

/** All worlds have the same: the garbage collector does not see how large they are. */
const SHARED = createShards(SHARDS);

/** One server of one thread, and another thread that only takes locks. */
class World {
  readonly transport = new ClientsTransport();
  readonly engine: TestEngine;
  readonly other: Shards;
  private readonly failures: string[] = [];
  /** Asks before and after every arrival of the client under test. */
  private readonly bystander: number;
  private asked = 0;
  /** The shard that the other thread has locked, or -1. */
  private taken = -1;

  constructor() {
    this.other = openShards(SHARED, 1);
    // A command that locks as it goes waits until the other thread has done.
    this.engine = new TestEngine(SHARED, 0, definitions, 1, { waiting: () => this.giveBack() });
    const { dispatcher, reply } = this.engine;
    Object.assign(dispatcher.server, {
      configuration: { value: () => 'noeviction' },
      pubsub: { leave: () => {} },
      tracking: { disable: () => {} },
    } as unknown as Partial<ServerPort>);
    const region = (bytes: number) => new Region(new SharedArrayBuffer((bytes + 7) & ~7), 0);
    const { transport } = this;
    const frontend = new Frontend(transport.asTransport, dispatcher, reply, this.policy(), region);
    transport.handler = frontend;
    this.bystander = transport.connect();
  }

  private policy(): FrontendPolicy<ClientSession> {
    const { engine, failures } = this;
    return {
      ...quietPolicy((slot) => new ClientSession(slot, slot, '127.0.0.1:1', '', 0, () => true)),
      released: (session) => engine.dispatcher.server.transactions.unwatchAll(session),
      beginTurn: () => engine.turn(),
      background: () => {
        engine.dispatcher.server.transactions.unwatchLeft();
        return 100;
      },
      bulkBytesMax: 1 << 29,
      queryBytesMax: 1 << 20,
      failed: (doing, error) => failures.push(`${doing}: ${(error as Error).stack}`),
    };
  }

  private take(shard: number): void {
    assert.ok(this.other.tryLock(shard));
    this.taken = shard;
  }

  private giveBack(): void {
    if (this.taken >= 0) this.other.unlock(this.taken);
    this.taken = -1;
  }

  private askBystander(): void {
    this.transport.receive(this.bystander, PING);
    this.asked++;
  }

  /** Sends the pieces one after the other. @returns all that the client got */
  talk(pieces: readonly string[], isContended: () => boolean): string {
    const { transport } = this;
    const slot = transport.connect();
    transport.receive(slot, encode(['FLUSHALL']));
    transport.settle();
    for (const piece of pieces) {
      if (isContended()) this.take(this.asked % SHARDS);
      if (!transport.peers[slot]!.closed) transport.receive(slot, piece);
      this.askBystander();
      transport.turn();
      this.giveBack();
      transport.turn();
    }
    transport.settle();
    const { sent, closed } = transport.peers[slot]!;
    if (!closed) transport.handler.closed(slot, 0);
    transport.settle();
    transport.peers[slot] = Object.assign(transport.peers[slot]!, { sent: '' });
    this.check();
    return sent;
  }

  private check(): void {
    const { transport, engine } = this;
    const failures = [...this.failures, ...engine.failures.map((error) => (error as Error).stack)];
    this.failures.length = 0;
    engine.failures.length = 0;
    assert.deepEqual(failures, []);
    assert.deepEqual(lockedShards(this.other), []);
    const peer = transport.peers[this.bystander]!;
    assert.equal(peer.sent, PONG.repeat(this.asked), 'the other client is answered');
    peer.sent = '';
    this.asked = 0;
  }
}

let world = new World();
let uses = 0;
/** A world keeps a record of each client. */
const USES_MAX = 100;

function randomArgument(random: Random): string {
  const kind = random.below(20);
  if (kind < 8) return random.pick(KEYS);
  if (kind < 14) return random.pick(VALUES);
  if (kind < 19) return random.pick(OPTIONS);
  return randomWord(random);
}

function randomVector(random: Random): string[] {
  const { words, arity } = random.pick(names);
  const least = Math.abs(arity) - words.length;
  const more = arity < 0 || random.chance(0.1) ? random.below(5) : 0;
  const rest = Array.from({ length: Math.max(0, least + more) }, () => randomArgument(random));
  return [...words, ...rest];
}

/** Fails when the bytes are no sequence of whole replies. */
function checkReplies(text: string): void {
  const decoder = new ReplyDecoder(text);
  while (decoder.position < text.length) decoder.next();
}

export const target: FuzzTarget = {
  name: 'requests',
  summary: 'Requests, damaged or not, go through network layer, dispatcher and keyspace.',
  run(random: Random) {
    if (++uses % USES_MAX === 0) world = new World();
    const vectors = Array.from({ length: random.between(1, 12) }, () => randomVector(random));
    let text = vectors
      .map((vector) =>
        random.chance(0.1)
          ? `${vector.map((word) => inlineWord(random, word)).join(' ')}\r\n`
          : encode(vector),
      )
      .join('');
    if (random.chance(0.3)) text = damage(random, text);
    const expected = world.talk([text], () => false);
    checkReplies(expected);
    let from = 0;
    const pieces = randomCuts(random, text.length).map((cut) => {
      const piece = text.slice(from, cut);
      from = cut;
      return piece;
    });
    const got = world.talk(
      pieces.filter((piece) => piece !== ''),
      () => random.chance(0.05),
    );
    assert.equal(got, expected, 'the same replies, however the stream is cut');
  },
};
