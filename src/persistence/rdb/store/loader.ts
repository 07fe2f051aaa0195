/**
 * Loads an RDB file into the shards: bytes come in pieces, on any thread that has a view of the shards
 * and may wait for locks (no I/O thread).
 *
 *     const loader = new RdbLoader(keys, events, { keepsExpired: false, nowMs });
 *     loader.feed(bytes, offset, length) ... loader.finish()
 *     loader.close() when it was not finished, too
 *
 * Strings are gathered and stored a shard at a time (string-batch.ts): all are there when the file has ended or
 * `storeStep` has nothing left. A collection is built beside the keyspace, a batch under each hold, and linked into
 * its database with the last one: no lock is held longer than a batch of 64 KiB or one element takes, and
 * nobody sees a part of a value.
 *
 * Effects are emitted if `keys` has a sink for them; without one no replica and no journal learns of
 * what was loaded. Whoever loads a file in a server with replicas has them begin anew.
 */
import { hasExpired } from '../../../base/expiry-time.js';
import { toBinary } from '../../../base/region.js';
import type { Keyspace } from '../../../keyspace/keyspace.js';
import { StoreFullError } from '../../../keyspace/store-full.js';
import { BATCHED_BYTES_MAX, BatchedString, StringBatch } from '../../../keyspace/string-batch.js';
import { setFilling } from '../../../structures/frame.js';
import { ENTRY_OVERHEAD_BYTES, presize } from '../../../structures/table-presize.js';
import type {
  ConsumerFigures,
  GroupFigures,
  LoadedValue,
  LoadLimits,
  StreamFigures,
} from '../../../values/value-type.js';
import type { ElementBatch } from '../batch.js';
import { type ReadOptions, shownKey } from '../decoder.js';
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
  /** Of the file, if they are known: tables get the frames that they will have at once. */
  readonly fileBytes?: number;
  /** The limit of memory, 0 for none: an eighth of it is for keys that are only announced. */
  readonly memoryMax?: number;
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

/**
 * An entry that is longer in the file may be a collection, which takes a few bytes of its table. What is longer
 * there as well makes the frames split once or twice more.
 */
const EXPECTED_BYTES_MAX = 160;
const ANNOUNCED_SHARE = 1 / 8;
const HASH_CHANGED = 'the hash key changed while a value was loaded';

export class RdbLoader implements RdbVisitor {
  readonly reader: RdbReader;
  /** Keys stored, dropped as they had expired, and dropped as they had no elements. */
  loaded = 0;
  expired = 0;
  empty = 0;
  /** Of frames that tables got for what the file has announced. */
  private announcedBytes = 0;
  private readonly receiver: ValueReceiver;
  private readonly batch: StringBatch;
  private readonly gathered = new BatchedString();
  /** Where strings are stored; of the kind as SET stores them. */
  private readonly place = { shard: 0, database: 0, kind: 0 };
  /** The shard whose strings are stored next at the end. */
  private nextStored = 0;
  /** Of the value that is being built. */
  private shard = 0;
  private epoch = 0;

  constructor(
    private readonly keys: Keyspace,
    private readonly events: LoadEvents,
    private readonly options: LoadOptions,
  ) {
    this.reader = new RdbReader(this, options.reading);
    this.batch = new StringBatch(
      keys.shards,
      keys.shards.spaces.map((_, shard) => shard),
    );
    this.place.kind = keys.types.of(KIND_STRING).kinds[0]!;
    const full = () => noRoom(keys.full(this.shard));
    this.receiver = new ValueReceiver(keys.types, options.limits, full);
  }

  /**
   * Reads the next bytes and stores what is whole in them.
   *
   * @returns how many belong to the file: fewer than `length` when it ends among them
   * @throws RdbError, after which the loader is of no more use but to be closed
   */
  feed(bytes: Uint8Array, offset: number, length: number): number {
    const { reader } = this;
    let taken = 0;
    while (taken < length && !reader.done) {
      taken += this.storing(() => reader.feedPart(bytes, offset + taken, length - taken));
    }
    return taken;
  }

  /** Instead of `feed`, after `count` bytes were put where the reader wants them. */
  received(count: number): number {
    return this.storing(() => this.reader.received(count));
  }

  private storing(read: () => number): number {
    setFilling(true);
    try {
      const taken = read();
      if (this.reader.done) this.storeAll();
      return taken;
    } catch (error) {
      // What is wrong before that, as a key that is there twice, is what is told.
      if (error instanceof RdbError) this.storeAll();
      throw error;
    } finally {
      setFilling(false);
    }
  }

  /**
   * Stores the strings of a shard that are still to be stored, one that nobody has locked if there is one.
   * @returns whether there are more
   */
  storeStep(): boolean {
    setFilling(true);
    try {
      this.storeNext();
    } finally {
      setFilling(false);
    }
    return this.batch.count > 0;
  }

  private storeAll(): void {
    while (this.batch.count > 0) this.storeNext();
  }

  private storeNext(): void {
    const { batch, keys } = this;
    const { shards } = keys;
    if (batch.count === 0) return;
    let shard = -1;
    for (let i = 0; i < shards.count; i++) {
      const next = (this.nextStored + i) & (shards.count - 1);
      if (!batch.has(next)) continue;
      if (shard < 0) shard = next;
      if (!shards.tryLock(next, 0)) continue;
      shards.unlock(next);
      shard = next;
      break;
    }
    this.nextStored = (shard + 1) & (shards.count - 1);
    this.storeShard(shard);
  }

  /** There are no more bytes. @throws RdbError when the file is not whole */
  finish(): void {
    this.storing(() => {
      this.reader.finish();
      return 0;
    });
  }

  /** After an error, or when no more bytes come: frees what was built in part. */
  close(): void {
    this.batch.close();
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

  /** A file may say anything: what is announced in all gets no more frames than the file has bytes. */
  databaseSize(database: number, keys: number): void {
    const { shards } = this.keys;
    const { fileBytes, memoryMax = 0 } = this.options;
    if (fileBytes === undefined || keys === 0 || database >= shards.databases) return;
    const limit = memoryMax === 0 ? fileBytes : Math.min(fileBytes, memoryMax * ANNOUNCED_SHARE);
    const bytes = Math.min(fileBytes / keys, EXPECTED_BYTES_MAX);
    const each = bytes + ENTRY_OVERHEAD_BYTES;
    const announced = Math.min(keys, Math.max(0, limit - this.announcedBytes) / each);
    this.announcedBytes += announced * each;
    const entries = announced / shards.count;
    for (let shard = 0; shard < shards.count; shard++) {
      shards.lock(shard);
      presize(shards.table(shard, database), entries, bytes);
      shards.unlock(shard);
    }
  }

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
    if (key.length + length <= BATCHED_BYTES_MAX) {
      this.gather(key, region, offset, length);
      return;
    }
    this.storeBefore();
    this.lockShardOf(key);
    try {
      this.receiver.begin(KIND_STRING, this.keys.shards.spaces[this.shard]!);
      this.receiver.bytes(region, offset, length);
      this.store(key, this.receiver.take());
    } finally {
      this.keys.shards.unlock(this.shard);
    }
  }

  private gather(key: RdbKey, region: RdbKey['region'], offset: number, length: number): void {
    const { batch, keys } = this;
    const { keyHash, spaces } = keys.shards;
    if (batch.count === 0) {
      // What this thread knows of the hash key may be of the lock that it took last.
      keyHash.read(spaces[0]!);
      batch.epoch = keyHash.epoch;
    } else if (keyHash.epoch !== batch.epoch) throw new Error(HASH_CHANGED);
    const shard = batch.shardOf(key.region, key.offset, key.length);
    if (!batch.hasRoom(shard, key.database, key.length + length)) this.storeShard(shard);
    const { gathered } = this;
    gathered.database = key.database;
    gathered.expiry = expiryFromFile(key.expiryMs);
    gathered.keyRegion = key.region;
    gathered.keyOffset = key.offset;
    gathered.keyLength = key.length;
    gathered.valueRegion = region;
    gathered.valueOffset = offset;
    gathered.valueLength = length;
    gathered.fileOffset = this.reader.offset;
    batch.add(shard, gathered);
  }

  /** Before a key is stored that may be the one of a string that was gathered: the last one counts. */
  private storeBefore(): void {
    if (this.options.duplicates === 'replace') this.storeAll();
  }

  /** Stores the strings of a shard that were gathered. */
  private storeShard(shard: number): void {
    const { batch, keys } = this;
    const { shards } = keys;
    keys.now = this.options.nowMs;
    batch.open(shard);
    this.shard = shard;
    for (let from = 0; from < batch.rows; ) {
      const end = batch.endOfRun(from);
      shards.lock(shard);
      try {
        if (shards.keyHash.epoch !== batch.epoch) throw new Error(HASH_CHANGED);
        this.storeRun(from, end);
      } finally {
        shards.unlock(shard);
      }
      from = end;
    }
  }

  /** Stores strings of one shard, which is locked. */
  private storeRun(from: number, end: number): void {
    const { batch, keys, place } = this;
    batch.warm(from, end);
    place.shard = batch.shard;
    place.database = batch.database;
    for (let at = from; at < end; at++) {
      const next = keys.fill(place, batch, at, end);
      this.loaded += next - at;
      at = next;
      if (at < end) this.storeString(batch.order[at]!);
    }
  }

  private storeString(index: number): void {
    const { batch, keys, options } = this;
    const { region } = batch;
    const offset = batch.offset[index]!;
    const length = batch.keyLength[index]!;
    keys.beginCommand(true);
    batch.seek(keys, index);
    try {
      if (keys.exists && options.duplicates === 'refuse') throw keyTwice(batch.database);
      keys.store(
        this.place.kind,
        region,
        offset + length,
        batch.valueLength[index]!,
        batch.expiry[index]!,
        null,
      );
    } catch (error) {
      const wrong = error instanceof StoreFullError ? noRoom(error) : error;
      if (!(wrong instanceof RdbError)) throw wrong;
      throw wrong.at(batch.fileOffset(index), shownKey(region, offset, length));
    }
    keys.settle();
    this.loaded++;
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
        throw keyTwice(database);
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
    this.storeBefore();
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
    throw new Error(HASH_CHANGED);
  }

  end(key: RdbKey): void {
    if (!this.receiver.active) return;
    this.locked(() => this.store(key, this.receiver.take()));
  }
}

function keyTwice(database: number): RdbError {
  return new RdbError(`Database ${database} has the key twice`);
}

function noRoom({ shard, shards, shardBytes }: StoreFullError): RdbError {
  const size = `${Math.round(shardBytes / 1024 / 1024)} MiB`;
  return new RdbError(`No room for the key in shard ${shard} of ${shards}, which has ${size}`);
}
