/**
 * The calling thread's own processor time. Wall time would not do to tell whether a thread is busy:
 * on a machine with more work than cores it also runs while the thread waits for a core.
 */
import { libc } from './libc.js';
import { createRegion } from './region.js';

const CLOCK_THREAD_CPUTIME_ID = 3;
/** struct timespec: seconds (64 bits), nanoseconds (64 bits). */
const time = createRegion(16);

/** Milliseconds of processor time the calling thread has used; 0 where there are no native calls. */
export function threadCpuMs(): number {
  if (libc === undefined || libc.clockGettime(CLOCK_THREAD_CPUTIME_ID, time.address) < 0) return 0;
  return time.words[0]! * 1000 + time.words[2]! / 1e6;
}
