/**
 * The system's errors as Redis's replies show them: in the words of strerror(3) of glibc. Those that
 * a file system gives; Node.js has words of its own for them.
 */
import { constants } from 'node:os';

const TEXTS: Readonly<Record<string, string>> = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  EINTR: 'Interrupted system call',
  EIO: 'Input/output error',
  ENXIO: 'No such device or address',
  EBADF: 'Bad file descriptor',
  EAGAIN: 'Resource temporarily unavailable',
  ENOMEM: 'Cannot allocate memory',
  EACCES: 'Permission denied',
  EBUSY: 'Device or resource busy',
  EEXIST: 'File exists',
  ENODEV: 'No such device',
  ENOTDIR: 'Not a directory',
  EISDIR: 'Is a directory',
  EINVAL: 'Invalid argument',
  ENFILE: 'Too many open files in system',
  EMFILE: 'Too many open files',
  ETXTBSY: 'Text file busy',
  EFBIG: 'File too large',
  ENOSPC: 'No space left on device',
  EROFS: 'Read-only file system',
  ENAMETOOLONG: 'File name too long',
  ENOLCK: 'No locks available',
  ENOTEMPTY: 'Directory not empty',
  ELOOP: 'Too many levels of symbolic links',
  EOVERFLOW: 'Value too large for defined data type',
  ETIMEDOUT: 'Connection timed out',
  ESTALE: 'Stale file handle',
  EDQUOT: 'Disk quota exceeded',
};

/** @param errorNumber of this system */
export function systemErrorText(errorNumber: number): string {
  const numbers: Readonly<Record<string, number | undefined>> = constants.errno;
  const name = Object.keys(TEXTS).find((code) => numbers[code] === errorNumber);
  return name === undefined ? `Unknown error ${errorNumber}` : TEXTS[name]!;
}
