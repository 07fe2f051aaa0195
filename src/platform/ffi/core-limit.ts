/**
 * No core dumps: setrlimit(2) for RLIMIT_CORE. A dump would write the data of all clients to a disk, or
 * hand it to whatever collects dumps on this machine.
 *
 * One byte, not none: the kernel runs a collector (a core_pattern that begins with '|') with a limit of 0
 * as well, but not with 1, and writes no file below a page.
 *
 *   struct rlimit   0 soft limit   8 hard limit   (64 bits each)
 */
import { libc } from './libc.js';
import { createRegion } from './region.js';

const RLIMIT_CORE = 4;
const LIMIT_BYTES = 1n;

/** The hard limit stays: who owns the process may allow dumps again (prlimit). */
export function forbidCoreDumps(): void {
  if (libc === undefined) return;
  const limits = createRegion(16);
  if (libc.getrlimit(RLIMIT_CORE, limits.address) !== 0) return;
  const hard = limits.view.getBigUint64(8, true);
  limits.view.setBigUint64(0, hard < LIMIT_BYTES ? hard : LIMIT_BYTES, true);
  libc.setrlimit(RLIMIT_CORE, limits.address);
}
