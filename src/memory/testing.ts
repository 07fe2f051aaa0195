/** For tests of what is counted. */
import { bucketOf, HISTOGRAM_BUCKETS } from './histogram.js';
import type { ThreadStatistics } from './thread-statistics.js';

/** Counts `count` runs of a command that took `microseconds` together, each timed. */
export function countRuns(
  section: ThreadStatistics,
  command: number,
  microseconds: number,
  count: number,
): void {
  section.calls[command]! += count;
  section.microseconds[command]! += microseconds;
  const bucket = bucketOf((microseconds * 1000) / count);
  section.histograms[command * HISTOGRAM_BUCKETS + bucket]! += count;
}
