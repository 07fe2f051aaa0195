/**
 * Producers and consumers on several threads: consumers wait for keys in many shards, in every way, and
 * are killed at random while they do. No element is served twice; none is lost but those whose consumer
 * was killed while it was served; what is moved to another list is never lost.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, isList, type Reply, showReply, textOf } from '../support/reply.js';
import { darterMissing, type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

const THREADS = 3;
const SHARDS = 16;
const MADE = 1500;
/** So many are served to clients at least: the others may lie in lists, or go with who was killed. */
const SERVED = 500;
/** A bound of failures only. */
const RUN_MS_MAX = 300_000;
const PRODUCERS = 6;
const CONSUMERS = 40;
const QUEUES = 8;
const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const queues = names('queue:', QUEUES);
const ranked = names('ranked:', QUEUES);
const moved = names('moved:', QUEUES);
const done = names('done:', QUEUES);

/** What the test knows of the elements. */
class Ledger {
  made = 0;
  kills = 0;
  readonly served: string[] = [];

  element(): string {
    return `element:${this.made++}`;
  }
}

function some(random: Random, all: readonly string[]): string[] {
  return Array.from({ length: 1 + random.below(3) }, () => random.pick(all));
}

/** Commands that make elements, all of which succeed. */
function produce(random: Random, ledger: Ledger): string[][] {
  const push = () => [random.pick(['LPUSH', 'RPUSH']), random.pick(queues), ledger.element()];
  switch (random.below(5)) {
    case 0:
      return [['RPUSH', random.pick(queues), ledger.element(), ledger.element(), ledger.element()]];
    case 1:
      return [['ZADD', random.pick(ranked), String(random.below(9)), ledger.element()]];
    case 2:
      return [['MULTI'], push(), push(), push(), ['EXEC']];
    case 3:
      return [['RPUSH', random.pick(moved), ledger.element()]];
    default:
      return [push()];
  }
}

/** A command that waits for one element. */
function consume(random: Random): string[] {
  const seconds = random.pick(['0', '0', '0.02', '0.3']);
  const keys = some(random, queues);
  switch (random.below(6)) {
    case 0:
      return ['BRPOP', ...keys, seconds];
    case 1:
      return ['BLMPOP', seconds, String(keys.length), ...keys, random.pick(['LEFT', 'RIGHT'])];
    case 2:
      return ['BZPOPMIN', ...some(random, ranked), seconds];
    case 3:
      return ['BZMPOP', seconds, '1', random.pick(ranked), 'MAX'];
    case 4:
      return ['BRPOPLPUSH', random.pick(moved), random.pick(done), seconds];
    default:
      return ['BLPOP', ...keys, seconds];
  }
}

/** The elements in a reply, at any depth. */
function elementsOf(reply: Reply): string[] {
  if (isList(reply)) return reply.items.flatMap(elementsOf);
  const text = showReply(reply);
  return text.match(/element:\d+/g) ?? [];
}

async function runProducer(
  client: RawClient,
  random: Random,
  ledger: Ledger,
  isOver: () => boolean,
) {
  while (!isOver()) {
    const commands = Array.from({ length: 3 }, () => produce(random, ledger)).flat();
    for (const reply of await client.pipeline(commands))
      assert.ok(!isError(reply), showReply(reply));
    // Slower than the consumers, so that these mostly wait.
    await sleep(random.below(30));
  }
}

/** One connection after the other, each ended while it waits, or after a while. */
async function runConsumer(server: Server, random: Random, ledger: Ledger, isOver: () => boolean) {
  while (!isOver()) {
    const client = await server.client();
    const id = textOf(await client.command('CLIENT', 'ID'));
    const kill = async (): Promise<void> => {
      await sleep(random.below(600));
      ledger.kills++;
      if (random.chance(0.5)) await client.close();
      else await asAdministrator(server, 'CLIENT', 'KILL', 'ID', id);
    };
    const killing = kill();
    try {
      while (!isOver()) {
        const command = consume(random);
        const reply = await client.command(...command);
        assert.ok(!isError(reply), `${command.join(' ')}: ${showReply(reply)}`);
        if (command[0] !== 'BRPOPLPUSH') ledger.served.push(...elementsOf(reply));
      }
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
    }
    await killing;
    await client.close();
  }
}

async function asAdministrator(server: Server, ...command: string[]): Promise<string> {
  const client = await server.client();
  const reply = await client.command(...command);
  await client.close();
  return textOf(reply);
}

describe('producers and consumers on several threads', { skip: darterMissing() }, () => {
  let server: Server;
  let client: RawClient;

  before(async () => {
    const args = [
      '--placement',
      'spread',
      '--enable-debug-command',
      'yes',
      '--shards',
      `${SHARDS}`,
    ];
    server = await startDarter({ threads: THREADS, args });
    client = await server.client();
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  test('no element is served twice, and none is lost', async () => {
    const seed = seedFromEnvironment();
    console.log(`DARTER_SEED=${seed}`);
    const ledger = new Ledger();
    // Searching it takes a while, so that moves to its shard find this taken.
    await client.text('RPUSH', done[0]!, ...names('filling:', 20_000));
    const untilMs = Date.now() + RUN_MS_MAX;
    const enough = () => ledger.made >= MADE && ledger.served.length >= SERVED;
    const isOver = () => enough() || Date.now() > untilMs;
    const tasks = [
      ...Array.from({ length: PRODUCERS }, async (_, i) => {
        const own = await server.client();
        await runProducer(own, new Random(seed + i), ledger, isOver);
        await own.close();
      }),
      ...Array.from({ length: CONSUMERS }, (_, i) =>
        runConsumer(server, new Random(seed + 1000 + i), ledger, isOver),
      ),
    ];
    const holding = (async () => {
      while (!isOver()) await client.command('LPOS', done[0]!, 'nothing');
    })();
    await Promise.all([...tasks, holding]);
    await nobodyWaits();
    const left = await client.pipeline([
      ...[...queues, ...moved, ...done].map((key) => ['LRANGE', key, '0', '-1']),
      ...ranked.map((key) => ['ZRANGE', key, '0', '-1']),
    ]);
    const found = [...ledger.served, ...left.flatMap(elementsOf)];
    assert.equal(new Set(found).size, found.length, 'elements that are there twice');
    const missing = ledger.made - found.length;
    console.log(
      `${ledger.made} made, ${ledger.served.length} served, ${ledger.kills} kills, ${missing} missing`,
    );
    assert.ok(enough(), `${ledger.made} made, ${ledger.served.length} served`);
    assert.ok(missing >= 0 && missing <= ledger.kills, `${missing} of ${ledger.made} are missing`);
    assert.equal(await client.text('DEBUG', 'CHECK'), 'OK');
  });

  async function nobodyWaits(): Promise<void> {
    const figures = () => client.text('INFO', 'clients');
    const pattern = /blocked_clients:0.*in_timeout_table:0.*total_blocking_keys:0/s;
    await until('nobody waits', async () => {
      const text = await figures();
      return pattern.test(text) || text;
    });
  }

  test('none is lost whose consumers are known to be gone, and the others are served in order', async () => {
    await client.text('FLUSHALL');
    const consumers: RawClient[] = [];
    const replies: Promise<Reply>[] = [];
    for (let i = 0; i < 60; i++) {
      const consumer = await server.client();
      consumers.push(consumer);
      replies.push(consumer.command('BLPOP', 'q', '0'));
      replies.at(-1)!.catch(() => {});
      await blocked(i + 1);
    }
    for (let i = 0; i < 60; i += 2) await consumers[i]!.close();
    await blocked(30);
    const elements = names('e', 40);
    for (const element of elements) await client.command('RPUSH', 'q', element);
    const served: string[] = [];
    for (let i = 1; i < 60; i += 2) served.push(textOf(itemsOf(await replies[i]!)[1]!));
    assert.deepEqual(served, elements.slice(0, 30));
    const left = itemsOf(await client.command('LRANGE', 'q', '0', '-1')).map(textOf);
    assert.deepEqual(left, elements.slice(30));
    await Promise.all(consumers.map((consumer) => consumer.close()));
    await nobodyWaits();
  });

  function blocked(count: number): Promise<void> {
    return until(`${count} clients wait`, async () => {
      const now = await server.info('blocked_clients');
      return now === String(count) || String(now);
    });
  }
});

function itemsOf(reply: Reply): readonly Reply[] {
  assert.ok(isList(reply), showReply(reply));
  return reply.items;
}
