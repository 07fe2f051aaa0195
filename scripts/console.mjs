/**
 * Writes dist/page/: the console's page as browsers load it, four files without a build step for whoever
 * runs the server. The plot library is part of console.js, so that the page needs nothing from elsewhere.
 */
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './files.mjs';

const from = join(root, 'console');
const to = join(root, 'dist', 'page');
const plotLibrary = join(root, 'node_modules', 'uplot');

export async function writeConsole() {
  const bundler = await import('rolldown').catch(() => undefined);
  if (bundler === undefined) {
    rmSync(to, { recursive: true, force: true });
    console.error('rolldown is not installed: there is no console.');
    return;
  }
  const made = `${to}-${process.pid}`;
  mkdirSync(made, { recursive: true });
  const bundle = await bundler.rolldown({
    input: join(root, 'dist', 'console', 'page', 'main.js'),
    platform: 'browser',
  });
  // Its licence asks for its text to go along.
  const licence = readFileSync(join(plotLibrary, 'LICENSE'), 'utf8').trim();
  await bundle.write({
    file: join(made, 'console.js'),
    format: 'es',
    banner: `/*\nDarter's console, with uPlot (https://github.com/leeoniya/uPlot):\n\n${licence}\n*/`,
  });
  await bundle.close();
  const styles = [join(plotLibrary, 'dist', 'uPlot.min.css'), join(from, 'console.css')];
  const css = styles.map((path) => readFileSync(path, 'utf8')).join('\n');
  writeFileSync(join(made, 'console.css'), css);
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(from, name), join(made, name));
  rmSync(to, { recursive: true, force: true });
  renameSync(made, to);
}
