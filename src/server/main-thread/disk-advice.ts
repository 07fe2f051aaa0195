/** What an operator can do when the disk refuses: said with the failure, in the log. */

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on the disk',
  EDQUOT: 'make room on the disk, or raise the quota',
  EACCES: 'let the user of this process write there',
  EPERM: 'let the user of this process write there',
  EROFS: 'mount the file system for writing, or set dir to another one',
  ENOENT: 'make the folder again, or set dir to another one',
  EIO: 'the disk is broken: look into the log of the system',
  EMFILE: 'raise ulimit -n',
  ENFILE: 'raise fs.file-max of the system',
};

/** @param code an errno name. @returns `; what to do`, or '' */
export function diskAdvice(code: string): string {
  const advice = ADVICE[code];
  return advice === undefined ? '' : `; ${advice}`;
}
