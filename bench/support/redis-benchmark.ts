/**
 * Runs redis-benchmark, which costs less CPU than any generator in JavaScript (it matters when it
 * shares two cores with the server), and reads its percentiles. It ends with an error itself when
 * a reply is an error. Closed loop, so its latencies are those of a server driven flat out. Always
 * one thread: with --threads it looks for the end only every 250 ms and its rates come in steps.
 */
import { execFile } from 'node:child_process';

const TIME_LIMIT_SECONDS = 120;

export interface ClosedLoopOptions {
  readonly port: number;
  readonly connections: number;
  readonly pipeline: number;
  readonly requests: number;
  readonly keySpace: number;
  /** More options of redis-benchmark, such as `--tls`. */
  readonly more?: readonly string[];
  /** The command with key:__rand_int__ where a random key belongs. */
  readonly command: readonly string[];
}

export interface ClosedLoopResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export function runRedisBenchmark(options: ClosedLoopOptions): Promise<ClosedLoopResult> {
  const flags = ['-p', options.port, '-c', options.connections, '-P', options.pipeline];
  flags.push('-n', options.requests, '-r', options.keySpace, '--precision', 3);
  const command = [...flags.map(String), ...(options.more ?? []), ...options.command];
  const limits = { timeout: TIME_LIMIT_SECONDS * 1000, maxBuffer: 64 << 20 };
  return new Promise((resolve, reject) => {
    execFile('redis-benchmark', command, limits, (error, output, errors) => {
      const complaint = errors.split('\n').find((line) => /^(Error|Could not)/.test(line));
      if (error !== null || complaint !== undefined) {
        reject(new Error(`redis-benchmark failed: ${complaint ?? error?.message}`));
        return;
      }
      try {
        resolve(readOutput(output));
      } catch (failure) {
        reject(failure);
      }
    });
  });
}

/** Reads the figures out of redis-benchmark's ordinary output. */
export function readOutput(output: string): ClosedLoopResult {
  // Progress lines end with carriage returns; the report has plain lines.
  const completed = /(\d+) requests completed in ([\d.]+) seconds/.exec(output);
  const summary = /avg\s+min\s+p50\s+p95\s+p99\s+max\s+([\d. ]+)/.exec(output);
  if (completed === null || summary === null) {
    throw new Error(`redis-benchmark printed something unexpected:\n${output.slice(-2000)}`);
  }
  const milliseconds = summary[1]!.trim().split(/\s+/).map(Number);
  return {
    requests: Number(completed[1]),
    seconds: Number(completed[2]),
    p50: milliseconds[2]!,
    p99: milliseconds[4]!,
    p999: percentileLine(output, 99.9),
  };
}

/** The first line of the percentile distribution that reaches a percentile. */
function percentileLine(output: string, percent: number): number {
  for (const line of output.matchAll(/^([\d.]+)% <= ([\d.]+) milliseconds/gm)) {
    if (Number(line[1]) >= percent) return Number(line[2]);
  }
  throw new Error(`redis-benchmark printed no ${percent}th percentile`);
}
