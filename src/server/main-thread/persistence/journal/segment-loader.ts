/**
 * Loads a segment of the journal at the start, by flows in parallel: each applies what its file has of its
 * streams, up to where all transactions are whole. That is where the next segment begins. Of the newest
 * one the flows scan their files first (replication/files/segment-scan.ts), as a crash may have ended it.
 *
 *   newest:  scan ──▶ the limits are known ──▶ load       others:  load
 *             ▲               │ not yet
 *             └───────────────┘
 */
import type { Log } from '../../../../base/log.js';
import { DamagedFile } from '../../../../persistence/files/damaged-file.js';
import type { Disk } from '../../../../persistence/files/disk.js';
import type { ScannedStreams } from '../../../../replication/files/segment-scan.js';
import { limitToWhole } from '../../../../replication/files/whole-transactions.js';
import { streamsOf } from '../../../../replication/primary/primary-state.js';
import { PendingStreams } from '../../../../replication/replica/pending-streams.js';
import { SyncProgress } from '../../../../replication/replica/sync-progress.js';
import type { ReadSegment, SegmentReport } from '../../../channel/main-flow.js';
import { ProgressLog } from '../../progress-log.js';
import type { FlowCommand, FlowThreads } from '../../replication/flow-threads.js';
import { shareStreams } from '../../replication/served-replicas.js';
import type { Segment } from './journal-segments.js';

/** Two of these for each stream hold a record that is cut between two blocks, beside a block. */
const PENDING_BYTES = 1 << 20;
/** Address space for records that are longer. */
const LARGE_RECORDS_BYTES = 2 ** 31;
/** How often it looks how far the flows are, for the log. */
const LOOK_MS = 100;

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
 * Loads a segment. The data is at `from` when it begins.
 * @param until by stream: where the next segment begins; null for the newest
 * @param mayEnd whether it may end before that: then it is the newest one
 * @returns where the data is after it, by stream
 * @throws Error that says which file cannot be loaded, and why
 */
export function loadSegment(
  parts: SegmentLoaderParts,
  segment: Segment,
  from: readonly number[],
  until: readonly number[] | null,
  mayEnd = false,
): Promise<number[]> {
  return new SegmentLoad(parts, segment, from).run(until, mayEnd);
}

/** A file of the segment, and its flow. */
interface File {
  readonly path: string;
  readonly mine: readonly number[];
  flow: number;
  report: SegmentReport | null;
  ended: string | null;
}

class SegmentLoad {
  private readonly files: File[];
  private readonly progress: SyncProgress;
  private readonly progressLog: ProgressLog;
  /** Called when a flow has reported something. */
  private told = () => {};

  constructor(
    private readonly parts: SegmentLoaderParts,
    private readonly segment: Segment,
    private readonly from: readonly number[],
  ) {
    const { shards, owner, log } = parts;
    const streams = streamsOf(shards);
    const buffer = SyncProgress.createForFiles(streams, from);
    this.progress = new SyncProgress(buffer, streams, owner);
    const shares = shareStreams(shards, segment.paths.length);
    this.files = segment.paths.map((path, index) => ({
      ...{ path, mine: shares[index]!, flow: 0, report: null, ended: null },
    }));
    this.progressLog = new ProgressLog(log, `Loading segment ${segment.number} of the journal`);
  }

  async run(until: readonly number[] | null, mayEnd: boolean): Promise<number[]> {
    const streams = streamsOf(this.parts.shards);
    const pending = PendingStreams.create(streams, PENDING_BYTES, LARGE_RECORDS_BYTES);
    this.start(pending);
    try {
      const ends = until !== null && !mayEnd ? until : await this.findEnds(until);
      const reads = (await this.all((flow) => ({ kind: 'load-segment', flow, until: ends }))).map(
        ({ read }) => read,
      );
      const lsns = [...this.progress.applied];
      this.checkReached(lsns, ends, reads);
      return lsns;
    } finally {
      this.progressLog.close();
      await this.end();
      PendingStreams.giveBack(pending);
    }
  }

  private start(pending: ReturnType<typeof PendingStreams.create>): void {
    const { parts, progress } = this;
    this.files.forEach((file, index) => {
      const { path, mine } = file;
      const listener = {
        segment: (report: SegmentReport) => {
          file.report = report;
          this.told();
        },
        ended: (reason: string) => {
          file.ended = reason;
          this.told();
        },
      };
      file.flow = parts.threads.start(index, listener, (flow) => ({
        ...{ kind: 'open-segment', flow, path, mine, pending },
        primaryShards: parts.shards,
        progress: progress.buffer,
      }));
    });
  }

  private async end(): Promise<void> {
    for (const { flow, ended } of this.files) if (ended === null) this.parts.threads.end(flow);
    await this.until(() => this.files.every(({ ended }) => ended !== null));
  }

  /** Lets all flows do something. @throws Error when one of them has ended */
  private async all(command: (flow: number) => FlowCommand): Promise<SegmentReport[]> {
    const { files, parts } = this;
    for (const file of files) {
      file.report = null;
      parts.threads.command(command(file.flow));
    }
    const ended = () => files.find((file) => file.ended !== null);
    await this.until(() => files.every(({ report }) => report !== null) || ended() !== undefined);
    const failed = ended();
    if (failed !== undefined) throw new Error(failed.ended!);
    return files.map(({ report }) => report!);
  }

  /** Waits until what the flows have told says so. */
  private async until(isOver: () => boolean): Promise<void> {
    const timer = setInterval(() => this.note(), LOOK_MS);
    try {
      await new Promise<void>((resolve) => {
        this.told = () => {
          if (isOver()) resolve();
        };
        this.told();
      });
    } finally {
      clearInterval(timer);
    }
  }

  private note(): void {
    const { applied } = this.progress;
    const bytes = applied.reduce((sum, lsn, stream) => sum + lsn - this.from[stream]!, 0);
    this.progressLog.note(Date.now(), bytes, this.segment.bytes, bytes);
  }

  /**
   * Scans the newest segment.
   * @param until where it may end, by stream: then it has no tail
   * @returns by stream up to where it is whole
   */
  private async findEnds(until: readonly number[] | null): Promise<readonly number[]> {
    const { starts } = this.segment;
    let limits = starts.map(() => Number.POSITIVE_INFINITY);
    for (;;) {
      const command = { kind: 'scan-segment', starts, limits } as const;
      const reports = await this.all((flow) => ({ ...command, flow }));
      const scans = reports.map((report) => scanOf(report).scanned);
      limits = limits.map((limit, stream) => this.limit(scans, stream, limit));
      if (!limitToWhole(scans, limits)) continue;
      if (until?.every((lsn, stream) => limits[stream]! >= lsn) === true) return until;
      this.checkTails(reports, limits);
      return limits;
    }
  }

  /** What the base has, or the segment before, is there in any case. */
  private limit(scans: readonly ScannedStreams[], stream: number, limit: number): number {
    const end = Math.max(...scans.map(({ ends }) => ends[stream]!));
    return Math.max(this.from[stream]!, Math.min(limit, end));
  }

  /** Whether what is not loaded of the newest segment is what a crash leaves. @throws DamagedFile */
  private checkTails(reports: readonly SegmentReport[], ends: readonly number[]): void {
    const { log, mayTruncate } = this.parts;
    let waiting = 0;
    for (const [index, { path, mine }] of this.files.entries()) {
      const { scanned, read } = scanOf(reports[index]!);
      const { broken, isTorn } = read;
      if (broken !== null) {
        if (!isTorn) throw new DamagedFile(path, broken.offset, broken.reason);
        if (!mayTruncate) throw new DamagedFile(path, broken.offset, TRUNCATED);
        log.warning(
          `${path} has a torn tail, cut off at offset ${broken.offset}: ${broken.reason}`,
        );
      }
      for (const stream of mine) waiting += Math.max(0, scanned.received[stream]! - ends[stream]!);
    }
    if (waiting === 0) return;
    const what = `${waiting} bytes of the journal belong to transactions whose other parts are missing`;
    assertMayTruncate(mayTruncate, what);
    log.warning(`${what}: they are cut off`);
  }

  /** Whether each file has what it must. @throws DamagedFile */
  private checkReached(
    lsns: readonly number[],
    until: readonly number[],
    reads: readonly ReadSegment[],
  ): void {
    for (const [index, { path, mine }] of this.files.entries()) {
      const short = mine.find((stream) => lsns[stream]! < until[stream]!);
      if (short === undefined) continue;
      const { broken } = reads[index]!;
      const gap = `stream ${short} ends at ${lsns[short]}, and goes on at ${until[short]}`;
      const reason = broken === null ? gap : `${broken.reason}; ${gap}`;
      throw new DamagedFile(path, broken?.offset ?? 0, reason);
    }
  }
}

function scanOf(report: SegmentReport) {
  if (report.kind === 'segment-scanned') return report;
  throw new Error(`${report.kind} in place of a scan`);
}

const TRUNCATED =
  'The journal is cut off at its end: aof-load-truncated yes starts with what is whole';

/** @param what was found at the end of the journal @throws Error that says it, when the start may not go on */
export function assertMayTruncate(mayTruncate: boolean, what: string): void {
  if (!mayTruncate) throw new Error(`${what}. ${TRUNCATED}`);
}
