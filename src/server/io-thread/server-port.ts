/** Wires the ports that commands see to what this thread has. */
import type { ServerPort, ShutdownRequest } from '../../commands/contract/server-port.js';
import type { Session } from '../../commands/contract/session.js';
import { ClientPause } from '../../engine/client-pause.js';
import type { Dispatcher } from '../../engine/dispatch.js';
import type { Registry } from '../../engine/registry.js';
import { ClientSession } from '../../engine/session.js';
import type { Transactions } from '../../engine/transactions.js';
import type { JournalRing } from '../../journal/ring.js';
import { EXPIRY_CYCLE_OFF } from '../../keyspace/counters.js';
import { SLICE_PAGES } from '../../keyspace/reclaim-list.js';
import { WORD_WATCHED } from '../../keyspace/shard-words.js';
import { watchedVersion } from '../../keyspace/watch.js';
import type { ControlBlock } from '../../memory/control.js';
import { sleep } from '../../memory/sleep.js';
import type { Frontend } from '../../net/frontend.js';
import type { Transport } from '../../platform/transport.js';
import type { Table } from '../../structures/table.js';
import type { IoGatherer } from '../channel/io-io.js';
import type { ServerFacts } from '../channel/main-io.js';
import type { Config } from '../config/config.js';
import { Information } from '../info/information.js';
import { type ClientDetails, Clients, type LocalClients } from './clients.js';
import { LatencyMonitor } from './latency-monitor.js';
import { Memory } from './memory-figures.js';
import { replicationSection } from './replication-section.js';
import { SlowLog } from './slow-log.js';
import { Statistics } from './statistics.js';
import { isLoopback, isUnixSocket, type ThreadClients } from './thread-clients.js';
import type { ThreadReplication } from './thread-replication.js';
import type { CommandStatistics } from './thread-statistics.js';

export interface PortParts {
  readonly thread: number;
  readonly control: ControlBlock;
  readonly config: Config;
  readonly gatherer: IoGatherer;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly clients: ThreadClients;
  readonly frontend: Frontend<ClientSession>;
  readonly transport: Transport;
  readonly replication: ThreadReplication;
  readonly rings: readonly JournalRing[];
  readonly statistics: CommandStatistics;
  readonly facts: ServerFacts;
  /** Asks the main thread to end the process. */
  readonly shutdown: (request: ShutdownRequest, failed: (text: string) => void) => void;
  readonly abortShutdown: () => boolean;
}

export function createServerPort(parts: PortParts, transactions: Transactions): ServerPort {
  const { control, config, gatherer, dispatcher, statistics } = parts;
  const { shards } = dispatcher;
  const now = () => dispatcher.now;
  const memory = new Memory(control, shards, () => release(dispatcher));
  const slowLog = new SlowLog(gatherer, control);
  const latency = new LatencyMonitor(gatherer);
  const loadThresholds = () => {
    slowLog.thresholdMicroseconds = config.number('slowlog-log-slower-than');
    slowLog.maximumLength = config.number('slowlog-max-len');
    latency.thresholdMs = config.number('latency-monitor-threshold');
  };
  loadThresholds();
  config.onChange('slowlog-log-slower-than', loadThresholds);
  config.onChange('slowlog-max-len', loadThresholds);
  config.onChange('latency-monitor-threshold', loadThresholds);
  statistics.slow = (command, args, session, microseconds) => {
    if (command.definition.flags.includes('skip_slowlog')) return;
    slowLog.note(args, microseconds, session, dispatcher.now);
  };
  statistics.monitored = (command, _args, _session, microseconds) => {
    const { definition } = command;
    if ('unmonitored' in definition && definition.unmonitored === true) return;
    const name = definition.flags.includes('fast') ? 'fast-command' : 'command';
    latency.note(name, microseconds / 1000, dispatcher.now);
  };
  const information = new Information({
    facts: parts.facts,
    control,
    configuration: config,
    memory,
    shards,
  });
  information.provide('replication', replicationSection(parts));
  return {
    replication: parts.replication,
    transactions,
    clients: new Clients(localClients(parts), gatherer, new ClientPause(control), now),
    configuration: config,
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
    process: {
      shutdown: parts.shutdown,
      abortShutdown: parts.abortShutdown,
      sleep,
      setExpiryCycle: (enabled) => control.word(EXPIRY_CYCLE_OFF).store(enabled ? 0 : 1),
      isLocal: (session) => isLoopback(session.address),
    },
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
  const { clients, frontend, dispatcher, gatherer } = parts;
  return {
    get sessions(): Iterable<Session> {
      return clients.sessions.values();
    },
    details: (session) => clientDetails(parts, own(session)),
    close: (session) => {
      // The client whose command is running gets its reply first.
      const inCommand = gatherer.isGathering || dispatcher.isWaiting;
      if (inCommand && dispatcher.session === session) session.closeAfterReply = true;
      else frontend.endSession(own(session));
    },
    unblock: (session, withError) => {
      const client = own(session);
      if (client.cancelSuspension === null) return false;
      client.cancelSuspension(withError ? 'unblock-error' : 'unblock');
      return true;
    },
  };
}

function clientDetails(parts: PortParts, session: ClientSession): ClientDetails {
  const connection = parts.frontend.connections.get(session.connection);
  const queue = session.queue;
  return {
    thread: parts.thread,
    descriptor: parts.transport.descriptor(session.connection),
    type: session.isReplicaClient ? 'replica' : 'normal',
    lastCommand: parts.registry.all[session.lastCommand]?.fullName ?? '',
    queuedCommands: session.inMulti ? (queue?.length ?? 0) : -1,
    queuedBytes: queue?.bytes ?? 0,
    watchBroken: isWatchBroken(parts, session),
    suspended: session.suspended || parts.frontend.isPaused(session),
    unixSocket: isUnixSocket(session.address),
    channels: 0,
    patterns: 0,
    shardChannels: 0,
    queryBytes: connection?.inputBytes ?? 0,
    queryFreeBytes: 0,
    outputBytes: connection?.outputBytes ?? 0,
  };
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
