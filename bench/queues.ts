/**
 * `npm run bench:queues`: jobs through BullMQ, Darter and redis-server side by side. Both run all the
 * time and take turns, round by round. Producers add jobs one by one and workers process them, at once.
 * Told are jobs per second and the server's CPU for each job: producers and workers are this process,
 * which is the bottleneck of the rate.
 */
import './support/fail-loudly.js';
import { Queue, Worker } from 'bullmq';
import { Flags } from '../test/support/flags.js';
import { table } from './report/table.js';
import { cpuBetweenNs, readCpu } from './support/process.js';
import { Server } from './support/servers.js';
import { median } from './support/statistics.js';
import { chosenSystems, systemFlags, systemUsage } from './support/systems.js';

const usage = `usage: npm run bench:queues [-- options]
  --rounds N              rounds (5), after one to warm up
  --jobs N                jobs in a round (10000)
${systemUsage}`;
const flags = new Flags(usage, { rounds: 'number', jobs: 'number', ...systemFlags });

const WORKERS = 4;
const CONCURRENCY = 10;
/** Jobs that are being added at a time. */
const PRODUCERS = 10;
const QUEUE = 'bench';

interface Round {
  readonly jobsPerSecond: number;
  readonly cpuMicrosecondsPerJob: number;
}

/** Adds jobs until `left` of all producers together is used up. */
async function produce(queue: Queue, left: { jobs: number }): Promise<void> {
  while (left.jobs-- > 0) await queue.add('job', { payload: 'x'.repeat(100) });
}

async function round(server: Server, jobs: number): Promise<Round> {
  const connection = { host: '127.0.0.1', port: server.port };
  const queue = new Queue(QUEUE, { connection, defaultJobOptions: { removeOnComplete: true } });
  let done = 0;
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const work = async (): Promise<void> => {
    if (++done === jobs) finish();
  };
  const options = { connection, concurrency: CONCURRENCY };
  const workers = Array.from({ length: WORKERS }, () => new Worker(QUEUE, work, options));
  const opened = [queue, ...workers];
  await server.guard(Promise.all(opened.map((one) => one.waitUntilReady())));
  const before = readCpu(server.pid);
  const startedMs = performance.now();
  const left = { jobs };
  const producers = Array.from({ length: PRODUCERS }, () => produce(queue, left));
  await server.guard(Promise.all([finished, ...producers]));
  const seconds = (performance.now() - startedMs) / 1000;
  const cpuNs = cpuBetweenNs(before, readCpu(server.pid));
  for (const one of opened) await one.close();
  if (done !== jobs) throw new Error(`${server.name}: ${jobs} jobs were done ${done} times`);
  return { jobsPerSecond: jobs / seconds, cpuMicrosecondsPerJob: cpuNs / 1000 / jobs };
}

const rounds = flags.number('rounds', 5);
const jobs = flags.number('jobs', 10_000);
const servers: Server[] = [];
try {
  for (const system of chosenSystems(flags)) servers.push(await Server.start(system));
  const results = servers.map((): Round[] => []);
  for (let i = 0; i <= rounds; i++) {
    for (const [s, server] of servers.entries()) {
      const result = await round(server, jobs);
      if (i > 0) results[s]!.push(result);
    }
  }
  const rows = servers.map(({ name }, s) => [
    name,
    median(results[s]!.map((result) => result.jobsPerSecond)).toFixed(0),
    median(results[s]!.map((result) => result.cpuMicrosecondsPerJob)).toFixed(1),
  ]);
  process.stdout.write(`${table(['BullMQ', 'jobs a second', 'server CPU µs a job'], rows)}\n`);
} finally {
  for (const server of servers) await server.stop();
}
