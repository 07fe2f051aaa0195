/** The dispatcher's statistics, kept in this thread's section of the control block. */
import { ERROR_REPLIES } from '../../engine/counters.js';
import type { RegisteredCommand } from '../../engine/registry.js';
import type { ClientSession } from '../../engine/session.js';
import type { DispatchStatistics } from '../../engine/statistics.js';
import type { ControlBlock } from '../../memory/control.js';
import { bucketOf, HISTOGRAM_BUCKETS } from '../../memory/histogram.js';
import type { ThreadStatistics } from '../../memory/thread-statistics.js';
import type { Arguments } from '../../protocol/parser.js';
import type { ThreadSettings } from './settings.js';

/** With a slow log threshold below this, every command has its time taken. */
const TIME_EVERYTHING_BELOW_MICROSECONDS = 1000;

export type SlowListener = (
  command: RegisteredCommand,
  args: Arguments,
  session: ClientSession,
  microseconds: number,
) => void;

export class CommandStatistics implements DispatchStatistics {
  readonly calls: Float64Array;
  readonly microseconds: Float64Array;
  readonly rejected: Float64Array;
  readonly failed: Float64Array;
  /** Told of commands at or above the slow log's threshold, and of those the latency monitor wants. */
  slow: SlowListener | null = null;
  monitored: SlowListener | null = null;
  private readonly section: ThreadStatistics;

  constructor(
    private readonly control: ControlBlock,
    thread: number,
    private readonly settings: ThreadSettings,
  ) {
    this.section = control.threads[thread]!;
    this.calls = this.section.calls;
    this.microseconds = this.section.microseconds;
    this.rejected = this.section.rejected;
    this.failed = this.section.failed;
  }

  get timeEverything(): boolean {
    const { slowLogMicroseconds, latencyThresholdMs } = this.settings;
    return (
      (slowLogMicroseconds >= 0 && slowLogMicroseconds < TIME_EVERYTHING_BELOW_MICROSECONDS) ||
      latencyThresholdMs > 0
    );
  }

  errorReply(code: string): void {
    this.section.add(ERROR_REPLIES, 1);
    const index = this.control.errorNames.indexOf(code);
    if (index >= 0) this.section.errors[index]! += 1;
  }

  timed(
    command: RegisteredCommand,
    args: Arguments,
    session: ClientSession,
    microseconds: number,
  ): void {
    const bucket = bucketOf(microseconds * 1000);
    this.section.histograms[command.index * HISTOGRAM_BUCKETS + bucket]! += 1;
    const { slowLogMicroseconds, latencyThresholdMs } = this.settings;
    if (slowLogMicroseconds >= 0 && microseconds >= slowLogMicroseconds) {
      this.slow?.(command, args, session, microseconds);
    }
    if (latencyThresholdMs > 0 && microseconds >= latencyThresholdMs * 1000) {
      this.monitored?.(command, args, session, microseconds);
    }
  }
}
