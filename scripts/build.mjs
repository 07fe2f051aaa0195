/**
 * Builds dist/ from the TypeScript sources:
 *   1. writes src/commands/index.generated.ts, the list of all command files (nobody keeps it by hand);
 *   2. compiles with tsc, which also checks the types;
 *   3. removes from dist/ what no longer has a source, so that no old test keeps running;
 *   4. joins what the server's threads load to a few files (bundle.mjs);
 *   5. puts the console's page together (console.mjs).
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { writeBundle } from './bundle.mjs';
import { writeConsole } from './console.mjs';
import { buildStamp, packageBinary, root, runNode, sourceFolders, walk } from './files.mjs';

const commandsFolder = join(root, 'src', 'commands');

/**
 * `string/getdel.ts`, sorted: one folder per group. Files directly in it define commands; its lib/ holds what the
 * group shares. contract/ holds the types.
 */
function commandFiles() {
  if (!existsSync(commandsFolder)) return [];
  const files = [];
  for (const entry of readdirSync(commandsFolder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === 'contract') continue;
    for (const file of readdirSync(join(commandsFolder, entry.name))) {
      if (file.endsWith('.ts') && !/\.(test|generated)\.ts$/.test(file)) {
        files.push(`${entry.name}/${file}`);
      }
    }
  }
  return files.sort();
}

function commandIndex(files) {
  const imports = files.map((f, i) => `import * as module${i} from './${f.replace(/ts$/, 'js')}';`);
  const names = files.map((_, i) => `  module${i},`);
  return [
    '// Written by scripts/build.mjs: every file of a command group. Do not edit.',
    ...imports,
    '',
    'export const commandModules: readonly Readonly<Record<string, unknown>>[] = [',
    ...names,
    '];',
    '',
  ].join('\n');
}

function writeIfChanged(path, text) {
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
}

function removeOrphans() {
  for (const folder of sourceFolders) {
    for (const { path, isFolder } of walk(join(root, 'dist', folder))) {
      const source = join(root, relative(join(root, 'dist'), path));
      if (isFolder ? !existsSync(source) : isOrphan(source)) rmSync(path, { recursive: true });
    }
  }
}

function isOrphan(outputAtSource) {
  const source = outputAtSource.replace(/\.js(\.map)?$/, '.ts');
  return source !== outputAtSource && !existsSync(source);
}

mkdirSync(join(root, 'dist'), { recursive: true });
if (existsSync(commandsFolder)) {
  writeIfChanged(join(commandsFolder, 'index.generated.ts'), commandIndex(commandFiles()));
}
const started = `${buildStamp}-${process.pid}`;
writeFileSync(started, '');
const compiler = packageBinary('typescript', 'bin/tsc');
const code = runNode(compiler, '-p', '.') || runNode(compiler, '-p', 'console');
if (code === 0) {
  removeOrphans();
  await writeBundle();
  await writeConsole();
  renameSync(started, buildStamp);
} else {
  rmSync(started);
}
process.exit(code);
