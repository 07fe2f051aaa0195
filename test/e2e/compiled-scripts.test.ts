/**
 * What V8 has compiled is kept in the bundle (platform/compiled-scripts.ts): a server starts whatever is
 * found there, and mends it. Each test has a bundle of its own.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { claimPort } from '../support/ports.js';
import { rootDirectory, spawnServer, untilReady } from '../support/server.js';

const BUNDLE = join(rootDirectory, 'dist/bundle');
const skip =
  !existsSync(join(BUNDLE, 'compiled')) && 'there is no bundle: rolldown is not installed';
const made: string[] = [];

after(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A clone's program and bundle, with nothing compiled. @returns its folder */
function copyProgram(): string {
  const folder = mkdtempSync(join(tmpdir(), 'darter-compiled-'));
  made.push(folder);
  mkdirSync(join(folder, 'bin'));
  copyFileSync(join(rootDirectory, 'bin/darter'), join(folder, 'bin/darter'));
  copyFileSync(join(rootDirectory, 'bin/package.json'), join(folder, 'bin/package.json'));
  copyFileSync(join(rootDirectory, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(rootDirectory, 'node_modules'), join(folder, 'node_modules'));
  const filter = (path: string) => !/\.(cache|map)$/.test(path);
  cpSync(BUNDLE, join(folder, 'dist/bundle'), { recursive: true, filter });
  return folder;
}

/** Starts it, has it serve, and ends it. */
async function serveOnce(folder: string): Promise<void> {
  const port = await claimPort();
  const options = ['--port', String(port), '--threads', '1', '--shards', '1', '--save', ''];
  const args = [join(folder, 'bin/darter'), ...options];
  const server = spawnServer('darter', process.execPath, args, port);
  try {
    await untilReady(server);
    assert.equal(await server.ask('SET', 'key', 'value'), 'OK');
    assert.equal(await server.ask('GET', 'key'), 'value');
  } finally {
    const { code } = await server.stop();
    assert.equal(code, 0, server.log);
  }
}

function compiledFolder(folder: string): string {
  return join(folder, 'dist/bundle/compiled');
}

/** Paths of what is kept, sorted. */
function keptFiles(folder: string): string[] {
  const names = readdirSync(compiledFolder(folder));
  return names
    .filter((name) => name !== 'about.txt')
    .sort()
    .map((name) => join(compiledFolder(folder), name));
}

/** Changes with each writing, as a new file takes the old one's place. */
function identities(files: readonly string[]): number[] {
  return files.map((file) => statSync(file).ino);
}

test('the first start keeps what was compiled, and later ones take it', { skip }, async () => {
  const folder = copyProgram();
  await serveOnce(folder);
  const kept = keptFiles(folder);
  const names = kept.map((path) => /compiled\/([\w-]+)-\d+\.cache$/.exec(path)?.[1]);
  assert.deepEqual(names, ['io-thread', 'main']);
  const before = identities(kept);
  await serveOnce(folder);
  assert.deepEqual([keptFiles(folder), identities(kept)], [kept, before]);
});

test('what is damaged is compiled anew, and kept', { skip }, async () => {
  const folder = copyProgram();
  await serveOnce(folder);
  const kept = keptFiles(folder);
  const damages: ((path: string) => void)[] = [
    (path) => {
      // V8 would take this one.
      const bytes = readFileSync(path);
      const middle = bytes.length >> 1;
      bytes[middle] = bytes[middle]! ^ 0xff;
      writeFileSync(path, bytes);
    },
    (path) => truncateSync(path, statSync(path).size >> 1),
    (path) => truncateSync(path, 0),
  ];
  for (const damage of damages) {
    for (const path of kept) damage(path);
    const bytes = kept.map((path) => readFileSync(path));
    await serveOnce(folder);
    assert.deepEqual(keptFiles(folder), kept);
    for (const [index, path] of kept.entries()) {
      assert.notDeepEqual(readFileSync(path), bytes[index], path);
    }
  }
});

test('what belongs to a script of the same length is not taken', { skip }, async () => {
  const folder = copyProgram();
  await serveOnce(folder);
  const kept = keptFiles(folder);
  const script = join(folder, 'dist/bundle/server/main-thread/main.cjs');
  const text = readFileSync(script, 'latin1');
  assert.ok(text.includes('Ready to accept connections'));
  writeFileSync(script, text.replace('Ready to accept connections', 'Happy to accept connections'));
  const before = identities(kept);
  await serveOnce(folder);
  const [io, main] = identities(kept);
  assert.equal(io, before[0]);
  assert.notEqual(main, before[1]);
});

test('a server starts where nothing can be kept', { skip }, async () => {
  const folder = copyProgram();
  const compiled = compiledFolder(folder);
  rmSync(compiled, { recursive: true });
  await serveOnce(folder);
  assert.equal(existsSync(compiled), false);
  // Neither a folder nor, to whoever is not root, writable.
  writeFileSync(compiled, '');
  await serveOnce(folder);
  assert.equal(statSync(compiled).size, 0);
  rmSync(compiled);
  mkdirSync(compiled);
  chmodSync(compiled, 0o555);
  await serveOnce(folder);
});

test('a folder that is full stays as it is', { skip }, async () => {
  const folder = copyProgram();
  for (let index = 0; index < 64; index++) {
    writeFileSync(join(compiledFolder(folder), `main-${index}.cache`), '');
  }
  const before = keptFiles(folder);
  await serveOnce(folder);
  assert.deepEqual(keptFiles(folder), before);
});
