/** What a load is told, and what it reports: plain data that travels between threads. */
import type { ReplyCounts } from './reply-scanner.js';
import type { CommandKind, KeyFormat } from './workload.js';

export type LoadMode =
  /** Each connection sends its next batch when the last one is answered. */
  | { readonly kind: 'closed'; readonly requests: number }
  /**
   * Requests leave at their planned times whatever the server does; a latency counts from the
   * planned time, so a server that stalls answers for everybody who would have waited.
   * With `spin` the generator keeps a core busy to be on time within microseconds; without, it
   * sleeps, and is up to a millisecond or two late, which counts into the latencies.
   */
  | {
      readonly kind: 'open';
      readonly perSecond: number;
      readonly seconds: number;
      readonly spin: boolean;
    }
  /** Writes every key once, in order, in batches. */
  | { readonly kind: 'fill' };

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly pipeline: number;
  /** Commands follow this pattern over and over. */
  readonly pattern: readonly CommandKind[];
  readonly keys: KeyFormat;
  readonly valueBytes: number;
  readonly mode: LoadMode;
  /** Milliseconds between interval reports; 0 for none. */
  readonly intervalMs: number;
  readonly seed: number;
}

/** What happened since the last interval report. Latencies in milliseconds, NaN without replies. */
export interface Interval {
  /** Milliseconds since the epoch, at the interval's end. */
  readonly at: number;
  readonly seconds: number;
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** All that happened between two calls of `window` on a running load. */
export interface WindowResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** How late the generator itself sent, 99th percentile (open loop; part of the latencies). */
  readonly lateness99: number;
  readonly replies: ReplyCounts;
}

export type ToWorker = 'window' | 'stop';

export type FromWorker =
  | { readonly kind: 'window'; readonly window: WindowResult }
  | { readonly kind: 'interval'; readonly interval: Interval }
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly message: string };
