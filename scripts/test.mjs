/**
 * `npm test [-- part-of-a-path ...]`: every test, through Node's own runner and reporter.
 *
 * Few files at once, as tests of whole servers (dist/test/) have threads and processes of their own.
 * These come first, and then the unit tests beside the code, which are short: so no core is without work
 * at the end. A file that hangs is given up after a while that bounds failures only: a busy machine
 * takes several times as long as a quiet one.
 */
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { root, walk } from './files.mjs';

const FILE_TIMEOUT_MS = 10 * 60_000;
const FILES_AT_ONCE = Math.min(8, Math.max(2, Math.ceil(availableParallelism() / 2)));
const SLOWEST_SHOWN = 12;
const SUMMARY_LINE = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

const wanted = process.argv.slice(2);
const started = performance.now();
const totals = new Map();
const skipped = new Map();
/** By file: how long its tests took, one after the other. */
const fileMs = new Map();
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
    const name = data.file === undefined ? data.name : relative(root, data.file);
    fileMs.set(name, (fileMs.get(name) ?? 0) + data.details.duration_ms);
  }
  if (event.type === 'test:fail' && data.todo === undefined) failures++;
  if (event.type === 'test:pass' && data.skip !== undefined) {
    const reason =
      typeof data.skip === 'string' && data.skip !== '' ? data.skip : 'no reason given';
    skipped.set(reason, [...(skipped.get(reason) ?? []), data.name]);
  }
}

function diagnostic(message) {
  return { type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } };
}

function* closing() {
  for (const [reason, names] of skipped) {
    yield diagnostic(`skipped ${names.length}, ${reason}: ${names.join('; ')}`);
  }
  const slowest = [...fileMs].sort(([, one], [, other]) => other - one).slice(0, SLOWEST_SHOWN);
  for (const [name, ms] of slowest) yield diagnostic(`${(ms / 1000).toFixed(1)} s: ${name}`);
  totals.set('duration_ms', Math.round(performance.now() - started));
  for (const [name, value] of totals) yield diagnostic(`${name} ${value}`);
}

async function* events() {
  const files = [...testFiles('test'), ...testFiles('src')];
  const options = { files, concurrency: FILES_AT_ONCE, timeout: FILE_TIMEOUT_MS };
  for await (const event of files.length === 0 ? [] : run(options)) {
    // Summaries of single files come without being asked for in later versions of Node.
    if (event.type === 'test:summary' || addToTotals(event)) continue;
    note(event);
    yield event;
  }
  yield* closing();
}

const reporter = typeof spec === 'function' && spec.prototype ? new spec() : spec();
Readable.from(events())
  .pipe(reporter)
  .on('end', () => {
    if ((totals.get('tests') ?? 0) === 0) console.error('No test ran.');
    process.exitCode = failures > 0 || (totals.get('tests') ?? 0) === 0 ? 1 : 0;
  })
  .pipe(process.stdout);
