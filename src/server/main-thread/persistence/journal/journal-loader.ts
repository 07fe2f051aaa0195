/**
 * Loads a journal at the start: its base, then its segments in order, each by flows in parallel.
 *
 *   base up to its cut ──▶ segment: what lies behind the cut ──▶ next segment ... ──▶ newest, up to its tail
 *
 * A segment ends where the next one begins. Only the newest may have a torn tail, and so may those
 * before it that a crash has ended: there the next one says where the tail was cut off. All else that
 * is missing or makes no sense ends the start, with the file and the offset.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../../../base/log.js';
import { DamagedFile } from '../../../../persistence/files/damaged-file.js';
import type { Disk } from '../../../../persistence/files/disk.js';
import type { SnapshotManifest } from '../../../../persistence/snapshot/manifest.js';
import {
  readBeginning,
  type SegmentBeginning,
} from '../../../../replication/files/segment-reader.js';
import { streamsOf } from '../../../../replication/primary/primary-state.js';
import { PendingStreams } from '../../../../replication/replica/pending-streams.js';
import { SyncProgress } from '../../../../replication/replica/sync-progress.js';
import type { ReadSegment } from '../../../channel/main-flow.js';
import { ProgressLog } from '../../progress-log.js';
import type { FlowThreads } from '../../replication/flow-threads.js';
import { shareStreams } from '../../replication/served-replicas.js';
import type { FoundChain } from './journal-files.js';

/** Two of these for each stream hold what waits for parts of transactions: a block, at most. */
const WINDOW_BYTES = 1 << 20;
const LARGE_RECORDS_BYTES = 2 ** 31;
const POLL_MS = 1;

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

/** By flow, the streams of a segment's file. */
function sharesOf(shards: number, flows: number): number[][] {
  return shareStreams(shards, flows);
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
  const streams = (count: number, index: number) => sharesOf(manifest.shards, count)[index]!;
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

export interface SegmentLoaderParts {
  readonly disk: Disk;
  readonly log: Log;
  readonly threads: FlowThreads;
  /** Of the journal. */
  readonly shards: number;
  /** Of locks. */
  readonly owner: number;
  /** Whether a torn tail is cut off; else it ends the start. */
  readonly mayTruncate: boolean;
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

interface Reading {
  readonly flow: number;
  segment: ReadSegment | null;
  fed: number | null;
  ended: string | null;
}

/**
 * Loads a segment. The data is at `from` when it begins.
 * @param until by stream: where the next segment begins; null for the newest
 * @returns where the data is after it, by stream
 * @throws Error that says which file cannot be loaded, and why
 */
export async function loadSegment(
  parts: SegmentLoaderParts,
  { number: segmentNumber, paths, bytes }: Segment,
  from: readonly number[],
  until: readonly number[] | null,
): Promise<number[]> {
  const { shards, owner, threads } = parts;
  const streams = streamsOf(shards);
  const buffer = SyncProgress.create(streams, from);
  const progress = new SyncProgress(buffer, streams, owner);
  const pending = PendingStreams.create(streams, WINDOW_BYTES, LARGE_RECORDS_BYTES);
  const shares = sharesOf(shards, paths.length);
  const readings: Reading[] = [];
  paths.forEach((path, index) => {
    const listener = {
      read: (segment: ReadSegment) => {
        reading.segment = segment;
      },
      fed: (blocks: number) => {
        reading.fed = blocks;
      },
      ended: (reason: string) => {
        reading.ended = reason;
      },
    };
    const flow = threads.start(index, listener, (number) => ({
      kind: 'load-segment',
      flow: number,
      path,
      mine: shares[index]!,
      primaryShards: shards,
      progress: buffer,
      pending,
      until,
    }));
    const reading: Reading = { flow, segment: null, fed: null, ended: null };
    readings.push(reading);
  });
  const progressLog = new ProgressLog(parts.log, `Loading segment ${segmentNumber} of the journal`);
  const sumOf = (lsns: ArrayLike<number>) => Array.from(lsns).reduce((sum, lsn) => sum + lsn, 0);
  const begin = sumOf(from);
  try {
    await all(readings, ({ segment }) => {
      const appliedBytes = sumOf(progress.applied) - begin;
      progressLog.note(Date.now(), appliedBytes, bytes, appliedBytes);
      return segment !== null;
    });
    await playRounds(threads, readings);
    const lsns = [...progress.applied];
    const ends = { lsns, received: [...progress.received], until };
    checkEnds(parts, paths, shares, readings, ends);
    return lsns;
  } finally {
    progressLog.close();
    for (const { flow, ended } of readings) if (ended === null) threads.end(flow);
    while (readings.some(({ ended }) => ended === null)) await sleep(POLL_MS);
    PendingStreams.giveBack(pending);
  }
}

/** Waits for all flows. @throws Error when one of them has ended */
async function all(readings: readonly Reading[], isDone: (reading: Reading) => boolean) {
  while (!readings.every(isDone)) {
    const ended = readings.find((reading) => reading.ended !== null && !isDone(reading));
    if (ended !== undefined) throw new Error(ended.ended!);
    await sleep(POLL_MS);
  }
}

/** Lets flows take what waits for parts of transactions, until none gets on. */
async function playRounds(threads: FlowThreads, readings: readonly Reading[]): Promise<void> {
  for (let sum = 1; sum > 0; ) {
    for (const reading of readings) {
      reading.fed = null;
      threads.command({ kind: 'load-round', flow: reading.flow });
    }
    await all(readings, ({ fed }) => fed !== null);
    sum = readings.reduce((total, { fed }) => total + fed!, 0);
  }
}

/** Whether each flow has ended where it may. @throws DamagedFile */
function checkEnds(
  { log, mayTruncate }: SegmentLoaderParts,
  paths: readonly string[],
  shares: readonly (readonly number[])[],
  readings: readonly Reading[],
  ends: {
    readonly lsns: readonly number[];
    readonly received: readonly number[];
    readonly until: readonly number[] | null;
  },
): void {
  const { lsns, received, until } = ends;
  let waiting = 0;
  for (const [index, path] of paths.entries()) {
    const { broken, isTorn } = readings[index]!.segment!;
    const offset = broken?.offset ?? 0;
    const short = until === null ? -1 : (shares[index]!.find((s) => lsns[s]! < until[s]!) ?? -1);
    if (short >= 0) {
      const gap = `stream ${short} ends at ${lsns[short]}, and goes on at ${until![short]}`;
      throw new DamagedFile(path, offset, broken === null ? gap : `${broken.reason}; ${gap}`);
    }
    if (until !== null) continue;
    if (broken !== null && !isTorn) throw new DamagedFile(path, offset, broken.reason);
    if (broken !== null && !mayTruncate) throw new DamagedFile(path, offset, TRUNCATED);
    if (broken !== null) {
      log.warning(`${path} has a torn tail, cut off at offset ${offset}: ${broken.reason}`);
    }
    for (const stream of shares[index]!) waiting += received[stream]! - lsns[stream]!;
  }
  if (waiting === 0) return;
  const what = `${waiting} bytes of the journal belong to transactions whose other parts are missing`;
  if (!mayTruncate) throw new Error(`${what}. ${TRUNCATED}`);
  log.warning(`${what}: they are cut off`);
}

const TRUNCATED =
  'The journal is cut off at its end: aof-load-truncated yes starts with what is whole';
