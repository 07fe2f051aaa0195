/**
 * The first I/O thread is started before the main thread has loaded its own code: it loads its code
 * meanwhile, and gets what it serves as a message, as all I/O threads do. There is always one.
 *
 *   bin/darter, embedded-thread.ts ──startFirstThread──▶ loading ──takeFirstThread──▶ workers.ts
 *                                                          │ fails
 *                                                          └──▶ forgotten: workers.ts starts another,
 *                                                               whose failure is told
 *
 * Those who start it and who take it are in two files of the bundle, so it is kept for the thread.
 */
import type { Worker } from 'node:worker_threads';
import { findKoffi } from '../../platform/ffi/koffi.js';
import { IS_BUNDLED, startWorker } from './worker-start.js';

const FIRST = Symbol.for('darter.first-thread');
const ofThread = globalThis as { [FIRST]?: Worker | undefined };

export function startFirstThread(): void {
  // Modules that are files of their own would need as many descriptors at once.
  if (!IS_BUNDLED) return;
  // Once for both threads.
  findKoffi();
  try {
    const worker = startWorker('io', null, []);
    const forget = () => {
      if (ofThread[FIRST] === worker) ofThread[FIRST] = undefined;
    };
    worker.once('error', forget).once('exit', forget);
    // A process that does not become a server ends without it.
    worker.unref();
    ofThread[FIRST] = worker;
  } catch {
    // Short of threads or memory: the next try says so.
  }
}

/** The Worker, whose kind is 'io'. Its listeners are the caller's. */
export function takeFirstThread(): Worker | undefined {
  const worker = ofThread[FIRST];
  ofThread[FIRST] = undefined;
  worker?.ref();
  return worker;
}
