/**
 * Servers for tests: Darter and redis-server, each on a free port in a directory of its own.
 *
 * A server never outlives its test: it is ended by process id when the test ends, when this process
 * exits, and, where util-linux's setpriv is installed, by the kernel when this process is killed.
 * What the server printed is shown when the test process fails.
 *
 * DARTER_BIN names a program to run in Darter's place (`DARTER_BIN=redis-server` tests the tests).
 * DARTER_TEST_ARGS gives each Darter more arguments (`--transport epoll`, `--threads 1`).
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ClientOptions, RawClient } from './client.js';
import { claimPort, releaseAllPorts, releasePort } from './ports.js';
import { textOf } from './reply.js';
import { until } from './until.js';

export type ServerKind = 'darter' | 'redis';

export interface ServerOptions {
  /** More command-line arguments. */
  readonly args?: readonly string[];
  readonly port?: number;
  /** Darter's I/O threads. */
  readonly threads?: number;
  /** The password that the wait for PING uses. */
  readonly password?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** `ulimit -n` of the process. */
  readonly descriptors?: number;
  /** `ulimit -v` of the process. */
  readonly addressSpaceBytes?: number;
}

/** Where fields of INFO were found. */
const sectionOfField = new Map<string, string>();

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export const rootDirectory = findRoot(dirname(fileURLToPath(import.meta.url)));
// A busy machine needs ten seconds for either: these bound failures only.
const startTimeout_ms = 120_000;
const stopTimeout_ms = 60_000;
const logBytesKept = 64 * 1024;
const setpriv = spawnSync('setpriv', ['--version']).status === 0;
const running = new Set<Server>();

export class Server {
  readonly kind: ServerKind;
  readonly port: number;
  readonly directory: string;
  readonly child: ChildProcess;
  /** Resolves when the process has ended, whoever ended it. */
  readonly exited: Promise<Exit>;
  #log = '';
  #alive = true;

  constructor(kind: ServerKind, port: number, directory: string, child: ChildProcess) {
    this.kind = kind;
    this.port = port;
    this.directory = directory;
    this.child = child;
    running.add(this);
    const keep = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString()).slice(-logBytesKept);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.exited = new Promise((resolve) => {
      child.on('error', (error) => keep(Buffer.from(`cannot start: ${error.message}\n`)));
      child.on('close', (code, signal) => {
        this.#alive = false;
        // Nobody here sent it: the log is all there is to go by, whatever the test makes of it.
        if (signal !== null && !child.killed) this.showLog(`ended by ${signal}`);
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get log(): string {
    return this.#log;
  }

  /** Waits for a line: the log is a pipe of its own, so it may come after what it tells of. */
  async logged(pattern: RegExp, within_ms = startTimeout_ms): Promise<void> {
    const isThere = () => pattern.test(this.#log) || this.#log;
    await until(`${pattern} in the log`, isThere, within_ms);
  }

  client(options: ClientOptions = {}): Promise<RawClient> {
    return RawClient.connect({ port: this.port, ...options });
  }

  showLog(why: string): void {
    console.error(`--- ${this.kind}, port ${this.port}, ${why}; the end of its log:`);
    console.error(this.#log.slice(-4096));
  }

  /** One command on a connection of its own, its reply as text. */
  async ask(...args: string[]): Promise<string> {
    const client = await this.client();
    try {
      return textOf(await client.command(...args));
    } finally {
      await client.close();
    }
  }

  /** A field of INFO. Tests wait for fields, and all of INFO costs a server ten times its section. */
  async info(field: string): Promise<string | undefined> {
    const section = sectionOfField.get(field);
    const text = section === undefined ? '' : await this.ask('INFO', section);
    return fieldOf(text, field) ?? fieldOf(await this.ask('INFO', 'everything'), field);
  }

  residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  }

  /** How it ended of itself; an error when it does not in good time. */
  async exit(within_ms = stopTimeout_ms): Promise<Exit> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`still running after ${within_ms} ms`)), within_ms);
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process (SIGTERM, after a while SIGKILL) and removes its directory. */
  async stop(): Promise<Exit> {
    if (this.#alive) this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), stopTimeout_ms);
    const exit = await this.exited;
    clearTimeout(timer);
    running.delete(this);
    releasePort(this.port);
    rmSync(this.directory, { recursive: true, force: true });
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function fieldOf(info: string, field: string): string | undefined {
  const found = new RegExp(`^${field}:(.*)\r?$`, 'm').exec(info);
  if (found === null) return undefined;
  const headings = info.slice(0, found.index).match(/^# \w+/gm) ?? [];
  sectionOfField.set(field, headings.at(-1)?.slice(2) ?? 'everything');
  return found[1]?.trim();
}

/** The program in Darter's place, and whether it is Darter (which has options of its own). */
export function darterCommand(): { command: string; args: string[]; isDarter: boolean } {
  const replacement = process.env.DARTER_BIN;
  if (replacement !== undefined && replacement !== '') {
    const isDarter = replacement.endsWith('darter');
    return isDarter
      ? { command: process.execPath, args: [replacement], isDarter }
      : { command: replacement, args: [], isDarter };
  }
  return { command: process.execPath, args: [join(rootDirectory, 'bin/darter')], isDarter: true };
}

export const testsDarter = darterCommand().isDarter;

/** For node:test's `skip`: why no Darter can be started, or false. */
export function darterMissing(): string | false {
  if (!testsDarter || existsSync(join(rootDirectory, 'dist/src/server/main-thread/main.js')))
    return false;
  return 'the server is not built';
}

/** For tests that compare the two. */
export function eitherMissing(): string | false {
  return darterMissing() || redisServerMissing();
}

/** For tests that compare bytes, which other versions of Redis write otherwise. */
export function testedRedisMissing(): string | false {
  const missing = redisServerMissing();
  return missing || (redisServerVersion() === '7.0.15' ? false : 'needs redis-server 7.0.15');
}

export async function startDarter(options: ServerOptions = {}): Promise<Server> {
  return started(await beginDarter(options), options);
}

/** Starts a process that need not be ready. */
export function beginDarter(options: ServerOptions = {}): Promise<Server> {
  const { command, args, isDarter } = darterCommand();
  const more = (process.env.DARTER_TEST_ARGS ?? '').split(' ').filter((word) => word !== '');
  // Where the tests run in a container themselves, the server still has Redis's defaults.
  const defaults = ['--container-limits', 'no', '--threads', String(options.threads ?? 2)];
  const own = isDarter ? [...defaults, ...more] : [];
  return begin('darter', command, args, own, options);
}

export async function startRedis(options: ServerOptions = {}): Promise<Server> {
  return started(await begin('redis', 'redis-server', [], [], options), options);
}

let redisVersion: string | undefined;

/** The version of the installed redis-server, '' when there is none. */
export function redisServerVersion(): string {
  redisVersion ??=
    /v=([\d.]+)/.exec(spawnSync('redis-server', ['--version']).stdout?.toString() ?? '')?.[1] ?? '';
  return redisVersion;
}

export function redisServerAvailable(): boolean {
  return redisServerVersion() !== '';
}

/** For node:test's `skip`: false, or why the comparison cannot run. */
export function redisServerMissing(): string | false {
  return redisServerAvailable() ? false : 'redis-server is not installed';
}

/** For node:test's `skip`: false, or why this program's tests cannot run. */
export function programMissing(program: string): string | false {
  return spawnSync('which', [program]).status === 0 ? false : `${program} is not installed`;
}

/** Where it is set, each start of Node.js reads these certificates: longer than all else of a server's start. */
const NO_MORE_AUTHORITIES = { NODE_EXTRA_CA_CERTS: undefined };

/** Starts a process as tests want it: in a new directory, its output kept, sure to be ended. */
export function spawnServer(
  kind: ServerKind,
  command: string,
  args: readonly string[],
  port: number,
  env: Readonly<Record<string, string>> = {},
): Server {
  const directory = mkdtempSync(join(tmpdir(), `${kind}-test-`));
  const [program, programArgs] = setpriv
    ? ['setpriv', ['--pdeathsig', 'KILL', command, ...args]]
    : [command, args];
  const child = spawn(program, programArgs, {
    cwd: directory,
    env: { ...process.env, ...NO_MORE_AUTHORITIES, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Server(kind, port, directory, child);
}

async function begin(
  kind: ServerKind,
  command: string,
  programArgs: readonly string[],
  own: readonly string[],
  options: ServerOptions,
): Promise<Server> {
  const port = options.port ?? (await claimPort());
  const more = options.args ?? [];
  const args = [...programArgs, '--port', String(port), '--save', '', ...own, ...more];
  const [program, words] = limited(command, args, options);
  return spawnServer(kind, program, words, port, options.env);
}

async function started(server: Server, options: ServerOptions): Promise<Server> {
  try {
    await untilReady(server, options.password);
  } catch (error) {
    const exit = await server.stop();
    throw new Error(
      `${server.kind} did not start (${(error as Error).message}, exit ${exit.code ?? exit.signal}):\n` +
        server.log,
    );
  }
  return server;
}

/** The command that runs another one with limits of descriptors and of address space. */
export function limited(
  command: string,
  args: readonly string[],
  limits: Pick<ServerOptions, 'descriptors' | 'addressSpaceBytes'>,
): [command: string, args: readonly string[]] {
  const { descriptors, addressSpaceBytes } = limits;
  const words: string[] = [];
  if (descriptors !== undefined) words.push(`ulimit -n ${descriptors};`);
  if (addressSpaceBytes !== undefined) words.push(`ulimit -v ${addressSpaceBytes >> 10};`);
  if (words.length === 0) return [command, args];
  return ['bash', ['-c', `${words.join(' ')} exec "$@"`, 'bash', command, ...args]];
}

/**
 * Waits until the server answers PING on its port, and has said that it is ready: clients may be answered
 * while its other ports (TLS, HTTP) are still to be opened.
 */
export async function untilReady(server: Server, password?: string): Promise<void> {
  await untilAnswered(server, password);
  if (server.kind !== 'darter') return;
  await until('it says that it is ready', () => {
    if (!server.alive) throw new Error('it ended');
    return /Ready to accept connections/.test(server.log) || server.log;
  });
}

async function untilAnswered(server: Server, password?: string): Promise<void> {
  const deadline = Date.now() + startTimeout_ms;
  let last = 'nothing tried';
  while (Date.now() < deadline) {
    if (!server.alive) throw new Error('it ended');
    try {
      const client = await server.client({ timeout_ms: 2000 });
      try {
        if (password !== undefined) await client.command('AUTH', password);
        last = textOf(await client.command('PING'));
      } finally {
        await client.close();
      }
      if (last === 'PONG' || last.startsWith('NOAUTH')) return;
    } catch (error) {
      last = (error as Error).message;
    }
    await sleep(25);
  }
  throw new Error(`not ready after ${startTimeout_ms} ms: ${last}`);
}

function findRoot(from: string): string {
  let directory = from;
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error(`no package.json above ${from}`);
    directory = parent;
  }
  return directory;
}

process.on('exit', (code) => {
  for (const server of running) {
    if (server.alive) server.child.kill('SIGKILL');
    if (code !== 0 && server.log !== '') {
      server.showLog('still there');
    }
    rmSync(server.directory, { recursive: true, force: true });
  }
  releaseAllPorts();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}
