/**
 * `npm run bench:micro [-- --only WORD] [--perf] [--event NAME]`: runs every file of bench/micro,
 * each in a process of its own (so that no file's types or garbage slow the next one down).
 *
 * With --perf each operation runs twice more under `perf stat`, once with double the iterations;
 * the difference is what the operations alone cost. Without perf, or where the machine has no such
 * counter (most virtual machines have no instruction counter), it says so and prints the times.
 */
import './support/fail-loudly.js';
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Flags } from '../test/support/flags.js';
import { describe, type MicroResult } from './micro/harness.js';
import { projectRoot } from './support/servers.js';

const PERF_ITERATIONS = 200_000;

const usage = `usage: npm run bench:micro [-- options]
  --only WORD    only files of bench/micro with WORD in their name
  --perf         also count an event per operation with perf stat
  --event NAME   the event (instructions:u)
  --json         one JSON object a line`;
const flags = new Flags(usage, { only: 'text', perf: 'switch', event: 'text', json: 'switch' });
const only = flags.text('only', '');
const event = flags.text('event', 'instructions:u');

const folder = join(projectRoot, 'dist/bench/micro');
const files = readdirSync(folder).filter(
  (name) => /^[a-z-]+\.js$/.test(name) && name !== 'harness.js' && name.includes(only),
);
if (files.length === 0) throw new Error(`no file of bench/micro has '${only}' in its name`);

const counting = flags.has('perf') && counterWorks();
if (flags.has('perf') && !counting) {
  process.stderr.write(`perf stat cannot count ${event} here: times only\n`);
}
for (const file of files) {
  process.stderr.write(`${basename(file, '.js')}\n`);
  for (const result of await runFile(join(folder, file))) {
    const count = counting ? countPerOperation(join(folder, file), result.name) : undefined;
    if (flags.has('json')) process.stdout.write(`${JSON.stringify({ ...result, count })}\n`);
    else if (count === undefined) process.stdout.write(`${describe(result)}\n`);
    else process.stdout.write(`${describe(result)}   ${count.toFixed(1)} ${event}\n`);
  }
}

function runFile(file: string): Promise<MicroResult[]> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, DARTER_MICRO_JSON: '1' };
    const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code !== 0) reject(new Error(`${file} ended with exit code ${code}`));
      else resolve(readLines(output));
    });
  });
}

/** Results are JSON. A file that keeps its own time (a table that grows, say) prints plain text. */
function readLines(output: string): MicroResult[] {
  const results: MicroResult[] = [];
  for (const line of output.split('\n').filter(Boolean)) {
    if (line.startsWith('{')) results.push(JSON.parse(line) as MicroResult);
    else process.stdout.write(`${line}\n`);
  }
  return results;
}

function counterWorks(): boolean {
  try {
    return Number.isFinite(readCounter(['true'], {}));
  } catch {
    return false;
  }
}

function countPerOperation(file: string, name: string): number {
  const run = (iterations: number): number => {
    const wanted = { DARTER_MICRO_ONLY: name, DARTER_MICRO_ITERATIONS: String(iterations) };
    return readCounter([process.execPath, file], wanted);
  };
  // Twice as many less once as many: compiling the code is in both, and drops out.
  return (run(2 * PERF_ITERATIONS) - run(PERF_ITERATIONS)) / PERF_ITERATIONS;
}

function readCounter(command: readonly string[], wanted: Readonly<Record<string, string>>): number {
  const run = spawnSync('perf', ['stat', '-x', ',', '-e', event, '--', ...command], {
    env: { ...process.env, ...wanted },
    encoding: 'utf8',
  });
  if (run.error !== undefined) throw run.error;
  if (run.status !== 0) throw new Error(`perf stat failed: ${run.stderr}`);
  const line = run.stderr.split('\n').find((text) => text.includes(event));
  return Number.parseFloat(line?.split(',')[0] ?? '');
}
