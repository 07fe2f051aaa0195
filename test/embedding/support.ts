/** The public interface as it is shipped (dist/bundle), with the types of the sources; what the process holds. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { DarterServer, StartOptions } from '../../src/server/embedding/darter.js';
import { RawClient } from '../support/client.js';
import { textOf } from '../support/reply.js';
import { rootDirectory } from '../support/server.js';
import { until } from '../support/until.js';

export type Darter = typeof import('../../src/server/embedding/darter.js');

export const ENTRY = join(rootDirectory, 'dist/bundle/server/embedding/darter.js');

/** By the package's name, as a program requires it: package.json says what that is. */
export function required(): Darter {
  return createRequire(join(rootDirectory, 'package.json'))('darter') as Darter;
}

/** A small server that ends with the test. */
export async function startSmall(t: TestContext, options: StartOptions = {}) {
  const server = await required().start({ preset: 'test', ...options });
  t.after(() => server.stop({ save: 'nosave' }));
  return server;
}

/** The answer as text; an error's too. */
export async function ask(server: DarterServer, ...command: string[]): Promise<string> {
  const { port, socketPath } = server;
  const client = await RawClient.connect(port === 0 ? { path: socketPath } : { port });
  try {
    return textOf(await client.command(...command));
  } finally {
    await client.close();
  }
}

export interface Held {
  readonly descriptors: number;
  readonly threads: number;
  /** Address space. */
  readonly mebibytes: number;
  /** In memory. */
  readonly residentMebibytes: number;
}

/** What this process holds, as Linux counts it. */
export function held(): Held {
  const status = readFileSync('/proc/self/status', 'latin1');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: field('Threads'),
    mebibytes: Math.round(field('VmSize') / 1024),
    residentMebibytes: Math.round(field('VmRSS') / 1024),
  };
}

/** Starts and stops this many at once, so often, each with a client's write and read. */
export async function startAndStop(atOnce: number, rounds: number): Promise<void> {
  const { start } = required();
  for (let round = 0; round < rounds; round++) {
    const servers = await Promise.all(
      Array.from({ length: atOnce }, () => start({ preset: 'test' })),
    );
    const ports = new Set(servers.map(({ port }) => port));
    if (ports.size !== atOnce) throw new Error('two servers have one port');
    await Promise.all(
      servers.map(async (server, index) => {
        await ask(server, 'SET', 'key', `${index}`);
        const value = await ask(server, 'GET', 'key');
        if (value !== `${index}`) throw new Error(`server ${index} has another's data`);
      }),
    );
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** Resolves when the process has no more threads and descriptors than `before`. */
export function untilGivenBack(before: Held): Promise<unknown> {
  return until('threads and descriptors are given back', () => {
    const now = held();
    return now.descriptors <= before.descriptors && now.threads <= before.threads;
  });
}
