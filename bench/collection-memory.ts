/**
 * The memory case of collections: resident bytes per element of large ones, per key of small ones. What
 * is measured is what a server takes that has worked before: what it needs once (compiled code, buffers,
 * the ring of the last writes) is there by then.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { smallHash, writeAll } from './collection-cases.js';
import { residentBytes } from './support/process.js';
import { Server, type System } from './support/servers.js';

export interface Shape {
  readonly title: string;
  /** What is counted: elements or keys. */
  readonly count: number;
  /** The commands that write `count` of them to this key, or to keys of this name. */
  readonly vectors: (name: string, count: number) => Iterable<readonly string[]>;
  /** What counts them. */
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
/** What a server does before: elements that compile the code, and writes that fill the ring. */
const FIRST_ELEMENTS = 20_000;
const RING_WRITES = 40_000;
const RING_VALUE_BYTES = 1000;
const FIRST = 'first';
const MEASURED = 'measured';
const SETTLE_MS = 1000;

/** 16 bytes, different for each index, in no order. */
function element(index: number): string {
  const scattered = Math.imul(index, 0x9e3779b1) >>> 0;
  return `m${String(scattered).padStart(10, '0')}-${String(index % 10_000).padStart(4, '0')}`;
}

function oneCollection(
  command: string,
  parts: (index: number) => readonly string[],
): Shape['vectors'] {
  return function* (name, count) {
    for (let i = 0; i < count; i += BATCH) {
      const vector = [command, name];
      for (let k = i; k < i + BATCH; k++) vector.push(...parts(k));
      yield vector;
    }
  };
}

function* stream(name: string, count: number): Generator<readonly string[]> {
  for (let i = 0; i < count; i++) {
    yield ['XADD', name, '*', 'device', `d${i % 1000}`, 'temperature', `${i % 50}`, 'ok', 'yes'];
  }
}

function* overwrites(): Generator<readonly string[]> {
  const value = 'x'.repeat(RING_VALUE_BYTES);
  for (let i = 0; i < RING_WRITES; i++) yield ['SET', FIRST + (i % BATCH), value];
}

export const shapes: readonly Shape[] = [
  {
    title: 'stream of 1,000,000, per entry of 3 fields',
    count: ELEMENTS,
    vectors: stream,
    question: ['XLEN', MEASURED],
  },
  {
    title: 'list of 1,000,000, per element of 16 B',
    count: ELEMENTS,
    vectors: oneCollection('RPUSH', (i) => [element(i)]),
    question: ['LLEN', MEASURED],
  },
  {
    title: 'set of 1,000,000, per member of 16 B',
    count: ELEMENTS,
    vectors: oneCollection('SADD', (i) => [element(i)]),
    question: ['SCARD', MEASURED],
  },
  {
    title: 'hash of 1,000,000, per field and value of 16 B',
    count: ELEMENTS,
    vectors: oneCollection('HSET', (i) => [element(i), element(i + 1)]),
    question: ['HLEN', MEASURED],
  },
  {
    title: 'sorted set of 1,000,000, per member of 16 B',
    count: ELEMENTS,
    vectors: oneCollection('ZADD', (i) => [`${i * 7.5}`, element(i)]),
    question: ['ZCARD', MEASURED],
  },
  {
    title: '1,000,000 hashes of 5 fields, 8 + 16 B, per hash',
    count: SMALL_HASHES,
    vectors: function* (name, count) {
      for (let i = 0; i < count; i++) yield smallHash(i, name);
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
    const client = await server.client();
    const counted = async () => Number(await server.guard(client.command(...shape.question)));
    await writeAll(server, client, overwrites());
    await writeAll(server, client, shape.vectors(FIRST, FIRST_ELEMENTS));
    await server.guard(sleep(SETTLE_MS));
    const resident = residentBytes(server.pid);
    const before = await counted();
    await writeAll(server, client, shape.vectors(MEASURED, shape.count));
    const written = (await counted()) - before;
    client.close();
    if (written !== shape.count) {
      throw new Error(`${system.name}: ${shape.title}: ${written} instead of ${shape.count}`);
    }
    await server.guard(sleep(SETTLE_MS));
    return (residentBytes(server.pid) - resident) / shape.count;
  } finally {
    await server.stop();
  }
}
