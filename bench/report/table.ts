/** Tables as Markdown whose columns also line up in a terminal, and numbers for them. */
import type { Spread } from '../support/statistics.js';

/** The first column is text, the others are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

export function count(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en') : '-';
}

export function figure(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '-';
}

/** A median with half the distance between the extremes, in percent of it. */
export function countWithSpread(values: Spread): string {
  const percent = (50 * (values.max - values.min)) / values.median;
  return `${count(values.median)} ±${figure(percent, 0)}%`;
}

export function ratioWithRange(values: Spread): string {
  const { median, min, max } = values;
  return `${figure(median, 2)} (${figure(min, 2)}-${figure(max, 2)})`;
}

export function mebibytes(bytes: number): string {
  return figure(bytes / 2 ** 20, 0);
}
