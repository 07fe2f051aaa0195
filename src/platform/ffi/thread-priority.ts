/** How much the calling thread yields to others: setpriority(2), on Linux for a single thread. */
import { libc } from './libc.js';

const PRIO_PROCESS = 0;
/** Linux takes it for the calling thread, against POSIX: see the manual page's notes. */
const CALLER = 0;
/** The system's greatest. */
const NICE_MAX = 19;

/**
 * @param steps by how much more than now, when the thread has the process's nice value; each step is
 * about a quarter less of a contended core
 * @returns whether the system did it
 */
export function yieldToOthers(steps: number): boolean {
  if (libc === undefined) return false;
  const nice = Math.min(libc.getpriority(PRIO_PROCESS, CALLER) + steps, NICE_MAX);
  return libc.setpriority(PRIO_PROCESS, CALLER, nice) === 0;
}
