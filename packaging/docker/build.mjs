/** First step of the image: installs what the build needs, without install scripts, and builds dist/. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

function run(program, ...args) {
  const { status } = spawnSync(program, args, { cwd: source, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

run('npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund');
run(process.execPath, 'scripts/build.mjs');
