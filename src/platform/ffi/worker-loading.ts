/**
 * Workers that load. Node.js ends a Worker at any moment, by an exception that nothing may catch. Koffi
 * aborts the whole process when it meets one while it declares functions, which each of our Workers does
 * as it loads. So nobody ends a Worker, nor the thread that started it, before it has loaded.
 */
import { Latch } from './latch.js';

/** What each Worker gets as its `workerData`. */
export interface WorkerStart<T> {
  /** Of a Latch that opens when the Worker has loaded, or failed to (worker-entry.ts). */
  readonly loading: SharedArrayBuffer;
  readonly data: T;
}

/** Bounds what is wrong: a Worker loads within a second. */
const LOAD_TIMEOUT_MS = 5000;

/**
 * Of the Workers that this thread has started. Kept for the thread: several files of the bundle hold this
 * module, and one of them starts the first thread, which another one ends.
 */
const LOADING = Symbol.for('darter.loading-workers');
const ofThread = globalThis as { [LOADING]?: Set<Latch> };
ofThread[LOADING] ??= new Set();
const loading = ofThread[LOADING];

/** For a Worker that this thread is about to start. */
export function noteLoading(): Latch {
  process.off('exit', awaitLoaded).on('exit', awaitLoaded);
  const latch = new Latch();
  loading.add(latch);
  return latch;
}

/** The Worker has ended, or was never started. */
export function forgetLoading(latch: Latch): void {
  loading.delete(latch);
  if (loading.size === 0) process.off('exit', awaitLoaded);
}

/** Blocks this thread until the Workers that it has started have loaded. */
export function awaitLoaded(): void {
  const endsMs = performance.now() + LOAD_TIMEOUT_MS;
  for (const latch of loading) latch.wait(Math.max(0, endsMs - performance.now()));
}
