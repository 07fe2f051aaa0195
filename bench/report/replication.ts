/** Tables and charts of `npm run bench:replication`, from its raw results. */
import { median, ratios, spread } from '../support/statistics.js';
import type { SyncMode, SyncResult } from '../sync.js';
import type { TransactionsResult } from '../transactions.js';
import { type Chart, type LineSeries, lines } from './charts.js';
import { count, figure, mebibytes, ratioWithRange, table } from './table.js';

export interface ModeResult {
  readonly mode: SyncMode;
  /** By system name, a synchronisation for each round. */
  readonly syncs: Readonly<Record<string, readonly SyncResult[]>>;
}

export interface ReplicationResults {
  readonly systems: readonly string[];
  readonly keys: number;
  readonly valueBytes: number;
  readonly perSecond: number;
  readonly modes: readonly ModeResult[];
  /** By system name, one for each round; null when they were left out. */
  readonly transactions: Readonly<Record<string, readonly TransactionsResult[]>> | null;
  /** Synchronisations of data of one type, and how much of it there was. */
  readonly types: readonly TypeResult[];
  readonly megabytes: number;
}

export interface TypeResult {
  readonly name: string;
  readonly syncs: Readonly<Record<string, readonly SyncResult[]>>;
}

interface Row {
  readonly name: string;
  readonly of: (sync: SyncResult) => number;
  readonly show: (value: number) => string;
  readonly loadOnly?: boolean;
  /** Below this, the baseline's figure is noise and a ratio to it would mean nothing. */
  readonly ratioFrom?: number;
}

const seconds = (value: number): string => figure(value, 2);
const milliseconds = (value: number): string => figure(value, 2);
const MEBIBYTE = 2 ** 20;

const rows: readonly Row[] = [
  { name: 'full sync, s (link up)', of: (sync) => sync.linkUpSeconds, show: seconds },
  { name: 'until caught up, s', of: (sync) => sync.caughtUpSeconds, show: seconds },
  {
    name: 'peak extra memory, MiB',
    of: (sync) => sync.extraBytesPeak,
    show: mebibytes,
    ratioFrom: 8 * MEBIBYTE,
  },
  { name: 'peak memory of the replica, MiB', of: (sync) => sync.replicaBytesPeak, show: mebibytes },
  { name: 'req/s before', of: (sync) => rate(sync.before), show: count, loadOnly: true },
  { name: 'req/s during sync', of: (sync) => rate(sync.during), show: count, loadOnly: true },
  { name: 'p50 ms before', of: (s) => s.before!.p50, show: milliseconds, loadOnly: true },
  { name: 'p50 ms during sync', of: (s) => s.during!.p50, show: milliseconds, loadOnly: true },
  { name: 'p99 ms before', of: (s) => s.before!.p99, show: milliseconds, loadOnly: true },
  { name: 'p99 ms during sync', of: (s) => s.during!.p99, show: milliseconds, loadOnly: true },
  { name: 'p99.9 ms during sync', of: (s) => s.during!.p999, show: milliseconds, loadOnly: true },
  { name: 'longest ms during sync', of: (s) => s.during!.max, show: milliseconds, loadOnly: true },
];

const transactionRows: readonly {
  readonly name: string;
  readonly of: (result: TransactionsResult) => number;
  readonly show: (value: number) => string;
}[] = [
  { name: 'transactions/s', of: (result) => result.perSecond, show: count },
  { name: 'most that the replica lags, MiB', of: (r) => r.lagBytesPeak, show: mebibytes },
  { name: 'lag when the load ends, MiB', of: (r) => r.lagBytesEnd, show: mebibytes },
  { name: 'most that waits for parts, MiB', of: (r) => r.parkedBytesPeak, show: mebibytes },
  { name: 'memory of the replica, MiB more', of: (r) => r.extraBytesPeak, show: mebibytes },
  { name: 'WAIT 1 1500 answers', of: (r) => r.waitReply, show: count },
  { name: 'after ms', of: (r) => r.waitMs, show: count },
  { name: 'until caught up, s', of: (r) => r.caughtUpSeconds, show: seconds },
  { name: 'full syncs', of: (r) => r.fullSyncs, show: count },
];

function rate(window: SyncResult['during']): number {
  return window!.requests / window!.seconds;
}

function modeTitle(mode: SyncMode, results: ReplicationResults): string {
  if (mode === 'idle') return 'Idle';
  if (mode === 'paced') {
    return `Open loop, ${count(results.perSecond)} requests per second, SET:GET 1:1`;
  }
  return 'Saturated: 50 connections in a closed loop, SET:GET 1:1';
}

export function dataTitle({ keys, valueBytes }: ReplicationResults): string {
  return `${count(keys)} keys of 11 B with values of ${valueBytes} B`;
}

export function tables(results: ReplicationResults): string {
  const isSynced = results.modes.length > 0;
  const parts = isSynced ? [`Full synchronisation of ${dataTitle(results)}.`] : [];
  for (const result of results.modes) {
    parts.push(`### ${modeTitle(result.mode, results)}`, modeTable(results.systems, result));
  }
  if (results.transactions !== null) {
    parts.push(
      '### Transactions over two shards: MSET of two keys, 20 × 16 pipelined, closed loop',
    );
    parts.push(transactionsTable(results.systems, results.transactions));
  }
  if (results.types.length > 0) {
    parts.push(`### One type at a time, ${count(results.megabytes)} MB in redis-server, idle`);
    parts.push(typesTable(results));
  }
  return parts.join('\n\n');
}

const typeRows: readonly Row[] = [
  { name: 'until caught up, s', of: (sync) => sync.caughtUpSeconds, show: seconds },
  {
    name: 'processors of both, s',
    of: (sync) => sync.primaryCpuSeconds + sync.replicaCpuSeconds,
    show: seconds,
  },
  {
    name: 'peak extra memory, MiB',
    of: (sync) => sync.extraBytesPeak,
    show: mebibytes,
    ratioFrom: 8 * MEBIBYTE,
  },
];

/** The last column: how many times faster, or less, the first system's figure is than the others'. */
function typesTable({ systems, types }: ReplicationResults): string {
  const [baseline, ...others] = systems;
  const lines = types.flatMap(({ name: type, syncs }) =>
    typeRows.map(({ name, of, show, ratioFrom }) => {
      const base = syncs[baseline!]!.map(of);
      const isMeaningful = Math.min(...base) >= (ratioFrom ?? 0);
      return [
        `${type}: ${name}`,
        ...systems.map((system) => withRange(syncs[system]!.map(of), show)),
        ...others.map((system) =>
          isMeaningful ? ratioWithRange(ratios(base, syncs[system]!.map(of))) : '-',
        ),
      ];
    }),
  );
  const head = ['median (smallest-largest)', ...systems];
  head.push(...others.map((name) => (others.length === 1 ? 'times less' : `${name}: times less`)));
  return table(head, lines);
}

function transactionsTable(
  systems: readonly string[],
  results: Readonly<Record<string, readonly TransactionsResult[]>>,
): string {
  const lineOf = ({ name, of, show }: (typeof transactionRows)[number]): string[] => {
    return [name, ...systems.map((system) => withRange(results[system]!.map(of), show))];
  };
  return table(['median (smallest-largest)', ...systems], transactionRows.map(lineOf));
}

function modeTable(systems: readonly string[], result: ModeResult): string {
  const [baseline, ...others] = systems;
  const lineOf = ({ name, of, show, ratioFrom }: Row): string[] => {
    const values = (system: string): number[] => result.syncs[system]!.map(of);
    const base = values(baseline!);
    const meaningful = Math.min(...base) >= (ratioFrom ?? 0);
    return [
      name,
      ...systems.map((system) => withRange(values(system), show)),
      ...others.map((system) => (meaningful ? ratioWithRange(ratios(values(system), base)) : '-')),
    ];
  };
  const shown = rows.filter((row) => row.loadOnly !== true || result.mode !== 'idle');
  const head = ['median (smallest-largest)', ...systems];
  head.push(...others.map((name) => (others.length === 1 ? 'ratio' : `${name} ratio`)));
  return table(head, shown.map(lineOf));
}

function withRange(values: readonly number[], show: (value: number) => string): string {
  const { median: middle, min, max } = spread(values);
  return values.length === 1 ? show(middle) : `${show(middle)} (${show(min)}-${show(max)})`;
}

/** Over time, of each system's median round: memory, progress, throughput and latency. */
export function charts(results: ReplicationResults): Chart[] {
  return results.modes.flatMap((result) => modeCharts(results, result));
}

function modeCharts(results: ReplicationResults, result: ModeResult): Chart[] {
  const mode = result.mode;
  const where = `${modeTitle(mode, results)}; ${dataTitle(results)}. Shaded: full sync`;
  const series = (points: (sync: SyncResult) => readonly (readonly [number, number])[]) =>
    results.systems.map((name, system): LineSeries => {
      const sync = medianSync(result.syncs[name]!);
      return { name, system, points: points(sync), shaded: [0, sync.caughtUpSeconds] };
    });
  const x = 'seconds since REPLICAOF';
  const extra = series((sync) => {
    const base = Math.max(
      ...sync.samples.filter((one) => one.t < 0).map((one) => one.primaryBytes),
    );
    return sync.samples.map((one) => [one.t, (one.primaryBytes - base) / MEBIBYTE]);
  });
  const progress = series((sync) => sync.samples.map((one) => [one.t, one.replicaKeys / 1e6]));
  const drawn = [
    lines(`sync-${mode}-memory`, 'Extra memory of the primary', where, { x, y: 'MiB' }, extra),
    lines(`sync-${mode}-progress`, 'Keys on the replica', where, { x, y: 'million' }, progress),
  ];
  if (mode === 'idle') return drawn;
  const throughput = series((sync) =>
    sync.intervals.map((one) => [one.t, one.requests / one.seconds / 1000]),
  );
  const latency = series((sync) =>
    sync.intervals.filter((one) => Number.isFinite(one.p99)).map((one) => [one.t, one.p99]),
  );
  const thousand = { x, y: 'thousand' };
  const slow = { x, y: 'ms', logarithmic: true };
  drawn.push(
    lines(`sync-${mode}-throughput`, 'Requests per second', where, thousand, throughput),
    lines(`sync-${mode}-latency`, 'p99 latency of each 100 ms', where, slow, latency),
  );
  return drawn;
}

/** The round whose duration is the median (the longer of the two middle ones). */
function medianSync(syncs: readonly SyncResult[]): SyncResult {
  const middle = median(syncs.map((sync) => sync.caughtUpSeconds));
  const sorted = [...syncs].sort((a, b) => a.caughtUpSeconds - b.caughtUpSeconds);
  return sorted.find((sync) => sync.caughtUpSeconds >= middle)!;
}
