/**
 * How the calling thread spent its time: on a processor, or waiting for one. Wall time alone would
 * not tell whether a thread is busy: on a machine with more work than cores a thread that is not
 * asleep may be at work or in a queue.
 *
 * The first comes from clock_gettime, exact and 0.1 µs; the second from /proc/thread-self/schedstat
 * ("time on processors, time waiting for one, time slices", in ns), a few µs, where the kernel keeps it.
 */
import { openSync, readSync } from 'node:fs';
import { libc } from './libc.js';
import { createRegion } from './region.js';

const CLOCK_THREAD_CPUTIME_ID = 3;
const STATISTICS_BYTES_MAX = 100;
/** struct timespec: seconds (64 bits), nanoseconds (64 bits). */
const time = createRegion(16);

/** For the thread that makes it only. */
export class ThreadClock {
  private readonly text = new Uint8Array(STATISTICS_BYTES_MAX);
  private readonly statistics = openStatistics();

  /** Milliseconds on a processor; 0 where there are no native calls. */
  workedMs(): number {
    if (libc === undefined) return 0;
    if (libc.clockGettime(CLOCK_THREAD_CPUTIME_ID, time.address) < 0) return 0;
    return time.words[0]! * 1000 + time.words[2]! / 1e6;
  }

  /** Milliseconds ready for work, but without a processor; 0 where the kernel does not tell. */
  queuedMs(): number {
    if (this.statistics < 0) return 0;
    const length = readSync(this.statistics, this.text, 0, STATISTICS_BYTES_MAX, 0);
    const [, queued] = Buffer.from(this.text.subarray(0, length)).toString('latin1').split(' ');
    return Number(queued) / 1e6 || 0;
  }
}

/** A descriptor for the rest of the thread's life, or -1. */
function openStatistics(): number {
  try {
    return openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return -1;
  }
}
