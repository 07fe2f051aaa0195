/**
 * A server as the program that has it sees it: the Worker that is its main thread (main-thread/embedded.ts),
 * and what is asked of it. This thread does nothing but pass messages on.
 */
import { URL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { nodeFault } from '../../base/version.js';
import { entryPath } from '../../platform/entry-path.js';
import { Latch } from '../../platform/ffi/latch.js';
import type {
  EmbeddedAddress,
  EmbeddedData,
  EmbedderToServer,
  ServerToEmbedder,
} from '../channel/embedding.js';
import type { DarterError, DarterServer, ServerInfo, StartOptions, StopOptions } from './darter.js';
import { darterError } from './errors.js';
import { parseInfo } from './information.js';
import { checkSections, readOptions, readSaveMode } from './options.js';
import { hasLeft, type Leaver, leaveAtExit } from './process-exit.js';
import { hostOf, urlOf } from './url.js';

const MAIN_THREAD = entryPath(new URL('../main-thread/embedded-thread.js', import.meta.url));

/** Options of the program's Node.js that would load its own code into each thread of the server. */
const NOT_INHERITED = ['NODE_OPTIONS', 'NODE_V8_COVERAGE'];

/** @throws DarterError (as a rejection) when it cannot start; nothing is left behind */
export async function startEmbedded(options: StartOptions): Promise<DarterServer> {
  const fault = nodeFault();
  if (fault !== '') throw darterError('ERR_DARTER_START', fault);
  const latch = new Latch();
  const { data, onLog } = readOptions(options);
  const worker = createMainThread({ ...data, endLatch: latch.buffer });
  const server = new EmbeddedServer(worker, latch, onLog);
  await server.started;
  return server;
}

function createMainThread(data: EmbeddedData): Worker {
  const env = { ...process.env };
  for (const name of NOT_INHERITED) delete env[name];
  return new Worker(MAIN_THREAD, {
    execArgv: [],
    env,
    workerData: data,
    // Not to the program's output. What Node.js itself has to say goes to the log.
    stdout: true,
    stderr: true,
  });
}

interface Question {
  readonly resolve: (text: string) => void;
  readonly reject: (error: DarterError) => void;
}

class EmbeddedServer implements DarterServer, Leaver {
  readonly started: Promise<void>;
  readonly closed: Promise<void>;
  private address: EmbeddedAddress | null = null;
  private readonly questions = new Map<number, Question>();
  private lastQuestion = 0;
  /** A stop under way: why the server goes on. */
  private goesOn: ((error: DarterError) => void)[] = [];
  /** What the server's main thread said last. */
  private failure: DarterError | null = null;
  private saidLast = false;

  constructor(
    private readonly worker: Worker,
    readonly latch: Latch,
    private readonly onLog: ((line: string) => void) | undefined,
  ) {
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.closed = ended.then(() => this.finish());
    // A rejection that nobody waits for would end the program.
    this.closed.catch(() => {});
    this.started = new Promise((resolve, reject) => {
      worker.on('message', (message: ServerToEmbedder) => {
        this.take(message);
        if (message.kind === 'serving') resolve();
      });
      this.closed.then(() => reject(closedError()), reject);
    });
    worker.on('error', (error) => this.fail('ERR_DARTER_DIED', messageOf(error)));
    leaveAtExit(this);
  }

  // --- what the program calls

  get port(): number {
    return this.address?.port ?? 0;
  }

  get host(): string {
    return hostOf(this.address);
  }

  get socketPath(): string {
    return this.address?.socketPath ?? '';
  }

  get url(): string {
    return urlOf(this.address);
  }

  async info(...sections: readonly string[]): Promise<ServerInfo> {
    checkSections(sections);
    if (this.saidLast) throw closedError();
    const id = ++this.lastQuestion;
    const text = await new Promise<string>((resolve, reject) => {
      this.questions.set(id, { resolve, reject });
      this.tell({ kind: 'info', id, sections });
    });
    return parseInfo(text);
  }

  async stop(options: StopOptions = {}): Promise<void> {
    const save = readSaveMode(options);
    const goesOn = new Promise<void>((_, reject) => this.goesOn.push(reject));
    this.tell({ kind: 'stop', save });
    // One that has died has ended, too; `closed` tells why.
    await Promise.race([this.closed.catch(() => {}), goesOn]);
  }

  ref(): this {
    this.worker.ref();
    return this;
  }

  unref(): this {
    this.worker.unref();
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  leave(): void {
    this.tell({ kind: 'leave' });
  }

  // --- what the server's main thread says

  private tell(message: EmbedderToServer): void {
    this.worker.postMessage(message);
  }

  private take(message: ServerToEmbedder): void {
    if (message.kind === 'serving') {
      this.address = message.address;
    } else if (message.kind === 'log') {
      this.onLog?.(message.line);
    } else if (message.kind === 'info') {
      this.questions.get(message.id)?.resolve(message.text);
      this.questions.delete(message.id);
    } else if (message.kind === 'goes-on') {
      const error = darterError('ERR_DARTER_SAVE', message.reason);
      for (const reject of this.goesOn.splice(0)) reject(error);
    } else if (message.kind === 'failed') {
      this.fail(message.code, message.reason);
    } else {
      this.saidLast = true;
      if (message.reason !== '') this.fail('ERR_DARTER_DIED', message.reason);
    }
  }

  private fail(code: string, reason: string): void {
    this.saidLast = true;
    this.failure ??= darterError(code, reason);
  }

  /** The thread has ended. @throws DarterError unless it was an orderly end */
  private finish(): void {
    hasLeft(this);
    if (!this.saidLast) this.fail('ERR_DARTER_DIED', "the server's main thread ended");
    for (const { reject } of this.questions.values()) reject(this.failure ?? closedError());
    this.questions.clear();
    if (this.failure !== null) throw this.failure;
  }
}

function closedError(): DarterError {
  return darterError('ERR_DARTER_CLOSED', 'the server has ended');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
