/** Files of the configuration as text: one char for each byte, and no more than a server needs. */
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';

export const CONFIG_FILE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * @param path or a descriptor
 * @throws the system's error, or one with the code EFBIG
 */
export function readTextFile(path: string | number): string {
  const bytes = readFileSync(path);
  if (bytes.length <= CONFIG_FILE_BYTES_MAX) return bytes.toString('latin1');
  throw Object.assign(new Error(`EFBIG: file too large, read '${path}'`), { code: 'EFBIG' });
}

/**
 * Writes a file anew, all of it or nothing.
 *
 * @throws the system's error
 */
export function replaceTextFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}-${Date.now()}.tmp`;
  try {
    const file = openSync(temporary, 'wx', 0o644);
    try {
      writeFileSync(file, text, 'latin1');
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
