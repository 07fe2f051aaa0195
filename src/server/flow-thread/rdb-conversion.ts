/**
 * Turns what a flow has written of its shards (blocks of a full sync, in a file) into keys of an RDB file:
 *
 *   file of blocks ──shard by shard──▶ scratch shard ──▶ chunks of keys ──▶ place in the RDB file
 *
 * The blocks are those of a native snapshot: the walk of each shard, and the effects on what was shipped
 * up to the cut. An RDB file cannot take effects, so each shard is put together in memory, one at a
 * time, exactly as a start would, and then encoded. What that takes beside the data is one shard for each
 * flow (1/64 of the data with 64 shards) and two chunks, whatever is written meanwhile and however long
 * it takes.
 *
 * The other way would be to keep the value of a key that is written before the walk has come to it. That
 * needs no second pass; but every write of every command would have to look for it, and a write on a
 * large collection would wait until all of it was copied. This way no write notices anything.
 *
 * Flows write at the same time. Each claims a place in the file for a chunk, so no bytes are written
 * twice, and the checksum of the file is joined from those of the chunks.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandSettings } from '../../commands/contract/settings.js';
import { FileTail } from '../../memory/file-tail.js';
import { DamagedFile } from '../../persistence/files/damaged-file.js';
import type { Disk, DiskFile } from '../../persistence/files/disk.js';
import type { FlowFileHeader } from '../../persistence/files/flow-file.js';
import { Chunk } from '../../persistence/rdb/store/chunks.js';
import { CurrentPackLimits } from '../../persistence/rdb/store/pack-limits.js';
import { ShardEncoder } from '../../persistence/rdb/store/shard-encoder.js';
import { createRegion } from '../../platform/ffi/region.js';
import type { BlockPlaces } from '../../replication/files/block-places.js';
import { streamsOf } from '../../replication/primary/primary-state.js';
import { type PendingMemory, PendingStreams } from '../../replication/replica/pending-streams.js';
import { ReplicaFlow } from '../../replication/replica/replica-flow.js';
import type { KeylessLock } from '../../replication/replica/shard-writer.js';
import { SyncProgress } from '../../replication/replica/sync-progress.js';
import { BLOCK_BYTES_MAX } from '../../replication/wire.js';
import type { RdbTarget, WrittenRdb } from '../channel/main-flow.js';
import { type ScratchLayout, ScratchShard } from './scratch-shard.js';

/** Holds a record that is cut between two blocks, beside a block (256 KiB). */
const PENDING_BYTES = 512 * 1024;
/** Address space for records that are longer. */
const LARGE_RECORDS_BYTES = 2 ** 31;
const POLL_MS = 1;
const BUFFER_BYTES = 2 * BLOCK_BYTES_MAX;

export interface ConversionParts {
  readonly disk: Disk;
  readonly scratch: ScratchShard;
  readonly pending: PendingMemory;
  /** A directive as CONFIG GET shows it. */
  readonly setting: (name: string) => string;
  readonly header: FlowFileHeader;
  /** The file of blocks, and where they lie. */
  readonly path: string;
  readonly places: BlockPlaces;
  /** Streams of the flow. The one without keys has nothing for the file. */
  readonly mine: readonly number[];
  /** By stream: where the blocks end. */
  readonly limits: Float64Array;
  readonly target: RdbTarget;
  readonly owner: number;
  readonly keyless: KeylessLock;
  readonly isEnded: () => boolean;
}

/** @throws Error, of the disk or a DamagedFile; also when it is ended. One at a time */
export type Converter = (
  parts: Omit<ConversionParts, 'scratch' | 'pending'>,
) => Promise<WrittenRdb>;

/** What one thread converts with. */
export function createConverter(layout: ScratchLayout): Converter {
  const scratch = new ScratchShard(layout);
  return async (parts) => {
    const streams = streamsOf(layout.shards);
    const pending = PendingStreams.create(streams, PENDING_BYTES, LARGE_RECORDS_BYTES);
    const conversion = new Conversion({ ...parts, scratch, pending });
    try {
      return await conversion.run();
    } finally {
      await conversion.close();
    }
  };
}

class Conversion {
  private source: DiskFile | null = null;
  private output: DiskFile | null = null;
  private readonly encoder: ShardEncoder;
  private readonly progress: SyncProgress;
  private readonly tail: FileTail;
  /** They take turns: one is written while the other is filled. */
  private readonly chunks = [new Chunk(), new Chunk()];
  private turn = 0;
  /** What is read, for one shard after the other. */
  private readonly buffer = createRegion(BUFFER_BYTES);
  private write: Promise<void> = Promise.resolve();
  private readonly written: number[] = [];

  constructor(private readonly parts: ConversionParts) {
    const { scratch, owner, target, setting } = parts;
    const { dispatcher, shards } = scratch;
    // Effects are replayed under settings of their own.
    const settings = new CommandSettings();
    settings.load(setting);
    this.encoder = new ShardEncoder(shards, dispatcher.keys.types, {
      compression: target.compression,
      checksum: target.checksum,
      limits: new CurrentPackLimits(settings),
    });
    const streams = streamsOf(shards.count);
    this.progress = new SyncProgress(SyncProgress.createForFiles(streams), streams, owner);
    this.tail = new FileTail(target.tail);
  }

  async run(): Promise<WrittenRdb> {
    const { disk, path, target, mine, scratch, header } = this.parts;
    this.source = await disk.open(path);
    this.output = await disk.openPlaces(target.path);
    const { hashKey0: key0, hashKey1: key1, spread } = header;
    this.encoder.open(this.chunks[0]!);
    for (const shard of mine) {
      if (shard >= scratch.shards.count) continue;
      scratch.begin({ key0, key1, spread });
      await this.load(shard);
      await this.encode(shard);
    }
    await this.putChunk();
    await this.write;
    const { keys, hasFieldExpiry } = this.encoder;
    return { keys, hasFieldExpiry, chunks: Float64Array.from(this.written) };
  }

  async close(): Promise<void> {
    await this.write.catch(() => {});
    this.parts.scratch.clear();
    PendingStreams.giveBack(this.parts.pending);
    await this.source?.close().catch(() => {});
    await this.output?.close().catch(() => {});
  }

  /** @throws when nobody wants it any more */
  private checkWanted(): void {
    if (this.parts.isEnded()) throw new Error('it was ended');
  }

  private async load(shard: number): Promise<void> {
    const { places, limits, path } = this.parts;
    const flow = this.createFlow(shard);
    for (const { offset, bytes } of places.of(shard)) {
      for (let at = 0; at < bytes; ) {
        const into = flow.target.subarray(0, bytes - at);
        const got = await this.source!.read(offset + at, into);
        this.checkWanted();
        if (got === 0) throw new DamagedFile(path, offset + at, 'the file has become shorter');
        flow.received(got);
        at += got;
        if (flow.failed !== null) {
          throw new DamagedFile(path, offset + at - flow.bytesLeft, flow.failed);
        }
      }
    }
    flow.close();
    const { progress } = this;
    if (progress.isDone(shard) && progress.applied[shard] === limits[shard]) return;
    const reached = `shard ${shard} ends at LSN ${progress.applied[shard]}, not ${limits[shard]}`;
    throw new DamagedFile(path, 0, reached);
  }

  private createFlow(shard: number): ReplicaFlow {
    const { scratch, keyless, owner, pending } = this.parts;
    const { shards, target } = scratch;
    return new ReplicaFlow({
      ...{ shards, keyless, target, progress: this.progress },
      rings: null,
      keylessTarget: { apply: () => 'no effect is without a key here', clear: () => {} },
      primaryShards: shards.count,
      mine: [shard],
      pending: new PendingStreams(pending, owner),
      cuts: null,
      buffer: this.buffer,
    });
  }

  private async encode(shard: number): Promise<void> {
    this.encoder.begin(shard);
    // A chunk that is not full goes on with the next shard.
    while (this.encoder.fill()) await this.putChunk();
  }

  /** Writes the chunk that was filled, and begins the next one. */
  private async putChunk(): Promise<void> {
    const { encoder } = this;
    const chunk = this.chunks[this.turn]!;
    const { low, high } = encoder.checksum;
    await this.write;
    this.checkWanted();
    if (chunk.bytes > 0) {
      const at = await this.claim(chunk.bytes);
      this.written.push(at, chunk.bytes, low, high);
      this.write = this.put(chunk, at);
      // Whoever waits for it gets the error.
      this.write.catch(() => {});
    }
    this.turn ^= 1;
    this.chunks[this.turn]!.clear();
    encoder.open(this.chunks[this.turn]!);
  }

  /** The beginning of the file is claimed by the main thread, before anything else. */
  private async claim(bytes: number): Promise<number> {
    while (this.tail.bytes === 0) {
      await sleep(POLL_MS);
      this.checkWanted();
    }
    return this.tail.claim(bytes);
  }

  private async put(chunk: Chunk, offset: number): Promise<void> {
    let at = offset;
    for (const part of chunk.parts()) {
      await this.output!.write(at, part);
      at += part.length;
    }
  }
}
