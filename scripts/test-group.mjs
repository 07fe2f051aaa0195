/** What the programs of groups do (test-groups.mjs writes them). */
import { join } from 'node:path';
import { describe } from 'node:test';
import { pathToFileURL } from 'node:url';
import { root } from './files.mjs';

/** @param names of test files, from the root: each is a suite, which runs before the next is loaded */
export async function runGroup(names) {
  let current;
  process.prependListener('exit', () => {
    if (current === undefined) return;
    console.error(`The process ended within ${current}.`);
    process.exitCode = 1;
  });
  for (const name of names) {
    current = name;
    await describe(name, () => import(pathToFileURL(join(root, name)).href));
  }
  current = undefined;
}
