/**
 * A flow of a full sync whose replica is a file: moves what the PrimaryFlow makes to the disk.
 *
 *   writing ──at the limits──▶ (end, sync) whole ──▶ ended
 *
 * Two outputs take turns: while the disk takes one, the next is made, so memory is constant however
 * slow the disk is. What is written is acknowledged to the PrimaryFlow, so the rings keep what is not
 * and writers wait for a slow disk as for a slow replica. Nothing waits for parts of transactions in
 * a file: there is no window. Belongs to a flow thread; the disk's work is done elsewhere.
 */
import type { Disk } from '../../persistence/files/disk.js';
import { type FlowFileHeader, FlowFileWriter } from '../../persistence/files/flow-file.js';
import { createRegion } from '../../platform/ffi/region.js';
import { writeAcknowledgement } from '../../replication/acknowledgement.js';
import type { BlockPlaces } from '../../replication/files/block-places.js';
import { PrimaryFlow } from '../../replication/primary/primary-flow.js';
import type { PrimaryFlowOptions } from '../../replication/primary/primary-flow-options.js';
import type { WrittenFile } from '../channel/main-flow.js';
import type { FlowTime } from './flow-time.js';

const OUTPUT_BYTES = 2 * 1024 * 1024;
/** Less than this is not written while there is more to come. */
const WRITE_BYTES_MIN = 512 * 1024;
/** After so many bytes they are brought to the disk, so that not all of it is left for the end. */
const SYNC_BYTES = 32 * 1024 * 1024;
/** How long it sleeps at most when there is nothing to write. */
const SLEEP_MS = 20;
const REST_MS = 1;

/** The file that a flow writes. */
export interface FlowFilePlace {
  readonly path: string;
  readonly header: FlowFileHeader;
}

export interface FileFlowParts {
  readonly options: PrimaryFlowOptions;
  readonly disk: Disk;
  readonly time: FlowTime;
  readonly syncsOften: boolean;
  /** Notes where blocks are written, in a file that only this process reads again; null: it is kept. */
  readonly places: BlockPlaces | null;
  readonly written: (file: WrittenFile) => void;
  readonly ended: (reason: string) => void;
}

export class FileFlow {
  private readonly source: PrimaryFlow;
  private readonly outputs = [createRegion(OUTPUT_BYTES), createRegion(OUTPUT_BYTES)];
  /** The output that is being filled, and how far. */
  private turn = 0;
  private filled = 0;
  private writer: FlowFileWriter | null = null;
  private unsynced = 0;
  /** The write under way. */
  private write: Promise<void> = Promise.resolve();
  private closed = false;
  private readonly isIdle = (): boolean => this.source.idle && !this.source.isAtEnd && !this.closed;

  constructor(
    private readonly parts: FileFlowParts,
    place: FlowFilePlace,
  ) {
    this.source = new PrimaryFlow(parts.options);
    void this.run(place);
  }

  /** Gives up. Its file stays as it is. */
  end(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.source.close(false);
    this.parts.ended(reason);
  }

  private async run(place: FlowFilePlace): Promise<void> {
    try {
      await this.writeFile(place);
      this.end('');
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    } finally {
      await this.abandon();
    }
  }

  /** Writes one file, up to the session's limits. */
  private async writeFile({ path, header }: FlowFilePlace): Promise<void> {
    const { disk, written } = this.parts;
    const writer = await FlowFileWriter.create(disk, path, header);
    this.writer = writer;
    while (!this.closed) {
      const isMore = this.fill();
      if (this.source.failed !== null) throw new Error(this.source.failed);
      if (this.filled >= WRITE_BYTES_MIN || (!isMore && this.filled > 0)) await this.flush();
      if (isMore) continue;
      await this.write;
      if (this.source.isAtEnd) break;
      // Otherwise it waits for other flows: not in a circle that lets nobody else go on.
      const { time } = this.parts;
      if (this.isIdle()) await time.untilWritten(this.isIdle, SLEEP_MS);
      else await time.sleep(REST_MS);
    }
    if (this.closed) return;
    const { checksum } = await writer.finish(this.parts.places === null);
    this.writer = null;
    if (!this.closed) written({ path, bytes: writer.bytes, checksum });
  }

  /** Makes the next bytes. @returns whether there were any */
  private fill(): boolean {
    const out = this.outputs[this.turn]!;
    const before = this.filled;
    this.filled = this.source.produce(out, before, out.length);
    return this.filled > before;
  }

  /** Begins to write what was made, once the write before has ended. */
  private async flush(): Promise<void> {
    await this.write;
    if (this.closed) return;
    const { mine, session } = this.parts.options;
    const output = this.outputs[this.turn]!;
    this.parts.places?.note(output, 0, this.filled, this.writer!.bytes);
    const out = output.bytes.subarray(0, this.filled);
    const sent = Float64Array.from(mine, (stream) => session.sent[stream]!);
    this.turn ^= 1;
    this.filled = 0;
    this.write = this.append(out, sent);
    // Whoever waits for it gets the error.
    this.write.catch(() => {});
  }

  private async append(bytes: Uint8Array, sent: Float64Array): Promise<void> {
    await this.writer!.append(bytes);
    this.unsynced += bytes.length;
    if (this.parts.syncsOften && this.unsynced >= SYNC_BYTES) {
      this.unsynced = 0;
      await this.writer!.sync();
    }
    if (this.closed) return;
    const wrong = this.source.acknowledge(writeAcknowledgement(sent));
    if (wrong !== null) throw new Error(wrong);
  }

  private async abandon(): Promise<void> {
    const { writer } = this;
    this.writer = null;
    await this.write.catch(() => {});
    await writer?.close().catch(() => {});
  }
}
