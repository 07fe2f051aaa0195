/**
 * Second step of the image: `assemble.mjs TARGET` makes the folders that the image has.
 *
 *     TARGET/opt/darter/    what `npm pack` packs, less documents and examples, and its dependencies for this machine
 *     TARGET/data/          empty: the folder of snapshots and journals
 *
 * The lock file decides which dependencies these are; no install script runs.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, '..', '..');
const target = process.argv[2];
if (target === undefined) {
  console.error('Usage: assemble.mjs TARGET');
  process.exit(2);
}
const image = resolve(target);
const program = join(image, 'opt', 'darter');

function run(command, args, cwd) {
  const { status } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

mkdirSync(program, { recursive: true });
mkdirSync(join(image, 'data'), { recursive: true });

run('npm', ['pack', '--ignore-scripts', '--pack-destination', image], source);
const [packed] = readdirSync(image).filter((name) => name.endsWith('.tgz'));
run('tar', ['-xzf', join(image, packed), '--strip-components=1', '-C', program], image);
rmSync(join(image, packed));
for (const folder of ['docs', 'examples']) {
  rmSync(join(program, folder), { recursive: true, force: true });
}

copyFileSync(join(source, 'package-lock.json'), join(program, 'package-lock.json'));
const only = ['--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
run('npm', ['ci', ...only], program);
for (const script of ['entrypoint.mjs', 'healthcheck.mjs']) {
  copyFileSync(join(here, script), join(program, script));
}
