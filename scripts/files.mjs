/**
 * What the project's scripts share: where things are, and how to run one of them.
 * Plain JavaScript without dependencies, because setup.mjs runs before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const sourceFolders = ['src', 'test', 'bench', 'scripts', 'console'];
/** Written when a build begins and renamed when it has succeeded: its time is the build's start. */
export const buildStamp = join(root, 'dist', '.built');

/** Every file and folder below `folder`, folders included; nothing when it does not exist. */
export function* walk(folder) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    yield { path, isFolder: entry.isDirectory() };
    if (entry.isDirectory()) yield* walk(path);
  }
}

export function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Runs a Node script with this terminal; returns its exit code (1 when a signal ended it). */
export function runNode(script, ...args) {
  const result = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  return result.status ?? 1;
}

/** The JavaScript file behind a command of an installed package. */
export function packageBinary(packageName, path) {
  return join(root, 'node_modules', packageName, path);
}
