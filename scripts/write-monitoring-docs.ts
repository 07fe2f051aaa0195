/**
 * Writes the table of metrics in docs/monitoring.md from their declarations. `npm run docs`; a test fails
 * when the file is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Family } from '../src/server/main-thread/metrics/family.js';
import { FAMILIES } from '../src/server/main-thread/metrics/routes.js';

const BEGIN = '<!-- metrics -->\n';
const END = '<!-- end of metrics -->';

export const monitoringFile = join(
  fileURLToPath(new URL('.', import.meta.url)),
  ...['..', '..', 'docs', 'monitoring.md'],
);

function row({ name, type, labels, help }: Family): string {
  const named = labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${name}\` | ${type} | ${named} | ${help} |`;
}

/** @param text of the file, whose table is replaced */
export function renderMonitoringDocs(text: string): string {
  const begin = text.indexOf(BEGIN) + BEGIN.length;
  const end = text.indexOf(END);
  if (begin < BEGIN.length || end < begin) throw new Error(`no ${BEGIN} in docs/monitoring.md`);
  const rows = [...FAMILIES].sort((one, other) => (one.name < other.name ? -1 : 1)).map(row);
  const table = ['| name | type | labels | what it is |', '|---|---|---|---|', ...rows].join('\n');
  return `${text.slice(0, begin)}${table}\n${text.slice(end)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(monitoringFile, renderMonitoringDocs(readFileSync(monitoringFile, 'utf8')));
}
