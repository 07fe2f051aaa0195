/**
 * A replica's full syncs over a slow link that is cut again and again, while clients write values of all
 * types, small ones and such as are shipped in parts. In the end the replica has what its primary has.
 * DARTER_SEED repeats the commands (not their order among the clients), DARTER_WRITES_SECONDS is how
 * long they write, DARTER_WRITES_ELEMENTS how many elements the large collections have.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, type Reply, showReply, textOf } from '../support/reply.js';
import { darterMissing, type Server } from '../support/server.js';
import { LinkProxy } from './proxy.js';
import { RandomWrites } from './random-writes.js';
import { follow, linkUp, number, sameData, startNode } from './support.js';

const SECONDS = Number(process.env.DARTER_WRITES_SECONDS ?? 4);
const ELEMENTS = Number(process.env.DARTER_WRITES_ELEMENTS ?? 10_000);
const CLIENTS = 3;
const BATCH = 20;
const FILL = 1000;
const FILL_AGAIN_MS = 2000;
/** Times that clients give to keys and fields have passed by then. */
const EXPIRIES_PAST_MS = 1600;
/** What is the fault of the server, whatever the command. */
const FAULT = /internal error|MISCONF|READONLY|unknown/;

describe('replication: random writes', { skip: darterMissing() }, () => {
  test('the replica of a link that is slow and cut has what the primary has', async (t) => {
    const random = new Random(seedFromEnvironment());
    t.diagnostic(`DARTER_SEED=${random.seed}`);
    const backlog = random.pick(['1mb', '64mb']);
    await using primary = await startNode('--repl-backlog-size', backlog);
    const shards = random.pick(['64', '64', '16']);
    await using replica = await startNode('--shards', shards, '--threads', '1');
    await fillLarge(primary);
    const proxy = await LinkProxy.start(primary.port);
    t.after(() => proxy.close());
    const endMs = Date.now() + SECONDS * 1000;
    const writers = [];
    for (let i = 0; i < CLIENTS; i++) {
      writers.push(write(primary, new Random(random.next()), `c${i}-`, endMs));
    }
    await follow(replica, proxy.port);
    await Promise.all([trouble(proxy, random, endMs), fillAgain(primary, endMs)]);
    await Promise.all(writers);
    await linkUp(replica);
    await sleep(EXPIRIES_PAST_MS);
    const syncs = await number(primary, 'sync_full');
    t.diagnostic(`${shards} shards, journal of ${backlog}, ${syncs} full syncs`);
    try {
      await sameData(primary, replica);
    } finally {
      // Says which keys differ; and a digest does not tell when something expires.
      await sameContent(primary, replica);
    }
    assert.doesNotMatch(primary.log + replica.log, / at .*\.js:\d+/, 'an exception in the log');
  });
});

/** Makes the link slow, cuts it and restores it, at random, until the end. */
async function trouble(proxy: LinkProxy, random: Random, endMs: number): Promise<void> {
  while (Date.now() < endMs) {
    proxy.bytesPerSecond = random.pick([1_000_000, 4_000_000, 20_000_000]);
    // What is cut is a link, or a sync that is under way.
    const { passed } = proxy;
    while (proxy.passed < passed + 100_000 && Date.now() < endMs) await sleep(10);
    await sleep(random.between(10, 1500));
    if (random.chance(0.3)) {
      proxy.cut();
      await sleep(random.between(1, 300));
      proxy.restore();
    } else proxy.dropConnections();
  }
  proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
}

async function fillLarge(server: Server): Promise<void> {
  const client = await server.client();
  const run = async (...words: string[]): Promise<void> => {
    const reply = await client.command(...words);
    if (isError(reply)) assert.match(reply.text, /WRONGTYPE/);
  };
  for (let i = 0; i < ELEMENTS; i += FILL) {
    const names = Array.from({ length: FILL }, (_, k) => `f${i + k}`);
    await run('HSET', 'hash:big', ...names.flatMap((name) => [name, `value of ${name}`]));
    await run('HPEXPIRE', 'hash:big', '1500', 'FIELDS', '50', ...names.slice(0, 50));
    await run('HPEXPIRE', 'hash:big', '900000', 'FIELDS', '50', ...names.slice(50, 100));
    await run('SADD', 'set:big', ...names);
    await run('RPUSH', 'list:big', ...names);
    for (const name of names.slice(0, 40))
      await run('XADD', 'stream:big', '*', name, `value of ${name}`);
    await run('ZADD', 'zset:big', ...names.flatMap((name, k) => [String(k % 70), name]));
  }
  await client.close();
}

/** Other writes shorten and remove large collections. */
async function fillAgain(server: Server, endMs: number): Promise<void> {
  while (Date.now() < endMs) {
    await sleep(FILL_AGAIN_MS);
    await fillLarge(server);
  }
}

/** Writes in batches, small values and large collections. */
async function write(server: Server, random: Random, name: string, endMs: number): Promise<void> {
  const client = await server.client();
  const writes = new RandomWrites(random, name, ELEMENTS);
  while (Date.now() < endMs) {
    const commands: string[][] = [];
    while (commands.length < BATCH) commands.push(...writes.next());
    const replies = await client.pipeline(commands);
    for (const [i, reply] of replies.entries()) {
      if (isError(reply)) assert.doesNotMatch(showReply(reply), FAULT, commands[i]?.join(' '));
    }
    await sleep(random.below(4));
  }
  await client.close();
}

/** Compares key by key, and says which differ. */
async function sameContent(primary: Server, replica: Server): Promise<void> {
  const one = await contentOf(primary);
  const other = await contentOf(replica);
  const different: string[] = [];
  for (const key of new Set([...one.keys(), ...other.keys()])) {
    const [here, there] = [one.get(key), other.get(key)];
    if (here !== there) different.push(`${key}: ${difference(here, there)}`);
  }
  assert.deepEqual(different, [], 'keys differ');
}

function difference(here = 'no such key', there = 'no such key'): string {
  let at = 0;
  while (at < here.length && here[at] === there[at]) at++;
  const from = Math.max(0, at - 40);
  return `from ${from}: ${here.slice(from, at + 200)} and ${there.slice(from, at + 200)}`;
}

/** How a part of a value is read, from a position on. */
const READ: Readonly<Record<string, (key: string, from: number) => string[]>> = {
  list: (key, from) => ['LRANGE', key, String(from), String(from + FILL - 1)],
  zset: (key, from) => ['ZRANGE', key, String(from), String(from + FILL - 1), 'WITHSCORES'],
};
const SCAN: Readonly<Record<string, string>> = { hash: 'HSCAN', set: 'SSCAN' };

async function contentOf(server: Server): Promise<Map<string, string>> {
  const client = await server.client();
  const content = new Map<string, string>();
  for (const database of ['0', '1']) {
    await client.text('SELECT', database);
    const keys = itemsOf(await client.command('KEYS', '*'));
    for (const key of keys) content.set(`${database} ${key}`, await readValue(client, key));
  }
  await client.close();
  return content;
}

async function readValue(client: RawClient, key: string): Promise<string> {
  const type = await client.text('TYPE', key);
  const time = await client.text('PEXPIRETIME', key);
  const items: string[] = [];
  const read = READ[type];
  const scan = SCAN[type];
  if (scan !== undefined) {
    return `${type} ${time} ${(await scanned(client, scan, key)).join(' ')}`;
  }
  if (read !== undefined) {
    for (let from = 0, got = FILL; got > 0; from += FILL) {
      const part = itemsOf(await client.command(...read(key, from)));
      items.push(...part);
      got = part.length;
    }
  } else if (type === 'string') items.push(await client.text('GET', key));
  return `${type} ${time} ${items.join(' ')}`;
}

/** The elements of a set, or the fields of a hash with their values and times, in order. */
async function scanned(client: RawClient, scan: string, key: string): Promise<string[]> {
  const elements = new Set<string>();
  let cursor = '0';
  do {
    const reply = await client.command(scan, key, cursor, 'COUNT', String(FILL));
    const [next, part] = 'items' in reply ? reply.items : [];
    cursor = textOf(next as Reply);
    const items = itemsOf(part as Reply);
    const found = scan === 'HSCAN' ? await fieldsOf(client, key, items) : items;
    for (const element of found) elements.add(element);
  } while (cursor !== '0');
  return [...elements].sort();
}

/** Fields with their values and times. */
async function fieldsOf(client: RawClient, key: string, pairs: string[]): Promise<string[]> {
  if (pairs.length === 0) return [];
  const names = pairs.filter((_, i) => i % 2 === 0);
  const words = ['HPEXPIRETIME', key, 'FIELDS', String(names.length), ...names];
  const times = itemsOf(await client.command(...words));
  return names.map((name, i) => `${name}=${pairs[2 * i + 1]} at ${times[i]}`);
}

function itemsOf(reply: Reply): string[] {
  if (reply.type === 'null') return [];
  if ('items' in reply) return reply.items.map(textOf);
  return [textOf(reply)];
}
