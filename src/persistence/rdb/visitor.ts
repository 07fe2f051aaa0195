/**
 * What a reader of RDB tells, in the order of the file. Bytes are places in a region that are valid
 * during the call only; nothing is an object per key or element. Any of these may throw an RdbError
 * with a reason (a member that is there twice, say): the reader adds offset and key.
 */
import { Region } from '../../base/region.js';
import type {
  ConsumerFigures as StreamConsumer,
  GroupFigures as StreamGroup,
  StreamFigures as StreamState,
} from '../../values/value-type.js';
import type { ElementBatch } from './batch.js';

export type { StreamConsumer, StreamGroup, StreamState };

export const KIND_STRING = 0;
export const KIND_LIST = 1;
export const KIND_SET = 2;
export const KIND_SORTED_SET = 3;
export const KIND_HASH = 4;
export const KIND_STREAM = 5;
export const KIND_MODULE = 6;

/** A key and what the file says about it. One record for all keys: copy what is to stay. */
export class RdbKey {
  kind = KIND_STRING;
  database = 0;
  region: Region = new Region(new SharedArrayBuffer(8), 0);
  offset = 0;
  length = 0;
  /** Absolute, milliseconds since 1970; -1: it does not expire. */
  expiryMs = -1;
  /** Seconds without access, -1 when the file does not say. */
  idleSeconds = -1;
  /** The logarithmic counter of accesses, 0 to 255, -1 when the file does not say. */
  frequency = -1;
  /**
   * Elements (pairs of a hash) that the file claims, 0 when it does not say. A hint: nothing may be
   * allocated by it.
   */
  claimedElements = 0;
}

export interface RdbVisitor {
  /** A setting of the file, `redis-ver` say. Both a char per byte; long ones are left out. */
  auxiliary(name: string, value: string): void;
  /** What the database will hold: a hint. */
  databaseSize(database: number, keys: number, expiring: number): void;
  /** The source of a function library. */
  functionLibrary(region: Region, offset: number, length: number): void;
  /** A module's value or setting was skipped (`skipModules`). */
  skippedModule(module: string): void;

  string(key: RdbKey, region: Region, offset: number, length: number): void;

  /** A collection begins; batches of its elements follow, then `end`. */
  begin(key: RdbKey): void;
  listElements(batch: ElementBatch): void;
  setMembers(batch: ElementBatch): void;
  hashFields(batch: ElementBatch): void;
  sortedSetMembers(batch: ElementBatch): void;
  streamEntries(batch: ElementBatch): void;
  /** After all entries. */
  streamState(state: StreamState): void;
  streamGroup(group: StreamGroup): void;
  /** A consumer of the group told last. */
  streamConsumer(consumer: StreamConsumer): void;
  /** Pending entries of the consumer told last, in the order of their ids. */
  streamPending(batch: ElementBatch): void;
  end(key: RdbKey): void;
  /** A collection without elements, which old versions could leave behind: no key. */
  emptyKey(key: RdbKey): void;
}

/** Does nothing with what it is told: for visitors that want to know of some. */
export class NullRdbVisitor implements RdbVisitor {
  auxiliary(_name: string, _value: string): void {}
  databaseSize(): void {}
  functionLibrary(): void {}
  skippedModule(): void {}
  string(_key: RdbKey, _region: Region, _offset: number, _length: number): void {}
  begin(): void {}
  listElements(): void {}
  setMembers(): void {}
  hashFields(): void {}
  sortedSetMembers(): void {}
  streamEntries(): void {}
  streamState(): void {}
  streamGroup(): void {}
  streamConsumer(): void {}
  streamPending(): void {}
  end(_key: RdbKey): void {}
  emptyKey(): void {}
}
