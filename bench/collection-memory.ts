/** The memory case of collections: resident bytes per element of large ones, per key of small ones. */
import { setTimeout as sleep } from 'node:timers/promises';
import { smallHash, writeAll } from './collection-cases.js';
import { residentBytes } from './support/process.js';
import { Server, type System } from './support/servers.js';

export interface Shape {
  readonly title: string;
  /** What is counted: elements or keys. */
  readonly count: number;
  /** The commands that write it. */
  readonly vectors: () => Iterable<readonly string[]>;
  readonly question: readonly string[];
}

export interface ShapeResult {
  readonly title: string;
  /** By system name, resident bytes for each counted thing, a figure for each round. */
  readonly bytes: Readonly<Record<string, readonly number[]>>;
}

const ELEMENTS = 1_000_000;
const SMALL_HASHES = 1_000_000;
const BATCH = 1000;

/** 16 bytes, different for each index, in no order. */
function element(index: number): string {
  const scattered = Math.imul(index, 0x9e3779b1) >>> 0;
  return `m${String(scattered).padStart(10, '0')}-${String(index % 10_000).padStart(4, '0')}`;
}

function* oneCollection(
  start: readonly string[],
  parts: (index: number) => readonly string[],
): Generator<readonly string[]> {
  for (let i = 0; i < ELEMENTS; i += BATCH) {
    const vector = [...start];
    for (let k = i; k < i + BATCH; k++) vector.push(...parts(k));
    yield vector;
  }
}

function* stream(): Generator<readonly string[]> {
  for (let i = 0; i < ELEMENTS; i++) {
    yield [
      'XADD',
      'stream',
      '*',
      'device',
      `d${i % 1000}`,
      'temperature',
      `${i % 50}`,
      'ok',
      'yes',
    ];
  }
}

export const shapes: readonly Shape[] = [
  {
    title: 'stream of 1,000,000, per entry of 3 fields',
    count: ELEMENTS,
    vectors: stream,
    question: ['XLEN', 'stream'],
  },
  {
    title: 'list of 1,000,000, per element of 16 B',
    count: ELEMENTS,
    vectors: () => oneCollection(['RPUSH', 'list'], (i) => [element(i)]),
    question: ['LLEN', 'list'],
  },
  {
    title: 'set of 1,000,000, per member of 16 B',
    count: ELEMENTS,
    vectors: () => oneCollection(['SADD', 'set'], (i) => [element(i)]),
    question: ['SCARD', 'set'],
  },
  {
    title: 'hash of 1,000,000, per field and value of 16 B',
    count: ELEMENTS,
    vectors: () => oneCollection(['HSET', 'hash'], (i) => [element(i), element(i + 1)]),
    question: ['HLEN', 'hash'],
  },
  {
    title: 'sorted set of 1,000,000, per member of 16 B',
    count: ELEMENTS,
    vectors: () => oneCollection(['ZADD', 'zset'], (i) => [`${i * 7.5}`, element(i)]),
    question: ['ZCARD', 'zset'],
  },
  {
    title: '1,000,000 hashes of 5 fields, 8 + 16 B, per hash',
    count: SMALL_HASHES,
    vectors: function* () {
      for (let i = 0; i < SMALL_HASHES; i++) yield smallHash(i);
    },
    question: ['DBSIZE'],
  },
];

export async function measureShape(
  shape: Shape,
  systems: readonly System[],
  rounds: number,
): Promise<ShapeResult> {
  const bytes: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const system of systems) {
      bytes[system.name] = [...(bytes[system.name] ?? []), await measureOnce(shape, system)];
    }
  }
  return { title: shape.title, bytes };
}

async function measureOnce(shape: Shape, system: System): Promise<number> {
  const server = await Server.start(system);
  try {
    const before = residentBytes(server.pid);
    const client = await server.client();
    await writeAll(server, client, shape.vectors());
    const written = Number(await server.guard(client.command(...shape.question)));
    client.close();
    if (written !== shape.count) {
      throw new Error(`${system.name}: ${shape.title}: ${written} instead of ${shape.count}`);
    }
    await server.guard(sleep(1000));
    return (residentBytes(server.pid) - before) / shape.count;
  } finally {
    await server.stop();
  }
}
