/** Statistics of commands: counts, times and histograms, added up over the threads' sections. */
import type { CommandEntry } from '../../commands/contract/context.js';
import type { LatencyHistogram, StatisticsPort } from '../../commands/contract/server-port.js';
import type { ControlBlock } from '../../memory/control.js';
import { bucketOf } from '../../memory/histogram.js';
import type { IoGatherer } from '../channel/io-io.js';

/** The least limit of LATENCY HISTOGRAM: each of the next is twice as large. */
const FIRST_LIMIT_NANOSECONDS = 1024;

export class Statistics implements StatisticsPort {
  constructor(
    private readonly control: ControlBlock,
    private readonly gatherer: IoGatherer,
    thread: number,
  ) {
    // Each thread clears its own section: it alone writes there.
    gatherer.answers('statistics-reset', () => {
      control.threads[thread]!.reset();
      return null;
    });
  }

  calls(entry: CommandEntry): number {
    return this.control.sumOfCommand('calls', entry.index);
  }

  /** The buckets from the first that holds anything to the one that completes the count. */
  histogram(entry: CommandEntry): LatencyHistogram {
    const counts = this.control.histogram(entry.index);
    const samples = counts.reduce((sum, count) => sum + count, 0);
    const calls = Math.max(samples, this.calls(entry));
    const buckets: [number, number][] = [];
    let below = 0;
    let next = 0;
    for (let limit = FIRST_LIMIT_NANOSECONDS; below < samples; limit *= 2) {
      const before = below;
      const end = limit >= 2 ** 30 ? counts.length : bucketOf(limit);
      while (next < end) below += counts[next++]!;
      // Of fast commands only some have their time taken: each stands for several calls.
      const share = Math.round((below / samples) * calls);
      if (below > before) buckets.push([limitLabel(limit), share]);
    }
    return { calls, buckets };
  }

  reset(): void {
    // What was counted before the reset must not be added after it.
    this.gatherer.gather('publish-counters', null);
    this.gatherer.gather('statistics-reset', null);
  }
}

/**
 * A limit in microseconds as Redis shows it: its histograms hold seven bits, and it names the
 * greatest time that shares them (32.768 becomes 33).
 */
function limitLabel(nanoseconds: number): number {
  return Math.floor((nanoseconds + nanoseconds / 128 - 1) / 1000);
}
