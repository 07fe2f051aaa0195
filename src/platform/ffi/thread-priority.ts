/** How much the calling thread yields to others: setpriority(2), on Linux for a single thread. */
import { libc } from './libc.js';

const PRIO_PROCESS = 0;
/** Linux takes it for the calling thread, against POSIX: see the manual page's notes. */
const CALLER = 0;

/**
 * @param nice 0 (as others) to 19; each step is about a quarter less of a contended core
 * @returns whether the system did it
 */
export function yieldToOthers(nice: number): boolean {
  return libc !== undefined && libc.setpriority(PRIO_PROCESS, CALLER, nice) === 0;
}
