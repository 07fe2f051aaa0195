/** Publish and subscribe with several clients: what each of them gets, compared with redis-server. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { converse, type Step } from '../support/conversation.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';

const scripts: Readonly<Record<string, readonly Step[]>> = {
  'messages, patterns and counts': [
    [0, 'SUBSCRIBE a b'],
    [1, 'PSUBSCRIBE a*'],
    [2, 'PUBLISH a one', 'PUBLISH b two', 'PUBLISH ab three', 'PUBLISH c four'],
    [2, 'PUBSUB NUMSUB a b c', 'PUBSUB NUMPAT'],
    [0, 'UNSUBSCRIBE a'],
    [2, 'PUBLISH a five', 'PUBLISH b six'],
    [0, 'UNSUBSCRIBE', 'GET x'],
    [1, 'PUNSUBSCRIBE a*', 'GET x'],
    [2, 'PUBLISH a seven', 'PUBSUB CHANNELS', 'PUBSUB NUMPAT'],
  ],
  'RESP3 gets pushes, in the midst of replies': [
    [0, 'HELLO 3', 'SUBSCRIBE a', 'GET x'],
    [1, 'PUBLISH a one'],
    [0, 'PUBLISH a two', 'GET x', 'PUBLISH b three'],
    [0, 'MULTI', 'PUBLISH a four', 'SUBSCRIBE b', 'PUBLISH b five', 'GET x', 'EXEC'],
    [1, 'MULTI', 'PUBLISH a six', 'PUBLISH b seven', 'EXEC'],
    [0, 'HELLO 2', 'GET x', 'PING hi'],
    [1, 'PUBLISH a eight'],
    [0, 'RESET', 'GET x'],
    [1, 'PUBLISH a nine'],
  ],
  'shard channels are apart': [
    [0, 'SSUBSCRIBE a', 'SUBSCRIBE a', 'PSUBSCRIBE *'],
    [1, 'SPUBLISH a one', 'PUBLISH a two', 'SPUBLISH b three'],
    [1, 'PUBSUB SHARDCHANNELS', 'PUBSUB SHARDNUMSUB a b', 'PUBSUB CHANNELS'],
    [0, 'UNSUBSCRIBE a', 'PUNSUBSCRIBE *', 'GET x'],
    [1, 'SPUBLISH a four'],
    [0, 'SUNSUBSCRIBE', 'GET x'],
  ],
  'a message to many, and to one with several subscriptions': [
    [0, 'SUBSCRIBE a'],
    [1, 'HELLO 3', 'SUBSCRIBE a', 'PSUBSCRIBE ?'],
    [2, 'SUBSCRIBE a', 'PSUBSCRIBE [ab]'],
    [3, 'PUBLISH a "with blanks\\r\\n and \\x00"', 'PUBLISH a ""', 'PUBLISH "" empty'],
    [2, 'QUIT'],
    [3, 'PUBLISH a one'],
  ],
  'what RESP2 may do while it is subscribed': [
    [0, 'SUBSCRIBE a', 'GET x', 'HELLO 3', 'MULTI', 'EXEC', 'CLIENT LIST', 'PUBLISH a b'],
    [0, 'NOSUCH', 'GET', 'PING', 'PING x', 'PING x y', 'CONFIG GET hz', 'CONFIG NOSUCH'],
    [1, 'PUBLISH a one'],
    [0, 'QUIT'],
    [1, 'PUBLISH a two'],
  ],
  'CLIENT REPLY silences no messages': [
    [0, 'CLIENT REPLY OFF', 'SUBSCRIBE a', 'GET x', 'PING', 'UNSUBSCRIBE', 'CLIENT REPLY ON'],
    [0, 'CLIENT REPLY SKIP', 'SUBSCRIBE a', 'PING'],
    [1, 'PUBLISH a one'],
    [2, 'HELLO 3', 'SUBSCRIBE a', 'CLIENT REPLY SKIP', 'PUBLISH a two', 'PUBLISH a three'],
    [2, 'CLIENT REPLY OFF', 'PUBLISH a four', 'GET x', 'SUBSCRIBE b', 'CLIENT REPLY ON'],
  ],
  'MULTI in RESP2: subscribing, publishing to oneself': [
    [0, 'MULTI', 'SUBSCRIBE a b', 'PUBLISH a one', 'PING', 'GET x', 'UNSUBSCRIBE a', 'EXEC'],
    [0, 'GET x', 'UNSUBSCRIBE b', 'GET x'],
    [1, 'MULTI', 'UNSUBSCRIBE', 'PUNSUBSCRIBE x y', 'EXEC', 'MULTI', 'SUBSCRIBE', 'EXEC'],
  ],
  'RESET ends subscriptions': [
    [0, 'HELLO 3', 'SUBSCRIBE a', 'PSUBSCRIBE b*', 'SSUBSCRIBE c', 'RESET', 'GET x'],
    [1, 'PUBLISH a 1', 'PUBLISH b 2', 'SPUBLISH c 3', 'PUBSUB NUMPAT', 'PUBSUB CHANNELS'],
  ],
};

/** Names of few letters, so that they meet. */
const names = ['a', 'b', 'ab', 'ba', 'abc'];
const patterns = ['*', 'a*', '?', '[ab]', 'a?', '\\\\a', 'b*'];

function randomLine(random: Random): string {
  const name = () => random.pick(names);
  const several = (from: readonly string[]) =>
    Array.from({ length: 1 + random.below(3) }, () => random.pick(from)).join(' ');
  const lines = [
    () => `SUBSCRIBE ${several(names)}`,
    () => `UNSUBSCRIBE ${several(names)}`,
    () => `PSUBSCRIBE ${several(patterns)}`,
    () => `PUNSUBSCRIBE ${several(patterns)}`,
    () => `SSUBSCRIBE ${several(names)}`,
    () => `SUNSUBSCRIBE ${several(names)}`,
    () => `PUBLISH ${name()} m${random.below(1000)}`,
    () => `PUBLISH ${name()} m${random.below(1000)}`,
    () => `PUBLISH ${name()} m${random.below(1000)}`,
    () => `SPUBLISH ${name()} m${random.below(1000)}`,
    () => 'PING',
    () => 'GET x',
    () => 'RESET',
    () => 'HELLO 2',
    () => 'HELLO 3',
    () => 'PUBSUB NUMPAT',
    () => `PUBSUB NUMSUB ${several(names)}`,
    () => `PUBSUB SHARDNUMSUB ${several(names)}`,
    () => 'UNSUBSCRIBE',
    () => 'PUNSUBSCRIBE',
  ];
  return random.pick(lines)();
}

/** One to four commands, some of them in a transaction: PING shows the end of a step outside only. */
function randomLines(random: Random): string[] {
  const lines = Array.from({ length: 1 + random.below(4) }, () => randomLine(random));
  if (!random.chance(0.2)) return lines;
  return ['MULTI', ...lines, random.chance(0.8) ? 'EXEC' : 'DISCARD'];
}

/** The identity of a connection; and what Redis gives in the order of its hash tables. */
function normal(line: string): string {
  return line
    .replace(/(\$2\\r\\nid\\r\\n):\d+/g, '$1:(id)')
    .replace(/([*>]4\\r\\n\$8\\r\\npmessage\\r\\n(?:\$\d+\\r\\n[^$]*?\\r\\n){3}){2,}/g, sortFrames)
    .replace(
      /([*>]3\\r\\n\$1[12]\\r\\np?unsubscribe\\r\\n\$\d+\\r\\n[^$]*?\\r\\n:\d+\\r\\n){2,}/g,
      sortFrames,
    );
}

function sortFrames(frames: string): string {
  const counts = [...frames.matchAll(/:\d+\\r\\n(?=[*>]|$)/g)].map(([count]) => count);
  const parts = frames.replace(/:\d+\\r\\n(?=[*>]|$)/g, '').split(/(?=[*>][34]\\r\\n\$)/);
  return [...parts.sort(), ...counts].join('');
}

describe('publish and subscribe', { skip: eitherMissing() }, () => {
  let ours: Server;
  let theirs: Server;

  before(async () => {
    const args = ['--placement', 'spread'];
    [ours, theirs] = await Promise.all([startDarter({ threads: 3, args }), startRedis()]);
  });
  after(() => Promise.all([ours.stop(), theirs.stop()]));

  async function compare(clients: number, steps: readonly Step[]): Promise<void> {
    const [own, their] = await Promise.all([
      converse(ours.port, clients, steps),
      converse(theirs.port, clients, steps),
    ]);
    assert.deepEqual(own.map(normal), their.map(normal));
  }

  for (const [name, steps] of Object.entries(scripts)) test(name, () => compare(4, steps));

  const seed = seedFromEnvironment();
  test(`random conversations, seed ${seed}`, async () => {
    for (let round = 0; round < 8; round++) {
      const random = new Random(seed + round);
      const steps: Step[] = Array.from({ length: 40 }, () => [
        random.below(4),
        ...randomLines(random),
      ]);
      await compare(4, steps);
    }
  });
});
