/**
 * The flows that write the segments of one chain, as the main thread runs them.
 *
 *   open ──▶ writing ──rotate: cut, next files, go on──▶ writing ──end──▶ all is on the disk
 *               │
 *               └── a flow has failed, or the history has changed ──▶ failed: no chain goes on from here
 *
 * A segment ends at one cut of all streams, taken under their locks, so that no transaction lies in
 * two of them. No flow begins the next segment before all have ended the last one. So as soon as a
 * segment holds anything, the one before is whole and on the disk.
 */
import type { JournalRing } from '../../../../journal/ring.js';
import type { FlowFileHeader } from '../../../../persistence/files/flow-file.js';
import type { SegmentPlace } from '../../../../replication/files/segment-writer.js';
import { SUM_BYTES, SyncSession } from '../../../../replication/primary/sync-session.js';
import type { SyncPolicy } from '../../../channel/main-flow.js';
import { shareStreams } from '../../replication/served-replicas.js';
import type { DataParts } from '../file-sync.js';
import { lockAllStreams, unlockAllStreams } from '../stream-cut.js';
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

export class ChainWriter {
  private readonly session: SyncSession;
  private readonly shares: readonly (readonly number[])[];
  private readonly flows: number[] = [];
  private readonly refused = new Map<number, string>();
  private opened = 0;
  private running = 0;
  private failure: string | null = null;
  private isEnding = false;
  private waiting: (() => void)[] = [];
  /** Bytes that were written before the newest segment began. */
  private bytesBefore = 0;
  private number = 0;

  constructor(private readonly parts: ChainWriterParts) {
    const { rings, owner, shards, serving } = parts.data;
    const buffer = SyncSession.create(rings.length, false);
    this.session = new SyncSession(buffer, rings.length, owner);
    this.shares = shareStreams(shards.count, Math.min(serving.count, shards.count));
  }

  /** Bytes in the segments that this writer has written. */
  get bytes(): number {
    return this.session.sums[SUM_BYTES]!;
  }

  /** The same of the newest one. */
  get segmentBytes(): number {
    return this.bytes - this.bytesBefore;
  }

  get segment(): number {
    return this.number;
  }

  /**
   * Begins with a segment where the streams are now.
   * @returns when its files are on the disk
   */
  async open(number: number): Promise<void> {
    const { data } = this.parts;
    const from = data.rings.map((ring, stream) => headOf(data, ring, stream));
    this.number = number;
    this.session.acknowledged.set(from);
    for (const [index, mine] of this.shares.entries()) this.startFlow(mine, index, from);
    await this.allOpened();
  }

  private startFlow(mine: readonly number[], index: number, from: readonly number[]): void {
    const { data, policy, failed, trouble } = this.parts;
    this.running++;
    const listener = {
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
      place: this.placeOf(index, from),
      policy,
    }));
    this.flows.push(flow);
  }

  private placeOf(index: number, starts: readonly number[]): SegmentPlace {
    const { files, chain, header } = this.parts;
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

  private async allOpened(): Promise<void> {
    while (this.opened < this.shares.length) {
      this.assertWriting();
      await this.news();
    }
    this.opened = 0;
  }

  private news(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.waiting.push(resolve);
    });
  }

  private changed(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Ends the segment at a cut, and goes on in the next one. @returns when that is on the disk */
  async rotate(): Promise<void> {
    const { data } = this.parts;
    const { rings, journalWritten, serving, locks } = data;
    await lockAllStreams(data, () => this.failure);
    const starts = rings.map((ring) => ring.head);
    this.session.limits.set(starts);
    unlockAllStreams(data);
    this.number++;
    const { bytes } = this;
    this.flows.forEach((flow, index) => {
      serving.command({ kind: 'next-segment', flow, place: this.placeOf(index, starts) });
    });
    journalWritten.raise();
    await this.allOpened();
    this.bytesBefore = bytes;
    for (let stream = 0; stream < rings.length; stream++) {
      locks.lock(stream);
      this.session.limits[stream] = Number.POSITIVE_INFINITY;
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
