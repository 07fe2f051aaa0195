/**
 * Writes a native snapshot and puts it in place: one that was asked for, or the base of a journal.
 *
 *   flows' files, up to the cut ──▶ all on the disk ──▶ manifest in place ──▶ older ones go
 *
 * Until the manifest is in place the one before counts. A failure removes the files of the attempt,
 * unless its manifest is in place already.
 */
import { DARTER_VERSION } from '../../../base/version.js';
import { flowFileName, type SnapshotManifest } from '../../../persistence/snapshot/manifest.js';
import type { WrittenFile } from '../../channel/main-flow.js';
import type { FileSync, FileSyncCut, FileSyncPlan } from './file-sync.js';
import type { SnapshotFiles } from './snapshot-files.js';
import type { History } from './snapshots.js';

export interface NativeSnapshotParts {
  readonly files: SnapshotFiles;
  /** How many are kept. */
  readonly keep: number;
  /** Whose data it is now. */
  readonly history: () => History;
  /** @throws Error when the files are of no use: the data has got another history meanwhile */
  readonly checkHistory: () => void;
  /** Before its manifest is put in place. */
  readonly beforePut: (name: string) => Promise<void>;
}

/** What was written. */
export interface NativeSnapshot {
  readonly cut: FileSyncCut;
  /** How many files, without the manifest, and their bytes. */
  readonly files: number;
  readonly bytes: number;
}

/**
 * @param plan its header's `setName` is the name of the snapshot
 * @returns when the snapshot is in place, and on the disk
 * @throws Error when that is not sure
 */
export async function writeNativeSnapshot(
  sync: FileSync,
  plan: Omit<FileSyncPlan, 'pathOf' | 'rdb'>,
  { files, keep, history, checkHistory, beforePut }: NativeSnapshotParts,
): Promise<NativeSnapshot> {
  const { setName: name } = plan.header;
  try {
    const { cut, files: written } = await sync.run({
      ...plan,
      pathOf: (flow) => files.pathOf(flowFileName(files.base, name, flow)),
      rdb: null,
    });
    checkHistory();
    const manifest = manifestOf(plan.header, history(), cut, written);
    await beforePut(name);
    await files.put(manifest, keep);
    return {
      cut,
      files: written.length,
      bytes: written.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  } catch (error) {
    await files.discard(name);
    throw error;
  }
}

function manifestOf(
  header: FileSyncPlan['header'],
  { role, hasReplicas, offset }: History,
  { lsns, keys, atMs }: FileSyncCut,
  written: readonly WrittenFile[],
): SnapshotManifest {
  const { setName: name, createdMs: _, ...layout } = header;
  return {
    ...layout,
    ...{ version: 1, name, server: DARTER_VERSION, createdMs: atMs, role },
    ...{ lsns, offset, hadReplicas: hasReplicas, keys },
    files: written.map(({ path, bytes, checksum }) => ({
      name: path.slice(path.lastIndexOf('/') + 1),
      ...{ bytes, checksum },
    })),
  };
}
