/**
 * Starts the servers that are compared, each as a plain child process with a data folder of its
 * own, and ends them by their process id, also when the benchmark fails. A server that ends before
 * it is told to makes every run that waits on it fail: there is no table after that.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AdminClient } from './admin-client.js';

const START_SECONDS_MAX = 30;
const LOG_CHARACTERS_MAX = 20_000;
const PORT_FIRST = 7200;
const PORT_LAST = 7299;

/** The project's root: this file runs as dist/bench/support/servers.js. */
export const projectRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** One of the programs compared: its name in tables, and its command line without the port. */
export interface System {
  readonly name: string;
  readonly command: readonly string[];
}

/** Darter with as many I/O threads as the machine has cores. */
export function darter(threads = availableParallelism()): System {
  const main = join(projectRoot, 'bin/darter');
  if (!existsSync(main)) throw new Error(`there is no ${main}: build first (npm run build)`);
  const command = [process.execPath, main, '--threads', String(threads)];
  return { name: 'darter', command };
}

/** redis-server with its defaults, but for the pause before a diskless sync (see docs). */
export function redis(): System {
  const name = 'redis-server';
  try {
    execFileSync(name, ['--version']);
  } catch {
    throw new Error('redis-server is not installed: the benchmarks compare with it');
  }
  return { name: 'redis', command: [name, '--repl-diskless-sync-delay', '0'] };
}

/**
 * A system given as `name=command`. Where the command has `{port}` (and, if needed, `{dir}`) it is
 * taken as it is; else redis-server's options are appended.
 */
export function namedSystem(text: string): System {
  const equals = text.indexOf('=');
  if (equals < 1) throw new Error(`--peer wants name=command, not '${text}'`);
  const command = text
    .slice(equals + 1)
    .trim()
    .split(/\s+/);
  return { name: text.slice(0, equals), command };
}

const running = new Set<Server>();

process.on('exit', () => {
  for (const server of running) server.kill();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => process.exit(130));
}

export class Server {
  /** Rejects when the process ends before `stop`; never resolves. */
  readonly failure: Promise<never>;
  private stopping = false;
  private log = '';

  private constructor(
    readonly name: string,
    readonly port: number,
    private readonly folder: string,
    private readonly child: ChildProcess,
  ) {
    const keep = (chunk: Buffer): void => {
      this.log = (this.log + chunk.toString('utf8')).slice(-LOG_CHARACTERS_MAX);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.failure = new Promise((_, reject) => {
      const ended = (why: string): void => {
        running.delete(this);
        if (!this.stopping) reject(new Error(`${name} ended by itself (${why}):\n${this.log}`));
      };
      child.on('error', (error) => ended(error.message));
      child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
    });
    this.failure.catch(() => undefined);
    running.add(this);
  }

  /** Starts a system on a free port and waits until it answers PING. */
  static async start(
    system: System,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Server> {
    const port = await freePort();
    const folder = mkdtempSync(join(dataFolder(), 'darter-bench-'));
    const [program, ...rest] = commandLine(system.command, port, folder);
    const child = spawn(program!, rest, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    const server = new Server(system.name, port, folder, child);
    await server.guard(server.waitReady());
    return server;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The promise's result, unless the server ends first. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.failure]);
  }

  client(): Promise<AdminClient> {
    return this.guard(AdminClient.connect(this.port));
  }

  /** SIGTERM, and SIGKILL after ten seconds; the data folder goes as well. */
  async stop(): Promise<void> {
    this.stopping = true;
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      const forced = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(forced);
    }
    running.delete(this);
    rmSync(this.folder, { recursive: true, force: true });
  }

  kill(): void {
    this.stopping = true;
    this.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async waitReady(): Promise<void> {
    const deadline = Date.now() + START_SECONDS_MAX * 1000;
    for (;;) {
      try {
        const client = await AdminClient.connect(this.port);
        await client.command('PING');
        client.close();
        return;
      } catch (error) {
        if (Date.now() > deadline) {
          throw new Error(`${this.name} does not answer PING: ${String(error)}\n${this.log}`);
        }
        await sleep(50);
      }
    }
  }
}

/**
 * Where servers keep their files. In memory where there is such a place: a full sync of Redis goes
 * through a file on the replica, and a disk's mood should not decide a comparison. DARTER_BENCH_DIR
 * names another place.
 */
function dataFolder(): string {
  const chosen = process.env.DARTER_BENCH_DIR;
  if (chosen !== undefined && chosen !== '') return chosen;
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}

function commandLine(command: readonly string[], port: number, folder: string): string[] {
  if (command.some((part) => part.includes('{port}'))) {
    return command.map((part) => part.replace('{port}', String(port)).replace('{dir}', folder));
  }
  return [...command, '--port', String(port), '--save', '', '--dir', folder];
}

const given = new Set<number>();

async function freePort(): Promise<number> {
  for (let port = PORT_FIRST; port <= PORT_LAST; port++) {
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      // A port may serve again later in the run; not at once, so that late packets meet nobody.
      if (given.size > (PORT_LAST - PORT_FIRST) / 2) given.clear();
      return port;
    }
  }
  throw new Error(`no free port between ${PORT_FIRST} and ${PORT_LAST}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1' }, () => probe.close(() => resolve(true)));
  });
}
