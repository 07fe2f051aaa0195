/**
 * `npm test [-- part-of-a-path ...]`: every test, through Node's own runner and reporter.
 *
 * Few files at once, as tests of whole servers (dist/test/) have threads and processes of their own.
 * These come first, and then the unit tests beside the code, which share processes (test-groups.mjs) and
 * are short: so no core is without work at the end. A file that hangs is given up after a while that
 * bounds failures only: a busy machine takes several times as long as a quiet one. The last lines tell
 * what took longest, and its processor time with that of its servers.
 *
 * Up to four files that fail run once more, by themselves. One that passes then is unsteady: its first
 * failure is shown like any other, and is a fault to be found, but no reason to refuse the change at
 * hand.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { root, walk } from './files.mjs';
import { groupOf, groupRunner, inGroups } from './test-groups.mjs';

const FILE_TIMEOUT_MS = 10 * 60_000;
/** One more than keeps the cores at work: each waits for its servers, or for time to pass, now and then. */
const FILES_AT_ONCE = Math.min(8, 1 + Math.max(2, Math.ceil(availableParallelism() / 2)));
const SLOWEST_SHOWN = 12;
/** With more files that fail, it is the change. */
const UNSTEADY_FILES_MAX = 4;
const SUMMARY_LINE = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

const wanted = process.argv.slice(2);
const started = performance.now();
const totals = new Map();
const skipped = new Map();
/** By file: how long its tests took, one after the other. */
const fileMs = new Map();
/** By program, a file or a group of files: processor time, with that of its processes. */
const cpuSeconds = new Map();
/** By file: tests that have begun and not ended, of which one is what a file hangs in. */
const running = new Map();
/** Programs with failures. */
const failed = new Set();
const unsteady = [];
/** What runs: files, and groups of files. */
const programs = new Set();
let failures = 0;

function testFiles(folder) {
  const files = [];
  for (const { path } of walk(join(root, 'dist', folder))) {
    if (!path.endsWith('.test.js')) continue;
    const name = relative(root, path);
    if (wanted.length === 0 || wanted.some((part) => name.includes(part))) files.push(path);
  }
  return files.sort();
}

/** Node ends a run with lines such as "tests 12": they are added up instead of shown twice. */
function addToTotals(event) {
  if (event.type !== 'test:diagnostic' || event.data.nesting !== 0) return false;
  const match = SUMMARY_LINE.exec(event.data.message);
  if (match === null) return false;
  totals.set(match[1], (totals.get(match[1]) ?? 0) + Number(match[2]));
  return true;
}

function note(event) {
  const { data } = event;
  if ((event.type === 'test:pass' || event.type === 'test:fail') && data.nesting === 0) {
    const isNamed = data.file !== undefined && data.file !== groupRunner;
    const name = isNamed ? relative(root, data.file) : data.name;
    fileMs.set(name, (fileMs.get(name) ?? 0) + data.details.duration_ms);
  }
  if (event.type === 'test:fail' && data.todo === undefined) {
    failures++;
    failed.add(programOf(data));
  }
  if (event.type === 'test:pass' && data.skip !== undefined) {
    const reason =
      typeof data.skip === 'string' && data.skip !== '' ? data.skip : 'no reason given';
    skipped.set(reason, [...(skipped.get(reason) ?? []), data.name]);
  }
}

/** undefined for the suite of a file within a group: its tests have told. */
function programOf({ name, file }) {
  if (programs.has(name)) return name;
  return programs.has(file) ? file : groupOf(file);
}

/** A file that is given up ends as a whole, and the runner does not tell where. */
function noteRunning({ type, data }) {
  const names = running.get(data.file) ?? new Set();
  running.set(data.file, names);
  if (type === 'test:dequeue') names.add(data.name);
  else if (type === 'test:pass' || type === 'test:fail') names.delete(data.name);
}

function whereItHung({ type, data }) {
  const isTimeout = type === 'test:fail' && /timed out/.test(String(data.details.error));
  const names = [...(running.get(data.file) ?? [])].filter((name) => name !== data.name);
  return isTimeout && names.length > 0 ? `begun, not ended: ${names.join(' > ')}` : undefined;
}

function diagnostic(message) {
  return { type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } };
}

function longest(times) {
  return [...times].sort(([, one], [, other]) => other - one).slice(0, SLOWEST_SHOWN);
}

function readCpu(report) {
  for (const line of readFileSync(report, 'utf8').split('\n')) {
    const [, cpu, path] = /^([\d.]+) (.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const name = path.startsWith(root) ? relative(root, path) : `the group ${basename(path)}`;
    cpuSeconds.set(name, Number(cpu));
  }
}

function* closing() {
  for (const [reason, names] of skipped) {
    yield diagnostic(`skipped ${names.length}, ${reason}: ${names.join('; ')}`);
  }
  for (const [name, ms] of longest(fileMs))
    yield diagnostic(`${(ms / 1000).toFixed(1)} s: ${name}`);
  for (const [name, cpu] of longest(cpuSeconds)) yield diagnostic(`CPU ${cpu} s: ${name}`);
  for (const name of unsteady) {
    yield diagnostic(`UNSTEADY, passed only when it ran again, see its failure: ${name}`);
  }
  const cpuInAll = [...cpuSeconds.values()].reduce((sum, cpu) => sum + cpu, 0);
  if (cpuInAll > 0) totals.set('cpu_s', Math.round(cpuInAll));
  totals.set('duration_ms', Math.round(performance.now() - started));
  for (const [name, value] of totals) yield diagnostic(`${name} ${value}`);
}

async function* events() {
  const unitTests = [...testFiles('src'), ...testFiles('console')];
  const files = [...testFiles('test'), ...inGroups(unitTests)];
  for (const file of files) programs.add(file);
  const options = { files, concurrency: FILES_AT_ONCE, timeout: FILE_TIMEOUT_MS };
  const folder = mkdtempSync(join(tmpdir(), 'darter-test-cpu-'));
  process.env.DARTER_TEST_CPU = join(folder, 'report');
  writeFileSync(process.env.DARTER_TEST_CPU, '');
  // The runner hands its own options on to the tests' processes.
  process.execArgv.push('--import', new URL('test-cpu.mjs', import.meta.url).href);
  for await (const event of files.length === 0 ? [] : run(options)) {
    // Summaries of single files come without being asked for in later versions of Node.
    if (event.type === 'test:summary' || addToTotals(event)) continue;
    note(event);
    noteRunning(event);
    yield event;
    const where = whereItHung(event);
    if (where !== undefined) yield diagnostic(where);
  }
  yield* onceMore();
  readCpu(process.env.DARTER_TEST_CPU);
  rmSync(folder, { recursive: true });
  yield* closing();
}

/** Whether it passes by itself. */
async function* onceMore() {
  const files = [...failed].filter((program) => program !== undefined);
  if (files.length === 0 || files.length > UNSTEADY_FILES_MAX) return;
  const before = failures;
  for await (const event of run({ files, concurrency: 1, timeout: FILE_TIMEOUT_MS })) {
    if (event.type !== 'test:fail' || event.data.todo !== undefined) continue;
    failures++;
    yield event;
  }
  if (failures > before) return;
  failures = 0;
  unsteady.push(...files.map((file) => relative(root, file)));
}

const reporter = typeof spec === 'function' && spec.prototype ? new spec() : spec();
Readable.from(events())
  .pipe(reporter)
  .on('end', () => {
    if ((totals.get('tests') ?? 0) === 0) console.error('No test ran.');
    process.exitCode = failures > 0 || (totals.get('tests') ?? 0) === 0 ? 1 : 0;
  })
  .pipe(process.stdout);
