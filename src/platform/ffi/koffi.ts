/** Koffi, and where its binary is. */
import { createRequire } from 'node:module';
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';

export type Koffi = typeof import('koffi');

/**
 * The path of its binary, for the threads that this one starts. To look for it through package.json files
 * and the headers of the running program takes a tenth of a thread's start.
 */
const BINARY = 'darter.koffi-binary';

/**
 * Koffi maps these for each thread that calls it, and does not give them back when a Worker ends. By
 * default they are three mebibytes, so a process that starts and stops servers would grow by that for
 * each thread. System calls need little of them.
 */
const PER_WORKER = { sync_stack_size: 128 * 1024, sync_heap_size: 64 * 1024 };

/** @throws Error where it has none for this system */
export function loadKoffi(): Koffi {
  const require = createRequire(import.meta.url);
  const known = getEnvironmentData(BINARY);
  if (typeof known === 'string') return ofWorker(require(known) as Koffi);
  const before = Object.keys(require.cache);
  const koffi = require('koffi') as Koffi;
  const isBinary = (path: string) => path.endsWith('koffi.node') && !before.includes(path);
  const binary = Object.keys(require.cache).find(isBinary);
  if (binary !== undefined) setEnvironmentData(BINARY, binary);
  return koffi;
}

/** The main thread may be the program's that embeds a server, which may call koffi too. */
function ofWorker(koffi: Koffi): Koffi {
  if (!isMainThread) koffi.config(PER_WORKER);
  return koffi;
}

/** Finds its binary, if it is there, for this thread and for those that it starts. */
export function findKoffi(): void {
  if (process.platform !== 'linux' || process.env.DARTER_NO_FFI === '1') return;
  try {
    loadKoffi();
  } catch {
    // libc.ts tells why.
  }
}
