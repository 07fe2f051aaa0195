/** What an I/O thread tells of itself when the main thread asks: for /health and /metrics. */
import type { ScriptFigures } from '../../commands/contract/server-port.js';

export interface ThreadReport {
  readonly thread: number;
  /** Null when only asked whether it answers. */
  readonly figures: ThreadOwnFigures | null;
}

export interface ThreadOwnFigures {
  readonly clients: number;
  /** On a processor since its start, and ready but without one. */
  readonly cpuMs: number;
  readonly queuedMs: number;
  readonly slowLog: SlowLogFigures;
  /** Of LATENCY LATEST. */
  readonly spikes: readonly LatencySpike[];
  /** What one thread knows for all; null of the others. */
  readonly shared: SharedFigures | null;
}

export interface SlowLogFigures {
  readonly length: number;
  /** -1 when it is empty. */
  readonly lastId: number;
  readonly lastMicroseconds: number;
}

export interface LatencySpike {
  readonly event: string;
  /** Since 1970. */
  readonly seconds: number;
  readonly milliseconds: number;
}

export interface SharedFigures {
  /** INFO's section. */
  readonly replication: readonly (readonly [name: string, value: string | number])[];
  readonly scripts: ScriptFigures;
  /** By database; null while a script runs on the thread, as a sample needs locks. */
  readonly averageTtlMs: readonly number[] | null;
}
