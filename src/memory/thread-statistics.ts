/**
 * What one thread counts: its section of the control block. Only its owner writes there, with plain
 * stores; readers add the sections up, and may see a value one command old.
 *
 *   doubles   counters | errors by name | per command: calls, microseconds, rejected, failed
 *   Uint32    HISTOGRAM_BUCKETS counts for each command
 */
import type { ControlLayout, Counter } from './control-layout.js';
import { ERROR_NAMES_MAX } from './error-names.js';
import { HISTOGRAM_BUCKETS } from './histogram.js';

const COMMAND_DOUBLES = 4;

/** Bytes of one thread's section: whole cache lines. */
export function sectionBytes(layout: ControlLayout, commands: number): number {
  const doubles = layout.counts.counter + ERROR_NAMES_MAX + COMMAND_DOUBLES * commands;
  return (doubles * 8 + commands * HISTOGRAM_BUCKETS * 4 + 63) & ~63;
}

export class ThreadStatistics {
  /** By the index that `ErrorNames.indexOf` gives a name. */
  readonly errors: Float64Array;
  /** By the index of a command in the registry, as are the next three. */
  readonly calls: Float64Array;
  readonly microseconds: Float64Array;
  readonly rejected: Float64Array;
  readonly failed: Float64Array;
  /** HISTOGRAM_BUCKETS counts for each command. */
  readonly histograms: Uint32Array;
  private readonly counters: Float64Array;

  constructor(
    buffer: SharedArrayBuffer,
    offset: number,
    private readonly layout: ControlLayout,
    commands: number,
  ) {
    let at = offset;
    const doubles = (count: number): Float64Array => {
      const array = new Float64Array(buffer, at, count);
      at += count * 8;
      return array;
    };
    this.counters = doubles(layout.counts.counter);
    this.errors = doubles(ERROR_NAMES_MAX);
    this.calls = doubles(commands);
    this.microseconds = doubles(commands);
    this.rejected = doubles(commands);
    this.failed = doubles(commands);
    this.histograms = new Uint32Array(buffer, at, commands * HISTOGRAM_BUCKETS);
  }

  /** Owner only. */
  add(counter: Counter, count: number): void {
    this.counters[this.layout.placeOf(counter)]! += count;
  }

  get(counter: Counter): number {
    return this.counters[this.layout.placeOf(counter)]!;
  }

  /** CONFIG RESETSTAT. Owner only. */
  reset(): void {
    for (const place of this.layout.passing) this.counters[place] = 0;
    this.errors.fill(0);
    for (let command = 0; command < this.calls.length; command++) {
      // Rows never used are left alone: a page never touched costs no memory.
      if (this.calls[command] === 0) continue;
      const from = command * HISTOGRAM_BUCKETS;
      this.histograms.fill(0, from, from + HISTOGRAM_BUCKETS);
    }
    this.calls.fill(0);
    this.microseconds.fill(0);
    this.rejected.fill(0);
    this.failed.fill(0);
  }
}
