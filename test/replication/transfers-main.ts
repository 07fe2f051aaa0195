/**
 * `npm run transfers`: transfers between accounts by scripts that declare their keys, by scripts that do
 * not, and in transactions, on all threads, while the sum is read, and replicas come. Rounds end with
 * SIGKILL of the primary: its replica, promoted, must have each transfer whole or not at all.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { Flags } from '../support/flags.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { textOf } from '../support/reply.js';
import type { Server } from '../support/server.js';
import { follow, linkUp, startNode } from './support.js';

const usage = `usage: npm run transfers [-- options]
  --minutes N             (10)
  --seed N                (DARTER_SEED, or random)`;
const flags = new Flags(usage, { minutes: 'number', seed: 'number' });
const seed = flags.whole('seed', seedFromEnvironment());
const endMs = Date.now() + flags.number('minutes', 10) * 60_000;

const ACCOUNTS = 40;
const SUM = String(ACCOUNTS * 100);
const WRITERS = 12;
const READERS = 3;
/** A reply that takes longer means that somebody waits for ever. */
const REPLY_MS = 60_000;
const ROUND_MS_MAX = 15_000;
const KEYS = Array.from({ length: ACCOUNTS }, (_, i) => `account:${i}`);
const BODY = `if tonumber(redis.call('get', from)) < 1 then return 0 end
  redis.call('decr', from)
  redis.call('incr', to)
  return 1`;
const OPEN = `local from, to = 'account:' .. ARGV[1], 'account:' .. ARGV[2] ${BODY}`;
const DECLARED = `local from, to = KEYS[1], KEYS[2] ${BODY}`;
const READ = `local sum = 0
  for i = 0, ${ACCOUNTS - 1} do sum = sum + redis.call('get', 'account:' .. i) end
  return sum`;

let transfers = 0;
let reads = 0;

async function transfer(client: RawClient, random: Random): Promise<void> {
  const from = String(random.below(ACCOUNTS));
  const to = String(random.below(ACCOUNTS));
  const open = ['EVAL', OPEN, '0', from, to];
  const declared = ['EVAL', DECLARED, '2', `account:${from}`, `account:${to}`];
  const way = random.below(4);
  const commands =
    way === 0
      ? [open]
      : way === 1
        ? [declared]
        : [['MULTI'], ...(way === 2 ? [open] : [declared, open]), ['EXEC']];
  const reply = textOf((await client.pipeline(commands)).at(-1)!);
  assert.match(reply, way < 2 ? /^[01]$/ : /^\[[01]( [01])?\]$/);
  transfers++;
}

async function read(client: RawClient, script: string, isAlone: boolean): Promise<void> {
  if (isAlone) assert.equal(textOf(await client.command(script, READ, '0')), SUM);
  else {
    const replies = await client.pipeline([['MULTI'], ['MGET', ...KEYS], ['EXEC']]);
    const values = textOf(replies.at(-1)!).match(/\d+/g) ?? [];
    assert.equal(String(values.reduce((sum, value) => sum + Number(value), 0)), SUM);
  }
  reads++;
}

/** Until the server is killed. @param work is told when the connection is lost by an error */
async function keepAsking(
  server: Server,
  work: (client: RawClient) => Promise<void>,
  isKilled: () => boolean,
): Promise<void> {
  const client = await server.client({ timeout_ms: REPLY_MS });
  try {
    for (;;) await work(client);
  } catch (error) {
    if (!isKilled() || error instanceof assert.AssertionError) throw error;
  } finally {
    await client.close().catch(() => {});
  }
}

async function round(primary: Server, random: Random): Promise<Server> {
  let isKilled = false;
  const wasKilled = (): boolean => isKilled;
  const works = [
    ...Array.from({ length: WRITERS }, () => {
      const own = new Random(random.next());
      return keepAsking(primary, (client) => transfer(client, own), wasKilled);
    }),
    ...Array.from({ length: READERS }, (_, i) =>
      keepAsking(primary, (client) => read(client, 'EVAL', i > 0), wasKilled),
    ),
  ];
  const failed = Promise.all(works);
  const played = (async () => {
    const replica = await startNode('--placement', 'spread');
    await follow(replica, primary.port);
    await linkUp(replica);
    const killMs = Date.now() + random.below(ROUND_MS_MAX);
    const reader = await replica.client({ timeout_ms: REPLY_MS });
    while (Date.now() < killMs) {
      await read(reader, 'EVAL_RO', random.chance(0.5));
      await sleep(20);
    }
    isKilled = true;
    primary.child.kill('SIGKILL');
    await read(reader, 'EVAL_RO', true);
    assert.equal(textOf(await reader.command('REPLICAOF', 'NO', 'ONE')), 'OK');
    for (const isAlone of [true, false]) await read(reader, 'EVAL', isAlone);
    await reader.close();
    return replica;
  })();
  const [replica] = await Promise.all([played, failed]);
  await primary.stop();
  return replica;
}

console.log(`transfers from seed ${seed}`);
const random = new Random(seed);
let primary = await startNode('--placement', 'spread');
for (const key of KEYS) await primary.ask('SET', key, '100');
let rounds = 0;
while (Date.now() < endMs) {
  primary = await round(primary, random);
  rounds++;
  console.log(`${rounds} rounds: ${transfers} transfers, ${reads} sums, all whole`);
}
await primary.stop();
