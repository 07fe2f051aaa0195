/**
 * `npm run profile`: starts Darter with DARTER_PROFILE, drives it with redis-benchmark, ends it,
 * and sums up the CPU profiles that its I/O threads wrote (src/platform/profile.ts). The files stay
 * in bench/results/profile-TIME/ for Chrome DevTools or speedscope.
 */
import './support/fail-loudly.js';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { Flags } from '../test/support/flags.js';
import { type CpuProfile, sumByFunction, summaryText } from './report/profile-summary.js';
import { type ClosedLoopResult, runRedisBenchmark } from './support/redis-benchmark.js';
import { darter, projectRoot, Server } from './support/servers.js';

const usage = `usage: npm run profile [-- options]
  --only set,get    commands to send, one after the other (set,get)
  --pipeline N      requests a connection sends at once (1)
  --connections N   (50)
  --requests N      of each command (500000)
  --value N         bytes of a value (100)
  --threads N       I/O threads of the server (as many as cores)
  --rows N          functions to list (30)`;
const flags = new Flags(usage, {
  only: 'text',
  pipeline: 'number',
  connections: 'number',
  requests: 'number',
  value: 'number',
  rows: 'number',
  threads: 'number',
});

const commands: Readonly<Record<string, (value: string) => string[]>> = {
  set: (value) => ['SET', 'key:__rand_int__', value],
  get: () => ['GET', 'key:__rand_int__'],
  incr: () => ['INCR', 'counter:__rand_int__'],
  mset: (value) => [
    'MSET',
    ...Array.from({ length: 10 }, () => ['key:__rand_int__', value]).flat(),
  ],
  ping: () => ['PING'],
  lpush: (value) => ['LPUSH', 'list', value],
  rpop: () => ['RPOP', 'list'],
  sadd: () => ['SADD', 'set', 'element:__rand_int__'],
  hset: (value) => ['HSET', 'hash', 'element:__rand_int__', value],
  zadd: () => ['ZADD', 'sorted-set', '__rand_int__', 'element:__rand_int__'],
  zpopmin: () => ['ZPOPMIN', 'sorted-set'],
  xadd: (value) => ['XADD', 'stream', '*', 'field', value],
};

const stamp = new Date().toISOString().replace(/[:.]/g, '-');
const folder = join(projectRoot, 'bench/results', `profile-${stamp}`);
mkdirSync(folder, { recursive: true });

const system = darter(flags.number('threads', availableParallelism()));
const server = await Server.start(system, { DARTER_PROFILE: folder });
try {
  for (const name of flags.text('only', 'set,get').split(',')) {
    const command = commands[name];
    if (command === undefined) throw new Error(`--only knows ${Object.keys(commands).join(', ')}`);
    const result = await server.guard(drive(command('v'.repeat(flags.number('value', 100)))));
    const rate = Math.round(result.requests / result.seconds);
    process.stderr.write(`${name}: ${rate.toLocaleString('en')} requests/s while profiled\n`);
  }
} finally {
  await server.stop();
}
printSummaries();

function drive(command: readonly string[]): Promise<ClosedLoopResult> {
  return runRedisBenchmark({
    port: server.port,
    connections: flags.number('connections', 50),
    pipeline: flags.number('pipeline', 1),
    requests: flags.number('requests', 500_000),
    keySpace: 100_000,
    command,
  });
}

function printSummaries(): void {
  const files = readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
  if (files.length === 0) throw new Error(`the server wrote no profile into ${folder}`);
  const profiles = files.map(
    (name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile,
  );
  process.stdout.write(`${files.length} threads together\n`);
  process.stdout.write(`${summaryText(sumByFunction(profiles), flags.number('rows', 30))}\n\n`);
  for (const name of files) process.stdout.write(`${relative('.', join(folder, name))}\n`);
}
