/**
 * Writes dist/bundle/: the modules of dist/src that a thread loads, joined to a few files. A thread
 * starts in a third of the time: finding, opening and linking 500 small modules is most of its start.
 *
 * Each kind of thread keeps a file of its own at the place that it has in dist/src, so that relative
 * URLs hold. Nothing is minified: names in stack traces are the sources', and
 * `node --enable-source-maps` gives the lines.
 *
 * Threads are scripts, one whole .cjs file for each kind: V8 gives out what it has compiled of scripts
 * only. The server keeps that in compiled/ (src/platform/compiled-scripts.ts); one start at the end of the
 * build, with a journal, so that flow threads run, fills it. They are not split: a call from one CommonJS
 * file into another looks the function up each time, and a module must exist once in a thread. Programs
 * that are not threads of a server are ES modules.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageBinary, root, runNode } from './files.mjs';

const from = join(root, 'dist', 'src');
const to = join(root, 'dist', 'bundle');

/** Loaded by its path: by bin/darter. */
const entries = ['server/compare/main'];

/**
 * Loaded by `new URL(..., import.meta.url)`: those that platform/load-module.ts loads as scripts, and the
 * first files of the threads, as the first ES module of a thread takes it a tenth of its start. Such a URL
 * has to stand in the folder of an entry, in a module that only this entry loads.
 */
const scripts = [
  'platform/load-module',
  'platform/worker-entry',
  'server/main-thread/embedded-thread',
  'server/main-thread/first-thread',
  'server/main-thread/main',
  'server/io-thread/io-thread',
  'server/flow-thread/flow-thread',
  'server/tls-thread/tls-thread',
];

const options = { external: [/^node:/, 'koffi'], platform: 'node', treeshake: false };
const output = { sourcemap: true, comments: false };

/** Bounds a failure of the first start. */
const FIRST_START_TIMEOUT_MS = 60_000;

/** What programs import, and require (package.json, exports). */
const publicEntry = 'server/embedding/darter';

/**
 * The new bundle takes the old one's place when it is whole: a server that runs meanwhile may start
 * threads. Without the bundler, bin/darter runs dist/src: slower to start, else the same.
 */
export async function writeBundle() {
  const bundler = await import('rolldown').catch(() => undefined);
  if (bundler === undefined) {
    rmSync(to, { recursive: true, force: true });
    console.error('rolldown is not installed: no bundle, the server starts slower.');
    return;
  }
  const made = `${to}-${process.pid}`;
  const bundle = await bundler.rolldown({
    input: Object.fromEntries(entries.map((entry) => [entry, join(from, `${entry}.js`)])),
    ...options,
  });
  await bundle.write({
    ...output,
    dir: made,
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
  });
  await bundle.close();
  await Promise.all(scripts.map((script) => writeScript(bundler, made, script)));
  await writePublicEntry(bundler, made);
  mkdirSync(join(made, 'compiled'));
  writeFileSync(join(made, 'compiled', 'about.txt'), ABOUT_COMPILED);
  rmSync(to, { recursive: true, force: true });
  renameSync(made, to);
  await startOnce();
}

/** A folder of a package has to have a file. */
const ABOUT_COMPILED = `What V8 has compiled of the scripts beside this folder: a server starts faster.
All .cache files here may be removed at any time. A server that may write here makes them anew.
`;

async function writeScript(bundler, made, script) {
  const bundle = await bundler.rolldown({ input: join(from, `${script}.js`), ...options });
  const file = join(made, `${script}.cjs`);
  await bundle.write({ ...output, file, format: 'cjs', codeSplitting: false });
  await bundle.close();
  writeFileSync(file, inAscii(loadLate(readFileSync(file, 'utf8'))));
}

/** Modules of Node.js that most servers never use, and that take a thread milliseconds to load. */
const LATE_MODULES = ['child_process', 'dns/promises', 'http', 'inspector', 'net', 'tls'];

/** Has a script load them where it first uses them. In parentheses, as `new` may stand before. */
function loadLate(text) {
  let changed = text;
  for (const name of LATE_MODULES) {
    const variable = `node_${name.replace('/', '_')}`;
    const load = `require("node:${name}")`;
    changed = changed
      .replace(`\n${load};\n`, '\n')
      .replaceAll(new RegExp(`\\b${variable}\\.`, 'g'), `(${variable}()).`)
      .replace(`let ${variable} = ${load};`, `const ${variable} = () => ${load};`);
    const isLeft = new RegExp(`\\b${variable}\\b(?! = \\(\\)|\\(\\)\\)\\.)`).test(changed);
    if (isLeft) throw new Error(`${name} is used in a way that does not allow to load it late`);
  }
  return changed;
}

/** V8 keeps ASCII text in half the bytes. Without comments, other letters are in literals only. */
function inAscii(text) {
  const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all that are not ASCII
  return text.replace(/[^\x00-\x7f]/g, escaped);
}

/** Starts a server that serves nobody, and ends it: it keeps what was compiled. It need not succeed. */
async function startOnce() {
  const folder = mkdtempSync(join(tmpdir(), 'darter-build-'));
  const server = spawn(
    process.execPath,
    [
      ...[join(root, 'bin', 'darter'), '--port', '0', '--threads', '1', '--shards', '1'],
      ...['--save', '', '--appendonly', 'yes', '--dir', folder],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'], timeout: FIRST_START_TIMEOUT_MS },
  );
  let log = '';
  server.stdout.on('data', (text) => {
    log += text;
    if (log.includes('Ready to accept connections')) server.kill('SIGTERM');
  });
  await new Promise((resolve) => server.once('close', resolve).once('error', resolve));
  rmSync(folder, { recursive: true, force: true });
}

/**
 * What a program imports or requires, in one file for each: it imports nothing, as where tests run in
 * contexts of their own (jest) there is no import(). And its declarations, for both.
 */
async function writePublicEntry(bundler, made) {
  const bundle = await bundler.rolldown({ input: join(from, `${publicEntry}.js`), ...options });
  const path = join(made, publicEntry);
  await bundle.write({ ...output, file: `${path}.js`, format: 'es' });
  await bundle.write({ ...output, file: `${path}.cjs`, format: 'cjs' });
  await bundle.close();
  const declarations = `${made}-declarations`;
  const source = join(root, 'src', `${publicEntry}.ts`);
  const code = runNode(
    packageBinary('typescript', 'bin/tsc'),
    ...['--ignoreConfig', '--declaration', '--emitDeclarationOnly', '--outDir', declarations],
    ...['--target', 'ES2022', '--module', 'NodeNext', '--types', 'node', '--skipLibCheck'],
    ...['--rootDir', join(root, 'src'), source],
  );
  if (code !== 0) throw new Error('the declarations of the public interface cannot be made');
  const text = readFileSync(join(declarations, `${publicEntry}.d.ts`), 'utf8');
  rmSync(declarations, { recursive: true });
  if (/^(import|export .* from) /m.test(text)) throw new Error('the declarations name other files');
  for (const ending of ['d.ts', 'd.cts']) {
    writeFileSync(join(made, `${publicEntry}.${ending}`), text);
  }
}
