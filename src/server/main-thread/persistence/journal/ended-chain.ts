/**
 * What a chain that was switched off (`CONFIG SET appendonly no`) says of itself, in a file of its own:
 *
 *   appendonly.aof.3.ended     when that was, and which snapshots are of a later moment
 *
 * The files of the chain stay, so that there is something until another chain is whole. But they grow
 * old. A snapshot that the same process has saved since has all that they have, and more. So its name
 * is noted here before it is in place, and a start that finds it there takes it instead. Any other
 * snapshot may be of another history; then the journal counts, as in Redis.
 */
import type { Log } from '../../../../base/log.js';
import { DamagedFile } from '../../../../persistence/files/damaged-file.js';
import { codeOf, readIfThere, replaceFile } from '../../../../persistence/files/disk.js';
import { openSealed, sealText } from '../../../../persistence/files/sealed-text.js';
import type { JournalFiles } from './journal-files.js';

const BYTES_MAX = 64 * 1024;
/** The one that is in place, and the one that is about to replace it. */
const NAMES = 2;

export interface EndedChain {
  readonly endedMs: number;
  /** Names of snapshots, the newest last. */
  readonly snapshots: readonly string[];
}

/** @returns null when the chain was not switched off. @throws DamagedFile */
export async function readEnded(files: JournalFiles, chain: number): Promise<EndedChain | null> {
  const path = files.endedPath(chain);
  const bytes = await readIfThere(files.disk, path, BYTES_MAX);
  if (bytes === null) return null;
  const opened = openSealed(bytes);
  if (typeof opened === 'string') throw new DamagedFile(path, 0, opened);
  const { endedMs, snapshots } = opened.value as Partial<EndedChain>;
  if (!Number.isSafeInteger(endedMs) || !Array.isArray(snapshots)) {
    throw new DamagedFile(path, 0, 'it does not say when the journal was switched off');
  }
  return { endedMs: endedMs!, snapshots };
}

export async function writeEnded(
  files: JournalFiles,
  chain: number,
  { endedMs, snapshots }: EndedChain,
): Promise<void> {
  const { disk, folder } = files;
  const path = files.endedPath(chain);
  const temporary = `${path}.new`;
  // Of an attempt that failed.
  await disk.unlink(temporary).catch(() => {});
  const ended = { format: 'darter journal, ended', endedMs, snapshots: snapshots.slice(-NAMES) };
  await replaceFile(disk, { folder, path, temporary }, sealText(ended));
}

/** The chain goes on: nothing is of a later moment. */
export async function forgetEnded(files: JournalFiles, chain: number): Promise<void> {
  const { disk, folder } = files;
  try {
    await disk.unlink(files.endedPath(chain));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  await disk.syncFolder(folder);
}

/** What this process has noted of the chain on the disk that it has switched off. */
export class SwitchedOff {
  private ended: (EndedChain & { readonly chain: number }) | null = null;

  constructor(private readonly log: Log) {}

  /** Another chain is there, or another folder. */
  forget(): void {
    this.ended = null;
  }

  /** The files of the chain stay, and grow old: they say so. */
  async note(files: JournalFiles): Promise<void> {
    try {
      const chain = (await files.find())?.chain;
      if (chain === undefined || chain === this.ended?.chain) return;
      const ended = { endedMs: Date.now(), snapshots: [] };
      await writeEnded(files, chain, ended);
      this.ended = { ...ended, chain };
    } catch (error) {
      this.warn('That the journal was switched off', error);
    }
  }

  /** A snapshot is about to be in place: it is newer than a chain that was switched off. */
  async noteSnapshot(files: JournalFiles, name: string): Promise<void> {
    const { ended } = this;
    if (ended === null) return;
    const { chain, endedMs } = ended;
    const noted = { endedMs, snapshots: [...ended.snapshots, name] };
    try {
      await writeEnded(files, chain, noted);
      // Another chain may have replaced it meanwhile.
      if (this.ended === ended) this.ended = { ...noted, chain };
      else await forgetEnded(files, chain);
    } catch (error) {
      this.warn('That the snapshot is newer than the journal', error);
    }
  }

  private warn(what: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.log.warning(`${what} is not noted: ${reason}`);
  }
}
