/**
 * The segments of a journal that is to be loaded: its base comes first, then they in their order.
 *
 *   base up to its cut ──▶ segment: what lies behind the cut ──▶ next segment ... ──▶ newest, up to its tail
 *
 * A segment ends where the next one begins. Only the newest may have a torn tail, and so may those
 * before it that a crash has ended: there the next one says where the tail was cut off. All else that
 * is missing or makes no sense ends the start, with the file and the offset.
 *
 * The newest one counts for nothing when it is not proven (segment-proof.ts) and a crash has left only a
 * part of its beginning, or of the segment before: nobody was told that anything of it is on the disk.
 */
import { dirname } from 'node:path';
import { DamagedFile } from '../../../../persistence/files/damaged-file.js';
import type { Disk } from '../../../../persistence/files/disk.js';
import type { SnapshotManifest } from '../../../../persistence/snapshot/manifest.js';
import { areFinished, isProven } from '../../../../replication/files/segment-proof.js';
import {
  readBeginning,
  type SegmentBeginning,
} from '../../../../replication/files/segment-reader.js';
import { streamsOf } from '../../../../replication/primary/primary-state.js';
import { shareStreams } from '../../replication/served-replicas.js';
import type { FoundChain } from './journal-files.js';

/** A segment whose files are all there. */
export interface Segment {
  readonly number: number;
  /** Of the history that was written to it. */
  readonly replicationId: string;
  /** By flow. */
  readonly paths: readonly string[];
  /** By stream. */
  readonly starts: readonly number[];
  readonly bytes: number;
}

/** A newest segment that counts for nothing: not all of its beginning is there. */
export interface BrokenBeginning {
  readonly path: string;
  /** What is left of it. */
  readonly bytes: number;
}

export interface ReadSegments {
  /** Those that the chain goes on from, from the one that the base's cut lies in on: that one at least. */
  readonly segments: readonly Segment[];
  readonly broken: BrokenBeginning | null;
}

/**
 * Reads how all segments of a chain begin.
 * @throws DamagedFile when a file is missing, or makes no sense
 */
export async function readSegments(
  disk: Disk,
  found: FoundChain,
  manifest: SnapshotManifest,
  pathOf: (number: number, flow: number) => string,
): Promise<ReadSegments> {
  const segments: Segment[] = [];
  let broken: BrokenBeginning | null = null;
  const holdsCut = ({ starts }: Segment) => starts.every((lsn, i) => lsn <= manifest.lsns[i]!);
  // What is older than the cut is of no use, and a crash may have left a part of it.
  for (let index = found.segments.length - 1; index >= 0; index--) {
    const { number, flows } = found.segments[index]!;
    const later = found.segments[index + 1];
    if (later !== undefined && later.number !== number + 1) {
      throw new DamagedFile(pathOf(number + 1, 0), 0, 'it is missing');
    }
    const names = { ...found, number, flows };
    const segment = await readSegment(disk, names, manifest, pathOf, later === undefined);
    if (!('starts' in segment)) {
      broken = segment;
      continue;
    }
    const isFirst = holdsCut(segment);
    // Behind one that holds nothing the one before may be torn, unless the base has all of that.
    if (later !== undefined || segment.bytes > 0 || isFirst) segments.unshift(segment);
    if (isFirst) return { segments, broken };
  }
  const reason = 'the segment that begins before the base ends is missing';
  throw new DamagedFile(pathOf(found.segments[0]?.number ?? 1, 0), 0, reason);
}

/** @returns what is left of the newest one when it counts for nothing */
async function readSegment(
  disk: Disk,
  { chain, number, flows }: { chain: number; number: number; flows: ReadonlyMap<number, string> },
  manifest: SnapshotManifest,
  pathOf: (number: number, flow: number) => string,
  isNewest: boolean,
): Promise<Segment | BrokenBeginning> {
  const streams = (count: number, index: number) => shareStreams(manifest.shards, count)[index]!;
  const begun = new Map<number, SegmentBeginning>();
  let damage: DamagedFile | null = null;
  for (const [flow, path] of flows) {
    const beginning = await readBeginning(
      disk,
      path,
      ({ flows: count, index, shards, setName }) => {
        const isRight = index === flow && shards === manifest.shards && setName === String(chain);
        if (!isRight || count > streamsOf(shards)) {
          throw new DamagedFile(path, 0, 'its header is that of another journal');
        }
        return streams(count, index).length;
      },
    );
    if (beginning instanceof DamagedFile) damage ??= beginning;
    else begun.set(flow, beginning);
  }
  const { flows: count, replicationId } = begun.values().next().value?.header ?? {
    ...{ flows: 1, replicationId: '' },
  };
  const missing = Array.from({ length: count }, (_, flow) => flow).find((flow) => !begun.has(flow));
  if (missing !== undefined || damage !== null) {
    damage ??= new DamagedFile(pathOf(number, missing!), 0, 'it is missing');
    if (!isNewest || (await isProven(disk, flows.values()))) throw damage;
    return { path: damage.path, bytes: await bytesOf(disk, flows.values()) };
  }
  const starts = new Array<number>(streamsOf(manifest.shards)).fill(-1);
  let bytes = 0;
  for (const [flow, beginning] of begun) {
    bytes += beginning.moreBytes;
    for (const [stream, lsn] of beginning.starts) starts[stream] = lsn;
    const { header } = beginning;
    if (header.flows !== count || header.replicationId !== replicationId) {
      throw new DamagedFile(pathOf(number, flow), 0, 'its header is that of another segment');
    }
  }
  if (starts.includes(-1)) throw new DamagedFile(pathOf(number, 0), 0, 'a stream is missing');
  const paths = Array.from(begun.keys(), (_, flow) => pathOf(number, flow));
  return { number, replicationId, paths, starts, bytes };
}

async function bytesOf(disk: Disk, paths: Iterable<string>): Promise<number> {
  let bytes = 0;
  for (const path of paths) {
    const file = await disk.open(path);
    bytes += await file.length().finally(() => file.close());
  }
  return bytes;
}

/**
 * Whether a segment may be the last one, although there is another one behind it: nothing proves that this was
 * whole on the disk when that was begun.
 */
export async function mayBeLast(disk: Disk, { paths }: Segment, next: Segment): Promise<boolean> {
  return !(await areFinished(disk, paths)) && !(await isProven(disk, next.paths));
}

/**
 * Brings files that are read to the disk, and their names: what a process that was killed has written may not
 * be there, and what follows builds on it.
 */
export async function syncFiles(disk: Disk, { paths }: Segment): Promise<void> {
  for (const path of paths) {
    const file = await disk.open(path);
    await file.sync().finally(() => file.close());
  }
  await disk.syncFolder(dirname(paths[0]!));
}
