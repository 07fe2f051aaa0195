/**
 * How many reads of a cache that is too small for all keys find theirs. What a read does not find it
 * stores, as a cache in front of a database does.
 *
 * A key costs the servers differently. So that they hold the same share of the keys, each is filled
 * with that many, and then told that this is its maxmemory. The share held at the end is printed too.
 *
 *   zipf-0.99, zipf-1.1   keys with such popularity (Gray and others, 1994)
 *   scan                  zipf-0.99, and now and then as many keys as fit that are read once
 *
 * The traces are the same for all, from a seed. The first third warms up and does not count.
 */
import { nextRandom } from './load/workload.js';
import { table } from './report/table.js';
import { AdminClient } from './support/admin-client.js';
import { Server, type System } from './support/servers.js';

export interface HitsOptions {
  readonly systems: readonly System[];
  readonly policies: readonly string[];
  /** Keys that are read, and how many of them fit. */
  readonly keys: number;
  readonly capacity: number;
  /** Reads of a trace. */
  readonly operations: number;
  readonly valueBytes: number;
}

/** Reads sent at once, and then what they did not find. */
const BATCH = 64;
const SEED = 0x9e3779b9;

/** Numbers from 0 to 1, the same ones each time. */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = nextRandom(state);
    return (state >>> 0) / 2 ** 32;
  };
}

/** Which key is read, by its number: 0 is the most popular. */
function zipf(keys: number, exponent: number, random: () => number): () => number {
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let i = 0; i < keys; i++) {
    sum += 1 / (i + 1) ** exponent;
    sums[i] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = keys - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

function trace(options: HitsOptions, exponent: number, scans: boolean): Int32Array {
  const { keys, capacity, operations } = options;
  const next = zipf(keys, exponent, randomFrom(SEED));
  const numbers = new Int32Array(operations);
  let scanned = keys;
  for (let i = 0; i < operations; i++) {
    const isScan = scans && Math.floor(i / capacity) % 3 === 2;
    numbers[i] = isScan ? scanned++ : next();
  }
  return numbers;
}

const nameOf = (number: number): string => `key:${number}`;

/** Gives the server the memory that so many keys take. They are not those of the trace. */
async function limit(client: AdminClient, policy: string, options: HitsOptions): Promise<void> {
  const { keys, capacity } = options;
  const value = 'v'.repeat(options.valueBytes);
  await client.command('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', policy);
  await client.command('FLUSHALL');
  for (let i = 0; i < capacity; i += BATCH) {
    const count = Math.min(BATCH, capacity - i);
    const name = (j: number) => nameOf(2 * keys + i + j);
    await Promise.all(
      Array.from({ length: count }, (_, j) => client.command('SET', name(j), value)),
    );
  }
  const used = (await client.info('memory')).get('used_memory')!;
  await client.command('CONFIG', 'SET', 'maxmemory', used);
}

interface Outcome {
  readonly hits: number;
  readonly held: number;
}

async function run(
  server: Server,
  policy: string,
  numbers: Int32Array,
  options: HitsOptions,
): Promise<Outcome> {
  const client = await AdminClient.connect(server.port);
  await limit(client, policy, options);
  const value = 'v'.repeat(options.valueBytes);
  const warm = Math.floor(numbers.length / 3);
  let hits = 0;
  for (let i = 0; i < numbers.length; i += BATCH) {
    const batch = [...numbers.subarray(i, i + BATCH)];
    const replies = await Promise.all(batch.map((one) => client.command('GET', nameOf(one))));
    const missed = batch.filter((_, j) => replies[j] === null);
    if (i >= warm) hits += batch.length - missed.length;
    await Promise.all(missed.map((one) => client.command('SET', nameOf(one), value)));
  }
  const held = Number(await client.command('DBSIZE'));
  client.close();
  return { hits: hits / (numbers.length - warm), held: held / options.keys };
}

export async function runHits(options: HitsOptions): Promise<void> {
  const traces: readonly (readonly [name: string, numbers: Int32Array])[] = [
    ['zipf-0.99', trace(options, 0.99, false)],
    ['zipf-1.1', trace(options, 1.1, false)],
    ['scan', trace(options, 0.99, true)],
  ];
  const servers = await Promise.all(options.systems.map((system) => Server.start(system)));
  const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
  const rows: string[][] = [];
  for (const policy of options.policies) {
    for (const [name, numbers] of traces) {
      for (const server of servers) {
        const { hits, held } = await server.guard(run(server, policy, numbers, options));
        rows.push([policy, name, server.name, percent(hits), percent(held)]);
      }
    }
  }
  console.log(table(['policy', 'trace', 'server', 'hits', 'keys held'], rows));
  await Promise.all(servers.map((server) => server.stop()));
}
