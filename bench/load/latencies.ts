/** An HDR histogram of latencies given in milliseconds, kept at 1 µs and three digits. */
import { build, type Histogram } from 'hdr-histogram-js';

/** Longer ones count as a minute. */
const LONGEST_US = 60_000_000;

export class Latencies {
  private readonly histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_US,
    numberOfSignificantValueDigits: 3,
  });

  record(milliseconds: number, count: number): void {
    const microseconds = Math.min(LONGEST_US, Math.max(0, Math.round(milliseconds * 1000)));
    this.histogram.recordValueWithCount(microseconds, count);
  }

  get count(): number {
    return this.histogram.totalCount;
  }

  /** Milliseconds; NaN when nothing was recorded. */
  percentile(percent: number): number {
    return this.count === 0 ? Number.NaN : this.histogram.getValueAtPercentile(percent) / 1000;
  }

  get max(): number {
    return this.count === 0 ? Number.NaN : this.histogram.maxValue / 1000;
  }

  reset(): void {
    this.histogram.reset();
  }
}
