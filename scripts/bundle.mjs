/**
 * Writes dist/bundle/: the modules of dist/src that a thread loads, joined to a few files. A thread
 * starts in a third of the time: finding, opening and linking 500 small modules is most of its start.
 *
 * Each kind of thread keeps a file of its own at the place that it has in dist/src, so that relative
 * URLs hold; what several load lies in shared files, so that a module exists once in a thread. Nothing
 * is minified: names in stack traces are the sources', and `node --enable-source-maps` gives the lines.
 */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './files.mjs';

const from = join(root, 'dist', 'src');
const to = join(root, 'dist', 'bundle');

/**
 * What is loaded by its path: by bin/darter, and by `new URL(..., import.meta.url)` in src/. Such a URL
 * has to stand in an entry's folder, in a module that only this entry loads.
 */
const entries = [
  'platform/load-module',
  'platform/worker-entry',
  'server/main-thread/main',
  'server/compare/main',
  'server/io-thread/io-thread',
  'server/flow-thread/flow-thread',
  'server/flow-thread/effect-target',
  'server/flow-thread/redis-following',
  'server/tls-thread/tls-thread',
];

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
    external: [/^node:/, 'koffi'],
    platform: 'node',
    treeshake: false,
  });
  await bundle.write({
    dir: made,
    format: 'es',
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
    sourcemap: true,
  });
  await bundle.close();
  rmSync(to, { recursive: true, force: true });
  renameSync(made, to);
}
