/**
 * Writes an RDB file or stream: version 10 for redis-server 7.0, 11 for 7.2, 12 for 7.4 (needed only
 * where hash fields expire). The caller pushes what there is, in the order of the file; large
 * collections come in batches, with any pause between them, and memory stays constant.
 *
 *     const writer = new RdbWriter(sink, { version: 10 });
 *     writer.begin();
 *     writer.settings({ redisVersion: '7.0.15', ... });
 *     writer.selectDatabase(0);
 *     writer.string(key, region, offset, length);
 *     writer.beginSet(key, count); writer.collections.setMembers(batch); writer.collections.end();
 *     writer.finish();
 */
import type { Region } from '../../base/region.js';
import { CollectionWriter, PACK_LIMITS, type PackLimits } from './collection-writer.js';
import type { Crc64 } from './crc64.js';
import {
  OPCODE_AUXILIARY,
  OPCODE_END,
  OPCODE_EXPIRY_MS,
  OPCODE_FREQUENCY,
  OPCODE_FUNCTION_2,
  OPCODE_IDLE,
  OPCODE_RESIZE_DATABASE,
  OPCODE_SELECT_DATABASE,
  TYPE_STRING,
  VERSION_REDIS_7_0,
} from './format.js';
import { ListWriter } from './list-writer.js';
import { RdbOutput, type RdbSink } from './output.js';
import { StreamWriter } from './stream-writer.js';
import type { RdbKey } from './visitor.js';

export interface WriteOptions {
  /** VERSION_REDIS_7_0 to VERSION_REDIS_7_4 */
  readonly version: number;
  /** rdbcompression */
  readonly compression: boolean;
  /** rdbchecksum */
  readonly checksum: boolean;
  readonly limits: PackLimits;
}

/** What a file says of its server, in auxiliary fields: redis-server reads them, and replicas too. */
export interface FileSettings {
  /** The version of Redis that this server is taken for. */
  readonly redisVersion: string;
  readonly createdSeconds: number;
  readonly usedMemoryBytes: number;
  /** Where the stream of changes goes on after the file; null without replicas. */
  readonly replication: {
    /** The database that the stream has selected. */
    readonly database: number;
    readonly id: string;
    readonly offset: number;
  } | null;
  /** Whether an append-only file begins with this file. */
  readonly isAofBase: boolean;
}

export const WRITE_OPTIONS: WriteOptions = {
  version: VERSION_REDIS_7_0,
  compression: true,
  checksum: true,
  limits: PACK_LIMITS,
};

export class RdbWriter {
  readonly collections: CollectionWriter;
  readonly lists: ListWriter;
  readonly streams: StreamWriter;
  private readonly output: RdbOutput;
  private readonly version: number;
  private key: RdbKey | null = null;

  constructor(sink: RdbSink, options: Partial<WriteOptions> = {}) {
    const all = { ...WRITE_OPTIONS, ...options };
    this.version = all.version;
    this.output = new RdbOutput(sink);
    this.output.compression = all.compression;
    this.output.withChecksum = all.checksum;
    const head = (type: number): void => this.head(type);
    this.collections = new CollectionWriter(this.output, head, all.version, all.limits);
    this.lists = new ListWriter(this.output, head);
    this.streams = new StreamWriter(this.output, head, all.version);
  }

  /** The checksum of what was given to the sink. */
  get checksum(): Crc64 {
    return this.output.checksum;
  }

  /** Bytes written so far. */
  get offset(): number {
    return this.output.offset;
  }

  begin(): void {
    const header = `REDIS${String(this.version).padStart(4, '0')}`;
    for (let i = 0; i < header.length; i++) this.output.byte(header.charCodeAt(i));
  }

  /** Name and value: a char per byte. */
  auxiliary(name: string, value: string): void {
    this.output.byte(OPCODE_AUXILIARY);
    this.output.text(name);
    this.output.text(value);
  }

  /** The auxiliary fields of redis-server, in its order. */
  settings(settings: FileSettings): void {
    const { replication } = settings;
    this.auxiliary('redis-ver', settings.redisVersion);
    this.auxiliary('redis-bits', '64');
    this.auxiliary('ctime', String(settings.createdSeconds));
    this.auxiliary('used-mem', String(settings.usedMemoryBytes));
    if (replication !== null) {
      this.auxiliary('repl-stream-db', String(replication.database));
      this.auxiliary('repl-id', replication.id);
      this.auxiliary('repl-offset', String(replication.offset));
    }
    this.auxiliary('aof-base', settings.isAofBase ? '1' : '0');
  }

  functionLibrary(region: Region, offset: number, length: number): void {
    this.output.byte(OPCODE_FUNCTION_2);
    this.output.string(region, offset, length);
  }

  selectDatabase(database: number): void {
    this.output.byte(OPCODE_SELECT_DATABASE);
    this.output.length(database);
  }

  /** What the database selected last holds: a hint for readers. */
  databaseSize(keys: number, expiring: number): void {
    this.output.byte(OPCODE_RESIZE_DATABASE);
    this.output.length(keys);
    this.output.length(expiring);
  }

  string(key: RdbKey, region: Region, offset: number, length: number): void {
    this.key = key;
    this.head(TYPE_STRING);
    this.output.string(region, offset, length);
  }

  /** `lists.listElements` and `lists.end` follow. The key stays as it is until then. */
  beginList(key: RdbKey, nodes: number): void {
    this.key = key;
    this.lists.begin(nodes);
  }

  beginSet(key: RdbKey, count: number): void {
    this.key = key;
    this.collections.beginSet(count);
  }

  /** @param leastExpiryMs the earliest expiry of a field, -1 when none expires */
  beginHash(key: RdbKey, count: number, leastExpiryMs = -1): void {
    this.key = key;
    this.collections.beginHash(count, leastExpiryMs);
  }

  beginSortedSet(key: RdbKey, count: number): void {
    this.key = key;
    this.collections.beginSortedSet(count);
  }

  beginStream(key: RdbKey, nodes: number): void {
    this.key = key;
    this.streams.begin(nodes);
  }

  /** The key whose value `collections`, `lists` or `streams` begin next. It stays as it is until then. */
  at(key: RdbKey): void {
    this.key = key;
  }

  /** Hands what was written so far to the sink. */
  flush(): void {
    this.output.flush();
  }

  /** End and checksum. */
  finish(): void {
    this.output.byte(OPCODE_END);
    this.output.footer();
  }

  /** What stands before a value: expiry, access, type, key. */
  private head(type: number): void {
    const { output } = this;
    const key = this.key!;
    if (key.expiryMs !== -1) {
      output.byte(OPCODE_EXPIRY_MS);
      output.int64(key.expiryMs);
    }
    if (key.idleSeconds >= 0) {
      output.byte(OPCODE_IDLE);
      output.length(key.idleSeconds);
    }
    if (key.frequency >= 0) {
      output.byte(OPCODE_FREQUENCY);
      output.byte(key.frequency);
    }
    output.byte(type);
    output.string(key.region, key.offset, key.length);
  }
}
