/**
 * `npm run bench:wait [-- options]`: writes that a replica confirms, SET and WAIT 1 in turn, Darter with a Darter
 * behind it beside Redis with a Redis behind it, in turn, round by round. What is told is how many are
 * confirmed a second, how long a WAIT takes, and what both servers spend for one.
 */
import './support/fail-loudly.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flags } from '../test/support/flags.js';
import { count, figure, table } from './report/table.js';
import { cpuBetweenNs, readCpu } from './support/process.js';
import { Server, type System } from './support/servers.js';
import { median, percentile } from './support/statistics.js';
import { chosenSystems, systemFlags, systemUsage } from './support/systems.js';

const usage = `usage: npm run bench:wait [-- options]
  --rounds N              rounds of each case (3)
  --seconds N             of a round (3)
${systemUsage}`;
const flags = new Flags(usage, { rounds: 'number', seconds: 'number', ...systemFlags });
const rounds = flags.number('rounds', 3);
const seconds = flags.number('seconds', 3);

const CLIENTS = [1, 50];
const KEYS = 1000;
const WARM_UP_MS = 1500;
const LINK_POLL_MS = 20;

interface Pair {
  readonly primary: Server;
  readonly replica: Server;
}

async function startPair(system: System): Promise<Pair> {
  const [primary, replica] = [await Server.start(system), await Server.start(system)];
  const client = await replica.client();
  await client.command('REPLICAOF', '127.0.0.1', String(primary.port));
  while ((await client.info('replication')).get('master_link_status') !== 'up') {
    await sleep(LINK_POLL_MS);
  }
  client.close();
  return { primary, replica };
}

/** @returns confirmed writes a second, median and 99th percentile of WAIT in ms, CPU of both in µs for each */
async function round({ primary, replica }: Pair, clients: number): Promise<number[]> {
  let isOver = false;
  let waitsMs: number[] = [];
  const write = async (first: number): Promise<void> => {
    const client = await primary.client();
    for (let i = first; !isOver; i++) {
      await client.command('SET', `key:${i % KEYS}`, 'value');
      const beganMs = performance.now();
      if (Number(await client.command('WAIT', '1', '0')) < 1) throw new Error('not confirmed');
      waitsMs.push(performance.now() - beganMs);
    }
    client.close();
  };
  const writers = Promise.all(Array.from({ length: clients }, (_, i) => write(i * KEYS)));
  writers.catch(() => undefined);
  await Promise.race([writers, sleep(WARM_UP_MS)]);
  waitsMs = [];
  const before = [readCpu(primary.pid), readCpu(replica.pid)] as const;
  const beganMs = performance.now();
  await Promise.race([writers, sleep(seconds * 1000)]);
  const took = (performance.now() - beganMs) / 1000;
  const measured = waitsMs;
  const spent = [primary, replica].map(({ pid }, i) => cpuBetweenNs(before[i]!, readCpu(pid)));
  isOver = true;
  await writers;
  return [
    measured.length / took,
    ...[percentile(measured, 50), percentile(measured, 99)],
    ...spent.map((ns) => ns / 1000 / measured.length),
  ];
}

const systems = chosenSystems(flags);
const pairs: Pair[] = [];
for (const system of systems) pairs.push(await startPair(system));
const rows: string[][] = [];
for (const clients of CLIENTS) {
  const results = pairs.map((): number[][] => []);
  for (let i = 0; i < rounds; i++) {
    for (const [k, pair] of pairs.entries()) {
      const { primary, replica } = pair;
      results[k]!.push(await primary.guard(replica.guard(round(pair, clients))));
    }
  }
  for (const [k, { primary }] of pairs.entries()) {
    const [rate, ...others] = results[k]![0]!.map((_, i) =>
      median(results[k]!.map((one) => one[i]!)),
    );
    rows.push([
      String(clients),
      primary.name,
      count(rate!),
      ...others.map((one) => figure(one, 2)),
    ]);
  }
}
for (const { primary, replica } of pairs) {
  await replica.stop();
  await primary.stop();
}
const head = ['clients', 'server', 'confirmed/s', 'WAIT p50 ms', 'p99 ms'];
console.log(table([...head, 'primary, µs each', 'replica, µs each'], rows));
