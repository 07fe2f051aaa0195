/** Files of the configuration as text: one char for each byte, and no more than a server needs. */
import { readFileSync } from 'node:fs';

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
