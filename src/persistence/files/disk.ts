/**
 * The disk as persistence sees it: the few operations that snapshots and journals are made of. The
 * server has the one over node:fs (node-disk.ts); tests have simulated ones that lose and damage what
 * was not synced.
 *
 * All of it is asynchronous, as a disk may take seconds and the threads that write serve others
 * meanwhile. Errors are those of the system, with a `code` (ENOSPC, EIO, ENOENT ...).
 *
 * What a crash leaves: bytes of a file are safe after `sync` of the file, its name after `syncFolder`
 * of its folder. A failed `sync` may have lost the bytes for good: a second one proves nothing.
 */

export interface DiskFile {
  /**
   * Whether appends and syncs may hold up the calling thread. While the disk is quick that takes less time
   * than to hand them to another thread and back; a disk that is not quick is left to others all the same.
   */
  mayHoldUp: boolean;
  /** Writes all the bytes at the end of the file. One call at a time. */
  append(bytes: Uint8Array): Promise<void>;
  /** Writes all the bytes at an offset, of a file that was opened by `openPlaces`. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Reads from an offset. @returns how many bytes; fewer than asked for at the end of the file */
  read(offset: number, into: Uint8Array): Promise<number>;
  /** Its length in bytes. */
  length(): Promise<number>;
  truncate(bytes: number): Promise<void>;
  /** Resolves when the bytes and the length are on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Creates a file that must not exist, for writing. */
  create(path: string): Promise<DiskFile>;
  /** Opens a file for reading. */
  open(path: string): Promise<DiskFile>;
  /** Opens a file that exists, for reading, appending and truncating. */
  reopen(path: string): Promise<DiskFile>;
  /** Opens a file that exists, for writing at any offset. Others may do so at the same time. */
  openPlaces(path: string): Promise<DiskFile>;
  /** Replaces what has the new name, as one step. */
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** The names in a folder. */
  list(folder: string): Promise<string[]>;
  /** Makes a folder in one that is there, unless it is there as well. */
  makeFolder(path: string): Promise<void>;
  /** Resolves when the names in the folder are on the disk. */
  syncFolder(path: string): Promise<void>;
}

/** The system's code of an error, or '' when it is none of the system. */
export function codeOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : '';
}

/** An error of the system about an open file, which does not say by itself what file that is: says it. */
export function withPath(error: unknown, path: string): unknown {
  const isUnnamed = codeOf(error) !== '' && !(error as Error).message.includes(path);
  if (isUnnamed) (error as Error).message += ` '${path}'`;
  return error;
}

/** Reads a whole file, which is known to be small. */
export async function readSmallFile(disk: Disk, path: string, bytesMax: number): Promise<Buffer> {
  const file = await disk.open(path);
  try {
    const length = await file.length();
    if (length > bytesMax) throw new Error(`${path} has ${length} bytes, more than ${bytesMax}`);
    const bytes = Buffer.alloc(length);
    const got = await file.read(0, bytes);
    return bytes.subarray(0, got);
  } finally {
    await file.close();
  }
}

/** The same; null when there is none. */
export async function readIfThere(
  disk: Disk,
  path: string,
  bytesMax: number,
): Promise<Buffer | null> {
  try {
    return await readSmallFile(disk, path, bytesMax);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Writes a small file so that after a crash there is the old one or the whole new one. */
export async function replaceFile(
  disk: Disk,
  place: { readonly folder: string; readonly path: string; readonly temporary: string },
  bytes: Uint8Array,
): Promise<void> {
  const file = await disk.create(place.temporary);
  try {
    await file.append(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(place.temporary, place.path);
  await disk.syncFolder(place.folder);
}
