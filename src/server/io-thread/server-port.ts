/** Wires the ports that commands see to what this thread has. */
import type { MigrationPort } from '../../commands/contract/migration-port.js';
import { CHANNEL, PATTERN, SHARD_CHANNEL } from '../../commands/contract/pubsub-port.js';
import type {
  ClientType,
  LiveConfigurationPort,
  ServerPort,
} from '../../commands/contract/server-port.js';
import type { Session } from '../../commands/contract/session.js';
import { ClientPause } from '../../engine/client-pause.js';
import type { Dispatcher } from '../../engine/dispatch.js';
import type { PubSub } from '../../engine/pubsub/pubsub.js';
import type { Registry } from '../../engine/registry.js';
import type { Scripting } from '../../engine/scripts/create.js';
import { ClientSession } from '../../engine/session.js';
import type { Tracker } from '../../engine/tracking/tracker.js';
import type { Transactions } from '../../engine/transactions.js';
import type { JournalRing } from '../../journal/ring.js';
import { EXPIRY_CYCLE_OFF } from '../../keyspace/counters.js';
import { SLICE_PAGES } from '../../keyspace/reclaim-list.js';
import { WORD_WATCHED } from '../../keyspace/shard-words.js';
import { watchedVersion } from '../../keyspace/watch.js';
import type { ControlBlock } from '../../memory/control.js';
import { sleep } from '../../memory/sleep.js';
import type { Frontend } from '../../net/frontend.js';
import type { ContainerLimits } from '../../platform/container.js';
import type { ThreadClock } from '../../platform/ffi/thread-clock.js';
import type { Transport } from '../../platform/transport.js';
import type { Table } from '../../structures/table.js';
import type { IoGatherer } from '../channel/io-io.js';
import type { ServerFacts } from '../channel/main-io.js';
import type { Config } from '../config/config.js';
import { Information } from '../info/information.js';
import { Memory } from '../info/memory-figures.js';
import type { Fields } from '../info/source.js';
import { Access } from './acl/access.js';
import { Denials } from './acl/denials.js';
import type { ThreadUsers } from './acl/thread-users.js';
import { sizesOf } from './client-memory.js';
import { type ClientDetails, Clients, type LocalClients } from './clients.js';
import { LatencyMonitor } from './latency-monitor.js';
import { replicationSection } from './replication-section.js';
import { SlowLog } from './slow-log.js';
import { Statistics } from './statistics.js';
import { isLoopback, isUnixSocket, type ThreadClients } from './thread-clients.js';
import type { ThreadConfiguration } from './thread-configuration.js';
import type { ThreadPersistence } from './thread-persistence.js';
import type { ThreadReplication } from './thread-replication.js';
import { ThreadReporter } from './thread-reporter.js';
import type { ThreadShutdown } from './thread-shutdown.js';
import type { CommandStatistics } from './thread-statistics.js';

export interface PortParts {
  readonly thread: number;
  readonly control: ControlBlock;
  readonly config: Config;
  readonly gatherer: IoGatherer;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly clients: ThreadClients;
  readonly threadUsers: ThreadUsers;
  readonly configuration: ThreadConfiguration;
  readonly frontend: Frontend<ClientSession>;
  readonly transport: Transport;
  readonly replication: ThreadReplication;
  readonly persistence: ThreadPersistence;
  readonly migration: MigrationPort;
  readonly scripting: Scripting;
  readonly pubsub: PubSub;
  readonly tracker: Tracker;
  readonly rings: readonly JournalRing[];
  readonly statistics: CommandStatistics;
  readonly facts: ServerFacts;
  readonly container: ContainerLimits;
  /** Asks the main thread to end the process. */
  readonly shutdown: ThreadShutdown;
  readonly warn: (text: string) => void;
  readonly clock: ThreadClock;
  /** Has all threads look whether there still is a pause. */
  readonly pauseEnded: () => void;
  /** By thread: how many connections it serves. */
  readonly connections: Int32Array;
  readonly publishCounters: () => void;
}

export function createServerPort(
  parts: PortParts,
  transactions: Transactions,
): { readonly port: ServerPort; readonly reporter: ThreadReporter } {
  const { control, config, gatherer, dispatcher, statistics } = parts;
  const { shards } = dispatcher;
  const now = () => dispatcher.now;
  const memory = new Memory(control, shards, () => release(dispatcher), parts.container);
  const slowLog = new SlowLog(gatherer, control);
  const latency = new LatencyMonitor(gatherer);
  const loadThresholds = () => {
    slowLog.thresholdMicroseconds = config.number('slowlog-log-slower-than');
    slowLog.maximumLength = config.number('slowlog-max-len');
    latency.thresholdMs = config.number('latency-monitor-threshold');
  };
  loadThresholds();
  if (dispatcher.memory !== null) {
    dispatcher.memory.took = (milliseconds) =>
      latency.note('eviction-cycle', milliseconds, dispatcher.now);
  }
  config.onChange('slowlog-log-slower-than', loadThresholds);
  config.onChange('slowlog-max-len', loadThresholds);
  config.onChange('latency-monitor-threshold', loadThresholds);
  statistics.slow = (command, args, session, microseconds) => {
    if (command.definition.flags.includes('skip_slowlog')) return;
    slowLog.note(command, args, microseconds, session, dispatcher.now);
  };
  statistics.monitored = (command, _args, _session, microseconds) => {
    const { definition } = command;
    if ('unmonitored' in definition && definition.unmonitored === true) return;
    const name = definition.flags.includes('fast') ? 'fast-command' : 'command';
    latency.note(name, microseconds / 1000, dispatcher.now);
  };
  const source = {
    ...{ facts: parts.facts, control, configuration: config, memory, shards },
    scripts: parts.scripting.scripts,
  };
  const information = new Information(source);
  const replicationFields = replicationSection(parts);
  information.provide('replication', replicationFields);
  const reporter = createReporter(parts, slowLog, latency, () =>
    replicationFields(source, dispatcher),
  );
  const pause = new ClientPause(control);
  const clients = new Clients(localClients(parts), gatherer, pause, now, parts.pauseEnded);
  const acl = createAccess(parts, (session) => clients.describe(session));
  const port: ServerPort = {
    acl,
    replication: parts.replication,
    persistence: parts.persistence,
    scripts: parts.scripting.scripts,
    functions: parts.scripting.functions,
    pubsub: parts.pubsub,
    tracking: parts.tracker,
    transactions,
    clients,
    configuration: configurationOf(config, acl, parts.configuration),
    information: {
      text: (sections, context) => {
        // Every thread's counters of the last moments are wanted too; but inside EXEC shards are
        // locked, and other threads may be waiting for them instead of answering.
        if (!context.inTransaction) gatherer.gather('publish-counters', null);
        return information.text(sections, context);
      },
    },
    statistics: new Statistics(control, gatherer, parts.thread),
    slowLog,
    latency,
    memory,
    migration: parts.migration,
    process: {
      shutdown: (request, failed) => parts.shutdown.begin(request, failed),
      abortShutdown: () => parts.shutdown.abort(),
      sleep,
      setExpiryCycle: (enabled) => control.word(EXPIRY_CYCLE_OFF).store(enabled ? 0 : 1),
      isLocal: (session) => isLoopback(session.address),
    },
  };
  return { port, reporter };
}

function createReporter(
  parts: PortParts,
  slowLog: SlowLog,
  latency: LatencyMonitor,
  replication: () => Fields,
): ThreadReporter {
  const { thread, clock, connections, dispatcher, scripting, publishCounters } = parts;
  return new ThreadReporter({
    ...{ thread, clock, replication, publishCounters, context: dispatcher },
    shards: dispatcher.shards,
    clients: () => connections[thread]!,
    slowLog: () => slowLog.figures,
    spikes: () => latency.spikes,
    scripts: () => scripting.scripts.figures,
  });
}

/** Users and their rights; what is denied is noted. */
function createAccess(parts: PortParts, describe: (session: ClientSession) => string): Access {
  const { control, thread, gatherer, config, dispatcher, threadUsers, warn } = parts;
  const lengthMax = () => config.number('acllog-max-len');
  const denials = new Denials({ control, thread, gatherer, lengthMax, describe });
  dispatcher.access.onDenied = ({ session, reason, context, object }) =>
    denials.note(session, reason, context, object, session.user);
  config.userLines = () =>
    config.value('aclfile') === '' ? threadUsers.users.lines('file') : null;
  return new Access({ threadUsers, denials, dispatcher, config, warn });
}

/** The configuration as commands change it: requirepass is the default user's password as well. */
function configurationOf(
  config: Config,
  acl: Access,
  configuration: ThreadConfiguration,
): LiveConfigurationPort {
  return {
    mustSettle: (names) => configuration.mustSettle(names),
    settle: (done) => configuration.settle(done),
    value: (name) => config.value(name),
    get: (patterns) => config.get(patterns),
    set: (pairs, isLocalClient) => {
      config.refresh();
      const before = config.value('requirepass');
      const error = config.set(pairs, isLocalClient);
      return config.value('requirepass') === before ? error : (error ?? acl.takePassword());
    },
    rewrite: () => config.rewrite(),
  };
}

const FRAMES_AT_ONCE = 1024;

/** MEMORY PURGE: frees what waits for it, finishes the compaction of tables, gives all free pages back. */
function release(dispatcher: Dispatcher): void {
  const { shards, keys } = dispatcher;
  const { reclaim } = keys.types;
  for (let shard = 0; shard < shards.count; shard++) {
    for (let left = true; left; ) {
      dispatcher.withShard(shard, () => {
        left = reclaim.step(shards.spaces[shard]!, SLICE_PAGES);
      });
    }
    dispatcher.withShard(shard, () => {
      for (let database = 0; database < shards.databases; database++) {
        compact(shards.table(shard, database));
      }
      shards.spaces[shard]!.trim();
    });
  }
}

function compact(table: Table): void {
  let before = Number.POSITIVE_INFINITY;
  for (;;) {
    const waiting = table.maintain(FRAMES_AT_ONCE);
    if (waiting === 0 || waiting >= before) return;
    before = waiting;
  }
}

function localClients(parts: PortParts): LocalClients {
  const { detached } = parts.replication;
  const all = parts.registry.all;
  return {
    get sessions(): Iterable<Session> {
      return sessionsOf(parts);
    },
    details: (session) =>
      detached.details(own(session), (index) => all[index]?.fullName ?? '') ??
      clientDetails(parts, own(session)),
    close: (session) => endClient(parts, own(session), 'CLIENT KILL'),
    unblock: (session, withError) => {
      const client = own(session);
      if (client.cancelSuspension === null) return false;
      // Without an error its command counts as failed too, as in Redis.
      if (!withError) parts.statistics.failed[client.lastCommand]! += 1;
      client.cancelSuspension(withError ? 'unblock-error' : 'unblock');
      return true;
    },
  };
}

/** All clients of the thread, also those whose connections it does not serve. */
export function sessionsOf({
  clients,
  replication,
}: Pick<PortParts, 'clients' | 'replication'>): ClientSession[] {
  return [...clients.all, ...replication.detached.sessions];
}

/**
 * Ends a connection; the client whose command is running gets its reply first.
 * @param why for the log, where another thread serves it
 */
export function endClient(
  {
    gatherer,
    dispatcher,
    frontend,
    replication,
  }: Pick<PortParts, 'gatherer' | 'dispatcher' | 'frontend' | 'replication'>,
  session: ClientSession,
  why: string,
): void {
  if (replication.detached.end(session, why)) return;
  const inCommand = gatherer.isGathering || dispatcher.isWaiting;
  if (inCommand && dispatcher.session === session) session.closeAfterReply = true;
  else frontend.endSession(session);
}

function clientDetails(parts: PortParts, session: ClientSession): ClientDetails {
  const connection = parts.frontend.connections.get(session.connection);
  const queue = session.queue;
  return {
    thread: parts.thread,
    descriptor: parts.transport.descriptor(session.connection),
    type: typeOf(session),
    lastCommand: parts.registry.all[session.lastCommand]?.fullName ?? '',
    queuedCommands: session.inMulti ? (queue?.length ?? 0) : -1,
    watchBroken: isWatchBroken(parts, session),
    isMonitor: session.isMonitor,
    suspended: session.suspended || parts.frontend.isPaused(session),
    unixSocket: isUnixSocket(session.address),
    channels: session.subscriptions?.of(CHANNEL).size ?? 0,
    patterns: session.subscriptions?.of(PATTERN).size ?? 0,
    shardChannels: session.subscriptions?.of(SHARD_CHANNEL).size ?? 0,
    sizes: sizesOf(session, connection),
  };
}

function typeOf(session: ClientSession): ClientType {
  if (session.isReplicaClient) return 'replica';
  return session.isSubscribed ? 'pubsub' : 'normal';
}

/** Whether a key the client watches has changed (read without locks: a hint for people). */
function isWatchBroken(parts: PortParts, session: ClientSession): boolean {
  const { spaces } = parts.dispatcher.shards;
  return session.watched.some(({ shard, h1, h2, database, epoch, version }) => {
    const space = spaces[shard]!;
    if (space.hashEpoch !== epoch) return true;
    if (space.region.words[WORD_WATCHED] === 0) return false;
    return watchedVersion(space, h1, h2, database) !== version;
  });
}

function own(session: Session): ClientSession {
  if (session instanceof ClientSession) return session;
  throw new Error('a session of another engine');
}
