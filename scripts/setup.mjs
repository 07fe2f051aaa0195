/**
 * Makes a clone ready to run: installs when node_modules is missing or older than the lock file,
 * builds when a source is newer than the last build. When nothing changed it only reads file times.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildStamp, modifiedMs, root, runNode, sourceFolders, walk } from './files.mjs';

const lockFile = join(root, 'package-lock.json');
const installed = join(root, 'node_modules', '.package-lock.json');

function install() {
  console.error('Installing dependencies (npm ci)...');
  const args = ['ci', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  const result = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, {
        cwd: root,
        stdio: ['ignore', 2, 2],
        shell: process.platform === 'win32',
      });
  if (result.status !== 0) {
    console.error('npm ci failed: see above.');
    process.exit(result.status ?? 1);
  }
}

/** What is compiled, and the other files of the console's page. */
const SOURCE = /\.(ts|css|html|svg)$/;

/** A removed file shows in the time of its folder, so folders count as well. */
function isBuilt() {
  const builtMs = modifiedMs(buildStamp);
  if (builtMs === 0) return false;
  for (const file of [
    'package-lock.json',
    'tsconfig.json',
    'scripts/build.mjs',
    'scripts/bundle.mjs',
    'scripts/console.mjs',
    'console/tsconfig.json',
  ]) {
    if (modifiedMs(join(root, file)) > builtMs) return false;
  }
  for (const folder of sourceFolders) {
    for (const { path, isFolder } of walk(join(root, folder))) {
      const counts = isFolder || (SOURCE.test(path) && !path.endsWith('.generated.ts'));
      if (counts && modifiedMs(path) > builtMs) return false;
    }
  }
  return true;
}

/** Here, as the tools that come next say it in words that help nobody. */
function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [least] = /\d+/.exec(engines.node);
  const { node } = process.versions;
  if (Number.parseInt(node, 10) >= Number(least)) return;
  console.error(`Darter needs Node.js ${least} or later. This is ${node}, ${process.execPath}`);
  process.exit(1);
}

checkNode();
if (modifiedMs(installed) < modifiedMs(lockFile)) install();
if (!isBuilt()) {
  console.error('Building...');
  const code = runNode('scripts/build.mjs');
  if (code !== 0) process.exit(code);
}
