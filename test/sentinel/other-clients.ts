/** node-redis and redis-py in Sentinel mode: each writes again and again through a failover. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSentinel } from 'redis';
import { rootDirectory } from '../support/server.js';
import { MASTER_NAME, type World } from './world.js';

const PAUSE_MS = 50;
const STOP_MS = 3000;
const PYTHON = '/usr/bin/python3';

export interface OtherClient {
  readonly name: string;
  /** Writes that went well. */
  readonly done: number;
  stop(): Promise<void>;
}

export async function nodeRedis(world: World): Promise<OtherClient> {
  const sentinel = await createSentinel({
    name: MASTER_NAME,
    sentinelRootNodes: world.addresses,
    maxCommandRediscovers: 100,
    ...(world.password === undefined ? {} : { nodeClientOptions: { password: world.password } }),
  })
    .on('error', () => {})
    .connect();
  let stopping = false;
  const client = {
    name: 'node-redis',
    done: 0,
    async stop() {
      stopping = true;
      // A command that is never answered is not waited for.
      await Promise.race([finished, sleep(STOP_MS, undefined, { ref: false })]);
      sentinel.destroy();
    },
  };
  const finished = (async () => {
    while (!stopping) {
      try {
        await sentinel.set('node-redis', String(client.done));
        client.done++;
      } catch {
        // The next one goes to the new primary.
      }
      await sleep(PAUSE_MS);
    }
  })();
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
