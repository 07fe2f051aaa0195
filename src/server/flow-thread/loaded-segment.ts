/**
 * A flow of a replica that is fed from a file of a segment of the journal
 * (replication/files/segment-reader.ts). What it reads is verified as bytes from a peer are.
 *
 * A stream that stops at its part of a transaction goes on when the other parts were read, maybe by
 * another flow. The blocks behind such a part are *deferred*: only their places in the file are kept,
 * so that memory is bounded and the flow goes on with its other streams. The main thread asks all
 * flows for rounds, until none of them has got on: then what still waits has no other parts.
 *
 *   reading ──read──▶ (round ──fed──▶)* ended
 *
 * Belongs to a flow thread.
 */
import { DamagedFile } from '../../persistence/files/damaged-file.js';
import type { Disk } from '../../persistence/files/disk.js';
import { SegmentReader } from '../../replication/files/segment-reader.js';
import type { PendingStreams } from '../../replication/replica/pending-streams.js';
import type { ReplicaFlow } from '../../replication/replica/replica-flow.js';
import type { SyncProgress } from '../../replication/replica/sync-progress.js';
import { BLOCK_HEADER_BYTES, blockBytes, sealBlock } from '../../replication/wire.js';
import type { ReadSegment } from '../channel/main-flow.js';

export interface LoadedSegmentParts {
  readonly disk: Disk;
  readonly path: string;
  readonly mine: readonly number[];
  /** By stream: what lies beyond it belongs to the next segment; null in the newest. */
  readonly until: readonly number[] | null;
  readonly progress: SyncProgress;
  readonly pending: PendingStreams;
  readonly createFlow: () => ReplicaFlow;
  /** Something was applied. */
  readonly applied: () => void;
  readonly read: (segment: ReadSegment) => void;
  /** A round is over, in which so many blocks were taken. */
  readonly fed: (blocks: number) => void;
  readonly ended: (reason: string) => void;
}

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

export class LoadedSegment {
  private closed = false;
  private flow: ReplicaFlow | null = null;
  private reader: SegmentReader | null = null;
  /** By stream: where the blocks lie that wait, and how many of them were taken since. */
  private readonly deferred = new Map<number, { places: Place[]; taken: number }>();
  /** By stream: where the data was before. */
  private readonly since: ReadonlyMap<number, number>;
  /** The round under way. */
  private busy: Promise<void>;

  constructor(private readonly parts: LoadedSegmentParts) {
    const { mine, progress } = parts;
    this.since = new Map(mine.map((stream) => [stream, progress.applied[stream]!]));
    this.busy = this.guarded(() => this.readAll());
  }

  /** Takes what has waited and can be applied now. */
  round(): void {
    this.busy = this.busy.then(() => this.guarded(() => this.feedDeferred()));
  }

  end(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.flow?.close();
    this.reader?.close().catch(() => {});
    this.parts.ended(reason);
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    if (this.closed) return;
    try {
      await work();
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    }
  }

  private async readAll(): Promise<void> {
    const { disk, path, read, createFlow } = this.parts;
    const reader = await SegmentReader.open(disk, path);
    this.reader = reader;
    this.flow = createFlow();
    while (!this.closed && (await reader.next())) {
      if (this.closed) return;
      if (this.mustWait(reader.block.shard)) this.defer(reader);
      else this.feed(reader);
    }
    if (this.closed) return;
    const { broken, isFinished } = reader;
    read({ isFinished, broken, isTorn: broken === null || (await reader.isTorn()) });
  }

  private mustWait(stream: number): boolean {
    return this.parts.pending.isParked(stream) || this.deferred.has(stream);
  }

  private defer({ block, blockOffset }: SegmentReader): void {
    const waiting = this.deferred.get(block.shard) ?? { places: [], taken: 0 };
    this.deferred.set(block.shard, waiting);
    waiting.places.push({ offset: blockOffset, bytes: blockBytes(block.length) });
  }

  /** Gives the reader's block to the flow, but for what is there already, or belongs to the next segment. */
  private feed(reader: SegmentReader): void {
    const { block, region, blockStart, blockOffset, path } = reader;
    const flow = this.flow!;
    const until = this.parts.until?.[block.shard] ?? Number.POSITIVE_INFINITY;
    const since = this.since.get(block.shard)!;
    if (block.from >= until || block.to <= since) return;
    let bytes = blockBytes(block.length);
    if (block.to > until || block.from < since) {
      const skipped = Math.max(0, since - block.from);
      const end = Math.min(block.to, until);
      const payload = blockStart + BLOCK_HEADER_BYTES;
      region.bytes.copyWithin(payload, payload + skipped, payload + block.length);
      block.from += skipped;
      block.to = end;
      block.length = end - block.from;
      bytes = sealBlock(region, blockStart, block) - blockStart;
    }
    flow.nowMs = Date.now();
    flow.feed(region.bytes.subarray(blockStart, blockStart + bytes));
    this.parts.applied();
    if (flow.failed !== null) throw new DamagedFile(path, blockOffset, flow.failed);
  }

  private async feedDeferred(): Promise<void> {
    const { disk, pending, fed } = this.parts;
    const reader = this.reader!;
    let count = 0;
    for (const [stream, waiting] of this.deferred) {
      const { places } = waiting;
      while (waiting.taken < places.length && !pending.isParked(stream)) {
        const { offset, bytes } = places[waiting.taken++]!;
        await reader.reread(disk, offset, bytes);
        if (this.closed) return;
        this.feed(reader);
        count++;
      }
      if (waiting.taken === places.length) this.deferred.delete(stream);
    }
    fed(count);
  }
}
