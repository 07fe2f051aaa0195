/**
 * Encodes all keys of a shard into chunks (chunks.ts). Nobody changes the shard meanwhile: it is a copy, or
 * whoever calls holds its lock from `begin` on.
 */
import { SCAN_END, type Shards } from '../../../keyspace/shards.js';
import type { TypeRegistry } from '../../../keyspace/types.js';
import { RdbWriter, type WriteOptions } from '../writer.js';
import { CHUNK_BYTES, Chunk } from './chunks.js';
import { EntryWriter } from './entry-writer.js';

export class ShardEncoder {
  /** Keys encoded so far. */
  keys = 0;
  private chunk = new Chunk();
  private readonly writer: RdbWriter;
  private readonly entries: EntryWriter;
  private shard = 0;
  private database = 0;
  private position = 0;
  /** The database that the chunk has named, -1 at its beginning. */
  private named = -1;

  constructor(
    private readonly shards: Shards,
    types: TypeRegistry,
    options: Partial<WriteOptions>,
  ) {
    this.writer = new RdbWriter((region, offset, length) => {
      this.chunk.append(region, offset, length);
    }, options);
    this.writer.collections.mayExpireFields = true;
    this.entries = new EntryWriter(this.writer, types);
  }

  /** Whether fields of a hash expire: the file needs version 12. */
  get hasFieldExpiry(): boolean {
    return this.writer.collections.hasFieldExpiry;
  }

  get checksum(): RdbWriter['checksum'] {
    return this.writer.checksum;
  }

  begin(shard: number): void {
    this.shard = shard;
    this.database = 0;
    this.position = 0;
  }

  /** The keys that follow go into this chunk, which is empty; `checksum` is its checksum. */
  open(chunk: Chunk): void {
    this.chunk = chunk;
    this.named = -1;
    this.writer.checksum.reset();
  }

  /**
   * Encodes keys of the shard until the chunk is full.
   * @returns whether there may be more
   */
  fill(): boolean {
    const { writer, shards, chunk } = this;
    const start = writer.offset - chunk.bytes;
    while (this.database < shards.databases && writer.offset - start < CHUNK_BYTES) this.step();
    // What is in the chunk is counted, and nothing of the shard is referred to any more.
    writer.flush();
    return this.database < shards.databases;
  }

  /** One bucket. */
  private step(): void {
    const { shards, shard, writer, entries } = this;
    const table = shards.table(shard, this.database);
    if (table.size === 0 || this.position >= SCAN_END) {
      this.database++;
      this.position = 0;
      return;
    }
    this.position = table.scan(this.position);
    for (let i = 0; i < table.scanCount; i++) {
      table.decode(table.scanOffsets[i]!);
      if (this.named !== this.database) {
        writer.selectDatabase(this.database);
        this.named = this.database;
      }
      entries.write(table);
      this.keys++;
    }
  }
}
