/**
 * The cases of `npm run bench` about collections: the lines of redis-benchmark's default run on one
 * key, and the same commands over many small collections. Each run begins with data written
 * anew, outside of what is measured, and ends with a question whose answer is known.
 */
import type { Server } from './support/servers.js';

export type CollectionCommand = keyof typeof loads;

export interface CollectionLoad {
  readonly title: string;
  /** The command, with __rand_int__ where a random number belongs. */
  readonly command: readonly string[];
  /** What is written before a run of so many requests. */
  readonly before: (requests: number) => Iterable<readonly string[]>;
  /** Asked after a run, and what the answer is. */
  readonly question: readonly string[];
  readonly answers: (requests: number) => { readonly least: number; readonly most: number };
}

/** Numbers that __rand_int__ stands for: fields, members, or keys where there are many. */
export const RANDOM_NUMBERS = 100_000;
/** Arguments of a command that fills. */
const BATCH = 1000;
const RANGE = 100;
const CONSUMERS = 50;

function exactly(count: number): { least: number; most: number } {
  return { least: count, most: count };
}

/** So many draws from RANDOM_NUMBERS leave few or none out; the benchmark's runs are long. */
function drawn(requests: number): { least: number; most: number } {
  return { least: Math.min(requests, RANDOM_NUMBERS) / 2, most: RANDOM_NUMBERS };
}

function* inBatches(
  count: number,
  start: readonly string[],
  element: (index: number) => readonly string[],
): Generator<readonly string[]> {
  for (let i = 0; i < count; i += BATCH) {
    const vector = [...start];
    for (let k = i; k < Math.min(count, i + BATCH); k++) vector.push(...element(k));
    yield vector;
  }
}

function* nothing(): Generator<readonly string[]> {}

function* entries(count: number): Generator<readonly string[]> {
  yield ['XGROUP', 'CREATE', 'mystream', 'g', '0', 'MKSTREAM'];
  for (let i = 0; i < count; i++) yield ['XADD', 'mystream', '*', 'field', 'data'];
}

/** Entries whose ids are numbers, each pending for one of 50 consumers. */
function* pendingEntries(): Generator<readonly string[]> {
  yield ['XGROUP', 'CREATE', 'mystream', 'g', '0', 'MKSTREAM'];
  for (let i = 1; i <= RANDOM_NUMBERS; i++) yield ['XADD', 'mystream', `0-${i}`, 'field', 'data'];
  for (let i = 0; i < RANDOM_NUMBERS; i += RANGE) {
    const consumer = `c${(i / RANGE) % CONSUMERS}`;
    const count = String(RANGE);
    yield ['XREADGROUP', 'GROUP', 'g', consumer, 'COUNT', count, 'STREAMS', 'mystream', '>'];
  }
}

function member(index: number): string {
  return `element:${String(index).padStart(12, '0')}`;
}

const loads = {
  lpush: {
    title: 'LPUSH',
    command: ['LPUSH', 'mylist', 'data'],
    before: nothing,
    question: ['LLEN', 'mylist'],
    answers: exactly,
  },
  rpop: {
    title: 'RPOP',
    command: ['RPOP', 'mylist'],
    before: (requests) => inBatches(requests, ['RPUSH', 'mylist'], () => ['data']),
    question: ['EXISTS', 'mylist'],
    answers: () => exactly(0),
  },
  lrange: {
    title: `LRANGE of ${RANGE}`,
    command: ['LRANGE', 'mylist', '0', String(RANGE - 1)],
    before: () => inBatches(RANGE * BATCH, ['RPUSH', 'mylist'], () => ['data']),
    question: ['LLEN', 'mylist'],
    answers: () => exactly(RANGE * BATCH),
  },
  sadd: {
    title: 'SADD',
    command: ['SADD', 'myset', 'element:__rand_int__'],
    before: nothing,
    question: ['SCARD', 'myset'],
    answers: drawn,
  },
  spop: {
    title: 'SPOP',
    command: ['SPOP', 'myset'],
    before: (requests) => inBatches(requests, ['SADD', 'myset'], (i) => [member(i)]),
    question: ['EXISTS', 'myset'],
    answers: () => exactly(0),
  },
  hset: {
    title: 'HSET',
    command: ['HSET', 'myhash', 'element:__rand_int__', 'data'],
    before: nothing,
    question: ['HLEN', 'myhash'],
    answers: drawn,
  },
  zadd: {
    title: 'ZADD',
    command: ['ZADD', 'myzset', '__rand_int__', 'element:__rand_int__'],
    before: nothing,
    question: ['ZCARD', 'myzset'],
    answers: drawn,
  },
  zpopmin: {
    title: 'ZPOPMIN',
    command: ['ZPOPMIN', 'myzset'],
    before: (requests) => inBatches(requests, ['ZADD', 'myzset'], (i) => [String(i), member(i)]),
    question: ['EXISTS', 'myzset'],
    answers: () => exactly(0),
  },
  xadd: {
    title: 'XADD',
    command: ['XADD', 'mystream', '*', 'field', 'data'],
    before: nothing,
    question: ['XLEN', 'mystream'],
    answers: exactly,
  },
  'xadd-capped': {
    title: 'XADD MAXLEN ~ 1000',
    command: ['XADD', 'mystream', 'MAXLEN', '~', '1000', '*', 'field', 'data'],
    before: nothing,
    question: ['XLEN', 'mystream'],
    answers: (requests) => ({ least: Math.min(requests, 1000), most: 1200 }),
  },
  xrange: {
    title: `XRANGE of ${RANGE}`,
    command: ['XRANGE', 'mystream', '-', '+', 'COUNT', String(RANGE)],
    before: () => entries(RANGE * BATCH),
    question: ['XLEN', 'mystream'],
    answers: () => exactly(RANGE * BATCH),
  },
  xreadgroup: {
    title: 'XREADGROUP',
    command: ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS', 'mystream', '>'],
    before: entries,
    question: ['XLEN', 'mystream'],
    // What is written is what was asked for; what is sent is the next multiple of the pipelines.
    answers: (requests) => ({ least: requests - BATCH, most: requests }),
  },
  xack: {
    title: 'XACK',
    command: ['XACK', 'mystream', 'g', '0-__rand_int__'],
    before: pendingEntries,
    question: ['XLEN', 'mystream'],
    answers: () => exactly(RANDOM_NUMBERS),
  },
  'small-lpush': {
    title: 'LPUSH',
    command: ['LPUSH', 'list:__rand_int__', 'data'],
    before: nothing,
    question: ['DBSIZE'],
    answers: drawn,
  },
  'small-sadd': {
    title: 'SADD',
    command: ['SADD', 'set:__rand_int__', 'element:__rand_int__'],
    before: nothing,
    question: ['DBSIZE'],
    answers: drawn,
  },
  'small-hset': {
    title: 'HSET of 2 fields',
    command: ['HSET', 'hash:__rand_int__', 'name', 'x'.repeat(16), 'city', 'y'.repeat(16)],
    before: nothing,
    question: ['DBSIZE'],
    answers: drawn,
  },
  'small-hgetall': {
    title: 'HGETALL of 5 fields',
    command: ['HGETALL', 'hash:__rand_int__'],
    before: function* () {
      for (let i = 0; i < RANDOM_NUMBERS; i++) yield smallHash(i);
    },
    question: ['DBSIZE'],
    answers: () => exactly(RANDOM_NUMBERS),
  },
  'small-zadd': {
    title: 'ZADD',
    command: ['ZADD', 'zset:__rand_int__', '__rand_int__', 'element:__rand_int__'],
    before: nothing,
    question: ['DBSIZE'],
    answers: drawn,
  },
} satisfies Readonly<Record<string, CollectionLoad>>;

/** Five fields of 8 bytes with values of 16. */
export function smallHash(index: number, name = 'hash'): readonly string[] {
  const vector = ['HSET', `${name}:${String(index).padStart(12, '0')}`];
  for (let field = 0; field < 5; field++) {
    vector.push(
      `field${String(field).padStart(3, '0')}`,
      String(index * 5 + field).padStart(16, 'v'),
    );
  }
  return vector;
}

export const oneKeyCommands = [
  ...(['lpush', 'rpop', 'lrange', 'sadd', 'spop'] as const),
  ...(['hset', 'zadd', 'zpopmin'] as const),
];
/** On one stream and its group. */
export const streamCommands = [
  ...(['xadd', 'xadd-capped', 'xrange', 'xreadgroup', 'xack'] as const),
];
export const manyKeysCommands = [
  ...(['small-lpush', 'small-sadd', 'small-hset', 'small-hgetall', 'small-zadd'] as const),
];

export function collectionLoad(command: string): CollectionLoad | undefined {
  return Object.hasOwn(loads, command) ? loads[command as CollectionCommand] : undefined;
}

/** Empties the server and writes what a run of so many requests needs. */
export async function prepareCollection(
  server: Server,
  load: CollectionLoad,
  requests: number,
): Promise<void> {
  const client = await server.client();
  try {
    await server.guard(client.command('FLUSHALL'));
    await writeAll(server, client, load.before(requests));
  } finally {
    client.close();
  }
}

/** Commands that may be under way at once. */
const WINDOW = 100;

/** Sends commands in batches of answers awaited. */
export async function writeAll(
  server: Server,
  client: { command(...parts: readonly string[]): Promise<unknown> },
  vectors: Iterable<readonly string[]>,
): Promise<void> {
  let batch: Promise<unknown>[] = [];
  for (const vector of vectors) {
    batch.push(client.command(...vector));
    if (batch.length < WINDOW) continue;
    await server.guard(Promise.all(batch));
    batch = [];
  }
  await server.guard(Promise.all(batch));
}

/** @throws when the data is not what so many requests leave */
export async function verifyCollection(
  server: Server,
  load: CollectionLoad,
  requests: number,
): Promise<void> {
  const client = await server.client();
  try {
    const answer = Number(await server.guard(client.command(...load.question)));
    const { least, most } = load.answers(requests);
    if (answer >= least && answer <= most) return;
    const asked = load.question.join(' ');
    throw new Error(
      `${server.name}: ${asked} is ${answer} after ${requests} × ${load.title}, not ${least}-${most}`,
    );
  } finally {
    client.close();
  }
}
