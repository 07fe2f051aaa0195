/** What the documents name is there: other documents, files, commands of npm, metrics, directives. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { findDirective } from '../src/server/config/directives.js';
import { FAMILIES } from '../src/server/main-thread/metrics/routes.js';
import { rootDirectory } from './support/server.js';

const FILES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(rootDirectory, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const TEXTS = new Map(FILES.map((file) => [file, readFileSync(join(rootDirectory, file), 'utf8')]));

/** What the pattern's group finds in each document that `isThere` does not know; at least `least` in all. */
function assertKnown(
  pattern: RegExp,
  least: number,
  isThere: (found: string, file: string) => boolean,
): void {
  const unknown: string[] = [];
  let count = 0;
  for (const [file, text] of TEXTS) {
    for (const [, found] of text.matchAll(pattern)) {
      count++;
      if (!isThere(found!, file)) unknown.push(`${file}: ${found}`);
    }
  }
  assert.deepEqual(unknown, []);
  assert.ok(count >= least, `${count} found`);
}

function anchorsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^a-z0-9 _-]/g, '')
      .replaceAll(' ', '-'),
  );
}

test('links lead somewhere', () => {
  assertKnown(/\]\(((?!https?:)[^)]+)\)/g, 100, (target, file) => {
    const [to, anchor] = target.split('#') as [string, string | undefined];
    const path = to === '' ? join(rootDirectory, file) : join(rootDirectory, dirname(file), to);
    return existsSync(path) && (anchor === undefined || anchorsOf(path).includes(anchor));
  });
});

test('files of the repository are where they are said to be', () => {
  // `bench/results/` is written by a run, and KIND stands for a name.
  const made = new Set(['bench/results/', 'test/KIND/']);
  const folders = 'src|test|scripts|bench|packaging|examples|console|docs|bin';
  assertKnown(new RegExp(`\`((?:${folders})/[\\w./@-]*)\``, 'g'), 30, (path) =>
    [path, `${path}.ts`].some((name) => made.has(name) || existsSync(join(rootDirectory, name))),
  );
});

test('npm has the scripts', () => {
  const text = readFileSync(join(rootDirectory, 'package.json'), 'utf8');
  const { scripts } = JSON.parse(text) as { scripts: Record<string, string> };
  assertKnown(/`npm run ([a-z:-]+)/g, 20, (name) => name in scripts);
});

test('metrics and their labels are served', () => {
  const names = new Set(FAMILIES.flatMap(({ name, labels }) => [name, ...labels]));
  assertKnown(/`((?:redis|darter)_\w+_\w+)`/g, 100, (name) => names.has(name));
});

test('the directives are known', () => {
  assertKnown(
    /`CONFIG SET (?!parameter)([a-z][\w-]+) \w/g,
    5,
    (name) => findDirective(name) !== undefined,
  );
  // Lines that start a server.
  assertKnown(
    /(?:npm start --|bin\/darter|darter darter\.conf)(?: [^-\n][^\n]*?)? --(?!help|compare)([a-z-]+)/g,
    5,
    (name) => findDirective(name) !== undefined,
  );
});
