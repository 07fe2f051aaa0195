/**
 * The instantaneous rates of INFO: how fast counters have grown, averaged over the last 16 samples.
 * The main thread takes a sample every 100 ms and publishes the rates in the control block.
 */
import { COMMANDS } from '../../engine/counters.js';
import type { ControlBlock } from '../../memory/control.js';
import { notePeakPages } from '../../memory/used-pages.js';
import { INPUT_BYTES, OUTPUT_BYTES } from '../../net/counters.js';
import { REPLICATION_INPUT_BYTES, REPLICATION_OUTPUT_BYTES } from '../../replication/counters.js';
import {
  COMMANDS_PER_SECOND,
  INPUT_KIB_PER_SECOND,
  OUTPUT_KIB_PER_SECOND,
  REPLICATION_INPUT_KIB_PER_SECOND,
  REPLICATION_OUTPUT_KIB_PER_SECOND,
} from '../channel/process-figures.js';

export const RATE_PERIOD_MS = 100;
const SAMPLES = 16;

/** Counter, where its rate goes, and what to divide it by. */
const RATES = [
  [COMMANDS, COMMANDS_PER_SECOND, 1],
  [INPUT_BYTES, INPUT_KIB_PER_SECOND, 1024],
  [OUTPUT_BYTES, OUTPUT_KIB_PER_SECOND, 1024],
  [REPLICATION_INPUT_BYTES, REPLICATION_INPUT_KIB_PER_SECOND, 1024],
  [REPLICATION_OUTPUT_BYTES, REPLICATION_OUTPUT_KIB_PER_SECOND, 1024],
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
      this.control.set(value, grown / seconds / unit);
    });
    notePeakPages(this.control);
  }
}
