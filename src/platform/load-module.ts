/**
 * Loads a module of ours with all that it imports. `import` opens the files of a whole level of imports
 * at once: some hundred descriptors for a moment, times the threads that start together, which a server
 * with few of them does not have. `require`, where Node.js can load such modules with it (20.19), opens
 * one file at a time, and is a fifth faster. Modules loaded so may not await at their top level.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const canRequire = process.features.require_module === true;

/** Whether files are opened one at a time. */
export const LOADS_SINGLY = canRequire;

/** Descriptors that are open for a moment while a module is loaded. */
export const LOADING_DESCRIPTORS = canRequire ? 4 : 300;

export async function loadModule(url: URL): Promise<unknown> {
  if (!canRequire) return import(url.href);
  return createRequire(import.meta.url)(fileURLToPath(url));
}
