/** The system's errors in the words of the C library, which Redis shows. */

const TEXTS: Readonly<Record<string, string>> = {
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
  EACCES: 'Permission denied',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
  EROFS: 'Read-only file system',
  EFBIG: 'File too large',
  ENOSPC: 'No space left on device',
  ENOMEM: 'Cannot allocate memory',
  ENFILE: 'Too many open files in system',
  EMFILE: 'Too many open files',
  ENOBUFS: 'No buffer space available',
  ECONNREFUSED: 'Connection refused',
};

/** @param error of Node.js, with an errno name as `code` */
export function systemErrorText(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return TEXTS[code ?? ''] ?? message;
}

/** @param code an errno name, 'EMFILE' */
export function textOfErrorName(code: string): string {
  return TEXTS[code] ?? code;
}
