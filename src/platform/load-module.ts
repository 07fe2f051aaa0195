/**
 * Loads a module of ours with all that it imports. `import` opens the files of a whole level of imports
 * at once: some hundred descriptors for a moment, times the threads that start together, which a server
 * with few of them does not have. `require`, where Node.js can load such modules with it (20.19), opens
 * one file at a time, and is a fifth faster. Modules loaded so may not await at their top level.
 *
 * In the bundle, most threads are scripts, which need not be compiled at each start
 * (scripts/bundle.mjs, compiled-scripts.ts).
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { loadScript } from './compiled-scripts.js';

const canRequire = process.features.require_module === true;

/** Whether files are opened one at a time. */
export const LOADS_SINGLY = canRequire;

/** Descriptors that are open for a moment while a module is loaded. */
export const LOADING_DESCRIPTORS = canRequire ? 4 : 300;

/** @param url of a module, X.js; X.cjs beside it is loaded in its place */
export async function loadModule(url: URL): Promise<unknown> {
  const path = fileURLToPath(url);
  const script = path.replace(/\.js$/, '.cjs');
  if (existsSync(script)) return loadScript(script);
  if (!canRequire) return import(url.href);
  return createRequire(import.meta.url)(path);
}
