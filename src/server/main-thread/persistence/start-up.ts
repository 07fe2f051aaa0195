/**
 * What the server has at its start: the first of these that is there.
 *
 *   1. the journal, when appendonly is yes
 *   2. the newest native snapshot
 *   3. an RDB file of Redis (not there yet)
 *
 * A source that is there and cannot be read ends the start: going on without it would replace it by
 * something else with the next save.
 */
import type { SnapshotManifest } from '../../../persistence/snapshot/manifest.js';
import type { Config } from '../../config/config.js';
import type { LoadedChain } from './journal/journal.js';
import { type FoundJournal, findJournal, loadJournal } from './journal/journal-start.js';
import { nativeName, SnapshotFiles } from './snapshot-files.js';
import { type LoaderParts, loadSnapshot } from './snapshot-loader.js';

/** Where the data of the start comes from. */
export type StartSource =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'journal'; readonly journal: FoundJournal }
  | {
      readonly kind: 'snapshot';
      readonly files: SnapshotFiles;
      readonly manifest: SnapshotManifest;
    };

/** The history that the loaded data belongs to. */
export interface LoadedHistory {
  readonly replicationId: string;
  readonly lsns: readonly number[];
  /** Of the newest cut before. */
  readonly offset: number;
  readonly hadReplicas: boolean;
  /** The chain of the journal that it was, and that may go on from there. */
  readonly chain: LoadedChain | null;
}

/** @throws Error that says which file cannot be read, and why */
export async function findStartSource(
  config: Config,
  disk: LoaderParts['disk'],
): Promise<StartSource> {
  const journal = config.value('appendonly') === 'yes' ? await findJournal(config, disk) : null;
  if (journal !== null) return { kind: 'journal', journal };
  const base = nativeName(config.path('dbfilename'));
  const files = new SnapshotFiles(disk, config.path('dir'), base);
  const manifest = await files.newest();
  return manifest === null ? { kind: 'nothing' } : { kind: 'snapshot', files, manifest };
}

/**
 * Loads it. Clients may not see the data meanwhile.
 * @returns the history that it belongs to, null when there is none to continue
 */
export async function loadStartSource(
  source: StartSource,
  createParts: () => LoaderParts,
): Promise<LoadedHistory | null> {
  if (source.kind === 'nothing') return null;
  if (source.kind === 'journal') return loadJournal(createParts(), source.journal);
  const { files, manifest } = source;
  const parts = createParts();
  const isWhole = await loadSnapshot(parts, files, manifest);
  // With other shards the LSNs mean nothing here.
  if (!isWhole || manifest.shards !== parts.shards.count) return null;
  const { replicationId, lsns, offset, hadReplicas } = manifest;
  return { replicationId, lsns, offset, hadReplicas, chain: null };
}
