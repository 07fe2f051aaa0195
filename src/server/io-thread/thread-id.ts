/** The calling thread's number in the system, or 0 where the system does not tell: for /proc/self/task. */
import { readlinkSync } from 'node:fs';

export function systemThreadId(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1)) || 0;
  } catch {
    return 0;
  }
}
