/** Workers as this server starts them: the main thread's side of each kind of thread. */

import { setFlagsFromString } from 'node:v8';
import type { MessagePort, Worker } from 'node:worker_threads';
import { awaitLoaded } from '../../platform/ffi/worker-loading.js';
import { takeFirstThread } from './first-thread.js';
import { startWorker, type WorkerKind } from './worker-start.js';

/** Those that run. */
const living = new Set<Worker>();

/**
 * So little dies young in a fraction of a millisecond. Helpers of the collector would be woken for each
 * time, and where all cores are busy the thread would wait for them. It holds for the whole process.
 */
export function tuneCollector(): void {
  setFlagsFromString('--no-parallel-scavenge');
}

/**
 * @param kind what the thread runs
 * @param data the data in its `workerData` (worker-loading.ts)
 * @throws Error when the system has no thread for it; what fails later is an 'error' event
 */
export function createWorker(kind: Exclude<WorkerKind, 'io'>, data: unknown): Worker {
  return live(startWorker(kind, data, []));
}

/** An I/O thread, which gets its data as its first message. @throws as `createWorker` */
export function createIoWorker(data: unknown, transferList: readonly MessagePort[]): Worker {
  const worker = live(takeFirstThread() ?? startWorker('io', null, []));
  worker.postMessage(data, transferList);
  return worker;
}

function live(worker: Worker): Worker {
  living.add(worker);
  worker.once('exit', () => living.delete(worker));
  return worker;
}

/** Ends all that still run, wherever they are, and resolves when none is left. */
export async function endWorkers(): Promise<void> {
  const first = takeFirstThread();
  if (first !== undefined) live(first);
  awaitLoaded();
  await Promise.all([...living].map((worker) => worker.terminate()));
}
