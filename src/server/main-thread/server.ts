/**
 * The running server as the main thread sees it: the shared memory it makes, the threads it starts,
 * and its end. The main thread serves no clients.
 *
 *   start ──▶ starting ──▶ running ──stop──▶ stopping ──▶ the process ends
 *                │  stop: when the threads are up          ▲
 *                └─────────────────────────────────────────┘
 *
 * A thread that dies ends the process at once, from whatever state: it may hold locks of shards,
 * and a server that refuses some of its clients is worse than none.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import type { Log } from '../../base/log.js';
import type { ShutdownRequest } from '../../commands/contract/server-port.js';
import { commandModules } from '../../commands/index.generated.js';
import { definitionsOf } from '../../engine/definitions.js';
import { DIRECTORY_BYTES, SubscriptionDirectory } from '../../engine/pubsub/directory.js';
import { Registry } from '../../engine/registry.js';
import { createScriptingBuffers } from '../../engine/scripts/shared.js';
import { NewestCut } from '../../journal/cuts.js';
import { createRings } from '../../journal/ring.js';
import { type ElementsByVerb, elementsByVerb } from '../../keyspace/effect-elements.js';
import { formatShard } from '../../keyspace/shards.js';
import { PREFIXES_BYTES_MAX } from '../../keyspace/tracked-prefixes.js';
import { type ControlBlock, THREADS_MAX } from '../../memory/control.js';
import { DurableLsns } from '../../memory/durable-lsns.js';
import { SharedText } from '../../memory/shared-text.js';
import { USED_PAGES } from '../../memory/used-pages.js';
import {
  type ContainerLimits,
  NO_CONTAINER,
  readContainerLimits,
  threadsFor,
} from '../../platform/container.js';
import { descriptorLimit } from '../../platform/ffi/descriptor-limit.js';
import { endProcess } from '../../platform/ffi/process-end.js';
import { createPagedRegion } from '../../platform/ffi/region.js';
import { LOADING_DESCRIPTORS, LOADS_SINGLY } from '../../platform/load-module.js';
import { chooseTransport } from '../../platform/select.js';
import { streamsOf } from '../../replication/primary/primary-state.js';
import { createControl } from '../channel/control.js';
import { createMesh } from '../channel/gather.js';
import { createMailboxes, type MailboxMemory } from '../channel/mailboxes.js';
import { FLOW_THREADS_MAX } from '../channel/main-flow.js';
import type { DescriptorShare, IoThreadData, ServerFacts } from '../channel/main-io.js';
import {
  SHUTDOWN,
  SHUTDOWN_CALLED_OFF,
  SHUTDOWN_WAITS,
  STARTUP_BYTES,
} from '../channel/process-figures.js';
import type { Config } from '../config/config.js';
import type { Declarations } from '../config/declarations.js';
import {
  descriptorsPerClient,
  mustAcceptSingly,
  reservedDescriptors,
} from '../config/descriptor-budget.js';
import { readClientOptions, readServerOptions, usesTls } from '../config/tls.js';
import { fitMaxMemory } from './container-memory.js';
import { createSharedUsers } from './initial-users.js';
import { type IoRequest, IoThreads } from './io-threads.js';
import { fitMaxClients } from './max-clients.js';
import { Migrator } from './migration/migrator.js';
import { Persistence } from './persistence/persistence.js';
import { RATE_PERIOD_MS, RateSampler } from './rates.js';
import { ReplicationManager } from './replication/manager.js';
import { ShardWatch } from './shard-watch.js';
import type { Supervision } from './supervision.js';
import { TlsThreads, tlsThreadsOf } from './tls-threads.js';

/** How long the threads have to end when asked to. */
export const STOP_TIMEOUT_MS = 5000;
/** How often the shards are looked at. */
const WATCH_PERIOD_MS = 1000;
/** In figures of threads that are not up yet: nothing is handed to them. */
const NOT_UP = 0x7fffffff;

const DEFAULT_SHUTDOWN: ShutdownRequest = { save: 'default', now: false, force: false };
const SHUTDOWN_FAILED = 'ERR Errors trying to SHUTDOWN. Check logs.';

export class Server {
  readonly threads: number;
  readonly shards: number;
  transportReason = '';
  /** Called once before the process ends. */
  ended: () => void = () => {};
  private readonly container: ContainerLimits;
  private readonly ioThreads: IoThreads;
  private readonly tlsThreads: TlsThreads;
  private readonly wakers: Int32Array;
  private readonly migrator = new Migrator();
  private replication: ReplicationManager | null = null;
  private persistence: Persistence | null = null;
  private control: ControlBlock | null = null;
  private isRunning = false;
  private isStopping = false;
  private exitCode = 0;
  private shutdown: ShutdownRequest = DEFAULT_SHUTDOWN;

  constructor(
    private readonly config: Config,
    private readonly log: Log,
    private readonly facts: Omit<ServerFacts, 'transport'>,
    private readonly supervision: Supervision,
    private readonly declarations: Declarations,
  ) {
    this.container =
      config.value('container-limits') === 'yes' ? readContainerLimits() : NO_CONTAINER;
    const cores = threadsFor(availableParallelism(), this.container);
    const wanted = config.number('threads') || cores;
    const choice = chooseTransport();
    // Node's own sockets cannot be shared out among threads.
    const portable = config.value('transport') === 'portable' || choice.name === 'portable';
    this.threads = portable ? 1 : Math.min(wanted, THREADS_MAX);
    this.shards = config.number('shards');
    if (config.value('transport') === 'auto') this.transportReason = choice.reason;
    this.wakers = new Int32Array(new SharedArrayBuffer(4 * this.threads));
    this.ioThreads = new IoThreads({
      wakers: this.wakers,
      take: (message) => this.take(message),
      died: (what, error) => this.die(what, error),
    });
    this.tlsThreads = this.createTlsThreads();
  }

  private createTlsThreads(): TlsThreads {
    const { config, log, threads, ioThreads } = this;
    return new TlsThreads({
      ...{ config, log },
      ioThreads: threads,
      offer: (thread, descriptor) => ioThreads.tell(thread, { kind: 'offer', descriptor }),
      died: (what, error) => this.die(what, error),
    });
  }

  get transport(): string {
    return this.ioThreads.transport;
  }

  /**
   * @returns whether the server runs; false when it was stopped meanwhile, and ends
   * @throws Error with a message for the log when the server cannot be started
   */
  async start(): Promise<boolean> {
    try {
      await this.startParts();
    } catch (error) {
      if (!this.isStopping) throw error;
      this.exit();
    }
    this.isRunning = true;
    if (!this.isStopping) return true;
    void this.finish();
    return false;
  }

  private async startParts(): Promise<void> {
    const descriptors = this.shareDescriptors();
    fitMaxMemory(this.config, this.log, this.container, this.threads);
    await this.checkPort();
    if (this.isStopping) return;
    const { config, threads } = this;
    const registry = new Registry(definitionsOf(commandModules));
    const { declarations, log } = this;
    const users = createSharedUsers(registry, config, declarations.users, (text) =>
      log.warning(text),
    );
    const control = createControl(threads, registry.all.length);
    this.control = control;
    const shardBuffers = this.createShards(control);
    const figure = () => new Int32Array(new SharedArrayBuffer(4 * threads)).fill(NOT_UP);
    const databases = config.number('databases');
    const ringBuffers = this.createRings();
    const cutsBuffer = NewestCut.create(ringBuffers.length);
    const durableBuffer = DurableLsns.create(ringBuffers.length);
    const mailboxes = createMailboxes(threads, this.wakers);
    const subscriptionsBuffer = this.createDirectory(control);
    const scripting = createScriptingBuffers(threads);
    const common = {
      ...{ shardBuffers, ringBuffers, cutsBuffer, durableBuffer, databases, mailboxes },
      librariesBuffer: scripting.libraries,
      recordsBuffer: scripting.records,
      prefixesBuffer: SharedText.create('', PREFIXES_BYTES_MAX).buffer,
      subscriptionsBuffer,
    };
    const replication = this.createReplication({
      ...common,
      control,
      commands: registry.all.length,
      elements: elementsByVerb(registry.all.map((command) => command.definition)),
    });
    this.replication = replication;
    const isStopping = () => this.isStopping;
    const persistence = new Persistence({
      ...{ config, log, control, replication, isStopping },
      durable: new DurableLsns(durableBuffer),
      wakeAll: () => this.ioThreads.wakeAll(),
      librariesBuffer: scripting.libraries,
    });
    this.persistence = persistence;
    await persistence.find();
    await this.startThreads({
      ...common,
      threads,
      replication: replication.status,
      controlBuffer: control.buffer,
      configBuffer: config.buffer,
      usersBuffer: users.buffer,
      renames: declarations.renames,
      scripting,
      wakers: this.wakers,
      figures: {
        connections: figure(),
        inUse: figure(),
        atWork: figure(),
        inOrder: figure(),
        homes: new Int32Array(new SharedArrayBuffer(4 * this.shards)),
      },
      descriptors,
      facts: { ...this.facts, ioThreads: threads },
    });
    if (this.isStopping) return;
    control.set(STARTUP_BYTES, process.memoryUsage.rss());
    await persistence.load();
    const rates = new RateSampler(control);
    setInterval(() => {
      rates.sample(Date.now());
      config.refresh();
    }, RATE_PERIOD_MS).unref();
    const watch = new ShardWatch(replication.shards.spaces, this.log);
    setInterval(() => watch.check(), WATCH_PERIOD_MS).unref();
  }

  private createReplication(memory: {
    readonly control: ControlBlock;
    readonly shardBuffers: readonly SharedArrayBuffer[];
    readonly ringBuffers: readonly SharedArrayBuffer[];
    readonly cutsBuffer: SharedArrayBuffer;
    readonly durableBuffer: SharedArrayBuffer;
    readonly librariesBuffer: SharedArrayBuffer;
    readonly recordsBuffer: SharedArrayBuffer;
    readonly prefixesBuffer: SharedArrayBuffer;
    readonly databases: number;
    readonly mailboxes: MailboxMemory;
    readonly subscriptionsBuffer: SharedArrayBuffer;
    readonly commands: number;
    readonly elements: ElementsByVerb;
  }): ReplicationManager {
    const { config, log, ioThreads } = this;
    return new ReplicationManager({
      ...memory,
      config,
      log,
      runId: this.facts.runId,
      ioThreads: this.threads,
      sendStatus: (number, status) => {
        ioThreads.tellAll({ kind: 'replication-status', number, status });
      },
      closeClient: (thread, clientId) => ioThreads.tell(thread, { kind: 'close-client', clientId }),
      synced: (isFull) => this.supervision.synced(isFull),
      died: (error) => this.die('A flow thread', error),
    });
  }

  private async startThreads(common: Omit<IoThreadData, 'main' | 'thread' | 'peers'>) {
    const mesh = createMesh(this.threads);
    const started: Promise<void>[] = [];
    // Thread 0 makes the Unix socket, so it starts alone: a client that reaches a port finds both.
    const firstAlone = this.config.value('unixsocket') !== '';
    for (let thread = 0; thread < this.threads; thread++) {
      if (this.isStopping) break;
      started.push(this.ioThreads.start({ ...common, thread, peers: mesh[thread]! }));
      if (!LOADS_SINGLY || (thread === 0 && firstAlone)) await started[thread];
    }
    await Promise.all(started);
    if (!this.isStopping) await this.startTls();
    this.ioThreads.tellAll({ kind: 'serve' });
  }

  private async startTls(): Promise<void> {
    const { config, log, tlsThreads } = this;
    if (config.number('tls-port') !== 0 && this.transport === 'portable') {
      throw new Error(
        'tls-port needs native calls, which the transport of this system does not have' +
          (this.transportReason === '' ? '' : `: ${this.transportReason}`),
      );
    }
    if (usesTls((name) => config.value(name))) checkTls(config, log);
    await tlsThreads.listen();
    config.onChange('tls-port', () => {
      tlsThreads.listen().catch((error: Error) => log.warning(error.message));
    });
  }

  /** Lowers maxclients to what the limit of descriptors leaves, as Redis does. */
  private shareDescriptors(): DescriptorShare {
    const { config, log, threads } = this;
    const needs = {
      ioThreads: threads,
      tlsThreads: tlsThreadsOf(config, threads),
      flowThreads: Math.min(threads, FLOW_THREADS_MAX),
      listeners: config.words('bind').length + (config.value('unixsocket') === '' ? 0 : 1),
      loading: LOADING_DESCRIPTORS,
    };
    const reserved = reservedDescriptors(needs);
    const perClient = descriptorsPerClient(config.number('tls-port') !== 0);
    const share = { reserved, perClient };
    const clients = fitMaxClients(config.number('maxclients'), share, log);
    config.assign('maxclients', [String(clients)]);
    const spare = descriptorLimit() - reserved - clients * perClient;
    const backlog = config.number('tcp-backlog');
    return { ...share, acceptSingly: mustAcceptSingly(spare, needs, backlog) };
  }

  /**
   * Saves if it is to, ends the threads, then the process. A server that is starting finishes its
   * start first. When saving fails the server goes on, unless it is told not to.
   */
  stop(exitCode: number, request: ShutdownRequest = DEFAULT_SHUTDOWN): void {
    if (this.isStopping) return;
    this.isStopping = true;
    this.exitCode = exitCode;
    this.shutdown = request;
    this.log.notice('User requested shutdown...');
    if (this.isRunning) void this.finish();
  }

  private async finish(): Promise<void> {
    const why = await this.prepareEnd();
    if (why !== null) {
      this.log.warning(why);
      this.log.warning(
        'Errors trying to shut down the server. Check the logs for more information.',
      );
      this.isStopping = false;
      this.ioThreads.tellAll({ kind: 'shutdown-failed', text: SHUTDOWN_FAILED });
      return;
    }
    this.supervision.stopping();
    setTimeout(() => this.exit(), STOP_TIMEOUT_MS).unref();
    await this.persistence?.end();
    // Each thread winds itself up: what it made (a Unix socket, a profile) is in order.
    await this.ioThreads.stop();
    await this.persistence?.stop();
    await this.replication?.stop();
    this.exit();
  }

  /** Replicas get the last writes, and the data is saved. @returns why the server does not end, or null */
  private async prepareEnd(): Promise<string | null> {
    const { replication, persistence, shutdown } = this;
    if (replication === null || persistence === null) return null;
    const saves = persistence.savesAtEnd(shutdown.save);
    const drainMs = shutdown.now ? 0 : this.config.number('shutdown-timeout') * 1000;
    const drains = drainMs > 0 && replication.mustDrain;
    if (!saves && !drains) return null;
    await replication.hold();
    let why: string | null = null;
    if (drains && (await this.drain(replication, drainMs))) why = 'Shutdown was called off.';
    if (why === null && saves && (await persistence.saveAtEnd()) !== null && !shutdown.force) {
      why = "Error trying to save the DB, can't exit.";
    }
    if (why !== null) await replication.release();
    return why;
  }

  /** @returns whether the shutdown was called off meanwhile */
  private async drain(replication: ReplicationManager, timeoutMs: number): Promise<boolean> {
    const word = this.control!.word(SHUTDOWN);
    word.store(SHUTDOWN_WAITS);
    const isCalledOff = () => word.load() === SHUTDOWN_CALLED_OFF;
    await replication.drain(timeoutMs, isCalledOff);
    const wasCalledOff = isCalledOff();
    word.store(0);
    return wasCalledOff;
  }

  /** A failure that cannot be repaired, in this thread or another. */
  die(what: string, error: Error): never {
    this.log.warning(`${what} died: ${error.stack ?? error.message}`);
    const first = `${error.name}: ${error.message}`.split('\n', 1)[0];
    this.callEnded();
    this.log.warning(
      `Fatal: ${what} died (${first}); the process ends with code 1, its data is lost`,
    );
    endProcess(1);
  }

  private exit(): never {
    this.callEnded();
    this.log.warning('Darter is now ready to exit, bye bye...');
    endProcess(this.exitCode);
  }

  private callEnded(): void {
    try {
      this.ended();
    } catch {
      // The process ends all the same.
    }
  }

  /**
   * Listening with SO_REUSEPORT would succeed beside another server of the same user, and share its
   * clients: so the port is tried without it first.
   */
  private async checkPort(): Promise<void> {
    for (const name of ['port', 'tls-port'] as const) {
      const port = this.config.number(name);
      if (port === 0) continue;
      for (const word of this.config.words('bind')) await checkFree(word.replace(/^-/, ''), port);
    }
  }

  private createShards(control: ControlBlock): SharedArrayBuffer[] {
    const { config, shards } = this;
    const bytes = config.number('shard-bytes');
    const databases = config.number('databases');
    const hashKey = {
      key0: randomBytes(4).readInt32LE(),
      key1: randomBytes(4).readInt32LE(),
      spread: config.number('shard-spread'),
    };
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

  /** The shared directory of subscriptions. */
  private createDirectory(control: ControlBlock): SharedArrayBuffer {
    try {
      const region = createPagedRegion(DIRECTORY_BYTES);
      const bytes = randomBytes(8);
      SubscriptionDirectory.format(region, control, [bytes.readInt32LE(0), bytes.readInt32LE(4)]);
      return region.buffer;
    } catch (error) {
      throw this.spaceRefused(error);
    }
  }

  private createRings(): SharedArrayBuffer[] {
    const { config, shards } = this;
    const history = config.number('repl-backlog-size');
    try {
      return createRings(streamsOf(shards), history, config.number('shard-bytes'));
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

  private take(message: IoRequest): void {
    const { replication, ioThreads } = this;
    if (message.kind === 'log') {
      this.log.line(message.line);
    } else if (message.kind === 'shutdown') {
      this.stop(0, message.request);
    } else if (message.kind === 'persistence-request') {
      const { thread, id, request } = message;
      void this.persistence!.request(request).then((answer) => {
        ioThreads.tell(thread, { kind: 'persistence-answer', id, answer });
      });
    } else if (message.kind === 'replication-request') {
      const { thread, id, request } = message;
      void replication!.request(request).then((answer) => {
        ioThreads.tell(thread, { kind: 'replication-answer', id, answer });
      });
    } else if (message.kind === 'migrate') {
      const { thread, id, request } = message;
      void this.migrator.send(request).then((outcome) => {
        ioThreads.tell(thread, { kind: 'migrated', id, outcome });
      });
    } else if (message.kind === 'replication-notice') {
      replication!.notice(message.notice);
    } else {
      replication!.statusTaken(message.number);
    }
  }
}

/** @throws Error when directives for TLS are missing or do not go together; the log says which */
function checkTls(config: Config, log: Log): void {
  try {
    readServerOptions((name) => config.value(name));
    readClientOptions((name) => config.value(name));
  } catch (error) {
    log.warning(error instanceof Error ? error.message : String(error));
    throw new Error('Failed to configure TLS. Check logs for more info.');
  }
}

/** @throws Error when another server listens there */
async function checkFree(host: string, port: number): Promise<void> {
  const code = await tryListen(host, port);
  if (code !== 'EADDRINUSE') return;
  throw new Error(
    `Could not create server TCP listening socket ${host}:${port}: bind: Address already in use`,
  );
}

/** The code of the error that listening brings, or ''. */
function tryListen(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    // A client that connects now is too early: left open, it would delay closing.
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    const address = host === '*' ? '0.0.0.0' : host === '::*' ? '::' : host;
    server.listen({ host: address, port, exclusive: true, ipv6Only: address === '::' }, () =>
      server.close(() => resolve('')),
    );
  });
}
