/**
 * Where a run's outcome goes: raw JSON and one self-contained HTML page in bench/results/, and with
 * --write-docs the tables into docs/benchmarks.md between their markers and the pictures beside it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { busyText, type Machine } from '../support/machine.js';
import { projectRoot } from '../support/servers.js';
import { type Chart, toSvg } from './charts.js';

export interface Report {
  /** 'bench' or 'bench-replication': names the files and the markers in the document. */
  readonly name: string;
  readonly title: string;
  readonly machine: Machine;
  /** Command that repeats it. */
  readonly command: string;
  /** Markdown: the tables, with their headings. */
  readonly tables: string;
  readonly charts: readonly Chart[];
  readonly raw: unknown;
}

/** Writes JSON and HTML; returns their paths for people. */
export function writeReport(report: Report): string[] {
  const folder = join(projectRoot, 'bench/results');
  mkdirSync(folder, { recursive: true });
  const stamp = new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-');
  const json = join(folder, `${report.name}-${stamp}.json`);
  const page = join(folder, `${report.name}-${stamp}.html`);
  const { machine, command, raw } = report;
  writeFileSync(json, JSON.stringify({ machine, command, results: raw }, undefined, 1));
  writeFileSync(page, html(report));
  return [relative(process.cwd(), page), relative(process.cwd(), json)];
}

export function writeDocs(report: Report): void {
  const pictures = join(projectRoot, 'docs/pictures');
  mkdirSync(pictures, { recursive: true });
  for (const chart of report.charts) {
    writeFileSync(join(pictures, `${chart.id}.svg`), toSvg(chart));
  }
  const file = join(projectRoot, 'docs/benchmarks.md');
  const text = readFileSync(file, 'utf8');
  const images = report.charts.map(({ id, title }) => `![${title}](pictures/${id}.svg)`);
  const body = [machineText(report), report.tables, ...images].join('\n\n');
  writeFileSync(file, replaceSection(text, report.name, body));
}

/** Puts new text between `<!-- NAME:begin -->` and `<!-- NAME:end -->`. */
export function replaceSection(text: string, name: string, body: string): string {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the document has no section ${begin} ... ${end}`);
  return `${text.slice(0, from + begin.length)}\n${body}\n${text.slice(to)}`;
}

export function machineText({ machine, command }: Report): string {
  const { cpu, cores, memoryGiB, kernel, node, date, commit } = machine;
  const systems = machine.systems.map(
    ({ name, version, command: line }) => `- ${name} ${version}: \`${line}\``,
  );
  return [
    `\`${command}\`, ${date} UTC, Darter at commit ${commit}.`,
    `${cores} cores of ${cpu}, ${memoryGiB} GiB, Linux ${kernel}, Node.js ${node}.`,
    ...(busyText(machine.busyBefore) === '' ? [] : [busyText(machine.busyBefore)]),
    '',
    ...systems,
  ].join('\n');
}

function html(report: Report): string {
  const library = createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js');
  const charts = report.charts.map(({ width, height, option }) => ({ width, height, option }));
  const boxes = report.charts.map(
    ({ width, height }, i) =>
      `<div class="chart" id="chart-${i}" style="--w:${width}px;--h:${height}px"></div>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(report.title)}</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; color: #24292f; margin: 2rem auto; padding: 0 1rem;
         max-width: 1400px; }
  pre { overflow-x: auto; background: #f6f8fa; padding: 1rem; font-size: 13px; line-height: 1.4; }
  .chart { width: min(100%, var(--w)); height: var(--h); margin: 1.5rem 0; }
</style>
<h1>${escapeHtml(report.title)}</h1>
<pre>${escapeHtml(machineText(report))}</pre>
${boxes.join('\n')}
<h2>Tables</h2>
<pre>${escapeHtml(report.tables)}</pre>
<script>${readFileSync(library, 'utf8')}</script>
<script>
  const charts = ${JSON.stringify(charts).replace(/</g, '\\u003c')};
  const drawn = charts.map((chart, i) => {
    const drawing = echarts.init(document.getElementById('chart-' + i), null, { renderer: 'svg' });
    drawing.setOption(chart.option);
    return drawing;
  });
  addEventListener('resize', () => { for (const drawing of drawn) drawing.resize(); });
</script>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
