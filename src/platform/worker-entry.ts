/**
 * The first module of every Worker: loads the one that its only argument names (load-module.ts). A
 * rejection ends the Worker with an 'error' event.
 */
import { pathToFileURL } from 'node:url';
import { workerData } from 'node:worker_threads';
import { Latch } from './ffi/latch.js';
import type { WorkerStart } from './ffi/worker-loading.js';
import { loadModule } from './load-module.js';

const [, , path] = process.argv;
const { loading } = workerData as WorkerStart<unknown>;
void loadModule(pathToFileURL(path!)).finally(() => new Latch(loading).open());
