/**
 * The project's TypeScript files as the tidy rules see them: the text as written, the text without
 * comments, and the imports. A small scanner instead of a parser is enough for that, and has no
 * dependency; it knows strings, templates and regular expressions well enough not to be fooled.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Import {
  /** Project path of the imported file (`src/base/region.ts`), or a package's name. */
  readonly target: string;
  readonly isTypeOnly: boolean;
}

export interface SourceFile {
  /** From the project's root, with slashes: `src/base/region.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments blanked out; line numbers stay. */
  readonly code: string;
  /** The code with the contents of quoted strings blanked out as well. */
  readonly bare: string;
  readonly imports: readonly Import[];
}

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

export function isTest(file: SourceFile): boolean {
  return (
    file.path.startsWith('test/') ||
    file.path.endsWith('.test.ts') ||
    file.path.endsWith('test-support.ts')
  );
}

/** All TypeScript files but the generated ones. */
export function readSources(): SourceFile[] {
  const files: SourceFile[] = [];
  for (const folder of ['src', 'test', 'bench', 'scripts', 'console']) {
    if (existsSync(join(root, folder))) collect(join(root, folder), files);
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function collect(folder: string, files: SourceFile[]): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) collect(path, files);
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.generated.ts')) {
      files.push(
        parseSource(relative(root, path).replaceAll('\\', '/'), readFileSync(path, 'utf8')),
      );
    }
  }
}

export function parseSource(path: string, text: string): SourceFile {
  const code = blank(text, false);
  return { path, text, code, bare: blank(text, true), imports: importsOf(path, code) };
}

/** A comment, a string, a template or a regular expression, whichever comes first. */
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"|`(?:[^`\\]|\\[\s\S])*`|(?<=[=(,:!&|?{};]\s*)\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\//g;

function blank(text: string, stringsToo: boolean): string {
  return text.replace(TOKEN, (token) => {
    const isComment = token.startsWith('//') || token.startsWith('/*');
    if (isComment) return spaces(token);
    // A template may hold code: it stays.
    if (!stringsToo || token.startsWith('`')) return token;
    return token[0] + spaces(token.slice(1, -1)) + token[0];
  });
}

function spaces(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

const IMPORT =
  /(?:^|[;\n])\s*(import|export)\s+(type\s+)?(?:([\w*${}\s,]+?)\s+from\s+)?['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g;

function importsOf(path: string, code: string): Import[] {
  const imports: Import[] = [];
  for (const match of code.matchAll(IMPORT)) {
    const [, , type, clause, staticName, dynamicName] = match;
    const name = staticName ?? dynamicName ?? '';
    imports.push({
      target: resolveImport(path, name),
      isTypeOnly: type !== undefined || isTypeClause(clause),
    });
  }
  return imports;
}

/** `{ type A, type B }` loads nothing at run time, though TypeScript keeps the import statement. */
function isTypeClause(clause: string | undefined): boolean {
  const names = /^\{([\s\S]*)\}$/.exec(clause ?? '')?.[1];
  if (names === undefined) return false;
  const parts = names.split(',').filter((part) => part.trim() !== '');
  return parts.length > 0 && parts.every((part) => /^\s*type\s/.test(part));
}

function resolveImport(path: string, name: string): string {
  if (!name.startsWith('.')) return name;
  const target = join(dirname(path), name).replaceAll('\\', '/');
  return target.replace(/\.js$/, '.ts');
}
