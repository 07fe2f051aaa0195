/** Wires the ports that commands call, for one I/O thread. */
import type { ConfigurationPort, ServerPort } from '../commands/contract/server-port.js';
import type { Dispatcher } from '../engine/dispatch.js';
import type { RegisteredCommand, Registry } from '../engine/registry.js';
import type { ClientSession } from '../engine/session.js';
import type { Transactions } from '../engine/transactions.js';
import type { ControlBlock } from '../memory/control.js';
import type { Frontend } from '../net/frontend.js';
import type { Transport } from '../platform/transport.js';
import { Clients } from './clients.js';
import type { Gatherer } from './gather.js';
import { Information } from './info/information.js';
import { LatencyMonitor } from './latency-monitor.js';
import { Memory } from './memory-figures.js';
import { ProcessControl } from './process-control.js';
import type { ThreadSettings } from './settings.js';
import { SlowLog } from './slow-log.js';
import { Statistics } from './statistics.js';
import type { ThreadClients } from './thread-clients.js';
import { ThreadConnections } from './thread-connections.js';
import type { CommandStatistics } from './thread-statistics.js';

export interface PortParts {
  readonly thread: number;
  /** I/O threads; the main thread's number in gathers. */
  readonly threads: number;
  readonly control: ControlBlock;
  readonly config: ConfigurationPort & { readonly file: string };
  readonly gatherer: Gatherer;
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly clients: ThreadClients;
  readonly frontend: Frontend;
  readonly transport: Transport;
  readonly settings: ThreadSettings;
  readonly statistics: CommandStatistics;
  readonly transactions: Transactions;
  readonly log: (level: 'verbose' | 'warning' | 'notice', text: string) => void;
}

export function createServerPort(parts: PortParts): ServerPort {
  const { thread, threads, control, config, gatherer, dispatcher, settings } = parts;
  const slowLog = new SlowLog(gatherer, control, () => Number(config.value('slowlog-max-len')));
  const latency = new LatencyMonitor(gatherer, () => settings.latencyThresholdMs);
  watchTimes(parts, slowLog, latency);
  const memory = new Memory(control, dispatcher.shards, () => compactAll(dispatcher));
  return {
    transactions: parts.transactions,
    configuration: config,
    clients: new Clients(new ThreadConnections(parts), gatherer, control, () => dispatcher.now),
    statistics: new Statistics(control, gatherer, thread),
    slowLog,
    latency,
    memory,
    process: new ProcessControl(thread, threads, gatherer, control),
    information: new Information(
      {
        facts: {
          transport: parts.transport.name,
          ioThreads: threads,
          executable: process.execPath,
          configFile: config.file,
        },
        control,
        configuration: config,
        memory,
        shards: dispatcher.shards,
      },
      () => gatherer.gather('publish'),
    ),
  };
}

/** Has slow commands noted where they belong. */
function watchTimes(parts: PortParts, slowLog: SlowLog, latency: LatencyMonitor): void {
  const { statistics, dispatcher } = parts;
  statistics.slow = (command, args, session, microseconds) => {
    if (has(command, 'skip_slowlog')) return;
    slowLog.note(args, microseconds, session, dispatcher.now);
  };
  statistics.monitored = (command, _args, _session: ClientSession, microseconds) => {
    const name = has(command, 'fast') ? 'fast-command' : 'command';
    latency.note(name, microseconds / 1000, dispatcher.now);
  };
}

function has(command: RegisteredCommand, flag: 'skip_slowlog' | 'fast'): boolean {
  return command.definition.flags.includes(flag);
}

/** MEMORY PURGE: finishes at once the compaction that otherwise happens by and by. */
function compactAll(dispatcher: Dispatcher): void {
  const { shards } = dispatcher;
  for (let shard = 0; shard < shards.count; shard++) {
    dispatcher.withShard(shard, () => {
      for (let database = 0; database < shards.databases; database++) {
        const table = shards.table(shard, database);
        while (table.maintain(FRAMES_AT_ONCE) > 0);
      }
    });
  }
}

const FRAMES_AT_ONCE = 1024;
