/**
 * A flow of a replica that is fed from a file of a segment of the journal
 * (replication/files/segment-reader.ts). What it reads is verified as bytes from a peer are.
 *
 * It is told up to where each of its streams is to be applied: there all transactions are whole, so parts
 * are applied alone, and flows need not wait for each other. Of the newest segment that is not known:
 * each flow scans its file first, for the main thread to find it.
 *
 *   opened ──(scan ──scanned──▶)* load ──read──▶ ended
 *
 * Belongs to a flow thread.
 */
import { DamagedFile } from '../../persistence/files/damaged-file.js';
import type { Disk } from '../../persistence/files/disk.js';
import { SegmentReader } from '../../replication/files/segment-reader.js';
import { SegmentScan } from '../../replication/files/segment-scan.js';
import type { ReplicaFlow } from '../../replication/replica/replica-flow.js';
import type { SyncProgress } from '../../replication/replica/sync-progress.js';
import { setFilling } from '../../structures/frame.js';
import type { ReadSegment, SegmentCommand, SegmentReport } from '../channel/main-flow.js';
import type { GatheredStrings } from './gathered-strings.js';

export interface LoadedSegmentParts {
  readonly disk: Disk;
  readonly path: string;
  readonly mine: readonly number[];
  readonly progress: SyncProgress;
  /** Where strings are gathered; null with another number of shards. */
  readonly gather: () => GatheredStrings | null;
  readonly createFlow: (gathered: GatheredStrings | null) => ReplicaFlow;
  /** Something was applied. */
  readonly applied: () => void;
  readonly report: (report: SegmentReport) => void;
  readonly ended: (reason: string) => void;
}

export class LoadedSegment {
  private closed = false;
  private flow: ReplicaFlow | null = null;
  private reader: SegmentReader | null = null;

  constructor(private readonly parts: LoadedSegmentParts) {}

  /** One at a time: the next one comes after the report of the one before. */
  take(command: SegmentCommand): void {
    void this.run(command);
  }

  end(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.flow?.close();
    this.reader?.close().catch(() => {});
    this.parts.ended(reason);
  }

  private async run(command: SegmentCommand): Promise<void> {
    if (this.closed) return;
    try {
      const { disk, path } = this.parts;
      const reader = await SegmentReader.open(disk, path);
      if (this.closed) {
        await reader.close();
        return;
      }
      this.reader = reader;
      if (command.kind === 'scan-segment') await this.scan(reader, command);
      else await this.load(reader, command.until);
      if (this.closed) return;
      this.reader = null;
      await reader.close();
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    }
  }

  private async scan(reader: SegmentReader, command: SegmentCommand & { kind: 'scan-segment' }) {
    const { mine, report } = this.parts;
    const scan = new SegmentScan(mine, command.starts, command.limits);
    await this.each(reader, () => scan.take(reader.region, reader.block));
    if (this.closed) return;
    report({ kind: 'segment-scanned', scanned: scan.result, read: await this.readOf(reader) });
  }

  private async load(reader: SegmentReader, until: readonly number[]): Promise<void> {
    const { report, gather } = this.parts;
    const gathered = gather();
    // The thread does nothing else until it is through.
    setFilling(true);
    try {
      await this.apply(reader, until, gathered);
      if (!this.closed && gathered !== null && gathered.settleAll() !== null) {
        throw new DamagedFile(reader.path, gathered.failedOffset, gathered.failed!);
      }
    } finally {
      setFilling(false);
      gathered?.close();
    }
    if (!this.closed) report({ kind: 'segment-read', read: await this.readOf(reader) });
  }

  private async apply(
    reader: SegmentReader,
    until: readonly number[],
    gathered: GatheredStrings | null,
  ): Promise<void> {
    const { progress, mine, createFlow, applied } = this.parts;
    const since = new Map(mine.map((stream) => [stream, progress.applied[stream]!]));
    const flow = createFlow(gathered);
    this.flow = flow;
    if (gathered !== null) gathered.fileBytes = reader.bytes;
    const take = (): string | null => {
      const { block, region } = reader;
      const from = since.get(block.shard) ?? 0;
      const to = until[block.shard]!;
      // What is there already, or belongs to the next segment.
      if (block.from >= to || block.to <= from) return null;
      block.clip(from, to);
      if (gathered !== null) gathered.fileOffset = reader.blockOffset;
      flow.takeStream(region, block);
      if (gathered !== null && gathered.failed !== null) {
        throw new DamagedFile(reader.path, gathered.failedOffset, gathered.failed);
      }
      return flow.failed;
    };
    await this.each(reader, take, () => {
      flow.count();
      applied();
    });
  }

  /**
   * Reads all blocks.
   * @param take a block. @returns what is wrong with it, or null
   * @param pause after those that were read at once
   */
  private async each(reader: SegmentReader, take: () => string | null, pause = () => {}) {
    while (await reader.next()) {
      if (this.closed) return;
      do {
        const wrong = take();
        if (wrong !== null) throw new DamagedFile(reader.path, reader.blockOffset, wrong);
      } while (reader.advance());
      pause();
    }
  }

  private async readOf(reader: SegmentReader): Promise<ReadSegment> {
    const { broken } = reader;
    return { broken, isTorn: broken === null || (await reader.isTorn()) };
  }
}
