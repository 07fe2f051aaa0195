/**
 * Loads an RDB file into the shards: bytes come in pieces, on any thread that has a view of the shards
 * and may wait for locks (no I/O thread).
 *
 *     const loader = new RdbLoader(keys, events, { keepsExpired: false, nowMs });
 *     loader.reader.feed(bytes, offset, length) ... loader.reader.finish()
 *     loader.abandon() when it was not finished
 *
 * A string is stored under one hold of its shard's lock. A collection is built beside the keyspace,
 * a batch under each hold, and linked into its database with the last one: no lock is held longer than
 * a batch of 64 KiB or one element takes, and nobody sees a part of a value.
 *
 * Effects are emitted if `keys` has a sink for them; without one no replica and no journal learns of
 * what was loaded. Whoever loads a file in a server with replicas has them begin anew.
 */
import { hasExpired } from '../../../base/expiry-time.js';
import { toBinary } from '../../../base/region.js';
import type { Keyspace } from '../../../keyspace/keyspace.js';
import { StoreFullError } from '../../../keyspace/store-full.js';
import type {
  ConsumerFigures,
  GroupFigures,
  LoadedValue,
  LoadLimits,
  StreamFigures,
} from '../../../values/value-type.js';
import type { ElementBatch } from '../batch.js';
import type { ReadOptions } from '../decoder.js';
import { RdbError } from '../error.js';
import { RdbReader } from '../reader.js';
import { KIND_STRING, type RdbKey, type RdbVisitor } from '../visitor.js';
import { expiryFromFile } from './expiry.js';
import { ValueReceiver } from './value-receiver.js';

/** What becomes of a key that is there already. */
export type DuplicateKeys = 'refuse' | 'replace';

export interface LoadOptions {
  /** What values become, and are called. */
  readonly limits: LoadLimits;
  /** The time that expiry compares with. */
  readonly nowMs: number;
  /** Whether keys that have expired are stored: a replica keeps them until its primary removes them. */
  readonly keepsExpired: boolean;
  readonly duplicates: DuplicateKeys;
  readonly reading?: Partial<ReadOptions>;
}

/** What a file says besides its keys. */
export interface LoadEvents {
  /** A setting of the file, `repl-id` say. */
  setting(name: string, value: string): void;
  /** The source of a function library, a char per byte. */
  functionLibrary(code: string): void;
  skippedModule(name: string): void;
}

export class RdbLoader implements RdbVisitor {
  readonly reader: RdbReader;
  /** Keys stored, dropped as they had expired, and dropped as they had no elements. */
  loaded = 0;
  expired = 0;
  empty = 0;
  private readonly receiver: ValueReceiver;
  /** Of the value that is being built. */
  private shard = 0;
  private epoch = 0;

  constructor(
    private readonly keys: Keyspace,
    private readonly events: LoadEvents,
    private readonly options: LoadOptions,
  ) {
    this.reader = new RdbReader(this, options.reading);
    const full = () => noRoom(keys.full(this.shard));
    this.receiver = new ValueReceiver(keys.types, options.limits, full);
  }

  /** After an error, or when no more bytes come: frees what was built in part. */
  abandon(): void {
    if (!this.receiver.active) return;
    this.keys.shards.lock(this.shard);
    try {
      this.receiver.discard();
    } finally {
      this.keys.shards.unlock(this.shard);
    }
  }

  auxiliary(name: string, value: string): void {
    this.events.setting(name, value);
  }

  databaseSize(): void {}

  functionLibrary(region: RdbKey['region'], offset: number, length: number): void {
    this.events.functionLibrary(toBinary(region, offset, length));
  }

  skippedModule(module: string): void {
    this.events.skippedModule(module);
  }

  emptyKey(): void {
    this.empty++;
  }

  string(key: RdbKey, region: RdbKey['region'], offset: number, length: number): void {
    if (this.isDropped(key)) return;
    this.lockShardOf(key);
    try {
      this.receiver.begin(KIND_STRING, this.keys.shards.spaces[this.shard]!);
      this.receiver.bytes(region, offset, length);
      this.store(key, this.receiver.take());
    } finally {
      this.keys.shards.unlock(this.shard);
    }
  }

  /** Whether the key is not stored; it is checked at first. */
  private isDropped(key: RdbKey): boolean {
    const { databases } = this.keys.shards;
    if (key.database >= databases) {
      throw new RdbError(`The file has a key in database ${key.database}, there are ${databases}`);
    }
    const { keepsExpired, nowMs } = this.options;
    if (keepsExpired || !hasExpired(expiryFromFile(key.expiryMs), nowMs)) return false;
    this.expired++;
    return true;
  }

  /** Locks the shard in which the key lives. The hash key is known for sure under a lock only. */
  private lockShardOf({ region, offset, length }: RdbKey): void {
    const { shards } = this.keys;
    for (;;) {
      const shard = shards.shardOf(region, offset, length);
      shards.lock(shard);
      if (shards.shardOf(region, offset, length) === shard) {
        this.shard = shard;
        this.epoch = shards.keyHash.epoch;
        return;
      }
      shards.unlock(shard);
    }
  }

  /** Stores a value under the lock of its shard. Its pages are the key's then, or freed. */
  private store(key: RdbKey, value: LoadedValue): void {
    const { keys, options } = this;
    const { region, offset, length, database } = key;
    keys.now = options.nowMs;
    keys.beginCommand(true);
    keys.seekKey(database, region, offset, length);
    try {
      if (keys.exists && options.duplicates === 'refuse') {
        throw new RdbError(`Database ${database} has the key twice`);
      }
      const { kind, region: source, valueOffset, valueLength } = value;
      const expiry = expiryFromFile(key.expiryMs);
      keys.store(kind, source, valueOffset, valueLength, expiry, null);
    } catch (error) {
      if (keys.types.owns(value.kind)) keys.types.free(value);
      throw error instanceof StoreFullError ? noRoom(error) : error;
    }
    keys.settle();
    this.loaded++;
  }

  begin(key: RdbKey): void {
    if (this.isDropped(key)) return;
    this.lockShardOf(key);
    try {
      this.receiver.begin(key.kind, this.keys.shards.spaces[this.shard]!);
    } finally {
      this.keys.shards.unlock(this.shard);
    }
  }

  listElements(batch: ElementBatch): void {
    this.elements(batch);
  }

  setMembers(batch: ElementBatch): void {
    this.elements(batch);
  }

  hashFields(batch: ElementBatch): void {
    this.elements(batch);
  }

  sortedSetMembers(batch: ElementBatch): void {
    this.elements(batch);
  }

  streamEntries(batch: ElementBatch): void {
    this.elements(batch);
  }

  private elements(batch: ElementBatch): void {
    this.locked(() => this.receiver.elements(batch));
  }

  streamState(state: StreamFigures): void {
    this.locked(() => this.receiver.streamState(state));
  }

  streamGroup(group: GroupFigures): void {
    this.locked(() => this.receiver.streamGroup(group));
  }

  streamConsumer(consumer: ConsumerFigures): void {
    this.locked(() => this.receiver.streamConsumer(consumer));
  }

  streamPending(batch: ElementBatch): void {
    this.locked(() => this.receiver.streamPending(batch));
  }

  /** Runs a step of building a value; nothing for a value that is dropped. */
  private locked(step: () => void): void {
    const { shards } = this.keys;
    if (!this.receiver.active) return;
    shards.lock(this.shard);
    try {
      this.assertSameHash();
      step();
    } finally {
      shards.unlock(this.shard);
    }
  }

  /** A full sync that replaces the hash key would leave a value in a shard where nobody seeks it. */
  private assertSameHash(): void {
    if (this.keys.shards.keyHash.epoch === this.epoch) return;
    throw new Error('the hash key changed while a value was loaded');
  }

  end(key: RdbKey): void {
    if (!this.receiver.active) return;
    this.locked(() => this.store(key, this.receiver.take()));
  }
}

function noRoom({ shard, shards, shardBytes }: StoreFullError): RdbError {
  const size = `${Math.round(shardBytes / 1024 / 1024)} MiB`;
  return new RdbError(`No room for the key in shard ${shard} of ${shards}, which has ${size}`);
}
