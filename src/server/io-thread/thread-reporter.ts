/** Answers the main thread's questions about this thread: channel/thread-report.ts. */
import type { Context } from '../../commands/contract/context.js';
import type { ScriptFigures } from '../../commands/contract/server-port.js';
import type { Shards } from '../../keyspace/shards.js';
import type { ThreadClock } from '../../platform/ffi/thread-clock.js';
import type {
  LatencySpike,
  SharedFigures,
  SlowLogFigures,
  ThreadReport,
} from '../channel/thread-report.js';
import { averageTimeToLive } from '../info/keyspace-section.js';
import type { Fields } from '../info/source.js';

export interface ThreadReporterParts {
  readonly thread: number;
  readonly clock: ThreadClock;
  readonly clients: () => number;
  readonly slowLog: () => SlowLogFigures;
  readonly spikes: () => readonly LatencySpike[];
  readonly replication: () => Fields;
  readonly scripts: () => ScriptFigures;
  readonly shards: Shards;
  readonly context: Pick<Context, 'now' | 'withShard'>;
  /** Others see what this thread has counted until now. */
  readonly publishCounters: () => void;
}

export class ThreadReporter {
  constructor(private readonly parts: ThreadReporterParts) {}

  /**
   * @param withFigures else it only shows that the thread answers
   * @param isInScript a script runs: it may have shards' locks
   */
  report(withFigures: boolean, isInScript: boolean): ThreadReport {
    const { thread, clock, clients, slowLog, spikes, publishCounters } = this.parts;
    if (!withFigures) return { thread, figures: null };
    publishCounters();
    const figures = {
      clients: clients(),
      cpuMs: clock.workedMs(),
      queuedMs: clock.queuedMs(),
      slowLog: slowLog(),
      spikes: spikes(),
      shared: thread === 0 ? this.shared(isInScript) : null,
    };
    return { thread, figures };
  }

  private shared(isInScript: boolean): SharedFigures {
    const { replication, scripts, shards, context } = this.parts;
    const databases = Array.from({ length: shards.databases }, (_, database) => database);
    return {
      replication: replication(),
      scripts: scripts(),
      averageTtlMs: isInScript
        ? null
        : databases.map((database) => averageTimeToLive(shards, database, context)),
    };
  }
}
