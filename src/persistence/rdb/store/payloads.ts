/** DUMP and RESTORE of one value: between the store, under its shard's lock, and a payload. */
import type { Region } from '../../../base/region.js';
import type { Keyspace } from '../../../keyspace/keyspace.js';
import type { StoredValue, TypeRegistry } from '../../../keyspace/types.js';
import type {
  ConsumerFigures,
  GroupFigures,
  LoadedValue,
  LoadLimits,
  StreamFigures,
} from '../../../values/value-type.js';
import type { ElementBatch } from '../batch.js';
import { DUMP_READ, DumpReader } from '../dump.js';
import { DumpWriter } from '../dump-writer.js';
import { VERSION_REDIS_7_0, VERSION_REDIS_7_4 } from '../format.js';
import { KIND_STRING, type RdbKey, type RdbVisitor } from '../visitor.js';
import { CurrentPackLimits } from './pack-limits.js';
import { ValueReceiver } from './value-receiver.js';
import { ValueWriter } from './value-writer.js';

/**
 * Payloads of a thread. Their version is that of redis-server 7.0; where fields of a hash expire it is
 * 7.4's, as older ones have no form for that.
 */
export class ValueDump {
  private readonly limits: CurrentPackLimits;
  private readonly usual: DumpWriter;
  private readonly usualValues: ValueWriter;
  private readonly expiring: DumpWriter;
  private readonly expiringValues: ValueWriter;

  constructor(directives: LoadLimits) {
    const limits = new CurrentPackLimits(directives);
    this.limits = limits;
    this.usual = new DumpWriter({ version: VERSION_REDIS_7_0, limits });
    this.usualValues = new ValueWriter(this.usual);
    this.expiring = new DumpWriter({ version: VERSION_REDIS_7_4, limits });
    this.expiringValues = new ValueWriter(this.expiring);
  }

  /**
   * @returns what has the payload, from 0 of its region on, until `release` or the next call
   * @throws PayloadTooLongError
   */
  write(types: TypeRegistry, value: StoredValue, directives: LoadLimits): DumpWriter {
    const expires =
      types.hasExpiringElements(value.kind) &&
      types.elementExpiry(value.kind).earliest(value) !== Number.POSITIVE_INFINITY;
    const writer = expires ? this.expiring : this.usual;
    const values = expires ? this.expiringValues : this.usualValues;
    this.limits.directives = directives;
    writer.begin();
    values.begin();
    types.of(value.kind).save(value, values);
    writer.finish();
    return writer;
  }
}

/** Reads payloads of a thread into values beside the keyspace. */
export class ValueRestore implements RdbVisitor {
  private readonly reader = new DumpReader(this);
  private receiver!: ValueReceiver;
  private keys!: Keyspace;

  /**
   * Builds the value of a payload in the space of the key sought, whose shard is locked.
   * @returns DUMP_READ: `take` follows; DUMP_WRONG_FOOTER, DUMP_BAD_DATA: nothing is left
   * @throws StoreFullError when there is no room; nothing is left either
   */
  read(keys: Keyspace, limits: LoadLimits, region: Region, offset: number, length: number): number {
    if (this.keys !== keys) {
      this.keys = keys;
      this.receiver = new ValueReceiver(keys.types, limits, () => keys.full());
    }
    let outcome: number;
    try {
      outcome = this.reader.read(region, offset, length);
    } catch (error) {
      this.receiver.discard();
      throw error;
    }
    if (outcome !== DUMP_READ) this.receiver.discard();
    return outcome;
  }

  /** Why the payload read last has bad data. */
  get reason(): string {
    return this.reader.error?.message ?? '';
  }

  /** The value built, to be stored; its pages are the caller's. */
  take(): LoadedValue {
    return this.receiver.take();
  }

  string(_key: RdbKey, region: Region, offset: number, length: number): void {
    this.receiver.begin(KIND_STRING, this.keys.space);
    this.receiver.bytes(region, offset, length);
  }

  begin(key: RdbKey): void {
    this.receiver.begin(key.kind, this.keys.space);
  }

  listElements(batch: ElementBatch): void {
    this.receiver.elements(batch);
  }

  setMembers(batch: ElementBatch): void {
    this.receiver.elements(batch);
  }

  hashFields(batch: ElementBatch): void {
    this.receiver.elements(batch);
  }

  sortedSetMembers(batch: ElementBatch): void {
    this.receiver.elements(batch);
  }

  streamEntries(batch: ElementBatch): void {
    this.receiver.elements(batch);
  }

  streamState(state: StreamFigures): void {
    this.receiver.streamState(state);
  }

  streamGroup(group: GroupFigures): void {
    this.receiver.streamGroup(group);
  }

  streamConsumer(consumer: ConsumerFigures): void {
    this.receiver.streamConsumer(consumer);
  }

  streamPending(batch: ElementBatch): void {
    this.receiver.streamPending(batch);
  }

  end(): void {}

  auxiliary(): void {}
  databaseSize(): void {}
  functionLibrary(): void {}
  skippedModule(): void {}
  emptyKey(): void {}
}
