/**
 * The instantaneous rates of INFO: how fast counters have grown, averaged over the last 16 samples.
 * The main thread takes a sample every 100 ms and publishes the rates in the control block.
 */
import {
  COUNTER_COMMANDS,
  COUNTER_INPUT_BYTES,
  COUNTER_OUTPUT_BYTES,
  COUNTER_REPLICATION_INPUT_BYTES,
  COUNTER_REPLICATION_OUTPUT_BYTES,
  type ControlBlock,
  VALUE_COMMANDS_PER_SECOND,
  VALUE_INPUT_KIB_PER_SECOND,
  VALUE_OUTPUT_KIB_PER_SECOND,
  VALUE_REPLICATION_INPUT_KIB_PER_SECOND,
  VALUE_REPLICATION_OUTPUT_KIB_PER_SECOND,
} from '../memory/control.js';

export const RATE_PERIOD_MS = 100;
const SAMPLES = 16;

/** Counter, where its rate goes, and what to divide it by. */
const RATES = [
  [COUNTER_COMMANDS, VALUE_COMMANDS_PER_SECOND, 1],
  [COUNTER_INPUT_BYTES, VALUE_INPUT_KIB_PER_SECOND, 1024],
  [COUNTER_OUTPUT_BYTES, VALUE_OUTPUT_KIB_PER_SECOND, 1024],
  [COUNTER_REPLICATION_INPUT_BYTES, VALUE_REPLICATION_INPUT_KIB_PER_SECOND, 1024],
  [COUNTER_REPLICATION_OUTPUT_BYTES, VALUE_REPLICATION_OUTPUT_KIB_PER_SECOND, 1024],
] as const;

export class RateSampler {
  private readonly history: { readonly atMs: number; readonly sums: readonly number[] }[] = [];

  constructor(private readonly control: ControlBlock) {}

  sample(nowMs: number): void {
    const sums = RATES.map(([counter]) => this.control.sum(counter));
    this.history.push({ atMs: nowMs, sums });
    if (this.history.length > SAMPLES + 1) this.history.shift();
    const oldest = this.history[0]!;
    const seconds = (nowMs - oldest.atMs) / 1000;
    if (seconds <= 0) return;
    RATES.forEach(([, value, unit], index) => {
      // After CONFIG RESETSTAT a counter is smaller than it was.
      const grown = Math.max(0, sums[index]! - oldest.sums[index]!);
      this.control.values[value] = grown / seconds / unit;
    });
    this.control.notePeak();
  }
}
