/** Where the first file of a thread is. In the bundle (scripts/bundle.mjs) it is a script. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @param url of a module, X.js. @returns its path, or that of the X.cjs beside it */
export function entryPath(url: URL): string {
  const path = fileURLToPath(url);
  const script = path.replace(/\.js$/, '.cjs');
  return existsSync(script) ? script : path;
}
