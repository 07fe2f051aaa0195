/** The first module of every Worker: loads the one that its only argument names (load-module.ts). */
import { pathToFileURL } from 'node:url';
import { loadModule } from './load-module.js';

const [, , path] = process.argv;
await loadModule(pathToFileURL(path!));
