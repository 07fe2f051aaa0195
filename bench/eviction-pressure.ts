/**
 * A server that is written to beyond its maxmemory, as its operator sees it: what is used and what is
 * resident, how many keys go or writes are refused, and how long the writers wait. Keys of all types,
 * all of which expire in some time, from as many connections as keep the server at work.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { WritesOptions, WritesResult } from './load/writes.js';
import { count, figure, mebibytes, table } from './report/table.js';
import type { AdminClient } from './support/admin-client.js';
import { residentBytes } from './support/process.js';
import { Server, type System } from './support/servers.js';

export interface PressureOptions {
  readonly systems: readonly System[];
  readonly policies: readonly string[];
  readonly limitBytes: number;
  /** Sent to each server under each policy. */
  readonly bytes: number;
  /** Sent before, all of it carried out, to a server that is emptied then: what is measured is no start. */
  readonly warmUpBytes: number;
}

export const ALL_POLICIES = [
  ...['noeviction', 'allkeys-lru', 'allkeys-lfu', 'allkeys-random'],
  ...['volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'],
];

const CONNECTIONS = 8;
const PIPELINE = 16;
const SEED = 20_261;
const SAMPLE_MS = 50;
/** None of the writes before is refused: refusals would warm nothing else. */
const WARM_UP_POLICY = 'allkeys-random';
/** After the warm-up, until its memory is given back. */
const SETTLING_MS = 3000;

/** The most that was seen while the writes ran, in bytes. */
interface Peaks {
  used: number;
  resident: number;
}

interface Outcome extends WritesResult, Peaks {
  /** Resident bytes of the server after its start, emptied after the warm-up, and after the last write. */
  readonly started: number;
  readonly empty: number;
  readonly residentAtEnd: number;
  readonly evicted: number;
}

export async function runPressure(options: PressureOptions): Promise<void> {
  const rows: string[][] = [];
  for (const policy of options.policies) {
    for (const system of options.systems) {
      const server = await Server.start(system);
      const outcome = await server.guard(measure(server, policy, options));
      await server.stop();
      rows.push([policy, server.name, ...columns(outcome)]);
    }
  }
  const head = [
    ...['policy', 'server', 'used, MiB', 'resident beyond empty, MiB', 'at the end'],
    ...['empty, MiB', 'started, MiB'],
    ...['writes', 'evicted', 'refused', 'MB/s', 'p50 ms', 'p99 ms', 'p99.9 ms'],
  ];
  console.log(table(head, rows));
  console.log(
    `\nmaxmemory ${mebibytes(options.limitBytes)} MiB; ${CONNECTIONS} connections, ` +
      `${PIPELINE} writes a batch; latencies are a batch's. Each server has had ` +
      `${count(options.warmUpBytes / 1e6)} MB of such writes before, and was emptied`,
  );

  function columns(outcome: Outcome): string[] {
    const { used, resident, residentAtEnd, empty, started, seconds } = outcome;
    return [
      ...[mebibytes(used), mebibytes(resident - empty), mebibytes(residentAtEnd - empty)],
      ...[mebibytes(empty), mebibytes(started), count(outcome.writes), count(outcome.evicted)],
      ...[count(outcome.refused), count(options.bytes / 1e6 / seconds)],
      ...[outcome.p50, outcome.p99, outcome.p999].map((latency) => figure(latency, 2)),
    ];
  }
}

async function measure(
  server: Server,
  policy: string,
  { limitBytes, bytes, warmUpBytes }: PressureOptions,
): Promise<Outcome> {
  const client = await server.client();
  await client.command('CONFIG', 'SET', 'maxmemory-policy', WARM_UP_POLICY);
  await client.command('CONFIG', 'SET', 'maxmemory', String(limitBytes));
  const started = residentBytes(server.pid);
  const load = { port: server.port, connections: CONNECTIONS, pipeline: PIPELINE };
  if (warmUpBytes > 0) await write({ ...load, bytes: warmUpBytes, seed: SEED + 1 });
  await client.command('FLUSHALL', 'SYNC');
  await client.command('CONFIG', 'SET', 'maxmemory-policy', policy);
  await sleep(SETTLING_MS);
  await client.command('CONFIG', 'RESETSTAT');
  const empty = residentBytes(server.pid);
  const peaks: Peaks = { used: 0, resident: 0 };
  const running = write({ ...load, bytes, seed: SEED });
  let isOver = false;
  const over = running.finally(() => {
    isOver = true;
  });
  over.catch(() => undefined);
  while (!isOver) {
    await sample(server, client, peaks);
    await Promise.race([sleep(SAMPLE_MS), over]);
  }
  const result = await running;
  await sample(server, client, peaks);
  const residentAtEnd = residentBytes(server.pid);
  const evicted = Number((await client.info('stats')).get('evicted_keys'));
  client.close();
  return { ...result, ...peaks, started, empty, residentAtEnd, evicted };
}

async function sample(server: Server, client: AdminClient, peaks: Peaks): Promise<void> {
  const used = Number((await client.info('memory')).get('used_memory'));
  peaks.used = Math.max(peaks.used, used);
  peaks.resident = Math.max(peaks.resident, residentBytes(server.pid));
}

/** In a thread of its own, so that the samples do not delay it. */
function write(options: WritesOptions): Promise<WritesResult> {
  const worker = new Worker(new URL('./load/writes-worker.js', import.meta.url), {
    workerData: options,
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
