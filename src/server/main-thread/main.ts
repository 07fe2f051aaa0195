/** The process: reads its configuration, becomes a daemon if asked to, starts the server. */
import { spawn } from 'node:child_process';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { Log, LogFile, type LogLevel } from '../../base/log.js';
import { randomId } from '../../base/random-id.js';
import type { ShutdownRequest } from '../../commands/contract/server-port.js';
import { nodeDisk } from '../../persistence/files/node-disk.js';
import { keepCompiled } from '../../platform/compiled-scripts.js';
import { threadsFor } from '../../platform/container.js';
import { tuneAllocator } from '../../platform/ffi/allocator.js';
import { descriptorLimit } from '../../platform/ffi/descriptor-limit.js';
import { endProcess } from '../../platform/ffi/process-end.js';
import { readCommandLine, type StartRequest } from '../config/command-line.js';
import { Config } from '../config/config.js';
import { readTextFile } from '../config/text-file.js';
import { guardAgainstDebugging } from './debugging.js';
import { OWN_PROCESS } from './host.js';
import { endWithNpm } from './npm-parent.js';
import { checkFile } from './persistence/check.js';
import { Server } from './server.js';
import { startLines } from './start-lines.js';
import { isSupervised, Supervision } from './supervision.js';
import { TerminalLog } from './terminal-log.js';
import { tuneCollector } from './workers.js';

/** For embedded-thread.ts, which loads this file. */
export { serveEmbedded } from './embedded.js';

/** Set for the process that goes on in the background. */
const DAEMON_MARK = 'DARTER_DAEMON';

type RunRequest = Extract<StartRequest, { action: 'run' }>;

/**
 * @param argv the arguments after the program's name
 * @param leave what SIGTERM and SIGINT call until now
 */
export async function main(argv: readonly string[], leave: () => void): Promise<void> {
  const startedMs = performance.now();
  const request = readCommandLine(argv, {
    folder: process.cwd(),
    readStandardInput: () => readTextFile(0),
  });
  if (request.action === 'print') {
    process.stdout.write(request.text);
    process.exitCode = request.exitCode;
  } else if (request.action === 'fail') {
    process.stderr.write(`${request.text}\n`);
    process.exitCode = 1;
  } else if (request.action === 'check') {
    await check(request.path);
  } else {
    await run(request, argv, startedMs, leave);
  }
}

/** `--check`: code 1 when the file is not what was written. */
async function check(path: string): Promise<void> {
  try {
    for (const line of await checkFile(nodeDisk, path)) process.stdout.write(`${line}\n`);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

async function run(
  request: RunRequest,
  argv: readonly string[],
  startedMs: number,
  leave: () => void,
): Promise<void> {
  const config = Config.create(request.values, request.file);
  const isDaemon = process.env[DAEMON_MARK] !== undefined;
  const goesToBackground = config.flag('daemonize') && !isSupervised(config.value('supervised'));
  if (goesToBackground && !isDaemon) {
    goToBackground(argv);
    return;
  }
  const log = openLog(config);
  if (log === null) return;
  tuneCollector();
  tuneAllocator();
  try {
    process.chdir(config.path('dir'));
  } catch (error) {
    fail(log, `Can't chdir to '${config.path('dir')}': ${messageOf(error)}`);
    return;
  }
  for (const warning of request.warnings) log.warning(warning);
  guardAgainstDebugging(config, log);
  const supervision = new Supervision(config.value('supervised'), log);
  const facts = {
    runId: randomId(),
    startedMs: Date.now(),
    ioThreads: 0,
    executable: process.argv[1] ?? '',
    configFile: request.file,
    supervised: supervision.supervisor,
  };
  const server = new Server(config, log, facts, supervision, request.declarations, OWN_PROCESS);
  server.ended = () => removePidFile(config);
  takeSignals(server, log, config, leave);
  if (!isDaemon) endWithNpm(() => endOn(server, log, 'The end of npm'));
  try {
    if (!(await server.start())) return;
  } catch (error) {
    log.warning(messageOf(error));
    endProcess(1);
  }
  writePidFile(config, log);
  banner(config, log, server, performance.now() - startedMs);
  supervision.ready(config.value('replicaof') !== '');
  keepCompiled();
}

/** What nobody catches in this thread ends the process as the death of any other does. */
const SIGNALS = { SIGTERM: 'sigterm', SIGINT: 'sigint' } as const;

function takeSignals(server: Server, log: Log, config: Config, leave: () => void): void {
  process.on('uncaughtException', (error) => server.die('The main thread', error));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const words = () => {
      // The signal may come right after CONFIG SET.
      config.refresh();
      return config.words(`shutdown-on-${SIGNALS[signal]}`);
    };
    process.on(signal, () => endOn(server, log, signal, requestOf(words())));
    process.off(signal, leave);
  }
}

/** Starts this program again, detached from the terminal, and leaves. */
function goToBackground(argv: readonly string[]): void {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...argv], {
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, [DAEMON_MARK]: '1' },
  });
  child.unref();
}

function openLog(config: Config): Log | null {
  const path = config.path('logfile');
  try {
    const file = new LogFile(path);
    process.on('SIGHUP', () => file.reopen());
    const terminal = path === '' && process.stdout.isTTY ? terminalOf(file) : null;
    const log = new Log((line) => (terminal === null ? file.write(line) : terminal.line(line)));
    log.bar = terminal;
    log.level = config.value('loglevel') as LogLevel;
    config.onChange('loglevel', (level) => {
      log.level = level as LogLevel;
    });
    return log;
  } catch (error) {
    process.stderr.write(`Can't open the log file: ${messageOf(error)}\n`);
    process.exitCode = 1;
    return null;
  }
}

/** Some terminals say that they have 0 columns: they do not know. */
const COLUMNS = 80;

function terminalOf(file: LogFile): TerminalLog {
  return new TerminalLog(
    (text) => file.writeText(text),
    () => process.stdout.columns || COLUMNS,
  );
}

function banner(config: Config, log: Log, server: Server, tookMs: number): void {
  const { threads, shards, transport, transportReason, users, container } = server;
  const lines = startLines(config, {
    ...{ threads, shards, transport, transportReason, users },
    pid: process.pid,
    nodeVersion: process.versions.node,
    openFilesMax: descriptorLimit(),
    cores: threadsFor(availableParallelism(), container),
    memoryBytes: totalmem(),
    containerBytes: container.memoryBytes,
  });
  for (const { level, text } of lines) log.write(level, text);
  log.notice(`Ready to accept connections, after ${Math.round(tookMs)} ms`);
}

function writePidFile(config: Config, log: Log): void {
  const path = config.path('pidfile');
  if (path === '') return;
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    log.warning(`Failed to write PID file: ${messageOf(error)}`);
  }
}

function removePidFile(config: Config): void {
  const path = config.path('pidfile');
  if (path === '') return;
  try {
    if (readFileSync(path, 'latin1').trim() === String(process.pid)) unlinkSync(path);
  } catch {
    // It was never written, or is gone already.
  }
}

function endOn(server: Server, log: Log, event: string, request = requestOf([])): void {
  log.warning(`Received ${event} scheduling shutdown...`);
  server.stop(0, request);
}

/** What `shutdown-on-sigterm` and `shutdown-on-sigint` say. */
function requestOf(words: readonly string[]): ShutdownRequest {
  const save = words.find((word) => word === 'save' || word === 'nosave') ?? 'default';
  return {
    save: save as ShutdownRequest['save'],
    now: words.includes('now'),
    force: words.includes('force'),
  };
}

function fail(log: Log, text: string): void {
  log.warning(text);
  process.exitCode = 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
