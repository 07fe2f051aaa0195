/**
 * Rules about names that are used in the wrong place or in none: declarations that only tests use,
 * and names of commands in code that belongs to no command. Both match words, not symbols: an export
 * counts as used where a file imports its file and has the word, a method where any code has it.
 */
import { COMMAND_NAMES, TEST_ONLY } from './exceptions.js';
import { definedCommands } from './rules.js';
import { isTest, type SourceFile } from './source.js';

const EXPORT =
  /^export\s+(?:declare\s+|abstract\s+|async\s+)*(?:const\s+enum|const|let|function\*?|class|interface|type|enum)\s+([A-Za-z_$][\w$]*)/gm;

/** A file of src/ that only tests load: `testing.ts`, `testing-clients.ts`, `testing/`. */
function servesTests(file: SourceFile): boolean {
  return isTest(file) || /\/(testing|test)([-./])/.test(file.path);
}

function occurrences(name: string, code: string): number {
  return [...code.matchAll(new RegExp(`(?<![\\w$])${name.replaceAll('$', '\\$')}(?![\\w$])`, 'g'))]
    .length;
}

/** The build collects every definition of a command's file: its exports need no import. */
function isCollected(file: SourceFile, at: number): boolean {
  if (definedCommands(file).length === 0) return false;
  const next = file.bare.indexOf('\nexport ', at + 1);
  return /^ {2}name: '/m.test(file.code.slice(at, next < 0 ? undefined : next));
}

/** The exports of a file that neither it nor any other file uses, tests apart. */
function unusedExports(file: SourceFile, users: readonly SourceFile[]): string[] {
  const unused: string[] = [];
  for (const match of file.bare.matchAll(EXPORT)) {
    const name = match[1] as string;
    if (occurrences(name, file.bare) > 1 || isCollected(file, match.index)) continue;
    if (!users.some((user) => occurrences(name, user.bare) > 0)) unused.push(name);
  }
  return unused;
}

const METHOD =
  /^ {2}(?:(?:static|public|protected|private|override|async|get|set) )*([A-Za-z_$][\w$]*)\([^;{}]*\)(?:: [^;{}]+)? \{$/gm;

/** The methods of a file's classes whose names stand nowhere else in any code, tests apart. */
function unusedMethods(file: SourceFile, words: ReadonlyMap<string, number>): string[] {
  const unused: string[] = [];
  for (const match of file.bare.matchAll(METHOD)) {
    const name = match[1] as string;
    if (words.get(name) !== 1 || name === 'constructor') continue;
    const opening =
      file.bare
        .slice(0, match.index)
        .match(/^\S.*$/gm)
        ?.at(-1) ?? '';
    if (/\bclass\b/.test(opening)) unused.push(name);
  }
  return unused;
}

function countWords(files: readonly SourceFile[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const file of files) {
    for (const [word] of file.bare.matchAll(/[A-Za-z_$][\w$]*/g)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

/** Production code that only tests use is dead, or waits for a command that is to come. */
export function testOnlyErrors(files: readonly SourceFile[], exceptions = TEST_ONLY): string[] {
  const errors: string[] = [];
  const needed = new Set<string>();
  const code = files.filter((file) => !servesTests(file));
  const words = countWords(code);
  for (const file of code) {
    if (!file.path.startsWith('src/')) continue;
    const users = code.filter((one) => one.imports.some(({ target }) => target === file.path));
    for (const name of [...unusedExports(file, users), ...unusedMethods(file, words)]) {
      const exception = Object.keys(exceptions).find((one) => covers(one, file.path, name));
      if (exception === undefined) errors.push(`${file.path}: only tests use ${name}; remove it`);
      else needed.add(exception);
    }
  }
  for (const exception of Object.keys(exceptions)) {
    if (!needed.has(exception)) errors.push(`${exception}: is used; remove it from TEST_ONLY`);
  }
  return errors;
}

function covers(exception: string, path: string, name: string): boolean {
  if (exception.endsWith('/')) return path.startsWith(exception);
  return exception === path || exception === `${path}#${name}`;
}

/** What may know commands: they themselves, scripts' environment, and what wires the server. */
const MAY_NAME_COMMANDS = ['src/commands/', 'src/scripting/', 'src/server/'];
const LITERAL = /(['"`])([A-Za-z][A-Za-z|-]*)\1/g;

/** The core treats all commands alike: what it must know of one stands in its definition. */
export function commandNameErrors(
  files: readonly SourceFile[],
  exceptions = COMMAND_NAMES,
): string[] {
  const errors: string[] = [];
  const commands = new Set(files.flatMap(definedCommands));
  const needed = new Map(Object.keys(exceptions).map((path) => [path, new Set<string>()]));
  for (const file of files) {
    if (!file.path.startsWith('src/') || servesTests(file)) continue;
    if (MAY_NAME_COMMANDS.some((folder) => file.path.startsWith(folder))) continue;
    const allowed = exceptions[file.path]?.[0].split(' ') ?? [];
    for (const [, , literal] of file.code.matchAll(LITERAL)) {
      const name = (literal as string).toLowerCase();
      if (!commands.has(name)) continue;
      const exception = [name, '*'].find((one) => allowed.includes(one));
      if (exception !== undefined) needed.get(file.path)?.add(exception);
      else errors.push(`${file.path}: names '${literal}'; put what it must know in a definition`);
    }
  }
  for (const [path, [names]] of Object.entries(exceptions)) {
    for (const name of names.split(' ')) {
      if (needed.get(path)?.has(name)) continue;
      errors.push(`${path}: does not name '${name}'; remove it from COMMAND_NAMES`);
    }
  }
  return errors;
}
