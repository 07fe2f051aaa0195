/**
 * Prometheus's text format, version 0.0.4:
 *
 *   # HELP name what it means
 *   # TYPE name counter
 *   name{label="value"} 12
 *
 * prom-client is not used for it: its counters and gauges keep an object for each series between scrapes, and
 * counters cannot be set, as all values here are read from the server's own. What is left are these lines.
 */
import type { AddSample, Family } from './family.js';
import type { Scrape } from './scrape.js';

export const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

export function renderFamilies(families: readonly Family[], scrape: Scrape): string {
  const lines: string[] = [];
  for (const family of families) {
    const begin = lines.length;
    const known = new Set<string>();
    const add: AddSample = (value, labels = [], suffix = '') => {
      const series = `${family.name}${suffix}${labelText(family, labels)}`;
      // Two replicas may say the same address of themselves, and a series must come once.
      if (Number.isNaN(value) || known.has(series)) return;
      known.add(series);
      lines.push(`${series} ${numberText(value)}`);
    };
    family.collect(scrape, add);
    // A family without samples is not there.
    if (lines.length > begin) lines.splice(begin, 0, ...headOf(family));
  }
  return `${lines.join('\n')}\n`;
}

function headOf({ name, type, help }: Family): string[] {
  return [
    `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
    `# TYPE ${name} ${type}`,
  ];
}

function labelText({ labels }: Family, values: readonly string[]): string {
  if (values.length === 0) return '';
  return `{${values.map((value, i) => `${labels[i]}="${escaped(value)}"`).join(',')}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (sign) => (sign === '\n' ? '\\n' : `\\${sign}`));
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
