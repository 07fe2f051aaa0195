/**
 * The running server as the main thread sees it: the shared memory it makes, the threads it starts,
 * and its end. The main thread serves no clients.
 *
 *   start ──▶ starting ──▶ running ──stop──▶ stopping ──▶ ended
 *                │  stop: when the threads are up          ▲
 *                └─────────────────────────────────────────┘
 *
 * A thread that dies ends the server at once, from whatever state: it may hold locks of shards, and a
 * server that refuses some of its clients is worse than none. With the server ends its process, or,
 * where the process is another program's, all that it has made there (host.ts).
 */
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.js';
import type { ShutdownRequest } from '../../commands/contract/server-port.js';
import { commandModules } from '../../commands/index.generated.js';
import { definitionsOf } from '../../engine/definitions.js';
import { Registry } from '../../engine/registry.js';
import { createScriptingBuffers } from '../../engine/scripts/shared.js';
import { NewestCut } from '../../journal/cuts.js';
import { type ElementsByVerb, elementsByVerb } from '../../keyspace/effect-elements.js';
import { PREFIXES_BYTES_MAX } from '../../keyspace/tracked-prefixes.js';
import { type ControlBlock, THREADS_MAX } from '../../memory/control.js';
import { DurableLsns } from '../../memory/durable-lsns.js';
import { Offers } from '../../memory/offers.js';
import { SharedListeners } from '../../memory/shared-listeners.js';
import { SharedStates } from '../../memory/shared-states.js';
import { SharedText } from '../../memory/shared-text.js';
import {
  type ContainerLimits,
  NO_CONTAINER,
  readContainerLimits,
  threadsFor,
} from '../../platform/container.js';
import { descriptorLimit } from '../../platform/ffi/descriptor-limit.js';
import { releaseFreeMemory } from '../../platform/ffi/region.js';
import { LOADING_DESCRIPTORS, LOADS_SINGLY } from '../../platform/load-module.js';
import { chooseTransport } from '../../platform/select.js';
import { watchHeap } from '../../platform/thread-heap.js';
import { closeWaker } from '../../platform/wake.js';
import { laterCommands } from '../../replication/redis/later-commands.js';
import { createControl } from '../channel/control.js';
import { createMesh } from '../channel/gather.js';
import { createMailboxes, type MailboxMemory } from '../channel/mailboxes.js';
import { FLOW_THREADS_MAX } from '../channel/main-flow.js';
import type { DescriptorShare, IoThreadData, ServerFacts } from '../channel/main-io.js';
import { OomScore } from '../channel/oom-score.js';
import { STARTUP_BYTES } from '../channel/process-figures.js';
import { ThreadBeats } from '../channel/thread-beats.js';
import type { Config } from '../config/config.js';
import type { Declarations } from '../config/declarations.js';
import {
  descriptorsPerClient,
  mustAcceptSingly,
  reservedDescriptors,
} from '../config/descriptor-budget.js';
import { ConfigurationError } from '../config/file.js';
import { notConfiguredText, readClientOptions, readServerOptions, usesTls } from '../config/tls.js';
import type { Console } from './console/routes.js';
import { CONSOLE_DESCRIPTORS, createConsole } from './console/start.js';
import { fitMaxMemory } from './container-memory.js';
import type { ServerHost } from './host.js';
import { HTTP_CONNECTIONS_MAX, type HttpServer } from './http/http-server.js';
import { type MonitoringParts, startMonitoring } from './http/monitoring.js';
import { createSharedUsers } from './initial-users.js';
import { type IoRequest, IoThreads } from './io-threads.js';
import { fitMaxClients } from './max-clients.js';
import { Migrator } from './migration/migrator.js';
import { OrderlyEnd, type Refusal } from './orderly-end.js';
import { Persistence } from './persistence/persistence.js';
import { checkPorts } from './port-check.js';
import { RATE_PERIOD_MS, RateSampler } from './rates.js';
import { ReplicationManager } from './replication/manager.js';
import {
  createDirectory,
  createFigures,
  createJournalRings,
  createShards,
} from './server-memory.js';
import { ShardWatch } from './shard-watch.js';
import type { UsersSummary } from './start-lines.js';
import type { Supervision } from './supervision.js';
import { ThreadReports } from './thread-reports.js';
import { TlsThreads, tlsThreadsOf } from './tls-threads.js';
import { endWorkers } from './workers.js';

/** How long the threads have to end when asked to. */
export const STOP_TIMEOUT_MS = 5000;
/** How often the shards are looked at. */
const WATCH_PERIOD_MS = 1000;
const DEFAULT_SHUTDOWN: ShutdownRequest = { save: 'default', now: false, force: false };

export class Server {
  readonly threads: number;
  readonly shards: number;
  transportReason = '';
  /** Of the start; known once the threads start. */
  users: UsersSummary = { count: 0, isOpen: false };
  /** Called once, before the host hears of the end. */
  ended: () => void = () => {};
  readonly container: ContainerLimits;
  private readonly ioThreads: IoThreads;
  private readonly tlsThreads: TlsThreads;
  private readonly wakers: Int32Array;
  private readonly beats: Int32Array;
  private readonly offers: Offers;
  private readonly migrator = new Migrator();
  private readonly reports: ThreadReports;
  private monitoring: HttpServer | null = null;
  private console: Console | null = null;
  private replication: ReplicationManager | null = null;
  private persistence: Persistence | null = null;
  private control: ControlBlock | null = null;
  private threadsRun = false;
  private isRunning = false;
  private isStopping = false;
  private hasEnded = false;
  private exitCode = 0;
  private shutdown: ShutdownRequest = DEFAULT_SHUTDOWN;
  private isCommand = false;
  private isReplica = false;
  private oomScore: OomScore | null = null;
  /** While it is under way. */
  private end: OrderlyEnd | null = null;
  /** By I/O thread: the last SHUTDOWN of a client that came from there. */
  private readonly endsAsked: number[];
  /** Who runs a script, of all I/O threads. */
  private scripts: SharedStates | null = null;

  constructor(
    private readonly config: Config,
    private readonly log: Log,
    private readonly facts: Omit<ServerFacts, 'transport'>,
    private readonly supervision: Supervision,
    private readonly declarations: Declarations,
    private readonly host: ServerHost,
  ) {
    this.container =
      config.value('container-limits') === 'yes' ? readContainerLimits() : NO_CONTAINER;
    const cores = threadsFor(availableParallelism(), this.container);
    const wanted = config.number('threads') || cores;
    const choice = chooseTransport();
    // Node's own sockets cannot be shared out among threads.
    const portable = config.value('transport') === 'portable' || choice.name === 'portable';
    this.threads = portable ? 1 : Math.min(wanted, THREADS_MAX);
    this.endsAsked = Array.from({ length: this.threads }, () => 0);
    this.shards = config.number('shards');
    if (config.value('transport') === 'auto') this.transportReason = choice.reason;
    this.wakers = new Int32Array(new SharedArrayBuffer(4 * this.threads));
    this.beats = ThreadBeats.create(this.threads);
    this.offers = Offers.create(this.threads + 1);
    this.ioThreads = new IoThreads({
      ...{ wakers: this.wakers, beats: this.beats, offers: this.offers },
      take: (message) => this.take(message),
      died: (what, error) => this.die(what, error),
    });
    this.reports = new ThreadReports(this.threads, (number, withFigures) =>
      this.ioThreads.tellAll({ kind: 'report', number, withFigures }),
    );
    this.tlsThreads = this.createTlsThreads();
  }

  private createTlsThreads(): TlsThreads {
    const { config, log, threads, ioThreads } = this;
    return new TlsThreads({
      ...{ config, log },
      ioThreads: threads,
      offer: (descriptor) => ioThreads.offer(descriptor),
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
      return false;
    }
    this.isRunning = true;
    if (!this.isStopping) return true;
    void this.finish();
    return false;
  }

  private async startParts(): Promise<void> {
    const descriptors = this.shareDescriptors();
    fitMaxMemory(this.config, this.log, this.container, this.threads);
    await checkPorts(this.config);
    if (this.isStopping) return;
    const { config, threads } = this;
    const registry = new Registry(definitionsOf(commandModules));
    const { declarations, log } = this;
    const users = createSharedUsers(registry, config, declarations.users, (text) =>
      log.warning(text),
    );
    this.users = users.summary;
    const control = this.makeControl(registry.all.length);
    const sizes = { threads, shards: this.shards };
    const shardBuffers = createShards(config, sizes, control);
    const figures = createFigures(sizes);
    const databases = config.number('databases');
    const ringBuffers = createJournalRings(config, sizes);
    const cutsBuffer = NewestCut.create(ringBuffers.length);
    const durableBuffer = DurableLsns.create(ringBuffers.length);
    const mailboxes = createMailboxes(threads, this.wakers);
    const subscriptionsBuffer = createDirectory(config, sizes, control);
    const scripting = createScriptingBuffers(threads);
    this.scripts = new SharedStates(new Int32Array(scripting.states));
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
      laterCommands: laterCommands(registry.all.map((command) => command.definition)),
    });
    this.replication = replication;
    const isStopping = () => this.isStopping;
    const durable = new DurableLsns(durableBuffer);
    const persistence = new Persistence({
      ...{ config, log, control, replication, isStopping, durable },
      wakeAll: () => this.ioThreads.wakeAll(),
      latency: (event, milliseconds) =>
        this.ioThreads.tell(0, { kind: 'latency', event, milliseconds }),
      librariesBuffer: scripting.libraries,
    });
    this.persistence = persistence;
    // First of all that can be in use: a start that fails here has answered no client.
    await this.startHttp({
      ...{ control, registry, replication, durable, inUse: figures.inUse },
      ...{ connections: figures.connections, usersBuffer: users.changes.buffer },
    });
    await persistence.find();
    await this.startThreads({
      ...common,
      threads,
      replication: replication.status,
      controlBuffer: control.buffer,
      configBuffer: config.buffer,
      usersBuffer: users.changes.buffer,
      renames: declarations.renames,
      scripting,
      ...{ wakers: this.wakers, beats: this.beats, offersBuffer: this.offers.buffer },
      listenersBuffer: SharedListeners.createBuffer(threads),
      figures,
      descriptors,
      facts: { ...this.facts, ioThreads: threads },
      container: this.container,
    });
    if (this.isStopping) return;
    this.threadsRun = true;
    control.set(STARTUP_BYTES, process.memoryUsage.rss());
    await persistence.load();
    this.watch(control, replication);
  }

  /** Health, metrics and the console; until the threads run they answer that the server starts. */
  private async startHttp(
    parts: Pick<MonitoringParts, 'control' | 'replication' | 'durable' | 'inUse'> & {
      readonly registry: Registry;
      readonly connections: Int32Array;
      readonly usersBuffer: SharedArrayBuffer;
    },
  ): Promise<void> {
    const { config, log, ioThreads, container, facts, declarations } = this;
    const { renames } = declarations;
    this.console = createConsole({ ...parts, config, ioThreads, renames });
    this.monitoring = await startMonitoring({
      ...{ ...parts, config, log, container },
      isStarting: () => !this.threadsRun,
      isStopping: () => this.isStopping,
      facts: () => ({ ...facts, ioThreads: this.threads, transport: this.transport }),
      reports: (withFigures) => this.reports.collect(withFigures),
      routes: this.console.routes,
    });
  }

  private watch(control: ControlBlock, replication: ReplicationManager): void {
    const rates = new RateSampler(control);
    setInterval(() => {
      rates.sample(Date.now());
      this.ioThreads.look();
      this.config.refresh();
    }, RATE_PERIOD_MS).unref();
    const shards = new ShardWatch(replication.shards.spaces, this.log);
    setInterval(() => shards.check(), WATCH_PERIOD_MS).unref();
    watchHeap();
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
    readonly laterCommands: readonly string[];
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
        this.followRole(status.link !== null);
      },
      closeClient: (thread, clientId) => ioThreads.tell(thread, { kind: 'close-client', clientId }),
      // With a limit of memory, threads that nobody may ask for are too dear.
      expectsReplicas: () => this.host.expectsReplicas && this.config.number('maxmemory') === 0,
      synced: (isFull) => this.supervision.synced(isFull),
      died: (error) => this.die('A flow thread', error),
    });
  }

  private makeControl(commands: number): ControlBlock {
    const { config, log, host } = this;
    const control = createControl(this.threads, commands);
    const score = new OomScore(control, log);
    if (host.ownsProcess) score.own();
    score.apply((name) => config.value(name), false);
    this.control = control;
    this.oomScore = score;
    return control;
  }

  private followRole(isReplica: boolean): void {
    if (isReplica === this.isReplica) return;
    this.isReplica = isReplica;
    this.config.refresh();
    this.oomScore?.apply((name) => this.config.value(name), isReplica);
  }

  private async startThreads(common: Omit<IoThreadData, 'main' | 'thread' | 'peers' | 'anyPort'>) {
    const { config, threads } = this;
    const mesh = createMesh(threads);
    const started: Promise<number>[] = [];
    const anyPort = this.host.choosesPort && config.number('port') === 0;
    // Thread 0 makes the Unix socket, so it starts alone: a client that reaches a port finds both.
    const firstAlone = anyPort || config.value('unixsocket') !== '';
    for (let thread = 0; thread < threads; thread++) {
      if (this.isStopping) break;
      const peers = mesh[thread]!;
      const chooses = anyPort && thread === 0;
      started.push(this.ioThreads.start({ ...common, thread, peers, anyPort: chooses }));
      if (!LOADS_SINGLY || (thread === 0 && firstAlone)) await started[thread];
      if (chooses) config.assign('port', [String(await started[thread])]);
    }
    await allOf(started);
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
    for (const name of ['tls-port', 'bind'] as const) {
      config.onChange(name, () => {
        tlsThreads.listen().catch((error: Error) => log.warning(error.message));
      });
    }
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
      http: config.number('metrics-port') === 0 ? 0 : httpDescriptors(config),
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
   *
   * @param isCommand a client asks, who is refused while a script runs for too long
   */
  stop(exitCode: number, request: ShutdownRequest = DEFAULT_SHUTDOWN, isCommand = false): void {
    if (this.isStopping) {
      this.end?.askedAgain(request);
      return;
    }
    this.isStopping = true;
    this.isCommand = isCommand;
    this.exitCode = exitCode;
    this.shutdown = request;
    this.config.refresh();
    this.log.notice('User requested shutdown...');
    if (this.isRunning) void this.finish();
  }

  private async finish(): Promise<void> {
    const refusal = await this.prepareEnd();
    this.end = null;
    if (refusal !== null) {
      const { why, reply } = refusal;
      this.log.warning(why);
      this.log.warning(
        'Errors trying to shut down the server. Check the logs for more information.',
      );
      this.isStopping = false;
      this.ioThreads.tellAll({ kind: 'shutdown-failed', text: reply, upTo: [...this.endsAsked] });
      this.host.goesOn(why);
      return;
    }
    this.supervision.stopping();
    setTimeout(() => this.exit(), STOP_TIMEOUT_MS).unref();
    await this.persistence?.end();
    // Each thread winds itself up: what it made (a Unix socket, a profile) is in order.
    await this.ioThreads.stop();
    await this.persistence?.stop();
    await this.replication?.stop();
    this.console?.close();
    await this.monitoring?.close();
    this.exit();
  }

  /** @returns why the server does not end, or null */
  private prepareEnd(): Promise<Refusal | null> {
    const { config, log, control, replication, persistence, scripts, threadsRun } = this;
    if (!threadsRun || replication === null || persistence === null || scripts === null) {
      return Promise.resolve(null);
    }
    const parts = { config, log, control: control!, replication, persistence, scripts };
    this.end = new OrderlyEnd(parts, this.shutdown, this.isCommand);
    return this.end.prepare();
  }

  /** A failure that cannot be repaired, in this thread or another. */
  die(what: string, error: Error): void {
    this.log.warning(`${what} died: ${error.stack ?? error.message}`);
    if (this.hasEnded) return;
    this.hasEnded = true;
    const first = `${error.name}: ${error.message}`.split('\n', 1)[0];
    this.callEnded();
    this.log.warning(`Fatal: ${what} died (${first}); ${this.host.consequence}`);
    this.host.died(`${what} died (${first})`);
  }

  private exit(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.callEnded();
    this.log.warning('Darter is now ready to exit, bye bye...');
    this.host.ended(this.exitCode);
  }

  /**
   * Gives back what the process keeps when this thread ends: the other threads and what they hold. For
   * a host that goes on, after the server has ended, died or not started.
   */
  async release(): Promise<void> {
    this.hasEnded = true;
    await this.monitoring?.close();
    // A thread that winds itself up closes its sockets. One that does not is ended where it is.
    await Promise.race([this.ioThreads.stop(), sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
    await endWorkers();
    for (const waker of this.wakers) if (waker > 0) closeWaker(waker);
    releaseFreeMemory();
  }

  private callEnded(): void {
    try {
      this.ended();
    } catch {
      // The process ends all the same.
    }
  }

  /** INFO's text, from the I/O thread that answers first. */
  information(sections: readonly string[]): Promise<string> {
    return this.ioThreads.information(sections);
  }

  private take(message: IoRequest): void {
    const { replication, ioThreads } = this;
    // Whoever has set a directive before asks for what it says now.
    if (message.kind !== 'log') this.config.refresh();
    if (message.kind === 'log') {
      this.log.line(message.line);
    } else if (message.kind === 'shutdown') {
      this.endsAsked[message.thread] = message.number;
      this.stop(0, message.request, true);
    } else if (message.kind === 'report') {
      this.reports.take(message.number, message.report);
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
    } else if (message.kind === 'settle') {
      const { thread, id } = message;
      void this.tlsThreads.settled().then(() => ioThreads.tell(thread, { kind: 'settled', id }));
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

/** Listeners of metrics-port, their connections, and those of the console. */
function httpDescriptors(config: Config): number {
  return config.words('metrics-bind').length * (1 + HTTP_CONNECTIONS_MAX) + CONSOLE_DESCRIPTORS;
}

/** @throws ConfigurationError when directives for TLS are missing or do not go together */
function checkTls(config: Config, log: Log): void {
  try {
    readServerOptions((name) => config.value(name));
    readClientOptions((name) => config.value(name));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warning(reason);
    throw new ConfigurationError(notConfiguredText(reason));
  }
}

/** When all are settled, the first failure is thrown: none is left on its way. */
async function allOf(started: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(started);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
