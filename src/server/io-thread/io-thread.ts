/**
 * An I/O thread: a Worker whose transport loop is `wait, parse, run, reply`. It never returns to its
 * event loop while the transport is a native one, so everything from outside (questions of other
 * threads, connections handed over, the end) arrives as a message that a wake-up announces.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { FailureLog } from '../../base/failure-log.js';
import { Log, type LogLevel } from '../../base/log.js';
import { textOfErrorName } from '../../base/system-error.js';
import { commandModules } from '../../commands/index.generated.js';
import { createUserTable } from '../../engine/acl/user-table.js';
import { COMMANDS } from '../../engine/counters.js';
import { definitionsOf } from '../../engine/definitions.js';
import { Dispatcher } from '../../engine/dispatch.js';
import { EVENT_CLASSES } from '../../engine/pubsub/counters.js';
import type { PubSub } from '../../engine/pubsub/pubsub.js';
import { Registry } from '../../engine/registry.js';
import type { Scripting } from '../../engine/scripts/create.js';
import { slowKind } from '../../engine/scripts/script-run.js';
import { ClientSession } from '../../engine/session.js';
import { Transactions } from '../../engine/transactions.js';
import { BackPressure } from '../../journal/back-pressure.js';
import { JOURNAL_FILLING } from '../../journal/counters.js';
import { NewestCut } from '../../journal/cuts.js';
import { KeylessStream } from '../../journal/keyless-stream.js';
import { JournalRing } from '../../journal/ring.js';
import { JournalSink } from '../../journal/sink.js';
import { eventMask } from '../../keyspace/events.js';
import { ExpiryCycle } from '../../keyspace/expiry-cycle.js';
import { Shards } from '../../keyspace/shards.js';
import type { ControlBlock } from '../../memory/control.js';
import { DurableLsns } from '../../memory/durable-lsns.js';
import type { Mailbox } from '../../memory/mailbox.js';
import { SharedChanges } from '../../memory/shared-changes.js';
import { SharedStates } from '../../memory/shared-states.js';
import { USED_PAGES } from '../../memory/used-pages.js';
import { Frontend } from '../../net/frontend.js';
import { keepCompiled } from '../../platform/compiled-scripts.js';
import { errorName } from '../../platform/ffi/libc.js';
import { attachPagedRegion, attachRegion, createRegion } from '../../platform/ffi/region.js';
import { ThreadClock } from '../../platform/ffi/thread-clock.js';
import { startProfile, stopProfile } from '../../platform/profile.js';
import { createTransport } from '../../platform/select.js';
import type { Transport, TransportName } from '../../platform/transport.js';
import { wakeTransport } from '../../platform/wake.js';
import { Reply } from '../../protocol/reply.js';
import { attachControl } from '../channel/control.js';
import { Gatherer } from '../channel/gather.js';
import type { IoGatherer } from '../channel/io-io.js';
import { openMailbox } from '../channel/mailboxes.js';
import type { IoThreadData, IoToMain, MainToIo } from '../channel/main-io.js';
import { THREAD_ID } from '../channel/process-figures.js';
import { Config } from '../config/config.js';
import { followSyncPolicy } from '../config/sync-policy.js';
import { ThreadUsers } from './acl/thread-users.js';
import { ThreadDurability } from './durability.js';
import { listen } from './listeners.js';
import { createServerPort, endClient, sessionsOf } from './server-port.js';
import { ThreadSettings } from './settings.js';
import { ThreadArrivals } from './thread-arrivals.js';
import { ThreadClients } from './thread-clients.js';
import { ThreadConfiguration } from './thread-configuration.js';
import { systemThreadId } from './thread-id.js';
import { ThreadMigrations } from './thread-migrations.js';
import { ThreadPersistence } from './thread-persistence.js';
import { ThreadPlacement } from './thread-placement.js';
import { ThreadPolicy } from './thread-policy.js';
import { ThreadPubSub } from './thread-pubsub.js';
import { ThreadReplication } from './thread-replication.js';
import type { ThreadReporter } from './thread-reporter.js';
import { createThreadScripting } from './thread-scripting.js';
import { ThreadShutdown } from './thread-shutdown.js';
import { CommandStatistics } from './thread-statistics.js';
import { createTracker } from './thread-tracking.js';
import { letClientsWait } from './thread-waits.js';

/** How often a thread that listens looks whether the others do. */
const START_POLL_MS = 1;

class IoThread {
  private readonly config: Config;
  private readonly settings = new ThreadSettings();
  private readonly control: ControlBlock;
  private readonly gatherer: IoGatherer;
  private readonly mailbox: Mailbox;
  private readonly log: Log;
  private readonly failures: FailureLog;
  private transport!: Transport;
  private policy!: ThreadPolicy;
  private replication!: ThreadReplication;
  private keyless!: KeylessStream;
  private durability!: ThreadDurability;
  private readonly migrations = new ThreadMigrations((id, request) =>
    this.post({ kind: 'migrate', thread: this.data.thread, id, request }),
  );
  private dispatcher!: Dispatcher;
  private frontend!: Frontend<ClientSession>;
  private clients!: ThreadClients;
  private arrivals!: ThreadArrivals;
  private readonly threadUsers: ThreadUsers;
  private mayServe = false;
  /** Messages of the main thread that came while a script ran. */
  private readonly held: MainToIo[] = [];
  private readonly scriptStates: SharedStates;
  private readonly shutdown: ThreadShutdown;
  private readonly persistence: ThreadPersistence;
  private readonly configuration: ThreadConfiguration;
  private readonly clock = new ThreadClock();
  private reporter!: ThreadReporter;

  constructor(
    private readonly data: IoThreadData,
    private readonly registry: Registry,
  ) {
    this.control = attachControl(data.controlBuffer, data.threads, registry.all.length);
    this.config = Config.attach(data.configBuffer);
    this.log = new Log((line) => this.post({ kind: 'log', line }));
    this.configuration = new ThreadConfiguration({
      ...{ data, config: this.config, log: this.log, control: this.control },
      isReplica: () => this.replication.isReplica,
      ask: (id) => this.post({ kind: 'settle', thread: data.thread, id }),
    });
    this.failures = new FailureLog((text) => this.log.warning(text));
    this.mailbox = openMailbox(data.mailboxes, data.thread, (error) =>
      this.failures.note('Exception while taking a message of another thread', error),
    );
    this.scriptStates = new SharedStates(new Int32Array(data.scripting.states));
    this.gatherer = new Gatherer(data.thread, data.peers, this.control.mail, (thread) =>
      this.wake(thread),
    );
    this.threadUsers = this.createUsers();
    this.shutdown = new ThreadShutdown(this.control, (number, request) =>
      this.post({ kind: 'shutdown', thread: data.thread, number, request }),
    );
    const isJournalOn = () => this.config.flag('appendonly');
    this.persistence = new ThreadPersistence(this.control, isJournalOn, (id, request) =>
      this.post({ kind: 'persistence-request', thread: data.thread, id, request }),
    );
  }

  private createUsers(): ThreadUsers {
    const { config, gatherer, data, registry } = this;
    const threadUsers = new ThreadUsers({
      users: createUserTable(registry, {
        get allChannels() {
          return config.value('acl-pubsub-default') === 'allchannels';
        },
      }),
      changes: new SharedChanges(data.usersBuffer),
      sessions: () => sessionsOf(this.parts),
      close: (session) => endClient(this.parts, session, 'its user is no more'),
      subscriptions: ({ subscriptions }) => subscriptions?.all() ?? [],
      renewAll: () => gatherer.gather('users-renew', null),
    });
    gatherer.answers('users-renew', () => {
      threadUsers.renew();
      return null;
    });
    return threadUsers;
  }

  private get parts() {
    const { gatherer, dispatcher, frontend, clients, replication } = this;
    return { gatherer, dispatcher, frontend, clients, replication };
  }

  private post(message: IoToMain): void {
    this.data.main.postMessage(message);
  }

  /** Has the thread's transport call `woken`. One that is not up yet looks by itself at its start. */
  private wake(thread: number): void {
    const waker = this.data.wakers[thread]!;
    if (waker !== 0) wakeTransport(waker);
  }

  async run(): Promise<void> {
    const { data, config, settings } = this;
    this.loadSettings();
    this.transport = createTransport(config.value('transport') as TransportName | 'auto', {
      onAcceptTrouble: (errorNumber) =>
        this.log.warning(
          `Accepting client connection: accept: ${textOfErrorName(errorName(errorNumber))}`,
        ),
    });
    this.transport.keepAliveSeconds = settings.keepAliveSeconds;
    data.wakers[data.thread] = this.transport.waker;
    const frontend = this.build();
    this.applySettings();
    // Also in the turn of CONFIG SET itself: what follows in its pipeline meets the new values.
    config.changed = () => this.applySettings();
    const port = await this.listen(frontend);
    this.configuration.followAddresses(this.transport, this.gatherer, String(port));
    this.control.threads[data.thread]!.add(THREAD_ID, systemThreadId());
    data.figures.connections[data.thread] = 0;
    data.figures.inUse[data.thread] = 0;
    data.figures.atWork[data.thread] = 0;
    data.figures.inOrder[data.thread] = 0;
    // Messages may have come before there was a waker.
    this.wake(data.thread);
    this.post({ kind: 'listening', transport: this.transport.name, port });
    keepCompiled();
    await this.untilAllListen();
    startProfile(`io-${data.thread}`);
    await this.transport.run(frontend);
    stopProfile();
    this.policy.publishCounters();
  }

  /** @throws Error when it cannot; what the transport has is given back */
  private async listen(frontend: Frontend<ClientSession>): Promise<number> {
    const { transport, config, data } = this;
    try {
      return await listen(transport, config, data);
    } catch (error) {
      transport.stop();
      await transport.run(frontend);
      throw error;
    }
  }

  /**
   * A thread that cannot start ends the process. No client is served before all have started, so that
   * nobody loses what was answered. Those that connect meanwhile wait in the listeners' queues.
   */
  private async untilAllListen(): Promise<void> {
    for (;;) {
      this.serveMessages();
      if (this.mayServe) return;
      await sleep(START_POLL_MS);
    }
  }

  private attachShards(): Shards {
    const { data, control } = this;
    return new Shards(
      data.shardBuffers.map((buffer) => attachPagedRegion(buffer)),
      data.databases,
      control.words,
      control.word(USED_PAGES).index,
      data.thread,
    );
  }

  private build(): Frontend<ClientSession> {
    const { data, control, settings, registry } = this;
    const shards = this.attachShards();
    const reply = new Reply(createRegion(64));
    const clients = this.createClients();
    const statistics = new CommandStatistics(control, data.thread, settings);
    let frontend: Frontend<ClientSession>;
    const dispatcher = this.buildDispatcher(shards, reply, statistics, (session, write) =>
      frontend.resume(session, write),
    );
    this.dispatcher = dispatcher;
    const rings = data.ringBuffers.map((buffer) => new JournalRing(attachRegion(buffer)));
    const pressure = new BackPressure(rings, control.signal(JOURNAL_FILLING));
    const cuts = new NewestCut(data.cutsBuffer, data.thread + 1);
    const journal = new JournalSink(rings);
    const durable = new DurableLsns(data.durableBuffer);
    followSyncPolicy(this.config, durable);
    this.durability = new ThreadDurability(durable, rings, journal, data.thread);
    this.persistence.durability = this.durability;
    this.replication = this.buildReplication(dispatcher, { rings, cuts, journal }, pressure);
    this.persistence.replicas = this.replication;
    this.policy = new ThreadPolicy({
      ...{ pressure, control, dispatcher, clients, settings, thread: data.thread },
      ...{ replication: this.replication, persistence: this.persistence },
      durability: this.durability,
      expiry: new ExpiryCycle(dispatcher.keys, data.thread, data.threads),
      refreshUsers: () => this.threadUsers.refresh(),
      refreshSettings: () => this.config.refresh(),
      handOver: (thread, descriptor) => this.arrivals.handOver(thread, descriptor),
      serveMessages: () => this.serveMessages(),
      stop: () => this.transport.stop(),
      mailbox: this.mailbox,
      log: (level, text) => this.log.write(level, text),
      failures: this.failures,
    });
    frontend = new Frontend(this.transport, dispatcher, reply, this.policy, createRegion);
    this.policy.frontend = frontend;
    this.frontend = frontend;
    this.shareClients(frontend, clients);
    letClientsWait({
      ...{ thread: data.thread, claims: data.mailboxes.claims },
      ...{ control, dispatcher, frontend, mailbox: this.mailbox },
    });
    const scripting = this.createScripting(dispatcher, frontend);
    const pubsub = this.joinPubSub(frontend, clients);
    const tracker = createTracker({
      ...{ data, control, settings, dispatcher, frontend, clients },
      ...{ gatherer: this.gatherer, mailbox: this.mailbox },
    });
    const { port, reporter } = createServerPort(
      {
        ...{ control, dispatcher, registry, clients, frontend, statistics },
        ...{ scripting, pubsub, tracker, rings, thread: data.thread },
        ...{ config: this.config, gatherer: this.gatherer, threadUsers: this.threadUsers },
        ...{ replication: this.replication, persistence: this.persistence },
        configuration: this.configuration,
        migration: this.migrations,
        transport: this.transport,
        facts: { ...data.facts, transport: this.transport.name },
        container: data.container,
        shutdown: this.shutdown,
        warn: (text) => this.log.warning(text),
        clock: this.clock,
        connections: data.figures.connections,
        publishCounters: () => this.policy.publishCounters(),
        pauseEnded: () => {
          this.policy.loadGates();
          for (let thread = 0; thread < data.threads; thread++) this.wake(thread);
        },
      },
      new Transactions(dispatcher),
    );
    dispatcher.server = port;
    this.reporter = reporter;
    return frontend;
  }

  private createClients(): ThreadClients {
    const { data, transport, control, settings, threadUsers } = this;
    this.clients = new ThreadClients(
      data.thread,
      transport,
      control,
      data.figures,
      settings,
      threadUsers,
    );
    return this.clients;
  }

  private createScripting(dispatcher: Dispatcher, frontend: Frontend<ClientSession>): Scripting {
    const { data, registry } = this;
    return createThreadScripting({
      ...{ thread: data.thread, buffers: data.scripting, states: this.scriptStates },
      ...{ registry, dispatcher, frontend, gatherer: this.gatherer, config: this.config },
      keyless: this.keyless,
      serve: () => this.serveDuringScript(),
      hasPublished: () => {
        // Messages, the other effects without keys, are not kept.
        this.durability.otherWrites++;
      },
      log: this.log,
    });
  }

  /**
   * A script runs: other threads get answers. What the main thread says waits for the script's end,
   * but for the end of the server.
   */
  private serveDuringScript(): boolean {
    this.gatherer.serve();
    for (;;) {
      const received = receiveMessageOnPort(this.data.main);
      if (received === undefined) break;
      const message = received.message as MainToIo;
      // It may be who ends the script.
      if (message.kind === 'offer') this.arrivals.takeOffer(message);
      else if (message.kind === 'report') this.report(message, true);
      else this.held.push(message);
    }
    // Taken with the next turn.
    if (this.held.length > 0) this.wake(this.data.thread);
    return this.held.some(({ kind }) => kind === 'stop');
  }

  private joinPubSub(frontend: Frontend<ClientSession>, clients: ThreadClients): PubSub {
    const { data, control, dispatcher, policy } = this;
    const joined = new ThreadPubSub({
      thread: data.thread,
      threads: data.threads,
      directory: data.subscriptionsBuffer,
      control,
      mailbox: this.mailbox,
      frontend,
      dispatcher,
      keyless: this.keyless,
      sessions: clients.all,
      warn: (text) => this.log.warning(text),
    });
    policy.pubsub = joined.pubsub;
    policy.directory = joined.directory;
    return joined.pubsub;
  }

  private buildDispatcher(
    shards: Shards,
    reply: Reply,
    statistics: CommandStatistics,
    resumed: (session: ClientSession, write: () => void) => void,
  ): Dispatcher {
    const nobody = new ClientSession(0, -1, '', '', 0, () => true);
    return new Dispatcher(
      this.registry,
      shards,
      reply,
      statistics,
      {
        failed: (command, error) => this.failures.note(`Exception in command '${command}'`, error),
        attacked: ({ address }) =>
          this.log.warning(
            `Possible SECURITY ATTACK detected: ${address} sends POST or Host: commands. It may be ` +
              'a web page that abuses a browser to reach this server. Connection closed.',
          ),
        waiting: () => this.gatherer.serve(),
        resumed,
      },
      nobody,
    );
  }

  private buildReplication(
    dispatcher: Dispatcher,
    {
      rings,
      cuts,
      journal,
    }: {
      rings: readonly JournalRing[];
      cuts: NewestCut;
      journal: JournalSink;
    },
    pressure: BackPressure,
  ): ThreadReplication {
    const { data, settings } = this;
    const keyless = new KeylessStream(rings.at(-1)!, rings.length - 1, data.thread + 1);
    this.keyless = keyless;
    journal.onLoss = (shards, why) =>
      this.log.warning(`The journal of shards ${shards.join(', ')} begins anew: ${why}`);
    return new ThreadReplication(
      {
        thread: data.thread,
        settings,
        control: this.control,
        rings,
        cuts,
        journal,
        keyless,
        request: (id, request) =>
          this.post({ kind: 'replication-request', thread: data.thread, id, request }),
        notify: (notice) => this.post({ kind: 'replication-notice', notice }),
        becameReplica: () => dispatcher.waits?.endAll(),
        setJournal: (on) => {
          dispatcher.keys.effects.sink = on ? journal : null;
          keyless.isOn = on;
          dispatcher.pressure = on ? pressure : null;
          dispatcher.keys.defersExpiry = on ? (shard) => pressure.isTight(shard) : () => false;
        },
        hideExpired: () => {
          dispatcher.keys.expiresKeys = false;
        },
        isQuiet: (session) => this.frontend.isQuiet(session),
        release: (session) => this.frontend.release(session),
      },
      data.replication,
    );
  }

  /** What brings clients from other threads here, and takes them there. */
  private shareClients(frontend: Frontend<ClientSession>, clients: ThreadClients): void {
    const { data, transport, control, gatherer, policy } = this;
    const arrivals = new ThreadArrivals({ ...data, transport, control, gatherer, policy, clients });
    this.arrivals = arrivals;
    policy.placement = new ThreadPlacement({
      thread: data.thread,
      threads: data.threads,
      figures: data.figures,
      settings: this.settings,
      clients,
      frontend,
      gatherer,
      clock: this.clock,
      commandsRun: () => control.sum(COMMANDS),
      inOrderMs: () => this.dispatcher.locks.inOrderMs,
      isStuck: (thread) => arrivals.isAway(thread) || slowKind(this.scriptStates, thread) !== null,
      flushMail: () => this.mailbox.flush(),
      look: () => arrivals.look(),
    });
    gatherer.answers('publish-counters', () => {
      this.policy.publishCounters();
      return null;
    });
  }

  private loadSettings(): void {
    this.settings.load((name) => this.config.value(name));
    this.log.level = this.config.value('loglevel') as LogLevel;
  }

  private applySettings(): void {
    this.loadSettings();
    this.dispatcher.settings.load((name) => this.config.value(name));
    const classes = eventMask(this.config.value('notify-keyspace-events'));
    this.dispatcher.notifications.setMask(classes);
    this.control.word(EVENT_CLASSES).store(classes);
    this.policy.placement.reload();
    this.policy.memory.reload();
    this.transport.keepAliveSeconds = this.settings.keepAliveSeconds;
    this.policy.loadGates();
  }

  private report(
    { number, withFigures }: Extract<MainToIo, { kind: 'report' }>,
    isInScript: boolean,
  ): void {
    this.post({ kind: 'report', number, report: this.reporter.report(withFigures, isInScript) });
  }

  private serveMessages(): void {
    this.gatherer.serve();
    for (const message of this.held.splice(0)) this.takeMessage(message);
    for (;;) {
      const received = receiveMessageOnPort(this.data.main);
      if (received === undefined) return;
      this.takeMessage(received.message as MainToIo);
    }
  }

  private takeMessage(message: MainToIo): void {
    const { replication, frontend, data } = this;
    if (message.kind === 'serve') {
      this.mayServe = true;
    } else if (message.kind === 'stop') {
      this.mayServe = true;
      this.policy.end();
      this.wake(data.thread);
    } else if (message.kind === 'shutdown-failed') {
      this.shutdown.failed(message.text, message.upTo[data.thread]!);
    } else if (message.kind === 'persistence-answer') {
      this.persistence.answered(message.id, message.answer);
    } else if (message.kind === 'replication-answer') {
      replication.answered(message.id, message.answer);
    } else if (message.kind === 'settled') {
      this.configuration.settled(message.id);
    } else if (message.kind === 'migrated') {
      this.migrations.answered(message.id, message.outcome);
    } else if (message.kind === 'close-client') {
      const session = replication.control(message.clientId);
      if (session !== undefined) frontend.endSession(session);
      replication.detached.remove(message.clientId);
    } else if (message.kind === 'latency') {
      this.dispatcher.server.latency.note(message.event, message.milliseconds, Date.now());
    } else if (message.kind === 'offer') {
      this.arrivals.takeOffer(message);
    } else if (message.kind === 'report') {
      this.report(message, false);
    } else if (message.kind === 'information') {
      const { dispatcher } = this;
      const text = dispatcher.server.information.text(message.sections, dispatcher);
      this.post({ kind: 'information', id: message.id, text });
    } else {
      // Whoever asked for it wants to know what was counted until now.
      this.policy.publishCounters();
      replication.take(message.status);
      this.log.role = message.status.link === null ? 'M' : 'S';
      this.policy.loadGates();
      this.post({ kind: 'status-taken', thread: data.thread, number: message.number });
    }
  }
}

/** The thread may have been started before there was anything to serve (main-thread/first-thread.ts). */
parentPort!.once('message', (data: IoThreadData) => {
  const thread = new IoThread(data, new Registry(definitionsOf(commandModules), data.renames));
  thread.run().catch((reason: unknown) => {
    const error = reason instanceof Error ? reason : new Error(String(reason));
    const { code = '' } = error as NodeJS.ErrnoException;
    data.main.postMessage({ kind: 'failed', error, code } satisfies IoToMain);
  });
});
