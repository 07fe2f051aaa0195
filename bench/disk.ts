/**
 * `npm run bench:disk [-- options]`: what the disk costs, Darter and redis-server in turn, round by round.
 *
 *   writes     SETs per second and their 99th percentile, by appendfsync, after a fifth as many to warm up
 *   saves      BGSAVE under writes: its time, the 99th percentile and the longest wait of another client
 *              meanwhile, and memory beyond what the server had before (of Redis with its child, so that
 *              pages copied on write are counted)
 *   restarts   from the start of the process until it serves all keys, by what it loads
 *
 * The files lie in DARTER_BENCH_DIR, else in the folder of temporary files; not in memory. Figures are
 * medians of the rounds.
 */
import './support/fail-loudly.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flags } from '../test/support/flags.js';
import { count, figure, mebibytes, table } from './report/table.js';
import type { AdminClient } from './support/admin-client.js';
import { Bystander } from './support/bystander.js';
import { memoryWithChildren } from './support/process.js';
import { runRedisBenchmark } from './support/redis-benchmark.js';
import { darter, redis, Server, type System } from './support/servers.js';
import { median, percentile } from './support/statistics.js';

const usage = `usage: npm run bench:disk [-- options]
  --keys N       of 100 bytes each (1000000)
  --requests N   of each measurement of writes (200000)
  --rounds N     (3)
  --only WORD    writes, saves or restarts`;
const flags = new Flags(usage, {
  keys: 'number',
  requests: 'number',
  rounds: 'number',
  only: 'text',
});
const keys = flags.number('keys', 1_000_000);
const requests = flags.number('requests', 200_000);
const rounds = flags.number('rounds', 3);
const only = flags.text('only', '');

const VALUE_BYTES = 100;
const BATCH_KEYS = 500;
const CLIENTS = 50;
const READ_EVERY_MS = 1;
const SAVE_SECONDS_MAX = 300;
const WRITE = ['SET', 'key:__rand_int__', 'x'.repeat(VALUE_BYTES)];

/** A program with settings of its own. */
interface Subject {
  readonly name: string;
  readonly system: System;
  readonly options: readonly string[];
}

type Figures = Map<string, number[][]>;

const NATIVE = ['--snapshot-format', 'native'];
const RDB = ['--snapshot-format', 'rdb'];

function subjects(options: readonly string[]): Subject[] {
  return [darter(), redis()].map((system) => ({ name: system.name, system, options }));
}

/** Starts a server on files that stay when it ends. */
function startOn(folder: string, { system, options }: Subject): Promise<Server> {
  const always = ['--port', '{port}', '--dir', folder, '--save', ''];
  const command = [...system.command, ...always, ...options];
  return Server.start({ name: system.name, command });
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(process.env.DARTER_BENCH_DIR ?? tmpdir(), 'darter-disk-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function withServer<T>(
  folder: string,
  subject: Subject,
  use: (server: Server, client: AdminClient) => Promise<T>,
): Promise<T> {
  const server = await startOn(folder, subject);
  try {
    const client = await server.client();
    const result = await server.guard(use(server, client));
    client.close();
    return result;
  } finally {
    await server.stop();
  }
}

function load(server: Server, length = requests) {
  const benchmark = { port: server.port, connections: CLIENTS, pipeline: 1, keySpace: keys };
  return server.guard(runRedisBenchmark({ ...benchmark, requests: length, command: WRITE }));
}

/** Both warm up with a fifth of the length measured, as in the other benchmarks. */
async function warmLoad(server: Server) {
  await load(server, Math.ceil(requests / 5));
  return load(server);
}

/** Values that hardly compress. DEBUG POPULATE would leave nothing in an append-only file. */
async function fill(client: AdminClient): Promise<void> {
  let state = 1;
  const word = (): string => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state.toString(36);
  };
  for (let from = 0; from < keys; from += BATCH_KEYS) {
    const words: string[] = [];
    for (let i = from; i < Math.min(from + BATCH_KEYS, keys); i++) {
      let value = '';
      while (value.length < VALUE_BYTES) value += word();
      words.push(`key:${i}`, value.slice(0, VALUE_BYTES));
    }
    await client.command('MSET', ...words);
  }
}

function note(figures: Figures, name: string, values: number[]): void {
  figures.set(name, [...(figures.get(name) ?? []), values]);
  process.stdout.write(`${name}: ${values.map((value) => figure(value, 2)).join(' ')}\n`);
}

function print(
  title: string,
  head: readonly string[],
  figures: Figures,
  show: readonly ((value: number) => string)[],
): void {
  const rows = [...figures].map(([name, values]) => [
    name,
    ...show.map((text, i) => text(median(values.map((one) => one[i]!)))),
  ]);
  process.stdout.write(`\n${title}\n\n${table(head, rows)}\n\n`);
}

const milliseconds = (value: number): string => figure(value, 2);
const seconds = (value: number): string => figure(value, 2);

async function measureWrites(): Promise<void> {
  const figures: Figures = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const policy of ['', 'no', 'everysec', 'always']) {
      const options = policy === '' ? [] : ['--appendonly', 'yes', '--appendfsync', policy];
      for (const subject of subjects(options)) {
        const result = await inFolder((folder) => withServer(folder, subject, warmLoad));
        const name = `${policy === '' ? 'no journal' : `appendfsync ${policy}`}, ${subject.name}`;
        note(figures, name, [result.requests / result.seconds, result.p99]);
      }
    }
  }
  print('SET', ['', 'writes/s', 'p99 ms'], figures, [count, milliseconds]);
}

/** @returns seconds, p99 and longest wait of the bystander, bytes of memory beyond those before */
async function saveUnderWrites(server: Server, client: AdminClient): Promise<number[]> {
  await fill(client);
  // Once before, so that code and files are there.
  await background(server, client);
  const other = await server.client();
  let isOver = false;
  const writes = (async () => {
    while (!isOver) await load(server);
  })();
  await sleep(1000);
  const before = memoryWithChildren(server.pid).bytes;
  const bystander = new Bystander(other, 'key:1', READ_EVERY_MS);
  const { tookSeconds, mostBytes } = await background(server, client);
  const { allMs, longestMs } = await bystander.stop();
  isOver = true;
  await writes;
  other.close();
  return [tookSeconds, percentile(allMs, 99), longestMs, mostBytes - before];
}

async function background(server: Server, client: AdminClient) {
  const begin = performance.now();
  let mostBytes = 0;
  await client.command('BGSAVE');
  for (;;) {
    mostBytes = Math.max(mostBytes, memoryWithChildren(server.pid).bytes);
    const info = await client.info('persistence');
    const tookSeconds = (performance.now() - begin) / 1000;
    if (info.get('rdb_bgsave_in_progress') === '0') {
      if (info.get('rdb_last_bgsave_status') !== 'ok') throw new Error('BGSAVE has failed');
      return { tookSeconds, mostBytes };
    }
    if (tookSeconds > SAVE_SECONDS_MAX) throw new Error('BGSAVE takes too long');
    await sleep(5);
  }
}

async function measureSaves(): Promise<void> {
  const figures: Figures = new Map();
  const all: readonly Subject[] = [
    { name: 'darter, native', system: darter(), options: NATIVE },
    { name: 'darter, RDB', system: darter(), options: RDB },
    { name: 'redis, RDB', system: redis(), options: [] },
  ];
  for (let round = 0; round < rounds; round++) {
    for (const subject of all) {
      const values = await inFolder((folder) => withServer(folder, subject, saveUnderWrites));
      note(figures, subject.name, values);
    }
  }
  const head = ['', 'seconds', 'p99 ms', 'longest ms', 'MiB more'];
  const show = [seconds, milliseconds, milliseconds, mebibytes];
  print(`BGSAVE of ${count(keys)} keys under writes`, head, figures, show);
}

/** Ends a server with its data on the disk; then times how long it takes until it serves them. */
async function restart(folder: string, subject: Subject, saves: boolean): Promise<number> {
  await withServer(folder, subject, async (_, client) => {
    await fill(client);
    if (saves) await client.command('SAVE');
  });
  const begin = performance.now();
  return withServer(folder, subject, async (_, client) => {
    const tookSeconds = (performance.now() - begin) / 1000;
    const loaded = Number(await client.command('DBSIZE'));
    if (loaded !== keys) throw new Error(`${subject.name} has ${loaded} keys, not ${keys}`);
    return tookSeconds;
  });
}

async function measureRestarts(): Promise<void> {
  const journal = ['--appendonly', 'yes'];
  const all: readonly (readonly [subject: Subject, saves: boolean])[] = [
    [{ name: 'darter, native snapshot', system: darter(), options: NATIVE }, true],
    [{ name: 'darter, RDB', system: darter(), options: RDB }, true],
    [{ name: 'redis, RDB', system: redis(), options: [] }, true],
    [{ name: 'darter, journal', system: darter(), options: journal }, false],
    [{ name: 'redis, append-only file', system: redis(), options: journal }, false],
  ];
  const figures: Figures = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const [subject, saves] of all) {
      const took = await inFolder((folder) => restart(folder, subject, saves));
      note(figures, subject.name, [took, keys / took]);
    }
  }
  const head = ['', 'seconds', 'keys/s'];
  print(`Restart with ${count(keys)} keys`, head, figures, [seconds, count]);
}

process.stdout.write(`${count(keys)} keys of ${VALUE_BYTES} bytes, ${rounds} rounds\n`);
if ('writes'.includes(only)) await measureWrites();
if ('saves'.includes(only)) await measureSaves();
if ('restarts'.includes(only)) await measureRestarts();
