/**
 * Which process writes which files: nobody else may replace or remove them. There are two things to
 * lock: the snapshots of one name in a folder, and a journal. Each has a hidden file that its process
 * keeps locked (platform/ffi/file-lock.ts), with lines that say who that is. The file stays; without a
 * process it means nothing.
 *
 *   dir/.dump.darter.lock                     snapshots, while there are save points or once one was asked for
 *   dir/appendonlydir/.appendonly.aof.lock    the journal
 *
 * Servers that share a folder and have files of different names do not meet.
 */
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../../base/log.js';
import { codeOf } from '../../../persistence/files/disk.js';
import { lockFile } from '../../../platform/ffi/file-lock.js';

/** A process that was killed keeps its locks until its memory is freed. */
const TRIES = 10;
const RETRY_MS = 50;

export type Locked = 'snapshots' | 'journal';

interface Lock {
  readonly path: string;
  readonly handle: FileHandle;
}

/** The files are another process's. */
export class FilesInUse extends Error {}

export class FileLocks {
  private readonly held = new Map<Locked, Lock>();
  private hasWarned = false;

  constructor(private readonly log: Log) {}

  /**
   * Locks files until other ones are locked in their place, or the process ends.
   * @param path of the lock's file
   * @throws FilesInUse when another process has them; Error of the system
   */
  async hold(what: Locked, path: string): Promise<void> {
    const before = this.held.get(what);
    if (before?.path === path && (await isInPlace(before))) return;
    const handle = await open(path, 'a+', 0o644);
    try {
      await this.lock(what, path, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
    this.held.set(what, { path, handle });
    await before?.handle.close();
  }

  private async lock(what: Locked, path: string, handle: FileHandle): Promise<void> {
    for (let tries = 1; ; tries++) {
      const state = lockFile(handle.fd);
      if (state === '') break;
      if (state !== 'held') {
        this.warn(path, state);
        return;
      }
      if (tries === TRIES) throw new FilesInUse(await messageOf(what, path));
      await sleep(RETRY_MS);
    }
    // For people: the lock holds without it, also on a full disk.
    await handle.truncate(0).catch(() => {});
    await handle.write(`pid ${process.pid}\nhost ${hostname()}\n`).catch(() => {});
  }

  private warn(path: string, code: string): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    this.log.warning(
      `${path} cannot be locked (${code}): nothing keeps another server from writing the same files`,
    );
  }
}

/** Whoever removes the file of a lock takes the lock away: another process could have a new one. */
async function isInPlace({ path, handle }: Lock): Promise<boolean> {
  try {
    const [here, there] = await Promise.all([handle.stat(), stat(path)]);
    return here.ino === there.ino && here.dev === there.dev;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function messageOf(what: Locked, path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const pid = /^pid (\d+)$/m.exec(text)?.[1];
  const host = /^host (.+)$/m.exec(text)?.[1];
  const where = host === undefined || host === hostname() ? '' : ` on ${host}`;
  const who = pid === undefined ? 'another process' : `process ${pid}${where}`;
  const advice =
    what === 'journal'
      ? 'Give each server a dir or an appenddirname of its own'
      : 'Give each server a dir or a dbfilename of its own, or --save "" to one that saves nothing';
  return `${who} has the ${what} in ${dirname(path)}: ${path} is locked. ${advice}`;
}
