/**
 * Unit tests share processes: to start Node and to load half of the source costs more than most of
 * their files take. A group is a program that loads some files of one folder, one after the other, each
 * within a suite that is named after it, so that a failure tells its file.
 *
 * Alone stay: whole servers' tests (dist/test/); files that look at their own process, which others
 * would disturb; files that start themselves again in threads.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './files.mjs';

/** Where the suites of groups are declared, whose names are their files. */
export const groupRunner = join(root, 'scripts', 'test-group.mjs');
/** Another run of the tests may go on beside this one. */
const FOLDER = mkdtempSync(join(tmpdir(), 'darter-test-groups-'));
process.on('exit', () => rmSync(FOLDER, { recursive: true, force: true }));
/** A group must not be much longer than others, or one core waits for it at the end. */
const FILES_MAX = 16;
const STAYS_ALONE =
  /heapBytesPerRound|isMainThread|memoryUsage|\/proc\/|process\.env\.|performance\.now/;

/** By file: the program that has it. */
const groups = new Map();

/** @returns the program that a file shares with others, undefined when it has its own */
export function groupOf(file) {
  return groups.get(file);
}

/** @returns the programs to run: groups, and files that stay alone */
export function inGroups(files) {
  const alone = [];
  const folders = new Map();
  for (const file of files) {
    if (!mayShare(file)) alone.push(file);
    else folders.set(folderOf(file), [...(folders.get(folderOf(file)) ?? []), file]);
  }
  return [...alone, ...[...folders].flatMap(([folder, members]) => groupsOf(folder, members))];
}

function mayShare(file) {
  const name = relative(join(root, 'dist'), file);
  return !name.startsWith('test/') && !STAYS_ALONE.test(readFileSync(file, 'utf8'));
}

/** `src/commands` of `dist/src/commands/string/get.test.js`. */
function folderOf(file) {
  return relative(join(root, 'dist'), file).split('/').slice(0, 2).join('/');
}

function groupsOf(folder, files) {
  const count = Math.ceil(files.length / FILES_MAX);
  const size = Math.ceil(files.length / count);
  return Array.from({ length: count }, (_, i) => {
    const members = files.slice(i * size, (i + 1) * size);
    return members.length === 1 ? members[0] : writeGroup(`${folder}-${i + 1}`, members);
  });
}

function writeGroup(name, files) {
  const path = join(FOLDER, `${name.replaceAll('/', '-')}.mjs`);
  const names = files.map((file) => relative(root, file));
  for (const file of files) groups.set(file, path);
  const lines = [
    `// Written by scripts/${basename(import.meta.url)}: test files that share a process.`,
    `import { runGroup } from ${JSON.stringify(pathToFileURL(groupRunner).href)};`,
    `await runGroup(${JSON.stringify(names, undefined, 2)});`,
    '',
  ];
  writeFileSync(path, lines.join('\n'));
  return path;
}
