/**
 * Micro-benchmarks: nanoseconds per operation of one structure, in seconds, for use before and
 * after a change. A file in this folder calls `micro` once per operation and needs nothing else:
 *
 *   micro('table: get, 1 M keys', (iterations) => {
 *     for (let i = 0; i < iterations; i++) found += table.find(...);
 *   });
 *
 * The body loops itself, so that no call of a closure is measured. It is warmed up, then run for
 * several rounds of equal length; the median is the figure, the fastest and the slowest round its
 * spread. `npm run bench:micro -- --perf` runs each operation again under `perf stat` and adds the
 * counter per operation (see bench/micro.ts); the environment variables below are how.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { median } from '../support/statistics.js';

const ROUNDS = 9;
const ROUND_MS = 60;
const WARM_UP_MS = 120;

export interface MicroResult {
  readonly name: string;
  readonly nanoseconds: number;
  readonly min: number;
  readonly max: number;
}

/** Only this operation, this often, without timing: perf stat counts from outside. */
const only = process.env.DARTER_MICRO_ONLY;
const fixed = Number(process.env.DARTER_MICRO_ITERATIONS ?? 0);
/** One JSON object a line for bench/micro.ts instead of text for people. */
const asJson = process.env.DARTER_MICRO_JSON !== undefined;

export function micro(name: string, body: (iterations: number) => void): void {
  if (only !== undefined) {
    if (only === name) body(fixed);
    return;
  }
  const iterations = calibrate(body);
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push((timeMs(body, iterations) * 1e6) / iterations);
  }
  const min = Math.min(...rounds);
  const result: MicroResult = { name, nanoseconds: median(rounds), min, max: Math.max(...rounds) };
  process.stdout.write(asJson ? `${JSON.stringify(result)}\n` : `${describe(result)}\n`);
}

export function describe(result: MicroResult): string {
  const { name, nanoseconds, min, max } = result;
  const range = `${min.toFixed(1)}-${max.toFixed(1)}`;
  return `${name.padEnd(52)} ${nanoseconds.toFixed(1).padStart(9)} ns   (${range})`;
}

/** Iterations that take about ROUND_MS once the code is warm. */
function calibrate(body: (iterations: number) => void): number {
  let iterations = 1;
  let spent = 0;
  for (;;) {
    const took = timeMs(body, iterations);
    spent += took;
    if (spent >= WARM_UP_MS && took >= ROUND_MS / 8) {
      return Math.max(1, Math.round((iterations * ROUND_MS) / took));
    }
    if (took < ROUND_MS) iterations *= 2;
  }
}

function timeMs(body: (iterations: number) => void, iterations: number): number {
  const start = nowMs();
  body(iterations);
  return nowMs() - start;
}

/** This thread's time on a core where the kernel tells it: the clock counts what others do, too. */
function nowMs(): number {
  try {
    return Number.parseInt(readFileSync('/proc/thread-self/schedstat', 'latin1'), 10) / 1e6;
  } catch {
    return performance.now();
  }
}
