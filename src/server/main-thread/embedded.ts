/**
 * A server within a program's process. Its main thread is a Worker: what it does now and then (waiting
 * for the locks of all shards, loading a file) would hold up the program's event loop. The other threads
 * are this Worker's Workers. Everything that the server has made belongs to one of them, and is given
 * back when they end.
 *
 *   start() ──▶ starting ──'serving'──▶ serving ──'stop', SHUTDOWN──▶ ending ──▶ 'ended'
 *                  └──'failed'             └── a thread dies ──────────┘
 */
import type { MessagePort } from 'node:worker_threads';
import { Log, LogFile, type LogLevel } from '../../base/log.js';
import { randomId } from '../../base/random-id.js';
import { DARTER_VERSION, REDIS_VERSION } from '../../base/version.js';
import { keepCompiled } from '../../platform/compiled-scripts.js';
import { Latch } from '../../platform/ffi/latch.js';
import type {
  EmbeddedAddress,
  EmbeddedData,
  EmbedderToServer,
  ServerToEmbedder,
} from '../channel/embedding.js';
import { Config } from '../config/config.js';
import { readEmbedded } from '../config/embedded.js';
import { ConfigurationError } from '../config/file.js';
import type { ServerHost } from './host.js';
import { Server } from './server.js';
import { Supervision } from './supervision.js';
import { endWorkers } from './workers.js';

/** Codes of errors that are no errors of the system. */
const BAD_DIRECTIVE = 'ERR_DARTER_DIRECTIVE';
const NOT_STARTED = 'ERR_DARTER_START';

export async function serveEmbedded(data: EmbeddedData, port: MessagePort): Promise<void> {
  const embedded = new Embedded(data, port);
  try {
    await embedded.start();
  } catch (error) {
    const isWrong = error instanceof ConfigurationError;
    const { code, message } = error as NodeJS.ErrnoException;
    await embedded.end({
      kind: 'failed',
      code: isWrong ? BAD_DIRECTIVE : (code ?? NOT_STARTED),
      reason: message,
    });
  }
}

class Embedded {
  private readonly host: ServerHost;
  private server: Server | null = null;
  private isEnding = false;

  constructor(
    private readonly data: EmbeddedData,
    private readonly port: MessagePort,
  ) {
    this.host = {
      choosesPort: data.hasPort,
      expectsReplicas: false,
      ownsProcess: false,
      consequence: 'the server ends, its data is lost',
      ended: () => void this.end({ kind: 'ended', reason: '' }),
      died: (reason) => void this.end({ kind: 'ended', reason }),
      goesOn: (reason) => this.post({ kind: 'goes-on', reason }),
    };
  }

  private post(message: ServerToEmbedder): void {
    this.port.postMessage(message);
  }

  /** @throws Error when the server cannot start */
  async start(): Promise<void> {
    const { data } = this;
    const { values, declarations } = readEmbedded(data);
    const config = Config.create(values, data.configFile);
    const log = this.openLog(config);
    const facts = {
      runId: randomId(),
      startedMs: Date.now(),
      ioThreads: 0,
      executable: process.execPath,
      configFile: data.configFile,
      supervised: 'no',
    };
    takeOutput(log);
    const supervision = new Supervision('no', log);
    const server = new Server(config, log, facts, supervision, declarations, this.host);
    this.server = server;
    process.on('uncaughtException', (error) => server.die('The main thread', error));
    this.port.on('message', (message: EmbedderToServer) => this.take(message, server));
    if (!(await server.start())) return;
    log.notice(
      `Darter ${DARTER_VERSION} (speaks Redis ${REDIS_VERSION}) within another program's process: ` +
        `port ${config.value('port')}, ${server.threads} I/O threads, ${server.shards} shards, ` +
        `transport ${server.transport}`,
    );
    // Last: what fails from here on is no failed start.
    this.post({ kind: 'serving', address: addressOf(config) });
    keepCompiled();
  }

  private openLog(config: Config): Log {
    const path = config.path('logfile');
    const file = path === '' ? null : new LogFile(path);
    const { wantsLog } = this.data;
    const log = new Log((line) => {
      file?.write(line);
      if (wantsLog) this.post({ kind: 'log', line });
    });
    log.level = config.value('loglevel') as LogLevel;
    config.onChange('loglevel', (level) => {
      log.level = level as LogLevel;
    });
    return log;
  }

  private take(message: EmbedderToServer, server: Server): void {
    if (message.kind === 'stop') {
      server.stop(0, { save: message.save, now: false, force: false });
    } else if (message.kind === 'leave') {
      server.stop(0, { save: 'nosave', now: true, force: true });
    } else {
      const { id, sections } = message;
      void server.information(sections).then((text) => this.post({ kind: 'info', id, text }));
    }
  }

  /** Ends all threads and then this one, with a last message. */
  async end(last: ServerToEmbedder): Promise<void> {
    if (this.isEnding) return;
    this.isEnding = true;
    await (this.server === null ? endWorkers() : this.server.release());
    new Latch(this.data.endLatch).open();
    this.post(last);
    // Of this thread only.
    process.exit();
  }
}

/** What Node.js writes in this thread and in those that it starts: a warning, as a rule. */
function takeOutput(log: Log): void {
  for (const output of [process.stdout, process.stderr]) {
    output.write = (text: Uint8Array | string) => {
      for (const line of String(text).split('\n')) if (line !== '') log.warning(line);
      return true;
    };
  }
}

function addressOf(config: Config): EmbeddedAddress {
  return {
    port: config.number('port'),
    tlsPort: config.number('tls-port'),
    socketPath: config.path('unixsocket'),
    hosts: config.words('bind').map((word) => word.replace(/^-/, '')),
    password: config.path('requirepass'),
  };
}
