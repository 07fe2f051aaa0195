/**
 * Scripts of the bundle (scripts/bundle.mjs) with what V8 has compiled of them at an earlier start. To
 * compile 2 MB of text again in each thread is most of a start. What was compiled is kept in the
 * bundle's folder, so it goes when a build makes a new bundle. A file that is missing, damaged, of
 * other text or of another V8 costs time and nothing else: the script is compiled from its text.
 *
 *   <folder>/<folder>/<script>.cjs         the script
 *   compiled/<script>-<tag>.cache          tag: of V8's version and options
 *   ┌───────────────────────────────┬─────────────────────┐
 *   │ SHA-256 of the text and the   │ what V8 compiled    │
 *   │ rest of this file (32 bytes)  │                     │
 *   └───────────────────────────────┴─────────────────────┘
 *
 * V8 itself compares only the length of the text, and reads damaged data as if it were whole.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { Script } from 'node:vm';

/** Files of other versions of Node.js stay until the next build. */
const FILES_MAX = 64;
const DIGEST_BYTES = 32;

/** Compiled without anything kept. */
interface NewScript {
  readonly file: string;
  readonly text: Buffer;
  readonly script: Script;
}

type Wrapper = (
  exports: unknown,
  require: NodeJS.Require,
  module: Module,
  filename: string,
  folder: string,
) => void;

/**
 * What this thread has compiled anew. Each file of the bundle has this module of its own: the one that
 * loads a script, and the one of the script, which says when it is ready.
 */
const NEW_SCRIPTS = Symbol.for('darter.new-scripts');
const ofThread = globalThis as { [NEW_SCRIPTS]?: NewScript[] };

/** What Module.wrap puts around a script. */
const [WRAPPER_START, WRAPPER_END] = Module.wrap('|')
  .split('|')
  .map((part) => Buffer.from(part)) as [Buffer, Buffer];

/**
 * @param path of a CommonJS file in ASCII
 * @returns what it exports
 */
export function loadScript(path: string): unknown {
  const require = createRequire(path);
  // It is Node's own that knows source maps.
  if (process.sourceMapsEnabled === true) return require(path);
  const known = require.cache[path];
  if (known !== undefined) return known.exports;
  const script = compile(path);
  const module = new Module(path);
  module.filename = path;
  require.cache[path] = module;
  const wrapper = script.runInThisContext() as Wrapper;
  wrapper.call(module.exports, module.exports, require, module, path, dirname(path));
  module.loaded = true;
  return module.exports;
}

function compile(path: string): Script {
  const text = readFileSync(path);
  const file = fileOf(path);
  const kept = readKept(file, text);
  // One byte a letter is what V8 scans fastest. A text that long stays outside of its heap; one that is
  // joined of strings would be copied into it.
  const wrapped = Buffer.concat([WRAPPER_START, text, WRAPPER_END]).toString('latin1');
  const script = new Script(wrapped, {
    filename: path,
    columnOffset: -WRAPPER_START.length,
    ...(kept === undefined ? {} : { cachedData: kept }),
  });
  if (kept === undefined || script.cachedDataRejected === true) {
    ofThread[NEW_SCRIPTS] ??= [];
    ofThread[NEW_SCRIPTS].push({ file, text, script });
  }
  return script;
}

function fileOf(path: string): string {
  const folder = join(dirname(path), '../../compiled');
  return join(folder, `${basename(path, '.cjs')}-${cachedDataVersionTag()}.cache`);
}

function readKept(file: string, text: Buffer): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const data = bytes.subarray(DIGEST_BYTES);
    return digestOf(text, data).equals(bytes.subarray(0, DIGEST_BYTES)) ? data : undefined;
  } catch {
    return undefined;
  }
}

function digestOf(text: Buffer, data: Buffer): Buffer {
  return createHash('sha256').update(text).update(data).digest();
}

/**
 * Keeps what was compiled of this thread's script, with the functions that have run so far, if nothing
 * was kept yet. To be called when a thread is ready, before it serves. Where it cannot write, nothing
 * happens.
 */
export function keepCompiled(): void {
  const scripts = ofThread[NEW_SCRIPTS] ?? [];
  delete ofThread[NEW_SCRIPTS];
  for (const { file, text, script } of scripts) {
    if (!hasRoom(dirname(file))) return;
    const data = script.createCachedData();
    write(file, Buffer.concat([digestOf(text, data), data]));
  }
}

/** Without the folder there is none: a program's own bundler may have moved the scripts. */
function hasRoom(folder: string): boolean {
  try {
    return readdirSync(folder).length < FILES_MAX;
  } catch {
    return false;
  }
}

/** Whole or not at all: threads of other processes may read it, and write the same. */
function write(file: string, bytes: Buffer): void {
  const made = `${file}.${process.pid}-${process.hrtime.bigint()}`;
  try {
    writeFileSync(made, bytes, { flag: 'wx' });
    renameSync(made, file);
  } catch {
    // A folder or disk that takes no more.
    remove(made);
  }
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Nor can it be removed.
  }
}
