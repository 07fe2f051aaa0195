/**
 * The running server as the main thread sees it: the shared memory it makes, the I/O threads it
 * starts, and its end. The main thread serves no clients.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Log } from '../../base/log.js';
import { commandModules } from '../../commands/index.generated.js';
import { definitionsOf } from '../../engine/definitions.js';
import { Registry } from '../../engine/registry.js';
import { createRings } from '../../journal/ring.js';
import { formatShard } from '../../keyspace/shards.js';
import { type ControlBlock, THREADS_MAX } from '../../memory/control.js';
import { USED_PAGES } from '../../memory/used-pages.js';
import { descriptorLimit } from '../../platform/ffi/descriptor-limit.js';
import { createPagedRegion } from '../../platform/ffi/region.js';
import { LOADING_DESCRIPTORS, LOADS_SINGLY } from '../../platform/load-module.js';
import { chooseTransport } from '../../platform/select.js';
import { wakeTransport } from '../../platform/wake.js';
import { createControl } from '../channel/control.js';
import { createMesh } from '../channel/gather.js';
import type {
  DescriptorShare,
  IoThreadData,
  IoToMain,
  MainToIo,
  ServerFacts,
} from '../channel/main-io.js';
import { STARTUP_BYTES } from '../channel/process-figures.js';
import type { Config } from '../config/config.js';
import {
  clientsPossible,
  mustAcceptSingly,
  reservedDescriptors,
} from '../config/descriptor-budget.js';
import { fitMaxClients } from './max-clients.js';
import { RATE_PERIOD_MS, RateSampler } from './rates.js';
import { FLOW_THREADS_MAX, ReplicationManager } from './replication/manager.js';
import { createWorker } from './workers.js';

/** How long the I/O threads have to end when asked to. */
const STOP_TIMEOUT_MS = 5000;

interface IoThreadHandle {
  readonly port: MessagePort;
  readonly exited: Promise<void>;
}

export class Server {
  readonly threads: number;
  readonly shards: number;
  transport = '';
  transportReason = '';
  /** Called once before the process ends. */
  ended: () => void = () => {};
  private readonly handles: IoThreadHandle[] = [];
  private wakers: Int32Array = new Int32Array(0);
  private running = 0;
  private exitCode = 0;
  private stopping = false;
  private replication!: ReplicationManager;

  constructor(
    private readonly config: Config,
    private readonly log: Log,
    private readonly facts: Omit<ServerFacts, 'transport'>,
  ) {
    const wanted = config.number('threads') || availableParallelism();
    const choice = chooseTransport();
    // Node's own sockets cannot be shared out among threads.
    const portable = config.value('transport') === 'portable' || choice.name === 'portable';
    this.threads = portable ? 1 : Math.min(wanted, THREADS_MAX);
    this.shards = config.number('shards');
    if (config.value('transport') === 'auto') this.transportReason = choice.reason;
  }

  /** @throws Error with a message for the log when the server cannot be started */
  async start(): Promise<void> {
    const descriptors = this.shareDescriptors();
    await this.checkPort();
    const { config, threads } = this;
    const registry = new Registry(definitionsOf(commandModules));
    const control = createControl(threads, registry.all.length);
    const shardBuffers = this.createShards(control);
    this.wakers = new Int32Array(new SharedArrayBuffer(4 * threads));
    // Nothing is handed to a thread before it is up.
    const figures = {
      connections: new Int32Array(new SharedArrayBuffer(4 * threads)).fill(0x7fffffff),
      inUse: new Int32Array(new SharedArrayBuffer(4 * threads)).fill(0x7fffffff),
      atWork: new Int32Array(new SharedArrayBuffer(4 * threads)).fill(0x7fffffff),
    };
    const mesh = createMesh(threads);
    const databases = config.number('databases');
    const ringBuffers = this.createRings();
    this.replication = new ReplicationManager({
      config,
      log: this.log,
      control,
      shardBuffers,
      ringBuffers,
      databases,
      ioThreads: threads,
      commands: registry.all.length,
      sendStatus: (number, status) => {
        this.tellAll({ kind: 'replication-status', number, status });
      },
      closeClient: (thread, clientId) => this.tell(thread, { kind: 'close-client', clientId }),
      died: (error) => this.die(`A flow thread died: ${error.stack ?? error.message}`),
    });
    const common = {
      threads,
      shardBuffers,
      ringBuffers,
      replication: this.replication.status,
      controlBuffer: control.buffer,
      configBuffer: config.buffer,
      wakers: this.wakers,
      figures,
      databases,
      descriptors,
      facts: { ...this.facts, ioThreads: threads },
    };
    const start = (thread: number) => this.startThread({ ...common, thread, peers: mesh[thread]! });
    await this.startThreads(start);
    control.set(STARTUP_BYTES, process.memoryUsage.rss());
    this.replication.start();
    const rates = new RateSampler(control);
    setInterval(() => {
      rates.sample(Date.now());
      config.refresh();
    }, RATE_PERIOD_MS).unref();
  }

  private async startThreads(start: (thread: number) => Promise<void>): Promise<void> {
    const first = start(0);
    // Who reaches the port should find the Unix socket too, which thread 0 makes.
    if (this.config.value('unixsocket') !== '' || !LOADS_SINGLY) await first;
    const started = [first];
    for (let thread = 1; thread < this.threads; thread++) {
      started.push(start(thread));
      if (!LOADS_SINGLY) await started[thread];
    }
    await Promise.all(started);
  }

  /** Lowers maxclients to what the limit of descriptors leaves, as Redis does. */
  private shareDescriptors(): DescriptorShare {
    const { config, log, threads } = this;
    const needs = {
      ioThreads: threads,
      flowThreads: Math.min(threads, FLOW_THREADS_MAX),
      listeners: config.words('bind').length + (config.value('unixsocket') === '' ? 0 : 1),
      loading: LOADING_DESCRIPTORS,
    };
    const reserved = reservedDescriptors(needs);
    const clients = fitMaxClients(config.number('maxclients'), reserved, log);
    config.assign('maxclients', [String(clients)]);
    const spare = clientsPossible(descriptorLimit(), reserved) - clients;
    const backlog = config.number('tcp-backlog');
    return { reserved, acceptSingly: mustAcceptSingly(spare, needs, backlog) };
  }

  /** Ends the I/O threads, then the process. @param now not waiting for replicas that lag */
  stop(exitCode: number, now = false): void {
    if (this.stopping) return;
    this.stopping = true;
    this.exitCode = exitCode;
    this.log.notice('User requested shutdown...');
    const waitMs = now ? 0 : this.config.number('shutdown-timeout') * 1000;
    void this.replication.drain(waitMs).then(() => {
      setTimeout(() => this.exit(), STOP_TIMEOUT_MS).unref();
      this.tellAll({ kind: 'stop' });
    });
  }

  private tellAll(message: MainToIo): void {
    for (let thread = 0; thread < this.handles.length; thread++) this.tell(thread, message);
  }

  private tell(thread: number, message: MainToIo): void {
    this.handles[thread]!.port.postMessage(message);
    const waker = this.wakers[thread]!;
    if (waker !== 0) wakeTransport(waker);
  }

  private die(text: string): void {
    this.log.warning(text);
    this.exitCode = 1;
    this.exit();
  }

  private exit(): void {
    this.ended();
    this.log.warning('Darter is now ready to exit, bye bye...');
    process.exit(this.exitCode);
  }

  /**
   * Listening with SO_REUSEPORT would succeed beside another server of the same user, and share its
   * clients: so the port is tried without it first.
   */
  private async checkPort(): Promise<void> {
    const port = this.config.number('port');
    if (port === 0) return;
    for (const word of this.config.words('bind')) {
      const host = word.replace(/^-/, '');
      const code = await tryListen(host, port);
      if (code === 'EADDRINUSE') {
        throw new Error(
          `Could not create server TCP listening socket ${host}:${port}: bind: ` +
            'Address already in use',
        );
      }
    }
  }

  private createShards(control: ControlBlock): SharedArrayBuffer[] {
    const { config, shards } = this;
    const bytes = config.number('shard-bytes');
    const databases = config.number('databases');
    const hashKey = [randomBytes(4).readInt32LE(), randomBytes(4).readInt32LE()] as const;
    const buffers: SharedArrayBuffer[] = [];
    for (let shard = 0; shard < shards; shard++) {
      try {
        const region = createPagedRegion(bytes);
        formatShard(region, databases, control.words, control.word(USED_PAGES).index, hashKey);
        buffers.push(region.buffer);
      } catch (error) {
        throw this.spaceRefused(error);
      }
    }
    return buffers;
  }

  private createRings(): SharedArrayBuffer[] {
    const { config, shards } = this;
    const history = config.number('repl-backlog-size');
    try {
      return createRings(shards, history, config.number('shard-bytes'));
    } catch (error) {
      throw this.spaceRefused(error);
    }
  }

  private spaceRefused(error: unknown): unknown {
    if (!(error instanceof RangeError)) return error;
    const bytes = this.config.number('shard-bytes');
    return new Error(
      `The system refuses two address spaces of ${bytes} bytes for each of ${this.shards} shards: ` +
        'raise ulimit -v or vm.overcommit_memory, or start with a smaller shard-bytes',
    );
  }

  /** Resolves when the thread listens. */
  private startThread(common: Omit<IoThreadData, 'main'>): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const worker = createWorker(
      new URL('../io-thread/io-thread.js', import.meta.url),
      { ...common, main: port2 } satisfies IoThreadData,
      [port2, ...common.peers.map((peer) => peer.port)],
    );
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.handles.push({ port: port1, exited });
    return new Promise((resolve, reject) => {
      port1.on('message', (message: IoToMain) => {
        if (message.kind === 'listening') {
          this.running++;
          this.transport = message.transport;
          resolve();
        } else if (message.kind === 'failed') {
          reject(new Error(message.text));
        } else {
          this.take(message, port1);
        }
      });
      worker.on('error', (error) => {
        this.die(`I/O thread ${common.thread} died: ${error.stack ?? error.message}`);
      });
    });
  }

  private take(message: IoToMain, port: MessagePort): void {
    if (message.kind === 'log') {
      this.log.line(message.line);
    } else if (message.kind === 'shutdown') {
      if (message.request.save === 'save' && !message.request.force) {
        this.log.warning('SHUTDOWN SAVE: snapshots are not there yet');
        const text = 'ERR Errors trying to SHUTDOWN. Check logs.';
        port.postMessage({ kind: 'shutdown-failed', text } satisfies MainToIo);
        wakeTransport(this.wakers[message.thread]!);
        return;
      }
      this.stop(0, message.request.now);
    } else if (message.kind === 'replication-request') {
      void this.replication.request(message.request).then((answer) => {
        const { thread, id } = message;
        this.tell(thread, { kind: 'replication-answer', id, answer });
      });
    } else if (message.kind === 'replication-notice') {
      this.replication.notice(message.notice);
    } else if (message.kind === 'status-taken') {
      this.replication.statusTaken(message.number);
    } else if (message.kind === 'stopped') {
      // Once it has wound up itself: ending the process in the midst of that can abort it.
      void this.handles[message.thread]!.exited.then(() => {
        this.running--;
        if (this.running === 0) void this.replication.stop().then(() => this.exit());
      });
    }
  }
}

/** The code of the error that listening brings, or ''. */
function tryListen(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    // A client that comes just now has come too early: kept, it would hold up closing.
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    const address = host === '*' ? '0.0.0.0' : host === '::*' ? '::' : host;
    server.listen({ host: address, port, exclusive: true, ipv6Only: address === '::' }, () =>
      server.close(() => resolve('')),
    );
  });
}
