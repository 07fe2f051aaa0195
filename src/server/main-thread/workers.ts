/** Workers as this server starts them: the main thread's side of an I/O thread or a flow thread. */

import { fileURLToPath } from 'node:url';
import { type MessagePort, SHARE_ENV, Worker } from 'node:worker_threads';

const ENTRY = new URL('../../platform/worker-entry.js', import.meta.url);

/**
 * Every thread's JavaScript heap: the data lies outside of it, and what little is made there dies young.
 * Left to itself V8 lets the young generation grow to 48 MiB a thread before it looks.
 */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 3 };

/**
 * @param module what the thread runs
 * @param data its `workerData`
 * @throws Error when the system has no thread for it; what fails later is an 'error' event
 */
export function createWorker(
  module: URL,
  data: unknown,
  transferList: readonly MessagePort[] = [],
): Worker {
  return new Worker(ENTRY, {
    argv: [fileURLToPath(module)],
    workerData: data,
    transferList: [...transferList],
    env: SHARE_ENV,
    resourceLimits: THREAD_LIMITS,
  });
}
