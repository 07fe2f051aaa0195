/** Thread entry: runs the writes that workerData names, and posts what came of them. */
import { parentPort, workerData } from 'node:worker_threads';
import { runWrites, type WritesOptions } from './writes.js';

parentPort!.postMessage(await runWrites(workerData as WritesOptions));
