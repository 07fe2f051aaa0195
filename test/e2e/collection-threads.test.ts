/**
 * Clients on several threads hammer a few collections in different shards: members move between them,
 * unions and copies are stored, large values replace each other, expire and are freed meanwhile. No
 * member is lost or doubled, sums stay, every look at all of them sees them whole, and no page is lost.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, isList, type Reply, showReply, textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const CLIENTS = 16;
/** Of each client; one has 20 commands and more. */
const PIPELINES = 20;
const LISTS = 6;
const TOKENS = 200;
const MEMBERS = 2000;
const PAIRS = 200;
const SCORE = 100;
const ALLOWED = /^(WRONGTYPE|OOM|ERR no such key|ERR index out of range)/;

type Command = readonly string[];

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

const sets = names('set:', LISTS);
const lists = names('list:', LISTS);

/** Values that are made, overwritten and freed all the time: their content does not matter. */
function scratch(random: Random): string {
  return `scratch:${random.below(8)}`;
}

function largeValue(random: Random, key: string): Command {
  const elements = names('v', random.pick([10, 300, 3000, 8000]));
  switch (random.below(5)) {
    case 0:
      return ['RPUSH', key, ...elements];
    case 1:
      return ['SADD', key, ...elements];
    case 2:
      return ['ZADD', key, ...elements.flatMap((element, i) => [String(i % 97), element])];
    case 3:
      return ['HSET', key, ...elements.flatMap((element) => [element, element])];
    default:
      return ['SET', key, 'x'.repeat(elements.length * 5)];
  }
}

/** What keeps the sums: members and scores go from one collection to another. */
const moves: readonly ((random: Random) => Command[])[] = [
  (random) => {
    const ends = ['LEFT', 'RIGHT'];
    const [from, to] = [random.pick(lists), random.pick(lists)];
    return [['LMOVE', from, to, random.pick(ends), random.pick(ends)]];
  },
  (random) => [
    ['SMOVE', random.pick(sets), random.pick(sets), `m${random.below(MEMBERS)}`],
    ['SMOVE', random.pick(sets), random.pick(sets), `m${random.below(MEMBERS)}`],
  ],
  (random) => {
    const member = `p${random.below(PAIRS)}`;
    const score = random.below(50);
    return [
      ['MULTI'],
      ['ZINCRBY', 'scores:a', String(score), member],
      ['ZINCRBY', 'scores:b', String(-score), member],
      ['HINCRBY', 'hash:a', member, String(score)],
      ['HINCRBY', 'hash:b', member, String(-score)],
      ['EXEC'],
    ];
  },
];

/** What reads these collections, and what happens to others in the same shards meanwhile. */
const troubles: readonly ((random: Random) => Command[])[] = [
  (random) => [['SUNIONSTORE', scratch(random), ...sets]],
  (random) => [['ZUNIONSTORE', scratch(random), '2', 'scores:a', 'scores:b']],
  (random) => [['SORT', random.pick(sets), 'ALPHA', 'STORE', scratch(random)]],
  (random) => [['COPY', random.pick([...sets, ...lists]), scratch(random), 'REPLACE']],
  (random) => [['RENAME', scratch(random), scratch(random)]],
  (random) => [[random.pick(['DEL', 'UNLINK']), scratch(random)]],
  (random) => [['PEXPIRE', scratch(random), String(random.below(30))]],
  (random) => [['HPEXPIRE', scratch(random), '5', 'FIELDS', '9', ...names('v', 9)]],
  (random) => {
    const key = scratch(random);
    return [['DEL', key], largeValue(random, key)];
  },
  (random) => [
    ['SELECT', '1'],
    largeValue(random, scratch(random)),
    random.pick([['FLUSHDB'], ['FLUSHDB', 'ASYNC'], ['SWAPDB', '1', '2']]),
    ['SELECT', '0'],
  ],
  (random) => [
    ['LTRIM', scratch(random), '5', '-5'],
    ['ZREMRANGEBYRANK', scratch(random), '0', '50'],
    ['SPOP', scratch(random), '20'],
    ['HDEL', scratch(random), ...names('v', 20)],
  ],
];

function sum(items: readonly Reply[]): number {
  return items.reduce((total, item) => total + Number(textOf(item)), 0);
}

/** Looks at all lists and sets at once. */
async function assertWhole(client: RawClient): Promise<void> {
  const replies = await client.pipeline([
    ['MULTI'],
    ...lists.map((key) => ['LLEN', key]),
    ...sets.map((key) => ['SCARD', key]),
    ['SUNION', ...sets],
    ['EXEC'],
  ]);
  const results = replies.at(-1)!;
  assert.ok(isList(results), textOf(results));
  const { items } = results;
  assert.equal(sum(items.slice(0, LISTS)), TOKENS, 'members of all lists');
  assert.equal(sum(items.slice(LISTS, 2 * LISTS)), MEMBERS, 'members of all sets');
  const union = items.at(-1)!;
  assert.ok(isList(union) && union.items.length === MEMBERS, 'the union of all sets');
}

async function hammer(client: RawClient, random: Random): Promise<void> {
  for (let pipeline = 0; pipeline < PIPELINES; pipeline++) {
    const commands: Command[] = [];
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) commands.push(...random.pick(moves)(random));
      commands.push(...random.pick(troubles)(random));
    }
    for (const [i, reply] of (await client.pipeline(commands)).entries()) {
      const failed = (isList(reply) ? reply.items : [reply]).find(isError);
      if (failed === undefined || ALLOWED.test(failed.text)) continue;
      assert.fail(`${commands[i]!.slice(0, 5).join(' ')}: ${showReply(reply, 300)}`);
    }
    if (random.chance(0.1)) await assertWhole(client);
  }
}

describe('threads that hammer the same collections', { skip: darterMissing() }, () => {
  let server: Server;
  let client: RawClient;
  let usedBytes: number;

  before(async () => {
    const args = ['--enable-debug-command', 'yes', '--placement', 'spread', '--shards', '16'];
    server = await startDarter({ threads: 2, args });
    client = await server.client();
    usedBytes = await shardBytes();
    const pairs = names('p', PAIRS);
    await client.text('RPUSH', lists[0]!, ...names('token', TOKENS));
    await client.text('SADD', sets[0]!, ...names('m', MEMBERS));
    for (const side of ['a', 'b']) {
      await client.text('ZADD', `scores:${side}`, ...pairs.flatMap((name) => [`${SCORE}`, name]));
      await client.text('HSET', `hash:${side}`, ...pairs.flatMap((name) => [name, `${SCORE}`]));
    }
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  test('lose no member, double none, and keep sums', async () => {
    const seed = seedFromEnvironment();
    console.log(`DARTER_SEED=${seed}`);
    const hammering = Array.from({ length: CLIENTS }, async (_, i) => {
      const other = await server.client();
      await hammer(other, new Random(seed + i)).finally(() => other.close());
    });
    let isOver = false;
    const checking = (async () => {
      for (; !isOver; await sleep(500)) assert.equal(await client.text('DEBUG', 'CHECK'), 'OK');
    })();
    await Promise.all(hammering).finally(() => {
      isOver = true;
    });
    await checking;
    await assertWhole(client);
    const elements = await client.pipeline(lists.map((key) => ['LRANGE', key, '0', '-1']));
    const tokens = elements.flatMap((list) => (isList(list) ? list.items.map(textOf) : []));
    assert.deepEqual(tokens.sort(), names('token', TOKENS).sort());
    for (const name of names('p', PAIRS)) {
      const scores = [
        ['ZSCORE', 'scores:a', name],
        ['ZSCORE', 'scores:b', name],
      ];
      const numbers = [
        ['HGET', 'hash:a', name],
        ['HGET', 'hash:b', name],
      ];
      assert.equal(sum(await client.pipeline(scores)), 2 * SCORE, name);
      assert.equal(sum(await client.pipeline(numbers)), 2 * SCORE, name);
    }
  });

  test('lose no page: memory is as before when all is deleted', async () => {
    await client.text('FLUSHALL');
    await until('all is given back', async () => {
      const bytes = await shardBytes();
      return bytes === usedBytes || `${bytes} bytes, ${usedBytes} before`;
    });
    assert.equal(await client.text('DEBUG', 'CHECK'), 'OK');
  });

  /** What the shards use: clients count as used too, and come and go. Both are of one moment. */
  async function shardBytes(): Promise<number> {
    const stats = await client.command('MEMORY', 'STATS');
    assert.ok(isList(stats), showReply(stats));
    const figure = (name: string): number => {
      const index = stats.items.findIndex((item) => textOf(item) === name);
      return Number(textOf(stats.items[index + 1]!));
    };
    return figure('total.allocated') - figure('clients.normal');
  }
});
