/** What tests of queues share: waiting for what workers do, and a worker that ends as by a crash. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const rootDirectory = fileURLToPath(new URL('../../../', import.meta.url));

/** How long a scenario may take, in milliseconds. */
const scenarioMs = 60_000;

/** A test of one thing that a queue does. */
export function scenario(what: string, run: () => Promise<void>): void {
  test(what, { timeout: scenarioMs }, run);
}

/** Counts how often each job was done, and tells when so many were. */
export class Work {
  readonly done: string[] = [];
  #awaited: { readonly count: number; readonly resolve: () => void }[] = [];

  add(job: string): void {
    this.done.push(job);
    for (const { count, resolve } of this.#awaited) if (this.done.length >= count) resolve();
    this.#awaited = this.#awaited.filter(({ count }) => count > this.done.length);
  }

  /** Resolves when `count` jobs were done. */
  reached(count: number): Promise<void> {
    if (this.done.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#awaited.push({ count, resolve }));
  }

  /** In the order of their names. */
  get sorted(): string[] {
    return [...this.done].sort();
  }
}

/** `count` names in order. */
export function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(4, '0')}`);
}

/**
 * A process that runs `script` (CommonJS, from the root of the repository) and has written a line: its
 * worker is at work. End it by `kill`, as a crash does.
 */
export async function crashingWorker(script: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', script], {
    cwd: rootDirectory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  return child;
}

/** Ends the process at once; it has no time to give anything back. */
export async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
