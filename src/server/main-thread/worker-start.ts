/** The start of each kind of Worker, as workers.ts and first-thread.ts need it. */

import { fileURLToPath } from 'node:url';
import { type MessagePort, SHARE_ENV, Worker } from 'node:worker_threads';
import { entryPath } from '../../platform/entry-path.js';
import { forgetLoading, noteLoading, type WorkerStart } from '../../platform/ffi/worker-loading.js';

const ENTRY = entryPath(new URL('../../platform/worker-entry.js', import.meta.url));
/**
 * What each kind of thread runs. All stand here, and this file in the folder of main.js: in the bundle
 * (scripts/bundle.mjs) it is a part of scripts there, and the paths hold there as well.
 */
const MODULES = {
  io: new URL('../io-thread/io-thread.js', import.meta.url),
  flow: new URL('../flow-thread/flow-thread.js', import.meta.url),
  tls: new URL('../tls-thread/tls-thread.js', import.meta.url),
};

export type WorkerKind = keyof typeof MODULES;

/**
 * Every thread's JavaScript heap: the data lies outside of it, and what little is made there dies young.
 * Left to itself V8 lets the young generation grow to 48 MiB a thread before it looks, and keeps all that
 * it has grown to. Each collection takes about 0.4 ms however little is left, and scripts leave a MiB behind
 * in a thousand calls: so I/O threads have more.
 */
const YOUNG_MIB: Readonly<Record<WorkerKind, number>> = { io: 6, flow: 3, tls: 3 };

/** Whether threads begin with scripts, of which each is one file. */
export const IS_BUNDLED = ENTRY.endsWith('.cjs');

/**
 * @param data the data in its `workerData` (worker-loading.ts)
 * @throws Error when the system has no thread for it; what fails later is an 'error' event
 */
export function startWorker(
  kind: WorkerKind,
  data: unknown,
  transferList: readonly MessagePort[],
): Worker {
  const loading = noteLoading();
  try {
    const worker = new Worker(ENTRY, {
      argv: [fileURLToPath(MODULES[kind])],
      workerData: { loading: loading.buffer, data } satisfies WorkerStart<unknown>,
      transferList: [...transferList],
      env: SHARE_ENV,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB[kind] },
    });
    return worker.once('exit', () => forgetLoading(loading));
  } catch (error) {
    forgetLoading(loading);
    throw error;
  }
}
