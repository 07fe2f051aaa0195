/**
 * What the console plots and INFO does not have: how long commands took in the last second, over all of
 * them, and what each thread did. All is read from shared memory and /proc when it is asked for.
 */
import { readFileSync } from 'node:fs';
import { COMMANDS } from '../../../engine/counters.js';
import type { ControlBlock } from '../../../memory/control.js';
import { HISTOGRAM_BUCKETS, percentileMicroseconds } from '../../../memory/histogram.js';
import { THREAD_ID } from '../../channel/process-figures.js';

const PERCENTILES = { p50: 50, p99: 99, p999: 99.9 } as const;

export interface ThreadFigure {
  readonly name: string;
  /** On a processor, since its start; null where the system does not tell. */
  readonly seconds: number | null;
  readonly commands?: number;
  readonly connections?: number;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export class ConsoleFigures {
  /** As they were at the last sample. */
  private last: Float64Array | null = null;
  private readonly control: ControlBlock;

  constructor(
    control: ControlBlock,
    private readonly connections: Int32Array,
  ) {
    this.control = control;
  }

  read(): { latency: Latency | null; threads: ThreadFigure[] } {
    return { latency: this.latency(), threads: this.threads() };
  }

  /** In microseconds, since the last call; null at the first one, and when no command has run. */
  private latency(): Latency | null {
    const counts = this.sumHistograms();
    const { last } = this;
    this.last = counts;
    // After CONFIG RESETSTAT counts are smaller than they were.
    if (last === null) return null;
    const grown = counts.map((count, bucket) => Math.max(0, count - last[bucket]!));
    if (grown.every((count) => count === 0)) return null;
    const percentile = (percent: number) => percentileMicroseconds(grown, percent);
    return {
      p50: percentile(PERCENTILES.p50),
      p99: percentile(PERCENTILES.p99),
      p999: percentile(PERCENTILES.p999),
    };
  }

  private sumHistograms(): Float64Array {
    const sums = new Float64Array(HISTOGRAM_BUCKETS);
    for (const { calls, histograms } of this.control.threads) {
      for (let command = 0; command < calls.length; command++) {
        // Most commands are never used: their pages stay untouched.
        if (calls[command] === 0) continue;
        const from = command * HISTOGRAM_BUCKETS;
        for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
          sums[bucket]! += histograms[from + bucket]!;
        }
      }
    }
    return sums;
  }

  private threads(): ThreadFigure[] {
    const { user, system } = process.cpuUsage();
    const main = secondsOf(process.pid);
    const io = this.control.threads.map((statistics, thread) => ({
      name: `I/O ${thread}`,
      seconds: secondsOf(statistics.get(THREAD_ID)),
      commands: statistics.get(COMMANDS),
      connections: this.connections[thread]!,
    }));
    const known = [main, ...io.map(({ seconds }) => seconds)];
    const isKnown = known.every((seconds) => seconds !== null);
    const sum = known.reduce<number>((all, seconds) => all + (seconds ?? 0), 0);
    const others = isKnown ? Math.max(0, (user + system) / 1e6 - sum) : null;
    // Replication, TLS, files, the garbage collector.
    return [...io, { name: 'main', seconds: main }, { name: 'others', seconds: others }];
  }
}

/** Nanoseconds on processors come first. @param id as the system numbers threads */
function secondsOf(id: number): number | null {
  try {
    const text = readFileSync(`/proc/self/task/${id}/schedstat`, 'latin1');
    const nanoseconds = Number(text.split(' ', 1)[0]);
    return Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : null;
  } catch {
    return null;
  }
}
