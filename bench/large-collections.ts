/**
 * `npm run bench:large [-- --elements N]`: how long a command on a very large collection, or what it
 * leaves for later, holds a shard. Each line has two figures, in milliseconds, the least of some rounds
 * (the machine's other work only makes them longer):
 *
 *     command   what SLOWLOG says it took: nearly the same as how long it held the shard
 *     others    the longest wait of another client that reads a key of the same shard meanwhile, and
 *               until what was removed is freed; round trips included
 *
 * There is one shard, so that every key meets every other. Commands that go through all elements
 * (SMEMBERS, COPY) are not here: they take as long as they have to.
 */
import './support/fail-loudly.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flags } from '../test/support/flags.js';
import type { AdminClient } from './support/admin-client.js';
import { Bystander } from './support/bystander.js';
import { darter, Server } from './support/servers.js';

const usage = `usage: npm run bench:large [-- options]
  --elements N   of each collection (5000000)
  --only WORD    collections with WORD in their name: hash, set, integers, list, zset
  --rounds N     (3)`;
const flags = new Flags(usage, { elements: 'number', only: 'text', rounds: 'number' });
const elements = flags.number('elements', 5_000_000);
const rounds = flags.number('rounds', 3);
const BATCH = 1000;
const SETTLE_MS = 500;
const LATER = 'later';
/** What is faster is 0 in the figures: the bystander's reads would fill the log. */
const LOGGED_US = '50';

interface Collection {
  readonly name: string;
  readonly make: (index: number) => readonly string[];
  readonly command: string;
  /** One that is small, and what makes it large in a single command. */
  readonly small: number;
  /** Commands of O(log n). */
  readonly fast: readonly (readonly string[])[];
}

const middle = String(elements >> 1);
const name = (index: number): string => `element${(index * 7919) % elements}`;

const collections: readonly Collection[] = [
  {
    name: 'hash',
    command: 'HSET',
    make: (i) => [name(i), 'v'],
    small: 256,
    fast: [
      ['HSET', 'large', 'new', 'v'],
      ['HDEL', 'large', 'new'],
      ['HGET', 'large', 'element5'],
      ['HINCRBY', 'large', 'counter', '1'],
      ['HRANDFIELD', 'large', '10'],
      ['HSCAN', 'large', '0', 'COUNT', '10'],
      ['HEXPIRE', 'large', '1000', 'FIELDS', '1', 'element5'],
    ],
  },
  {
    name: 'set',
    command: 'SADD',
    make: (i) => [name(i)],
    small: 512,
    fast: [
      ['SADD', 'large', 'new'],
      ['SREM', 'large', 'new'],
      ['SISMEMBER', 'large', 'element5'],
      ['SPOP', 'large'],
      ['SRANDMEMBER', 'large', '10'],
      ['SSCAN', 'large', '0', 'COUNT', '10'],
    ],
  },
  {
    name: 'integers',
    command: 'SADD',
    make: (i) => [String((i * 7919) % elements)],
    small: 8192,
    fast: [
      ['SADD', 'large', 'new'],
      ['SREM', 'large', '5'],
      ['SPOP', 'large', '10'],
    ],
  },
  {
    name: 'list',
    command: 'RPUSH',
    make: (i) => [name(i)],
    small: 512,
    fast: [
      ['LPUSH', 'large', 'new'],
      ['LPOP', 'large'],
      ['LINDEX', 'large', middle],
      ['LSET', 'large', middle, 'new'],
      ['LRANGE', 'large', middle, '10'],
      ['LMOVE', 'large', 'large', 'LEFT', 'RIGHT'],
    ],
  },
  {
    name: 'zset',
    command: 'ZADD',
    make: (i) => [String((i * 31) % elements), name(i)],
    small: 256,
    fast: [
      ['ZADD', 'large', '5', 'new'],
      ['ZINCRBY', 'large', '5', 'element5'],
      ['ZRANK', 'large', 'element5'],
      ['ZRANGE', 'large', middle, middle],
      ['ZCOUNT', 'large', '10', middle],
      ['ZPOPMIN', 'large'],
      ['ZREM', 'large', 'new'],
      ['ZRANDMEMBER', 'large', '10'],
    ],
  },
];

/** Ways of a collection to go; each finds it as `large`. */
const ends: readonly (readonly (readonly string[])[])[] = [
  [['UNLINK', 'large']],
  [['DEL', 'large']],
  [['SET', 'large', 'x']],
  [
    ['SET', 'small', 'x'],
    ['RENAME', 'small', 'large'],
  ],
  [['RENAME', 'large', LATER]],
  [['PEXPIRE', 'large', '1']],
  [['FLUSHDB']],
  [['FLUSHALL', 'SYNC']],
];

async function fill(client: AdminClient, collection: Collection, count: number): Promise<void> {
  for (let i = 0; i < count; i += BATCH) {
    const vector = [collection.command, 'large'];
    for (let k = i; k < Math.min(i + BATCH, count); k++) vector.push(...collection.make(k));
    await client.command(...vector);
  }
}

/** Runs commands. @returns what the slowest took, and the longest wait of the bystander */
async function measure(
  server: Server,
  client: AdminClient,
  commands: readonly (readonly string[])[],
): Promise<readonly [commandMs: number, othersMs: number]> {
  const other = await server.client();
  await client.command('SLOWLOG', 'RESET');
  const bystander = new Bystander(other, 'bystander', 0);
  for (const command of commands) await client.command(...command);
  await sleep(SETTLE_MS);
  const { longestMs: othersMs } = await bystander.stop();
  other.close();
  const log = (await client.command('SLOWLOG', 'GET', '-1')) as unknown[][];
  const words = new Set(commands.map(([word]) => word));
  const own = log.filter((entry) => words.has((entry[3] as string[])[0]!));
  return [Math.max(0, ...own.map((entry) => Number(entry[2]))) / 1000, othersMs];
}

function print(title: string, figures: readonly (readonly [number, number])[]): void {
  const least = [0, 1].map((which) => Math.min(...figures.map((pair) => pair[which] as number)));
  const [command, others] = least.map((ms) => ms.toFixed(2).padStart(8));
  process.stdout.write(`${title.padEnd(44)} command ${command} ms   others ${others} ms\n`);
}

async function measureCollection(server: Server, collection: Collection): Promise<void> {
  const client = await server.client();
  const { make, command, small } = collection;
  await client.command('FLUSHALL', 'SYNC');
  await client.command('SET', 'bystander', 'x');
  const conversion: (readonly [number, number])[] = [];
  for (let round = 0; round < rounds; round++) {
    await client.command('DEL', 'large');
    await fill(client, collection, small);
    const further = Array.from({ length: 10 }, (_, i) => make(small + i));
    const text = make(0).map((word, i) => (i === make(0).length - 1 ? 'x'.repeat(100) : word));
    conversion.push(
      await measure(
        server,
        client,
        [...further, text].map((words) => [command, 'large', ...words]),
      ),
    );
  }
  print(`${collection.name}: out of its packed form`, conversion);
  await client.command('DEL', 'large');
  await fill(client, collection, elements);
  for (const fast of collection.fast) {
    const figures: (readonly [number, number])[] = [];
    for (let round = 0; round < rounds; round++) {
      figures.push(await measure(server, client, [fast]));
    }
    print(`${collection.name}: ${fast.join(' ')}`, figures);
  }
  for (const end of ends) {
    await client.command('SET', 'bystander', 'x');
    const size = await client.command('EXISTS', 'large', LATER);
    if (size === 0) await fill(client, collection, elements);
    else if ((await client.command('EXISTS', LATER)) === 1) {
      await client.command('RENAME', LATER, 'large');
    }
    const title = end.map((words) => words.join(' ')).join('; ');
    print(`${collection.name}: ${title}`, [await measure(server, client, end)]);
    if (end[0]?.[0] === 'SET') await client.command('DEL', 'large');
  }
  client.close();
}

const system = darter();
const more = ['--shards', '1', '--slowlog-log-slower-than', LOGGED_US];
const server = await Server.start({ ...system, command: [...system.command, ...more] });
process.stdout.write(`${elements} elements\n`);
try {
  for (const collection of collections) {
    if (!collection.name.includes(flags.text('only', ''))) continue;
    await server.guard(measureCollection(server, collection));
  }
} finally {
  await server.stop();
}
