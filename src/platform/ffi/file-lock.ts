/**
 * Locks of whole files between processes: flock(2). The kernel gives a lock back when the process that
 * holds it is gone, however it ended. It belongs to the file itself, so it also holds between
 * containers that share a volume.
 */
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { errno, libc } from './libc.js';

const LOCK_EXCLUSIVE = 2;
const LOCK_WITHOUT_WAITING = 4;

/**
 * Locks the file of a descriptor until that is closed, without waiting.
 * @returns 'held' by somebody else, '' when it is locked now, else the code of the system's error:
 *   there are no such locks here
 */
export function lockFile(descriptor: number): '' | 'held' | (string & {}) {
  if (libc === undefined) return 'ENOSYS';
  if (libc.flock(descriptor, LOCK_EXCLUSIVE | LOCK_WITHOUT_WAITING) === 0) return '';
  const failure = errno();
  return failure === constants.errno.EWOULDBLOCK ? 'held' : getSystemErrorName(-failure);
}
