/** Workers as this server starts them: the main thread's side of each kind of thread. */

import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { type MessagePort, SHARE_ENV, Worker } from 'node:worker_threads';

const ENTRY = new URL('../../platform/worker-entry.js', import.meta.url);
/**
 * What each kind of thread runs. All stand here, and this file in the folder of main.js: in the bundle
 * (scripts/bundle.mjs) it is a part of main.js, and the paths hold there as well.
 */
const MODULES = {
  io: new URL('../io-thread/io-thread.js', import.meta.url),
  flow: new URL('../flow-thread/flow-thread.js', import.meta.url),
  tls: new URL('../tls-thread/tls-thread.js', import.meta.url),
};

/**
 * Every thread's JavaScript heap: the data lies outside of it, and what little is made there dies young.
 * Left to itself V8 lets the young generation grow to 48 MiB a thread before it looks.
 */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 3 };
/**
 * So little dies young in a fraction of a millisecond. Helpers of the collector would be woken for each
 * time, and where all cores are busy the thread would wait for them.
 */
setFlagsFromString('--no-parallel-scavenge');

/**
 * @param kind what the thread runs
 * @param data its `workerData`
 * @throws Error when the system has no thread for it; what fails later is an 'error' event
 */
export function createWorker(
  kind: keyof typeof MODULES,
  data: unknown,
  transferList: readonly MessagePort[] = [],
): Worker {
  return new Worker(ENTRY, {
    argv: [fileURLToPath(MODULES[kind])],
    workerData: data,
    transferList: [...transferList],
    env: SHARE_ENV,
    resourceLimits: THREAD_LIMITS,
  });
}
