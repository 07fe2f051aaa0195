/**
 * Rules about what people read: no citation of documents that a reader of the repository does not
 * have, no names and phrases that were given up, and no way round the limit of a function's length.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './source.js';

/** A file that people write by hand: code, scripts, documents, settings. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

const FOLDERS = [
  'src',
  'test',
  'bench',
  'scripts',
  'console',
  'docs',
  'bin',
  'packaging',
  'examples',
];
const WRITTEN = /\.(ts|mjs|md|json|ya?ml|cfg|conf|service|sh)$|^bin\//;
const NOT_WRITTEN = /\.generated\.ts$|^bench\/results\//;

export function readTexts(): TextFile[] {
  const paths = ['README.md', 'CONTRIBUTING.md', 'package.json', 'biome.json'];
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      paths.push(relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
    }
  }
  return paths
    .filter((path) => WRITTEN.test(path) && !NOT_WRITTEN.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** One error for each line that matches. The rules themselves must write what they forbid. */
function findLines(files: readonly TextFile[], pattern: RegExp, advice: string): string[] {
  const errors: string[] = [];
  for (const { path, text } of files) {
    if (path.startsWith('test/tidy')) continue;
    text.split('\n').forEach((line, index) => {
      const found = pattern.exec(line)?.[0];
      if (found !== undefined) errors.push(`${path}:${index + 1}: '${found}': ${advice}`);
    });
  }
  return errors;
}

const CITATION = /\bDESIGN(?:\.md|,? §? ?\d)|\bSTYLE\.md\b|\b[Ii]ssues? #?\d+|\/work\/\w+/;

export function citationErrors(files: readonly TextFile[]): string[] {
  return findLines(files, CITATION, 'readers do not have it; say here what it says');
}

/** Names of old, each with the one that took its place. */
const OLD_WORDS: Readonly<Record<string, string>> = {
  cramped: 'needsSpace, needsSplit',
  spares: 'defersExpiry',
  pour: 'reinsertEntries',
  goOn: 'resumeInput',
  lift: 'copyToScratch',
  board: 'progress',
  Board: 'SyncProgress',
  FlowSource: 'PrimaryFlow',
  FlowSink: 'ReplicaFlow',
  'whose time has come': 'that has expired, that is due',
  'goes its way': 'say what happens',
  'for the sake of a replica': 'because a replica lags',
};

export function oldWordErrors(files: readonly TextFile[]): string[] {
  return Object.entries(OLD_WORDS).flatMap(([word, instead]) =>
    findLines(files, new RegExp(`\\b${word}\\b`), `write ${instead}`),
  );
}

const LENGTH_RULE = 'noExcessiveLinesPerFunction';
export const FUNCTION_LINES_MAX = 70;

interface BiomeSettings {
  readonly linter: { readonly rules: { readonly complexity?: Record<string, unknown> } };
  readonly overrides?: readonly { includes: readonly string[]; linter?: unknown }[];
}

/** The linter counts the lines of functions: for all but unit tests, and without a way round it. */
export function functionLengthErrors(settings: string, files: readonly TextFile[]): string[] {
  const errors: string[] = [];
  const { linter, overrides } = JSON.parse(settings) as BiomeSettings;
  const rule = JSON.stringify(linter.rules.complexity?.[LENGTH_RULE] ?? null);
  if (!rule.includes('"error"') || !rule.includes(`"maxLines":${FUNCTION_LINES_MAX},`)) {
    errors.push(`biome.json: ${LENGTH_RULE} is not an error above ${FUNCTION_LINES_MAX} lines`);
  }
  for (const { includes, linter: own } of overrides ?? []) {
    if (!JSON.stringify(own ?? null).includes(LENGTH_RULE)) continue;
    if (includes.every((pattern) => pattern.endsWith('.test.ts'))) continue;
    errors.push(`biome.json: lifts ${LENGTH_RULE} for ${includes.join(', ')}; only for unit tests`);
  }
  const ignored = new RegExp(`biome-ignore.*${LENGTH_RULE}`);
  const advice = `a function has at most ${FUNCTION_LINES_MAX} lines: cut it in parts`;
  return errors.concat(findLines(files, ignored, advice));
}
