/**
 * A default for maxmemory where a container grants less memory than the machine has. Without a limit of its
 * own the server would be killed by the system when it reaches the container's: with it, writes are
 * refused (or keys evicted, as maxmemory-policy says) before that.
 *
 * The rest of what is granted is for what does not count as data: the process and its threads, the
 * journals, and pages that wait to be given back.
 */
import { totalmem } from 'node:os';
import type { Log } from '../../base/log.js';
import type { ContainerLimits } from '../../platform/container.js';
import type { Config } from '../config/config.js';

const MEBIBYTE = 1024 * 1024;
const PROCESS_BYTES = 96 * MEBIBYTE;
const THREAD_BYTES = 32 * MEBIBYTE;
/** Journals may grow by as much again for replicas that are away. */
const JOURNALS = 2;
/** The rest is a fifth of what is granted at least. */
const SPARE_SHARE = 0.2;
/** In a container that is too small for the rest, the data get this share all the same. */
const LEAST_SHARE = 0.125;

/** How much of what a container grants is for data. */
export function dataBytes(grantedBytes: number, threads: number, journalBytes: number): number {
  const rest = PROCESS_BYTES + threads * THREAD_BYTES + JOURNALS * journalBytes;
  const left = grantedBytes - Math.max(rest, grantedBytes * SPARE_SHARE);
  return Math.floor(Math.max(left, grantedBytes * LEAST_SHARE) / MEBIBYTE) * MEBIBYTE;
}

/** Sets maxmemory if it is 0 and a container bounds the process. Before the threads start. */
export function fitMaxMemory(
  config: Config,
  log: Log,
  { memoryBytes }: ContainerLimits,
  threads: number,
): void {
  if (memoryBytes === null || memoryBytes >= totalmem()) return;
  if (config.number('maxmemory') !== 0) return;
  const bytes = dataBytes(memoryBytes, threads, config.number('repl-backlog-size'));
  config.assign('maxmemory', [String(bytes)]);
  log.notice(
    `The container grants ${memoryBytes} bytes of memory: maxmemory is ${bytes}, so that the system does ` +
      'not end the process. Set maxmemory, or container-limits no, to decide yourself.',
  );
}
