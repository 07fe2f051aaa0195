/**
 * `npm run test:package`: the package as its users get it. Packs it, installs the tarball with npm, pnpm and
 * yarn, install scripts off, and runs what the documentation promises: the program, import, require, the
 * declarations, and the examples of docs/embedding.md. Needs a registry; what that lacks is skipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootDirectory } from '../support/server.js';
import { writeExamples } from './examples.js';

const COMMAND_TIMEOUT_MS = 5 * 60_000;
const VERSION = /^Darter v=\S+ redis=7\.0\.15 node=\S+\n$/;
const PROGRAM = `const server = await start({ preset: 'test' });
const { server: told } = await server.info('server');
await server.stop();
if (told.redis_version !== '7.0.15') throw new Error('no INFO');
console.log('served');`;

const work = mkdtempSync(join(tmpdir(), 'darter-package-'));
let failures = 0;

function run(folder: string, command: string, ...args: string[]): string {
  const result = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: COMMAND_TIMEOUT_MS,
    env: { ...process.env, CI: '1', npm_config_update_notifier: 'false' },
  });
  if (result.status === 0) return result.stdout;
  throw new Error(`${command} ${args.join(' ')}: ${result.stdout}${result.stderr}`);
}

function step(name: string, work: () => void): void {
  try {
    work();
    console.log(`ok      ${name}`);
  } catch (error) {
    failures++;
    console.log(`FAILED  ${name}\n${error instanceof Error ? error.message : error}`);
  }
}

function expectText(text: string, pattern: RegExp): void {
  if (!pattern.test(text)) throw new Error(`unexpected: ${text}`);
}

function makeProject(name: string): string {
  const folder = join(work, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  writeFileSync(join(folder, 'es.mjs'), `import { start } from 'darter';\n${PROGRAM}\n`);
  const body = PROGRAM.replaceAll('\n', '\n  ');
  writeFileSync(
    join(folder, 'common.cjs'),
    `const { start } = require('darter');\n(async () => {\n  ${body}\n})();\n`,
  );
  return folder;
}

/** The tool itself, from the registry; null when that has none. */
function tool(name: string): string | null {
  if (name === 'npm') return 'npm';
  const folder = join(work, `tool-${name}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  try {
    run(folder, 'npm', 'install', '--ignore-scripts', name);
    return join(folder, 'node_modules', '.bin', name);
  } catch {
    return null;
  }
}

function tryInstalled(name: string, install: readonly string[], tarball: string): void {
  const program = tool(name);
  if (program === null) {
    console.log(`skipped ${name}: the registry does not have it`);
    return;
  }
  const folder = makeProject(`with-${name}`);
  step(`${name}: installs with scripts off`, () => {
    run(folder, program, ...install, tarball);
  });
  step(`${name}: darter --version`, () => {
    expectText(run(folder, join(folder, 'node_modules', '.bin', 'darter'), '--version'), VERSION);
  });
  step(`${name}: import`, () => expectText(run(folder, 'node', 'es.mjs'), /^served\n$/));
  step(`${name}: require`, () => expectText(run(folder, 'node', 'common.cjs'), /^served\n$/));
}

function tryNpx(tarball: string): void {
  const folder = join(work, 'with-npm');
  step('npx darter --help', () => expectText(run(folder, 'npx', 'darter', '--help'), /^Usage/));
  step('npm install -g', () => {
    const prefix = join(work, 'global');
    run(work, 'npm', 'install', '-g', '--ignore-scripts', '--prefix', prefix, tarball);
    expectText(run(work, join(prefix, 'bin', 'darter'), '-v'), VERSION);
  });
}

function tryTypes(): void {
  const folder = join(work, 'with-npm');
  const text = `import { type DarterServer, start } from 'darter';
const server: DarterServer = await start({ preset: 'test', 'maxmemory-policy': 'noeviction' });
const port: number = server.port;
// @ts-expect-error: there is no such preset
await start({ preset: 'production' });
await server.stop({ save: 'nosave' });
export { port };\n`;
  writeFileSync(join(folder, 'typed.mts'), text);
  const common = text.replace(/await /g, 'void ').replace('DarterServer = void', 'unknown = void');
  writeFileSync(
    join(folder, 'typed.cts'),
    common
      .replace(/const port.*\n/, '')
      .replace(/.*server\.stop.*\n/, '')
      .replace('{ port }', '{}'),
  );
  const compiler = join(rootDirectory, 'node_modules', 'typescript', 'bin', 'tsc');
  for (const file of ['typed.mts', 'typed.cts']) {
    step(`declarations: ${file}`, () => {
      const options = ['--ignoreConfig', '--strict', '--noEmit', '--module', 'NodeNext'];
      // Without the types of Node.js, and with every declaration looked at.
      run(folder, 'node', compiler, ...options, '--target', 'ES2022', '--types', '', file);
    });
  }
}

function tryExamples(name: string, packages: readonly string[], test: readonly string[]): void {
  const folder = join(work, 'with-npm');
  try {
    run(folder, 'npm', 'install', '--ignore-scripts', ...packages);
  } catch {
    console.log(`skipped ${name}: the registry does not have ${packages.join(', ')}`);
    return;
  }
  step(`docs/embedding.md: ${name}`, () => {
    writeExamples(name, folder);
    const [command = '', ...args] = test;
    run(join(folder, name), command, ...args);
  });
}

try {
  run(rootDirectory, 'npm', 'pack', '--ignore-scripts', '--pack-destination', work);
  const packed = readdirSync(work).find((name) => name.endsWith('.tgz'));
  if (packed === undefined) throw new Error('npm pack made nothing');
  const tarball = join(work, packed);
  tryInstalled('npm', ['install', '--ignore-scripts'], tarball);
  tryInstalled('pnpm', ['add', '--ignore-scripts'], tarball);
  tryInstalled('yarn', ['add', '--ignore-scripts'], tarball);
  if (existsSync(join(work, 'with-npm', 'node_modules'))) {
    tryNpx(tarball);
    tryTypes();
    tryExamples('node-test', ['redis'], ['node', '--test']);
    tryExamples('vitest', ['redis', 'vitest'], ['npx', 'vitest', 'run']);
    tryExamples(
      'jest',
      ['redis', 'jest'],
      ['npx', 'jest', '--testTimeout', String(COMMAND_TIMEOUT_MS)],
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
if (failures > 0) console.log(`${failures} failed`);
process.exitCode = failures > 0 ? 1 : 0;
