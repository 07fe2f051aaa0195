/**
 * How many descriptors the process may have open: getrlimit(2) and setrlimit(2), for RLIMIT_NOFILE.
 * Where there are no native calls the kernel's text says it, or nobody does.
 *
 *   struct rlimit   0 soft limit   8 hard limit   (64 bits each; all ones: none)
 */
import { readFileSync } from 'node:fs';
import { errno, libc } from './libc.js';
import { createRegion } from './region.js';

const RLIMIT_NOFILE = 7;
const RLIMIT_BYTES = 16;
const NO_LIMIT = 0xffff_ffff_ffff_ffffn;

/** The present limit; Infinity where there is none, or none is told. */
export function descriptorLimit(): number {
  if (libc === undefined) return limitFromText();
  const limits = createRegion(RLIMIT_BYTES);
  if (libc.getrlimit(RLIMIT_NOFILE, limits.address) !== 0) return Number.POSITIVE_INFINITY;
  const soft = limits.view.getBigUint64(0, true);
  return soft === NO_LIMIT ? Number.POSITIVE_INFINITY : Number(soft);
}

function limitFromText(): number {
  try {
    const match = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return match === null ? Number.POSITIVE_INFINITY : Number(match[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * Raises the limit to `wanted`, or as near to it as the system allows. Who may raise the hard limit
 * gets all of it. @returns the error number of the first attempt, 0 when that succeeded
 */
export function raiseDescriptorLimit(wanted: number): number {
  if (libc === undefined || descriptorLimit() >= wanted) return 0;
  const limits = createRegion(RLIMIT_BYTES);
  limits.view.setBigUint64(0, BigInt(wanted), true);
  limits.view.setBigUint64(8, BigInt(wanted), true);
  if (libc.setrlimit(RLIMIT_NOFILE, limits.address) === 0) return 0;
  const failure = errno();
  // Only the hard limit may be out of reach.
  libc.getrlimit(RLIMIT_NOFILE, limits.address);
  limits.view.setBigUint64(0, limits.view.getBigUint64(8, true), true);
  libc.setrlimit(RLIMIT_NOFILE, limits.address);
  return failure;
}
