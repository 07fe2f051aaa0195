/** The journal at the start of the process: whether there is one, and loading it. */
import type { Log } from '../../../../base/log.js';
import { DamagedFile } from '../../../../persistence/files/damaged-file.js';
import type { Disk } from '../../../../persistence/files/disk.js';
import type { SnapshotManifest } from '../../../../persistence/snapshot/manifest.js';
import type { Config } from '../../../config/config.js';
import type { SnapshotFiles } from '../snapshot-files.js';
import { type LoaderParts, loadSnapshot } from '../snapshot-loader.js';
import type { LoadedHistory } from '../start-up.js';
import { type EndedChain, readEnded } from './ended-chain.js';
import { type FoundChain, JournalFiles } from './journal-files.js';
import {
  type BrokenBeginning,
  mayBeLast,
  readSegments,
  type Segment,
  syncFiles,
} from './journal-segments.js';
import { assertMayTruncate, loadSegment, type SegmentLoaderParts } from './segment-loader.js';

export interface FoundJournal {
  readonly base: SnapshotFiles;
  readonly manifest: SnapshotManifest;
  readonly found: FoundChain;
  /** Those that the chain goes on from: the one that the base's cut lies in, and what follows. */
  readonly segments: readonly Segment[];
  /** What is left of a newest segment whose beginning is not whole: it is begun anew. */
  readonly broken: BrokenBeginning | null;
  /** That it was switched off; null when it was not. */
  readonly ended: EndedChain | null;
}

/** @returns the journal that the configuration names, null when there is none. @throws DamagedFile */
export async function findJournal(config: Config, disk: Disk): Promise<FoundJournal | null> {
  const folder = `${config.path('dir')}/${config.path('appenddirname')}`;
  const files = new JournalFiles(disk, folder, config.path('appendfilename'));
  const found = await files.find();
  return found === null ? null : readJournal(files, found);
}

/** Files without a base may be what a crash has left, or all that is left of the data. */
export async function tellBaseless(files: JournalFiles, log: Log): Promise<void> {
  if ((await files.find()) !== null) return;
  for (const chain of await files.keepBaseless()) {
    const base = files.base(chain);
    log.warning(
      `${base.pathOf(base.base)} is missing: nothing of this chain of the journal is loaded. ` +
        'Its other files stay until the server is started again',
    );
  }
}

export async function readJournal(files: JournalFiles, found: FoundChain): Promise<FoundJournal> {
  const base = files.base(found.chain);
  const manifest = await base.newest();
  if (manifest === null) throw new DamagedFile(base.pathOf(base.base), 0, 'it is missing');
  const pathOf = (number: number, flow: number) =>
    files.segmentPath({ chain: found.chain, number, flow });
  const { segments, broken } = await readSegments(files.disk, found, manifest, pathOf);
  const ended = await readEnded(files, found.chain);
  return { base, manifest, found, segments, broken, ended };
}

function tellBroken({ path, bytes }: BrokenBeginning, log: Log, mayTruncate: boolean): void {
  const what = `${path} has no whole beginning, and ${bytes} bytes are there of its segment`;
  assertMayTruncate(mayTruncate, what);
  log.warning(
    `${what}: it is begun anew. A crash while it was begun leaves that, and then nothing is lost that ` +
      'was on the disk; if it was damaged later, what it held is lost',
  );
}

/** @returns those that were loaded, and where the data is then */
async function loadSegments(
  loader: SegmentLoaderParts,
  segments: readonly Segment[],
  from: readonly number[],
): Promise<{ segments: readonly Segment[]; lsns: readonly number[] }> {
  const { disk, log, mayTruncate } = loader;
  let lsns = from;
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    const until = next?.starts ?? null;
    const isLastButOne = index === segments.length - 2;
    const mayEnd = isLastButOne && (await mayBeLast(disk, segment, next!));
    lsns = await loadSegment(loader, segment, lsns, until, mayEnd);
    if (!mayEnd) continue;
    if (lsns.every((lsn, stream) => lsn >= until![stream]!)) {
      // Only the process has died: the system has it, and what follows builds on it.
      await syncFiles(disk, segment);
      continue;
    }
    const what =
      `Segment ${next!.number} of the journal counts for nothing: a crash came while it was begun, and not ` +
      `all of the one before was on the disk`;
    assertMayTruncate(mayTruncate, what);
    log.warning(`${what}. ${next!.bytes} bytes are cut off`);
    return { segments: segments.slice(0, -1), lsns };
  }
  return { segments, lsns };
}

/**
 * Loads it. Clients may not see the data meanwhile.
 * @returns the history that it belongs to, null when there is none to continue
 */
export async function loadJournal(
  parts: LoaderParts,
  { base, manifest, found, segments: all, broken, ended }: FoundJournal,
): Promise<LoadedHistory | null> {
  const { disk, log, threads, owner, mayTruncate, shards } = parts;
  const startedMs = Date.now();
  if (ended !== null) {
    log.warning(
      `The journal was switched off at ${new Date(ended.endedMs).toISOString()}: ` +
        'it has nothing that was written after that, and no snapshot that is known to be newer is there',
    );
  }
  if (broken !== null) tellBroken(broken, log, mayTruncate);
  if (!(await loadSnapshot(parts, base, manifest))) return null;
  const loader = { disk, log, threads, owner, mayTruncate, shards: manifest.shards };
  const { segments, lsns } = await loadSegments(loader, all, manifest.lsns);
  // What follows builds on it.
  await syncFiles(disk, segments.at(-1)!);
  const seconds = (Date.now() - startedMs) / 1000;
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  log.notice(
    `DB loaded from append only file: ${seconds.toFixed(3)} seconds, ${segments.length} segments ` +
      `of ${(bytes / 1e6).toFixed(1)} MB after the base`,
  );
  // With other shards the LSNs mean nothing here.
  if (manifest.shards !== shards.count) return null;
  const baseBytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  const last = segments.at(-1)!;
  const chain = {
    chain: found.chain,
    lastSegment: last.number,
    baseBytes,
    bytes: baseBytes + bytes,
  };
  // Each start of a primary begins a history. What was written in one is of no server's that has another,
  // although the LSNs go on.
  const { replicationId } = last;
  // The cuts since the base are not known: a replica that had some is behind until the next one.
  const { offset } = manifest;
  // Whoever was a replica may have everything, or less.
  return { replicationId, lsns, offset, hadReplicas: true, chain };
}
