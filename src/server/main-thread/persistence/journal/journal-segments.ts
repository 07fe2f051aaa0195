/**
 * The segments of a journal that is to be loaded: its base comes first, then they in their order.
 *
 *   base up to its cut ──▶ segment: what lies behind the cut ──▶ next segment ... ──▶ newest, up to its tail
 *
 * A segment ends where the next one begins. Only the newest may have a torn tail, and so may those
 * before it that a crash has ended: there the next one says where the tail was cut off. All else that
 * is missing or makes no sense ends the start, with the file and the offset.
 */
import { DamagedFile } from '../../../../persistence/files/damaged-file.js';
import type { Disk } from '../../../../persistence/files/disk.js';
import type { SnapshotManifest } from '../../../../persistence/snapshot/manifest.js';
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

/**
 * Reads how all segments of a chain begin.
 * @returns those that the chain goes on from, from the one that the base's cut lies in on: that one at least
 * @throws DamagedFile when a file is missing, or makes no sense
 */
export async function readSegments(
  disk: Disk,
  found: FoundChain,
  manifest: SnapshotManifest,
  pathOf: (number: number, flow: number) => string,
): Promise<Segment[]> {
  const segments: Segment[] = [];
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
    if (segment === null) continue;
    const isFirst = holdsCut(segment);
    // Behind one that holds nothing the one before may be torn, unless the base has all of that.
    if (later !== undefined || segment.bytes > 0 || isFirst) segments.unshift(segment);
    if (isFirst) return segments;
  }
  const reason = 'the segment that begins before the base ends is missing';
  throw new DamagedFile(pathOf(found.segments[0]?.number ?? 1, 0), 0, reason);
}

/** @returns null for the newest one when not all of its files were begun */
async function readSegment(
  disk: Disk,
  { chain, number, flows }: { chain: number; number: number; flows: ReadonlyMap<number, string> },
  manifest: SnapshotManifest,
  pathOf: (number: number, flow: number) => string,
  isNewest: boolean,
): Promise<Segment | null> {
  const streams = (count: number, index: number) => shareStreams(manifest.shards, count)[index]!;
  const begun = new Map<number, SegmentBeginning>();
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
    if (beginning !== null) begun.set(flow, beginning);
  }
  const { flows: count, replicationId } = begun.values().next().value?.header ?? {
    ...{ flows: 1, replicationId: '' },
  };
  // Nothing is written to a segment before all its files are there, and the one before is whole.
  const isEmpty = ![...begun.values()].some(({ moreBytes }) => moreBytes > 0);
  if (isNewest && isEmpty && begun.size < count) return null;
  if (begun.size < count) {
    const missing = Array.from({ length: count }, (_, flow) => flow).find(
      (flow) => !begun.has(flow),
    )!;
    throw new DamagedFile(pathOf(number, missing), 0, 'it is missing, or has no beginning');
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

/**
 * Brings files that are read to the disk: what a process that was killed has written may not be there,
 * and what follows builds on it.
 */
export async function syncFiles(disk: Disk, { paths }: Segment): Promise<void> {
  for (const path of paths) {
    const file = await disk.open(path);
    await file.sync().finally(() => file.close());
  }
}
