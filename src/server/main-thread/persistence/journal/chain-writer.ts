/**
 * The flows that write the segments of one chain, as the main thread runs them.
 *
 *   open ──▶ writing ──cut, next files, go on──▶ writing ──end──▶ all is on the disk
 *               │
 *               └── a flow has failed, or the data is replaced ──▶ failed: no chain goes on from here
 *
 *   cut ──▶ every flow has begun its next file ──▶ they go on ──▶ every file is opened ──▶ the segment counts
 *           (the last one is written)                             (on the disk, as all of the last one)
 *
 * The first one counts as each next one does: when every file is opened.
 *
 * A segment ends at one cut of all streams, at which no transaction is half written. So none lies in
 * two segments. No flow goes on in the next segment before all have written the last one. So where only the
 * process dies, the last one is whole as soon as the next one holds anything. Where the machine does, that is
 * so once the segment is proven by a mark, which no file has before all are on the disk. Before that nothing
 * of the segment counts as durable. The next cut waits until it does.
 *
 * There are two reasons for a cut. A rewrite makes one under the locks of all streams. A change of the
 * history makes one while nobody writes: the positions go on, and the next segment has the new id. The
 * disk may be slow, so a cut can come before the segment of the last one is there. Cuts wait in order;
 * the flows get no further than the first one.
 */
import type { JournalRing } from '../../../../journal/ring.js';
import type { FlowFileHeader } from '../../../../persistence/files/flow-file.js';
import type { SegmentPlace } from '../../../../replication/files/segment-writer.js';
import { SUM_BYTES, SyncSession } from '../../../../replication/primary/sync-session.js';
import type { SyncPolicy } from '../../../channel/main-flow.js';
import { shareStreams } from '../../replication/served-replicas.js';
import type { DataParts } from '../file-sync.js';
import { atStreamCut } from '../stream-cut.js';
import type { JournalFiles } from './journal-files.js';

export interface ChainWriterParts {
  readonly data: DataParts;
  readonly files: JournalFiles;
  readonly chain: number;
  readonly header: Omit<FlowFileHeader, 'index' | 'flows' | 'createdMs' | 'setName'>;
  readonly policy: SyncPolicy;
  /** It has come to nothing. */
  readonly failed: (why: string) => void;
  /** The disk refuses to write, with this code; '' when it takes it again. */
  readonly trouble: (code: string) => void;
}

/** A segment that has just begun. */
export interface SegmentBegin {
  readonly number: number;
  /** Bytes in the segments of this writer before it. */
  readonly bytesBefore: number;
}

export class ChainWriter {
  private readonly session: SyncSession;
  /** What is at the beginning of the files of a segment that is begun from now on. */
  private header: ChainWriterParts['header'];
  /** LSNs by stream at which segments end, of those that have not. */
  private readonly cuts: (readonly number[])[] = [];
  /** Segments are begun one after the other. */
  private turn: Promise<unknown> = Promise.resolve();
  private readonly shares: readonly (readonly number[])[];
  private readonly flows: number[] = [];
  private readonly refused = new Map<number, string>();
  private begun = 0;
  private opened = 0;
  private running = 0;
  private failure: string | null = null;
  private isEnding = false;
  private waiting: (() => void)[] = [];
  /** Of the newest segment. */
  private number = 0;

  constructor(private readonly parts: ChainWriterParts) {
    this.header = parts.header;
    const { rings, owner, shards, serving } = parts.data;
    const buffer = SyncSession.create(rings.length, false);
    this.session = new SyncSession(buffer, rings.length, owner);
    // Clients that wait for the disk wait for all files: one sync is done sooner than several beside each other.
    const flows = parts.policy === 'always' ? 1 : Math.min(serving.count, shards.count);
    this.shares = shareStreams(shards.count, flows);
  }

  /** Bytes in the segments that this writer has written. */
  get bytes(): number {
    return this.session.sums[SUM_BYTES]!;
  }

  /**
   * Begins with a segment where the streams are now.
   * @returns when its files are on the disk, and the flows know it
   */
  open(number: number): Promise<void> {
    const from = this.heads();
    this.number = number;
    this.session.acknowledged.set(from);
    for (const [index, mine] of this.shares.entries()) this.startFlow(mine, index, from);
    return this.inTurn(() => this.allWhole());
  }

  private heads(): number[] {
    const { data } = this.parts;
    return data.rings.map((ring, stream) => headOf(data, ring, stream));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {});
    return result;
  }

  private startFlow(mine: readonly number[], index: number, from: readonly number[]): void {
    const { data, policy, failed, trouble } = this.parts;
    const { header } = this;
    this.running++;
    const listener = {
      begun: () => {
        this.begun++;
        this.changed();
      },
      opened: () => {
        this.opened++;
        this.changed();
      },
      trouble: (code: string) => {
        if (code === '') this.refused.delete(index);
        else this.refused.set(index, code);
        trouble(this.refused.values().next().value ?? '');
      },
      ended: (reason: string) => {
        this.running--;
        this.changed();
        if (this.failure !== null || (this.isEnding && reason === '')) return;
        this.abort(reason === '' ? 'it was ended' : reason);
        failed(this.failure!);
      },
    };
    const flow = data.serving.start(index, listener, (flowNumber) => ({
      kind: 'write-journal',
      flow: flowNumber,
      session: this.session.buffer,
      mine,
      from,
      place: this.placeOf(index, from, header),
      policy,
    }));
    this.flows.push(flow);
  }

  private placeOf(
    index: number,
    starts: readonly number[],
    header: ChainWriterParts['header'],
  ): SegmentPlace {
    const { files, chain } = this.parts;
    return {
      folder: files.folder,
      path: files.segmentPath({ chain, number: this.number, flow: index }),
      header: {
        ...header,
        index,
        flows: this.shares.length,
        createdMs: Date.now(),
        setName: String(chain),
      },
      starts: this.shares[index]!.map((stream) => starts[stream]!),
    };
  }

  /** @throws Error that says why it writes no longer, when that is so */
  assertWriting(): void {
    if (this.failure !== null) throw new Error(this.failure);
  }

  /** All files of the segment are on the disk: the flows are told, and may say so in them. */
  private async allWhole(): Promise<void> {
    while (this.opened < this.shares.length) {
      this.assertWriting();
      await this.news();
    }
    this.begun = 0;
    this.opened = 0;
    const { serving } = this.parts.data;
    for (const flow of this.flows) serving.command({ kind: 'segment-whole', flow });
  }

  private async allBegun(): Promise<void> {
    while (this.begun < this.shares.length) {
      this.assertWriting();
      await this.news();
    }
  }

  private news(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.waiting.push(resolve);
    });
  }

  private changed(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /**
   * Ends the segment at a cut, and goes on in the next one.
   * @returns its number and the bytes that were written before it, when it is on the disk
   */
  async rotate(): Promise<SegmentBegin> {
    const { data } = this.parts;
    const whyNot = () => this.failure;
    const { begun } = await atStreamCut(data, whyNot, () => {
      const starts = data.rings.map((ring) => ring.head);
      // Before anybody writes more.
      if (this.cuts.length === 0) this.session.limits.set(starts);
      return { begun: this.cutAt(starts) };
    });
    return begun;
  }

  /**
   * The data goes on in another history: what is written from now on is in segments that say so. Called
   * while nobody writes to the rings, nor will before it returns. A failure is told as any.
   */
  changeHistory(header: ChainWriterParts['header']): void {
    if (this.failure !== null) return;
    this.header = header;
    const starts = this.heads();
    if (this.cuts.length === 0) this.limit(starts);
    this.cutAt(starts).catch(() => {});
  }

  private cutAt(starts: readonly number[]): Promise<SegmentBegin> {
    const { header } = this;
    this.cuts.push(starts);
    return this.inTurn(() => this.nextSegment(starts, header));
  }

  /** @returns when the segments of all cuts so far are on the disk. @throws Error when they will not be */
  async settled(): Promise<void> {
    await this.turn;
    this.assertWriting();
  }

  private async nextSegment(
    starts: readonly number[],
    header: ChainWriterParts['header'],
  ): Promise<SegmentBegin> {
    const { serving, journalWritten } = this.parts.data;
    this.assertWriting();
    this.number++;
    const { number, bytes: bytesBefore } = this;
    this.flows.forEach((flow, index) => {
      serving.command({ kind: 'next-segment', flow, place: this.placeOf(index, starts, header) });
    });
    journalWritten.raise();
    await this.allBegun();
    this.cuts.shift();
    this.limit(this.cuts[0] ?? null);
    await this.allWhole();
    return { number, bytesBefore };
  }

  /** @param lsns by stream how far the flows may get; null: without an end */
  private limit(lsns: readonly number[] | null): void {
    const { rings, journalWritten, locks } = this.parts.data;
    for (let stream = 0; stream < rings.length; stream++) {
      locks.lock(stream);
      this.session.limits[stream] = lsns?.[stream] ?? Number.POSITIVE_INFINITY;
      locks.unlock(stream);
    }
    journalWritten.raise();
  }

  setPolicy(policy: SyncPolicy): void {
    for (const flow of this.flows) {
      this.parts.data.serving.command({ kind: 'sync-policy', flow, policy });
    }
  }

  /** What is on the disk counts from now on. */
  baseWhole(): void {
    for (const flow of this.flows) this.parts.data.serving.command({ kind: 'base-whole', flow });
  }

  /** Gives up at once: nothing more is written. Who waits for it gets the reason. */
  abort(why: string): void {
    this.failure ??= why;
    this.session.end();
    for (const flow of this.flows) this.parts.data.serving.end(flow);
    this.parts.data.journalWritten.raise();
    this.changed();
  }

  /** Writes all that there is. @returns when it is on the disk, or the writer has failed */
  async end(): Promise<void> {
    this.isEnding = true;
    for (const flow of this.flows) this.parts.data.serving.end(flow);
    this.parts.data.journalWritten.raise();
    await this.ended();
  }

  /** @returns when no flow runs any more */
  async ended(): Promise<void> {
    while (this.running > 0) await this.news();
  }
}

function headOf({ locks }: DataParts, ring: JournalRing, stream: number): number {
  locks.lock(stream);
  const { head } = ring;
  locks.unlock(stream);
  return head;
}
