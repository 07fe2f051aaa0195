/** node-redis and redis-py in Sentinel mode: each writes again and again through a failover. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSentinel } from 'redis';
import { rootDirectory } from '../support/server.js';
import { MASTER_NAME, type World } from './world.js';

const PAUSE_MS = 50;
const SILENCE_MS = 5000;
const PYTHON = '/usr/bin/python3';

export interface OtherClient {
  readonly name: string;
  /** Writes that went well. */
  readonly done: number;
  stop(): Promise<void>;
}

function connectSentinel({ addresses, password }: World) {
  return createSentinel({
    name: MASTER_NAME,
    sentinelRootNodes: addresses,
    maxCommandRediscovers: 100,
    ...(password === undefined ? {} : { nodeClientOptions: { password } }),
  })
    .on('error', () => {})
    .connect();
}

/**
 * node-redis never answers some commands whose primary is killed, and then none at all: it is made
 * anew, as an application would. That may fail while the sentinels have not agreed, and is tried again.
 */
export function nodeRedis(world: World): OtherClient {
  let sentinel: Awaited<ReturnType<typeof connectSentinel>> | null = null;
  let stopping = false;
  const client = {
    name: 'node-redis',
    done: 0,
    async stop() {
      stopping = true;
      // A connection that does not come about is not waited for.
      await Promise.race([finished, sleep(2 * SILENCE_MS, undefined, { ref: false })]);
    },
  };
  const run = async (): Promise<void> => {
    for (; !stopping; await sleep(PAUSE_MS)) {
      sentinel ??= await connectSentinel(world).catch(() => null);
      if (sentinel === null) continue;
      const written = sentinel.set('node-redis', String(client.done)).catch(() => 'refused');
      const silence = sleep(SILENCE_MS, 'silence', { ref: false });
      const outcome = await Promise.race([written, silence]);
      if (outcome === 'OK') client.done++;
      if (outcome !== 'silence') continue;
      sentinel.destroy();
      sentinel = null;
    }
    sentinel?.destroy();
  };
  const finished = run();
  return client;
}

/** null when redis-py is not installed. */
export function redisPy(world: World): OtherClient | null {
  if (spawnSync(PYTHON, ['-c', 'import redis']).status !== 0) return null;
  const ports = world.addresses.map(({ port }) => String(port));
  const script = join(rootDirectory, 'test/sentinel/redis-py.py');
  const child: ChildProcess = spawn(PYTHON, [script, world.password ?? '', ...ports], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const client = {
    name: 'redis-py',
    done: 0,
    async stop() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) {
        await new Promise((resolve) => child.once('exit', resolve));
      }
    },
  };
  child.stdout?.on('data', (bytes: Buffer) => {
    client.done += bytes.toString().split('\n').length - 1;
  });
  return client;
}
