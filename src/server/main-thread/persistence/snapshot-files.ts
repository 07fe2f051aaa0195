/**
 * The files of snapshots in a folder: which there are, putting a new one in place, and removing old
 * ones. A snapshot is there when its manifest is (persistence/snapshot/manifest.ts).
 */
import { join } from 'node:path';
import { DamagedFile } from '../../../persistence/files/damaged-file.js';
import {
  type Disk,
  readIfThere,
  readSmallFile,
  replaceFile,
} from '../../../persistence/files/disk.js';
import {
  decodeManifest,
  encodeManifest,
  keptManifestName,
  MANIFEST_BYTES_MAX,
  type SnapshotManifest,
  snapshotOf,
} from '../../../persistence/snapshot/manifest.js';

/** Of the manifest that is not in place yet. */
const TEMPORARY = '.new';

export class SnapshotFiles {
  constructor(
    private readonly disk: Disk,
    private readonly folder: string,
    /** The manifest's name. */
    readonly base: string,
  ) {}

  pathOf(file: string): string {
    return join(this.folder, file);
  }

  /**
   * @returns the newest snapshot's manifest; null when there is none
   * @throws DamagedFile; Error of the system when it cannot be read
   */
  async newest(): Promise<SnapshotManifest | null> {
    const path = this.pathOf(this.base);
    const bytes = await readIfThere(this.disk, path, MANIFEST_BYTES_MAX);
    if (bytes === null) return null;
    const manifest = decodeManifest(bytes);
    if (typeof manifest === 'string') throw new DamagedFile(path, 0, manifest);
    return manifest;
  }

  /** Makes a snapshot whose files are on the disk the newest one. @param keep how many are kept */
  async put(manifest: SnapshotManifest, keep: number): Promise<void> {
    const { disk, folder, base } = this;
    // The names of the files have to be there before the manifest is.
    await disk.syncFolder(folder);
    if (keep > 1) await this.keepNewest();
    await this.replace(base, encodeManifest(manifest));
    await this.removeOld(manifest.name, keep);
  }

  /** The newest one stays under a name of its own. */
  private async keepNewest(): Promise<void> {
    const { base, disk } = this;
    let before: SnapshotManifest | null = null;
    try {
      before = await this.newest();
    } catch {
      // A damaged one is not worth keeping.
    }
    if (before === null) return;
    const bytes = await readSmallFile(disk, this.pathOf(base), MANIFEST_BYTES_MAX);
    await this.replace(keptManifestName(base, before.name), bytes);
  }

  private async replace(file: string, bytes: Uint8Array): Promise<void> {
    const { disk, folder, base } = this;
    const temporary = this.pathOf(`${base}${TEMPORARY}`);
    // Of an attempt that failed.
    await disk.unlink(temporary).catch(() => {});
    await replaceFile(disk, { folder, path: this.pathOf(file), temporary }, bytes);
  }

  /**
   * Removes snapshots beyond the newest `keep`, and files that no manifest names. What cannot be removed
   * goes with the next one: the new one is in place.
   */
  private async removeOld(newest: string, keep: number): Promise<void> {
    const { disk, base } = this;
    const files = (await disk.list(this.folder).catch(() => [])).map((file) => ({
      file,
      of: snapshotOf(base, file),
    }));
    const older = files
      .filter(({ of }) => of?.isManifest === true && of.name !== newest)
      .map(({ of }) => of!.name)
      .sort()
      .reverse();
    const kept = new Set([newest, ...older.slice(0, keep - 1)]);
    const gone = files.filter(({ of }) => of !== null && !kept.has(of.name));
    // Manifests first: one that is there names files that are there.
    gone.sort((one, other) => Number(other.of!.isManifest) - Number(one.of!.isManifest));
    for (const { file } of gone) await disk.unlink(this.pathOf(file)).catch(() => {});
  }

  /**
   * Removes the files of a snapshot that came to nothing. Not when its manifest is in place all the same,
   * as when the folder could not be synced after that: they are all that there is then.
   */
  async discard(name: string): Promise<void> {
    const { disk, base } = this;
    if (await this.mayBeNewest(name)) return;
    const files = await disk.list(this.folder).catch(() => []);
    for (const file of files) {
      if (snapshotOf(base, file)?.name === name)
        await disk.unlink(this.pathOf(file)).catch(() => {});
    }
  }

  private async mayBeNewest(name: string): Promise<boolean> {
    try {
      return (await this.newest())?.name === name;
    } catch {
      // What cannot be read may name them.
      return true;
    }
  }
}
