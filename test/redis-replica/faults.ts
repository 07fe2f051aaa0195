/**
 * What may go wrong between a Darter and those that follow it, several Redises and a Darter: faults
 * happen one after the other, by chance, while clients write. In the end all have the same.
 *
 *   clients ──▶ primary ──┬── proxy ──▶ redis ...     links are cut, slow; replicas stop, begin anew
 *                         └── proxy ──▶ darter        the primary is killed, evicts, loses all
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { sameAsRedis } from '../redis-primary/support.js';
import { LinkProxy } from '../replication/proxy.js';
import { follow, linkUp, number, until } from '../replication/support.js';
import { Random } from '../support/random.js';
import { type Server, startDarter } from '../support/server.js';
import { startRedisReplica } from './support.js';
import { fillLarge, writeUntilKilled } from './writers.js';

const CLIENTS = 3;
const BURST_VALUES = 12;
const BURST_BYTES = 2_000_000;
const SLOW_BYTES_A_SECOND = 300_000;
/** So small that a replica which stops is beyond them soon. */
const PRIMARY = [
  ...['--enable-debug-command', 'yes', '--repl-backlog-size', '1mb'],
  ...['--client-output-buffer-limit', 'replica', '8mb', '4mb', '5'],
  ...['--repl-timeout', '10', '--repl-ping-replica-period', '1'],
];
const NO_LIMIT = 'replica 0 0 0';
const LIMIT = 'replica 8mb 4mb 5';

interface Replica {
  server: Server;
  readonly isRedis: boolean;
  readonly proxy: LinkProxy;
}

interface World {
  primary: Server;
  readonly replicas: Replica[];
  readonly random: Random;
  /** Of the primary that there is. */
  work: { isOver: boolean; isKilled: boolean };
  writers: Promise<void>[];
}

export interface FaultOptions {
  readonly seed: number;
  readonly faults: number;
  readonly redises: number;
  /** Only this one, of those that are known. */
  readonly only?: string;
}

type Fault = (world: World, replica: Replica) => Promise<void>;

/** By name. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'a link is dropped': async (_, { proxy }) => proxy.dropConnections(),
  'a link is cut for a while': async ({ random }, { proxy }) => {
    proxy.cut();
    await sleep(random.between(10, 1500));
    proxy.restore();
  },
  'a link is slow': async ({ random }, { proxy }) => {
    proxy.bytesPerSecond = SLOW_BYTES_A_SECOND;
    await sleep(random.between(100, 1500));
    proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
  },
  'a replica stands still, and much is written': async (world, { server }) => {
    server.child.kill('SIGSTOP');
    await burst(world.primary);
    await sleep(world.random.between(100, 1000));
    server.child.kill('SIGCONT');
  },
  'a replica has data of its own': async (_, { server, proxy }) => {
    await server.ask('REPLICAOF', 'NO', 'ONE');
    await server.ask('SET', 'own', '1');
    await follow(server, proxy.port);
  },
  'a replica is killed, and begins anew': async (world, replica) => {
    const { port } = replica.server;
    await kill(replica.server);
    replica.server = replica.isRedis
      ? await startRedisReplica({ port })
      : await startDarter({ port, args: ['--enable-debug-command', 'yes'] });
    await follow(replica.server, replica.proxy.port);
    await world.primary.ask('PING');
  },
  'the links are killed as clients': async ({ primary }) => {
    await primary.ask('CLIENT', 'KILL', 'TYPE', 'REPLICA');
  },
  'limits change': async ({ primary, random }) => {
    const limit = random.pick([LIMIT, NO_LIMIT, 'replica 1kb 1kb 1']);
    await primary.ask('CONFIG', 'SET', 'client-output-buffer-limit', limit);
  },
  'all goes while a replica begins anew': async ({ primary, random }, { server, proxy }) => {
    await server.ask('REPLICAOF', 'NO', 'ONE');
    await server.ask('SET', 'own', '1');
    await follow(server, proxy.port);
    await sleep(random.between(0, 200));
    await primary.ask(...random.pick([['FLUSHALL'], ['SWAPDB', '0', '1'], ['FLUSHDB']]));
    await fillLarge(primary);
  },
  'keys are evicted': async ({ primary }) => {
    const before = await number(primary, 'evicted_keys');
    const used = await number(primary, 'used_memory');
    await primary.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    await primary.ask('CONFIG', 'SET', 'maxmemory', String(Math.floor(used * 0.9)));
    await burst(primary);
    await until('eviction', async () => (await number(primary, 'evicted_keys')) > before);
    await primary.ask('CONFIG', 'SET', 'maxmemory', '0');
  },
  'the primary is killed': async (world) => {
    const { port } = world.primary;
    world.work.isKilled = true;
    await kill(world.primary);
    await Promise.all(world.writers);
    world.primary = await startDarter({ port, args: PRIMARY });
    world.work = { isOver: false, isKilled: false };
    beginToWrite(world);
  },
};

async function kill(server: Server): Promise<void> {
  server.child.kill('SIGKILL');
  await server.exited;
  await server.stop();
}

/** More than the backlog holds, and than a replica may have waiting. */
async function burst(server: Server): Promise<void> {
  const client = await server.client();
  for (let i = 0; i < BURST_VALUES; i++) {
    await client.command('SET', `burst:${i % 3}`, String(i).repeat(BURST_BYTES / String(i).length));
  }
  await client.close();
}

function beginToWrite({ primary, random, work, writers }: World): void {
  writers.length = 0;
  for (let i = 0; i < CLIENTS; i++) {
    const writer = writeUntilKilled(primary, new Random(random.next()), `c${i}-`, work);
    // A failure is told when it is waited for.
    writer.catch(() => {});
    writers.push(writer);
  }
}

/** @returns what happened, in the order of time */
export async function playFaults(options: FaultOptions): Promise<string[]> {
  const { seed, faults, redises, only = '' } = options;
  const random = new Random(seed);
  const names = Object.keys(FAULTS).filter((name) => only === '' || name === only);
  if (names.length === 0) throw new Error(`--only knows ${Object.keys(FAULTS).join('; ')}`);
  const dealt = random.dealt(names);
  const primary = await startDarter({ args: PRIMARY });
  const world: World = {
    primary,
    replicas: [],
    random,
    work: { isOver: false, isKilled: false },
    writers: [],
  };
  const played: string[] = [];
  try {
    await fillLarge(primary);
    beginToWrite(world);
    for (let i = 0; i < redises; i++) await addReplica(world, true);
    await addReplica(world, false);
    for (let i = 0; i < faults; i++) {
      const name = dealt.next().value;
      played.push(name);
      await FAULTS[name]!(world, random.pick(world.replicas));
      await sleep(random.between(0, 500));
    }
    await settle(world);
  } catch (error) {
    throw new Error(`seed ${seed}, after ${played.join(', ')}`, { cause: error });
  } finally {
    world.work.isOver = true;
    await Promise.allSettled(world.writers);
    for (const { server, proxy } of world.replicas) {
      await server.stop();
      await proxy.close();
    }
    await world.primary.stop();
  }
  return played;
}

async function addReplica({ primary, replicas }: World, isRedis: boolean): Promise<void> {
  const server = isRedis
    ? await startRedisReplica()
    : await startDarter({ args: ['--enable-debug-command', 'yes'] });
  const proxy = await LinkProxy.start(primary.port);
  replicas.push({ server, isRedis, proxy });
  await follow(server, proxy.port);
}

/** Nothing happens any more: all get the same, and nobody complains. */
async function settle({ primary, replicas, work, writers }: World): Promise<void> {
  work.isOver = true;
  await Promise.all(writers);
  await primary.ask('CONFIG', 'SET', 'client-output-buffer-limit', NO_LIMIT);
  for (const { server } of replicas) await linkUp(server);
  const redises = replicas.filter(({ isRedis }) => isRedis).map(({ server }) => server);
  const darters = replicas.filter(({ isRedis }) => !isRedis).map(({ server }) => server);
  await sameAsRedis(redises[0]!, ...redises.slice(1), ...darters, primary);
  const wanted = String(replicas.length);
  await until('all count', async () => (await primary.ask('WAIT', wanted, '5000')) === wanted);
  assert.equal(await primary.ask('DEBUG', 'CHECK'), 'OK');
  for (const { log } of [primary, ...darters]) assert.doesNotMatch(log, / at .*\.js:\d+/);
  for (const { log } of redises) {
    assert.doesNotMatch(log, /Protocol error|Bad file format|corruption|Guru|CRITICAL/);
  }
}
