/**
 * Runs one case on one server: keys written beforehand, load, server CPU around it, and a check
 * afterwards that the data is what the requests should have left.
 */
import { type Case, mixedPattern } from './cases.js';
import { collectionLoad, prepareCollection, verifyCollection } from './collection-cases.js';
import { runBlocked } from './load/blocked.js';
import { fill, runLoad } from './load/generator.js';
import { type KeyFormat, keyName, redisBenchmarkKeys, valueText } from './load/workload.js';
import { cpuBetweenNs, readCpu } from './support/process.js';
import { type ClosedLoopResult, runRedisBenchmark } from './support/redis-benchmark.js';
import type { Server } from './support/servers.js';

const SAMPLED_KEYS = 200;
const READ_AT_ONCE = 1000;

export interface Run {
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Server CPU per request over all its threads, microseconds. */
  readonly cpuMicroseconds: number;
  /** CPU seconds per second: near the number of I/O threads, the server was the bottleneck. */
  readonly coresUsed: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export function keysOf(item: Case): KeyFormat {
  return redisBenchmarkKeys(item.keys);
}

/** Empties the server and writes the case's keys (INCR begins with nothing). */
export async function prepare(server: Server, item: Case): Promise<void> {
  // A collection is written before each run.
  if (collectionLoad(item.command) !== undefined) return;
  const client = await server.client();
  await server.guard(client.command('FLUSHALL'));
  client.close();
  if (item.command !== 'incr' && item.command !== 'blocked') {
    await server.guard(fill(server.port, keysOf(item), item.valueBytes));
  }
}

export async function runCase(server: Server, item: Case, requests: number): Promise<Run> {
  if (item.group === 'tracking') return runTracked(server, item, requests);
  const load = collectionLoad(item.command);
  if (load === undefined) return measureRun(server, item, requests);
  await prepareCollection(server, load, requests);
  const run = await measureRun(server, item, requests);
  await verifyCollection(server, load, run.requests);
  return run;
}

/** A client has every key in its cache. It speaks RESP2: the cost of finding it is measured, no pushes. */
async function runTracked(server: Server, item: Case, requests: number): Promise<Run> {
  const client = await server.client();
  try {
    await server.guard(client.command('CLIENT', 'TRACKING', 'ON'));
    const keys = keysOf(item);
    for (let i = 0; i < keys.count; i += READ_AT_ONCE) {
      const names = Array.from({ length: READ_AT_ONCE }, (_, k) => keyName(keys, i + k));
      await server.guard(client.command('EXISTS', ...names));
    }
    return await measureRun(server, item, requests);
  } finally {
    client.close();
  }
}

async function measureRun(server: Server, item: Case, requests: number): Promise<Run> {
  const before = readCpu(server.pid);
  const result = await server.guard(drive(server, item, requests));
  const cpuNs = cpuBetweenNs(before, readCpu(server.pid));
  return {
    requests: result.requests,
    seconds: result.seconds,
    perSecond: result.requests / result.seconds,
    cpuMicroseconds: cpuNs / 1000 / result.requests,
    coresUsed: cpuNs / 1e9 / result.seconds,
    p50: result.p50,
    p99: result.p99,
    p999: result.p999,
  };
}

function drive(server: Server, item: Case, requests: number): Promise<ClosedLoopResult> {
  const { connections, pipeline, valueBytes, perSecond } = item;
  if (item.command === 'blocked') {
    return runBlocked({ port: server.port, pairs: connections / 2, valueBytes, rounds: requests });
  }
  const keys = keysOf(item);
  if (item.command === 'mixed') {
    const mode =
      perSecond > 0
        ? ({ kind: 'open', perSecond, seconds: requests / perSecond, spin: true } as const)
        : ({ kind: 'closed', requests } as const);
    const pattern = mixedPattern;
    const common = { port: server.port, connections, pipeline, keys, valueBytes };
    return runLoad({ ...common, pattern, mode, intervalMs: 0, seed: 4711 });
  }
  return runRedisBenchmark({
    port: server.port,
    connections,
    pipeline,
    requests,
    keySpace: keys.count,
    command: commandLine(item),
  });
}

function benchmarkValue(item: Case): string {
  return 'v'.repeat(item.valueBytes);
}

function commandLine(item: Case): string[] {
  const load = collectionLoad(item.command);
  if (load !== undefined) return [...load.command];
  const pair = ['key:__rand_int__', benchmarkValue(item)];
  if (item.command === 'get') return ['GET', 'key:__rand_int__'];
  if (item.command === 'incr') return ['INCR', 'key:__rand_int__'];
  if (item.command === 'set') return ['SET', ...pair];
  return ['MSET', ...Array.from({ length: 10 }, () => pair).flat()];
}

/**
 * Throws unless the server holds what the requests left: for INCR the counters' sum is the number
 * of requests, else every key is there, with a value that was written.
 */
export async function verify(server: Server, item: Case, requests: number): Promise<void> {
  if (collectionLoad(item.command) !== undefined) return;
  const keys = keysOf(item);
  const client = await server.client();
  try {
    if (item.command === 'incr') {
      let sum = 0;
      for (let i = 0; i < keys.count; i += 1000) {
        const names = Array.from({ length: 1000 }, (_, k) => keyName(keys, i + k));
        const counters = await server.guard(client.command('MGET', ...names));
        for (const counter of counters as (string | null)[]) sum += Number(counter ?? 0);
      }
      if (sum !== requests) throw differs(server, `${requests} INCRs left a sum of ${sum}`);
      return;
    }
    const size = await server.guard(client.command('DBSIZE'));
    if (item.command === 'blocked') {
      if (size !== 0) throw differs(server, `${size} lists are left`);
      return;
    }
    if (size !== keys.count) throw differs(server, `${size} keys instead of ${keys.count}`);
    for (let i = 0; i < SAMPLED_KEYS; i++) {
      const index = Math.floor((i * keys.count) / SAMPLED_KEYS);
      const value = await server.guard(client.command('GET', keyName(keys, index)));
      if (!wasWritten(item, index, value)) {
        throw differs(server, `${keyName(keys, index)} has a value that nobody wrote`);
      }
    }
  } finally {
    client.close();
  }
}

function wasWritten(item: Case, index: number, value: unknown): boolean {
  if (value === valueText(index, item.valueBytes) || value === benchmarkValue(item)) return true;
  // The mixed load writes values of other keys: only their length is known here.
  return item.command === 'mixed' && String(value).length === item.valueBytes;
}

function differs(server: Server, what: string): Error {
  return new Error(`${server.name}'s data is wrong after the run: ${what}`);
}
