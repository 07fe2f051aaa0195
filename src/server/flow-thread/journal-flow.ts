/**
 * A flow of the journal: a stable sync whose replica is a file. It moves what its streams get from
 * the rings to the flow's file of the segment (replication/files/segment-writer.ts).
 *
 *   rings ──▶ write under way ──▶ written ──▶ sync under way ──▶ durable ──▶ who waits is woken
 *
 * Writing and syncing go on side by side: one sync for all that was written before it began, so that
 * many clients share it, and the rings are read while the disk works. What is written is acknowledged
 * to the PrimaryFlow, so the rings keep what is not, and writers wait for a slow disk as for a slow
 * replica.
 *
 *   writing ──the session's limits are reached, and there is a next place──▶ next file begun ──▶ writing
 *      │ ▲                                                                          │ beside it
 *      ▼ │ tried again: the disk is full, or refuses                                ▼
 *    trouble             the last file is on the disk ──▶ so is the beginning of this one ──▶ opened
 *                                                                                   │ all flows have
 *      a sync fails ──▶ ended: the journal begins anew                               ▼
 *                                                                         a mark ──▶ syncs count again
 *
 * The first file is on the disk before anything is written behind its beginning. But other flows may not have
 * theirs yet: so it waits for its mark, and its syncs for counting, as each next one does.
 *
 * What is written is with the system, so that the death of the process alone does not lose it, also while
 * one file takes the place of another.
 *
 * With always one write and one sync follow the other at once, and as long as the disk is quick the thread
 * does both itself: that is all that a client waits for, and what comes meanwhile shares the next sync.
 * Otherwise nobody waits: the flow rests between two writes, until a ring is half full.
 *
 * Belongs to a flow thread; the work of a disk that is slow is done elsewhere.
 */
import type { Region } from '../../base/region.js';
import type { DurableLsns } from '../../memory/durable-lsns.js';
import { codeOf, type Disk } from '../../persistence/files/disk.js';
import { createRegion } from '../../platform/ffi/region.js';
import {
  MARK_BYTES,
  type SegmentPlace,
  SegmentWriter,
} from '../../replication/files/segment-writer.js';
import { PrimaryFlow } from '../../replication/primary/primary-flow.js';
import type { PrimaryFlowOptions } from '../../replication/primary/primary-flow-options.js';
import type { SyncPolicy } from '../channel/main-flow.js';
import type { FlowTime } from './flow-time.js';

const OUTPUT_BYTES = 2 * 1024 * 1024;
/** An output shorter than this is followed by a rest, unless clients wait for it. */
const SHORT_BYTES = 512 * 1024;
const REST_MS = 10;
/** Not even a ring that is filling ends a rest before, unless it filled an output. */
const SHORTEST_REST_MS = 2;
/** After so long without a sleep the thread's other work has its turn. */
const TURN_MS = 2;
/** How long it sleeps at most when there is nothing to write. */
const SLEEP_MS = 100;
/** Between syncs with everysec. */
const SYNC_MS = 1000;
/** In a row: a place that moved and news that came just then are two, and no reason to sleep. */
const VAIN_STEPS = 8;
/** Between attempts while the disk refuses. */
const RETRY_MS = 100;

export interface JournalFlowParts {
  readonly options: PrimaryFlowOptions;
  readonly disk: Disk;
  readonly durable: DurableLsns;
  readonly time: FlowTime;
  /** More is durable: wakes whoever waits for that. */
  readonly advanced: () => void;
  /** A file of a segment is begun, and all of the one before is written. */
  readonly begun: () => void;
  /** It is on the disk, and so is the one before. */
  readonly opened: () => void;
  /** The disk refuses what is to be written, with this code; '' when it takes it again. */
  readonly trouble: (code: string) => void;
  /** It has ended; '' when it was told to, and all is on the disk. */
  readonly ended: (reason: string) => void;
}

export class JournalFlow {
  /** Whether what is on the disk counts: the base is whole. */
  counts = false;
  private readonly source: PrimaryFlow;
  private readonly outputs = [createRegion(OUTPUT_BYTES), createRegion(OUTPUT_BYTES)];
  /** By output: LSN of each of the flow's streams behind it. */
  private readonly sent: readonly Float64Array[];
  private turn = 0;
  private writer: SegmentWriter | null = null;
  private next: SegmentPlace | null;
  /** LSN of each of the flow's streams that is written, and that is on the disk. */
  private readonly written: Float64Array;
  private readonly synced: Float64Array;
  private write: Promise<void> = Promise.resolve();
  private sync: Promise<void> | null = null;
  /** Brings the last file and the beginning of this one to the disk. Nothing else is synced meanwhile. */
  private settling: Promise<void> | null = null;
  /** Whether all flows have opened their files of this segment, and who waits for that. */
  private isWhole = true;
  private tellWhole: () => void = () => {};
  private syncedMs = 0;
  /** When the thread's other work was let on. */
  private turnedMs = 0;
  /** Whether the last rest was ended early. */
  private isRestShort = false;
  /** Steps in a row in which there was nothing to write although something was to be done. */
  private vainSteps = 0;
  private failed: unknown = null;
  private isInTrouble = false;
  /** It writes all there is, and ends. */
  private isEnding = false;
  private closed = false;
  private readonly isIdle = (): boolean =>
    this.source.idle && this.failed === null && !this.closed && !this.isEnding && !this.mayRotate;

  constructor(
    private readonly parts: JournalFlowParts,
    first: SegmentPlace,
    private policy: SyncPolicy,
  ) {
    const { mine } = parts.options;
    this.source = new PrimaryFlow(parts.options);
    this.next = first;
    this.sent = this.outputs.map(() => new Float64Array(mine.length));
    this.written = Float64Array.from(first.starts);
    this.synced = new Float64Array(mine.length);
    void this.run();
  }

  setPolicy(policy: SyncPolicy): void {
    this.policy = policy;
    this.letHoldUp();
    this.syncIfDue();
  }

  private letHoldUp(): void {
    if (this.writer !== null) this.writer.mayHoldUp = this.policy === 'always';
  }

  /** The base is whole: what is on the disk counts from now on. */
  count(): void {
    this.counts = true;
    this.tellDurable();
  }

  /** All flows have opened their files of the segment. */
  wholeSegment(): void {
    this.isWhole = true;
    this.tellWhole();
  }

  /** Goes on in another file when the session's limits are reached. */
  continueIn(place: SegmentPlace): void {
    this.next = place;
  }

  /** Writes what there is, and ends. With a reason: at once. */
  end(reason: string): void {
    this.isEnding = true;
    if (reason !== '') this.close(reason);
  }

  private close(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.tellWhole();
    this.source.close(false);
    this.parts.ended(reason);
  }

  private get mayRotate(): boolean {
    return this.next !== null && this.source.isAtEnd;
  }

  private async run(): Promise<void> {
    let reason = '';
    try {
      await this.rotate();
      while (!this.closed) {
        const isDone = await this.step();
        if (isDone) break;
      }
      this.tellWhole();
      await this.settling;
      await this.finish(this.writer);
    } catch (error) {
      reason = messageOf(error);
    }
    this.tellWhole();
    await this.settling;
    await this.write.catch(() => {});
    await this.sync?.catch(() => {});
    await this.writer?.close().catch(() => {});
    this.close(reason);
  }

  /** Writes what there is, or waits for more. @returns whether it is at its end */
  private async step(): Promise<boolean> {
    const out = this.outputs[this.turn]!;
    const end = this.source.produce(out, MARK_BYTES, out.length);
    const bytes = end - MARK_BYTES;
    if (this.source.failed !== null) throw new Error(this.source.failed);
    if (this.failed !== null) throw this.failed;
    if (bytes > 0) {
      this.vainSteps = 0;
      await this.flush(end);
      await this.pause(bytes);
      return false;
    }
    await this.write;
    if (this.mayRotate) {
      await this.settling;
      if (this.failed !== null) throw this.failed;
      await this.rotate();
      return false;
    }
    if (this.isEnding) return true;
    this.syncIfDue();
    await this.rest();
    return false;
  }

  /** After some bytes. */
  private async pause(bytes: number): Promise<void> {
    const { time } = this.parts;
    if (this.policy === 'always') {
      // Where the disk's work is done here, nothing else lets the thread go on.
      if (time.nowMs() - this.turnedMs > TURN_MS) await this.letOthersOn();
      return;
    }
    if (bytes >= SHORT_BYTES) return;
    const beganMs = time.nowMs();
    if (this.isRestShort) await time.sleep(SHORTEST_REST_MS);
    else await time.untilFilling(REST_MS);
    this.isRestShort = !this.isRestShort && time.nowMs() - beganMs < SHORTEST_REST_MS;
  }

  private async letOthersOn(): Promise<void> {
    const { time } = this.parts;
    await time.turn();
    this.turnedMs = time.nowMs();
  }

  private async rest(): Promise<void> {
    if (this.isIdle()) {
      this.vainSteps = 0;
      await this.parts.time.untilWritten(this.isIdle, SLEEP_MS);
    } else if (++this.vainSteps > VAIN_STEPS) {
      // Not in a circle that lets nobody else go on.
      this.vainSteps = 0;
      await this.parts.time.sleep(SHORTEST_REST_MS);
    }
  }

  /** Begins to write what was made, once the write before has ended. */
  private async flush(end: number): Promise<void> {
    await this.write;
    const { mine, session } = this.parts.options;
    const out = this.outputs[this.turn]!;
    const sent = this.sent[this.turn]!;
    for (let i = 0; i < mine.length; i++) sent[i] = session.sent[mine[i]!]!;
    this.turn ^= 1;
    this.writeNext(() => this.append(out, end, sent));
  }

  /** After what is being written. */
  private writeNext(work: () => Promise<void>): void {
    this.write = this.write.then(work);
    // Whoever waits for it gets the error.
    this.write.catch(() => {});
  }

  private async append(out: Region, end: number, sent: Float64Array): Promise<void> {
    const writer = this.writer!;
    await this.tryAgain(
      () => writer.append(out, end),
      () => writer.cutBack(),
    );
    if (this.closed) return;
    this.written.set(sent);
    const wrong = this.source.acknowledgements.takeAll(sent);
    if (wrong !== null) throw new Error(wrong);
    this.syncIfDue();
  }

  /**
   * Does what the disk may refuse, until it does not, or nobody wants it any more. No attempt follows what
   * another one has left.
   */
  private async tryAgain<T>(attempt: () => Promise<T>, undo: () => Promise<unknown>) {
    for (let isFirst = true; ; isFirst = false) {
      try {
        if (!isFirst) await undo();
        const result = await attempt();
        this.setTrouble('');
        return result;
      } catch (error) {
        if (codeOf(error) === '' || this.closed || this.isEnding) throw error;
        this.setTrouble(codeOf(error));
      }
      await this.parts.time.sleep(RETRY_MS);
      if (this.closed) throw new Error('the journal was ended');
    }
  }

  private setTrouble(code: string): void {
    if (code === '' && !this.isInTrouble) return;
    this.isInTrouble = code !== '';
    this.parts.trouble(code);
  }

  // --- syncs

  private syncIfDue(): void {
    const { writer, policy } = this;
    if (this.sync !== null || writer === null || writer.isSynced || this.failed !== null) return;
    if (policy === 'no' || this.settling !== null) return;
    const nowMs = this.parts.time.nowMs();
    if (policy === 'everysec' && nowMs - this.syncedMs < SYNC_MS) return;
    this.syncedMs = nowMs;
    this.sync = this.syncNow(writer);
  }

  private async syncNow(writer: SegmentWriter): Promise<void> {
    const { durable, time } = this.parts;
    const written = this.written.slice();
    const beganMs = time.nowMs();
    durable.syncBegins();
    try {
      await writer.sync();
      this.syncedUpTo(written);
    } catch (error) {
      // What was written may be gone: a second sync would prove nothing.
      this.failed = error;
    }
    durable.syncEnds(time.nowMs() - beganMs);
    this.sync = null;
    this.syncIfDue();
  }

  private syncedUpTo(lsns: Float64Array): void {
    this.synced.set(lsns);
    this.tellDurable();
  }

  private tellDurable(): void {
    if (!this.counts || this.closed) return;
    const { options, durable, advanced } = this.parts;
    options.mine.forEach((stream, i) => {
      durable.lsns[stream] = this.synced[i]!;
    });
    advanced();
  }

  // --- files

  /** Goes on in the next file. All of the one before is written. */
  private async rotate(): Promise<void> {
    const { disk, begun } = this.parts;
    const place = this.next!;
    const before = this.writer;
    const next = await this.tryAgain(
      () => this.createFile(place, before === null),
      () => removeIfThere(disk, place.path),
    );
    this.writer = next;
    this.letHoldUp();
    this.next = null;
    begun();
    this.isWhole = false;
    const told = new Promise<void>((resolve) => {
      this.tellWhole = resolve;
    });
    this.settling = this.settle(before, next, place.folder, told).catch((error: unknown) => {
      this.failed ??= error;
    });
  }

  /** The first file of a writer is on the disk before anything else is. */
  private async createFile(place: SegmentPlace, isSynced: boolean): Promise<SegmentWriter> {
    const { disk, options } = this.parts;
    const writer = await SegmentWriter.create(disk, place, options.mine);
    if (!isSynced) return writer;
    try {
      await writer.syncBeginning(disk, place.folder);
      return writer;
    } catch (error) {
      await writer.close().catch(() => {});
      throw error;
    }
  }

  /**
   * While this file is written: brings the one before to the disk, then its beginning, which the first one has
   * there. It is marked when all flows have theirs.
   */
  private async settle(
    before: SegmentWriter | null,
    writer: SegmentWriter,
    folder: string,
    told: Promise<void>,
  ): Promise<void> {
    if (before !== null) {
      await this.finish(before, this.written.slice());
      await writer.syncBeginning(this.parts.disk, folder);
    }
    this.parts.opened();
    await told;
    // It was ended before all were there.
    if (!this.isWhole) return;
    writer.mayMark = true;
    // What is synced from now on counts, also when nothing more is written.
    this.writeNext(() =>
      this.tryAgain(
        () => writer.mark(),
        () => writer.cutBack(),
      ),
    );
    await this.write;
    this.settling = null;
    this.syncIfDue();
  }

  /** Brings a file to the disk, with its end if it is proven. Nothing more is written to it. */
  private async finish(writer: SegmentWriter | null, written = this.written): Promise<void> {
    if (writer === null) return;
    await this.sync;
    if (this.failed !== null) throw this.failed;
    if (writer === this.writer) this.writer = null;
    try {
      if (writer.mayMark) await writer.finish();
      else await writer.sync();
    } finally {
      await writer.close().catch(() => {});
    }
    if (writer.mayMark) this.syncedUpTo(written);
  }
}

/** The attempt that has failed may not have come as far as to create it. */
async function removeIfThere(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
