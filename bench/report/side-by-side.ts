/** Tables and charts of `npm run bench`, from its raw results. */
import { type Case, type CaseGroup, caseTitle, groupTitles } from '../cases.js';
import type { ShapeResult } from '../collection-memory.js';
import type { Run } from '../measure.js';
import { median, ratios, type Spread, spread } from '../support/statistics.js';
import { bars, type Chart } from './charts.js';
import { count, countWithSpread, figure, ratioWithRange, table } from './table.js';

export interface CaseResult {
  readonly item: Case;
  /** By system name, a run for each round. */
  readonly runs: Readonly<Record<string, readonly Run[]>>;
}

export interface MemoryResult {
  readonly keys: number;
  readonly valueBytes: number;
  /** By system name, resident bytes per key in each round. */
  readonly bytesPerKey: Readonly<Record<string, readonly number[]>>;
  readonly fillSeconds: Readonly<Record<string, readonly number[]>>;
}

export interface SideBySide {
  readonly systems: readonly string[];
  readonly cases: readonly CaseResult[];
  readonly collectionMemory: readonly ShapeResult[];
  readonly memory?: MemoryResult;
}

type Field = Exclude<keyof Run, 'requests' | 'seconds'>;

function values(result: CaseResult, system: string, field: Field): number[] {
  return result.runs[system]!.map((run) => run[field]);
}

function medians(result: CaseResult, system: string, field: Field): number {
  return median(values(result, system, field));
}

function ratio(result: CaseResult, system: string, baseline: string, field: Field): Spread {
  return ratios(values(result, system, field), values(result, baseline, field));
}

export function tables(results: SideBySide): string {
  const parts: string[] = [];
  for (const [group, cases] of grouped(results.cases)) {
    parts.push(`### ${groupTitles[group]}`, caseTable(results.systems, cases));
    if (group === 'open') continue;
    parts.push(latencyTable(results.systems, cases));
  }
  if (results.memory !== undefined) {
    parts.push('### Resident memory', memoryTable(results.systems, results.memory));
  }
  if (results.collectionMemory.length > 0) {
    const shapes = shapeTable(results.systems, results.collectionMemory);
    parts.push('### Resident memory of collections', shapes);
  }
  return parts.join('\n\n');
}

function grouped(cases: readonly CaseResult[]): Map<CaseGroup, CaseResult[]> {
  const groups = new Map<CaseGroup, CaseResult[]>();
  for (const result of cases) {
    const group = groups.get(result.item.group) ?? [];
    group.push(result);
    groups.set(result.item.group, group);
  }
  return groups;
}

/** Throughput and CPU; of the open loop, whose rate is given, CPU and latencies. */
function caseTable(systems: readonly string[], cases: readonly CaseResult[]): string {
  const open = cases[0]!.item.perSecond > 0;
  const rows = cases.map((result) => {
    const row = [caseTitle(result.item)];
    if (!open) row.push(...compared(systems, result, 'perSecond', countWithSpread));
    const cpu = (value: Spread): string => figure(value.median, 2);
    row.push(...compared(systems, result, 'cpuMicroseconds', cpu));
    if (open) {
      for (const field of ['p50', 'p99', 'p999'] as const) {
        row.push(...compared(systems, result, field, cpu));
      }
    }
    return row;
  });
  const head = ['case'];
  if (!open) head.push(...heads(systems, 'req/s'));
  head.push(...heads(systems, 'CPU µs/req'));
  if (open) for (const name of ['p50', 'p99', 'p99.9']) head.push(...heads(systems, `${name} ms`));
  return table(head, rows);
}

function heads(systems: readonly string[], unit: string): string[] {
  const [, ...others] = systems;
  return [
    ...systems.map((name) => `${name} ${unit}`),
    ...others.map((name) => ratioHead(name, systems)),
  ];
}

function ratioHead(name: string, systems: readonly string[]): string {
  return systems.length === 2 ? 'ratio' : `${name} ratio`;
}

/** A figure for each system, then each one's ratio to the first. */
function compared(
  systems: readonly string[],
  result: CaseResult,
  field: Field,
  show: (value: Spread) => string,
): string[] {
  const [baseline, ...others] = systems;
  return [
    ...systems.map((name) => show(spread(values(result, name, field)))),
    ...others.map((name) => ratioWithRange(ratio(result, name, baseline!, field))),
  ];
}

function latencyTable(systems: readonly string[], cases: readonly CaseResult[]): string {
  const fields = ['p50', 'p99', 'p999'] as const;
  const head = ['latency, ms (closed loop)'];
  for (const name of ['p50', 'p99', 'p99.9']) {
    for (const system of systems) head.push(`${system} ${name}`);
  }
  const rows = cases.map((result) => [
    caseTitle(result.item),
    ...fields.flatMap((field) => systems.map((name) => figure(medians(result, name, field), 2))),
  ]);
  return table(head, rows);
}

function memoryTable(systems: readonly string[], memory: MemoryResult): string {
  const baseline = memory.bytesPerKey[systems[0]!]!;
  const rows = systems.map((name) => {
    const bytes = memory.bytesPerKey[name]!;
    const fill = memory.keys / median(memory.fillSeconds[name]!);
    return [name, figure(median(bytes), 1), ratioWithRange(ratios(bytes, baseline)), count(fill)];
  });
  const what = `${count(memory.keys)} keys of 11 B, values of ${memory.valueBytes} B`;
  return table([what, 'resident bytes per key', 'ratio', 'keys written per second'], rows);
}

function shapeTable(systems: readonly string[], shapes: readonly ShapeResult[]): string {
  const [baseline, ...others] = systems;
  const rows = shapes.map(({ title, bytes }) => [
    title,
    ...systems.map((name) => figure(median(bytes[name]!), 1)),
    ...others.map((name) => ratioWithRange(ratios(bytes[name]!, bytes[baseline!]!))),
  ]);
  return table(['resident bytes', ...heads(systems, 'B')], rows);
}

export function charts(results: SideBySide): Chart[] {
  const drawn: Chart[] = [];
  for (const [group, cases] of grouped(results.cases)) {
    if (group === 'open') drawn.push(latencyChart(results.systems, cases[0]!));
    else drawn.push(...groupCharts(results.systems, group, cases));
  }
  if (results.memory !== undefined) drawn.push(memoryChart(results.systems, results.memory));
  return drawn;
}

function groupCharts(
  systems: readonly string[],
  group: CaseGroup,
  cases: readonly CaseResult[],
): Chart[] {
  const names = cases.map((result) => caseTitle(result.item));
  const series = (field: Field, round: (value: number) => number) =>
    systems.map((name) => ({
      name,
      values: cases.map((result) => round(medians(result, name, field))),
    }));
  const thousands = series('perSecond', (value) => Math.round(value / 100) / 10);
  const cpu = series('cpuMicroseconds', (value) => Math.round(value * 100) / 100);
  const where = groupTitles[group];
  return [
    bars(`bench-${group}-throughput`, 'Thousand requests per second', where, names, thousands),
    bars(`bench-${group}-cpu`, 'Server CPU per request, microseconds', where, names, cpu),
  ];
}

function latencyChart(systems: readonly string[], result: CaseResult): Chart {
  const title = `Latency, ms: ${caseTitle(result.item)}`;
  const fields = ['p50', 'p99', 'p999'] as const;
  const series = systems.map((name) => ({
    name,
    values: fields.map((field) => Math.round(medians(result, name, field) * 1000) / 1000),
  }));
  const subtitle = 'Open loop: from the planned time of each request';
  return bars('bench-latency', title, subtitle, ['p50', 'p99', 'p99.9'], series);
}

function memoryChart(systems: readonly string[], memory: MemoryResult): Chart {
  const subtitle = `${count(memory.keys)} keys of 11 B, values of ${memory.valueBytes} B`;
  const series = systems.map((name) => ({
    name,
    values: [Math.round(median(memory.bytesPerKey[name]!))],
  }));
  return bars('bench-memory', 'Resident bytes per key', subtitle, ['bytes per key'], series);
}
