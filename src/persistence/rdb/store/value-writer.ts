/**
 * Passes a value of the store on to a file or a payload: what its type tells (ValueType.save) goes
 * through one batch to the writer of its kind. Memory is that of the batch.
 */
import type { Region } from '../../../base/region.js';
import type {
  ConsumerFigures,
  GroupFigures,
  StreamFigures,
  ValueSink,
} from '../../../values/value-type.js';
import { ElementBatch } from '../batch.js';
import type { CollectionWriter } from '../collection-writer.js';
import type { ListWriter } from '../list-writer.js';
import { NodePlan } from '../node-plan.js';
import type { StreamWriter } from '../stream-writer.js';

/** What a value is written to: RdbWriter, once it knows the key, or DumpWriter. */
export interface ValueTarget {
  readonly collections: CollectionWriter;
  readonly lists: ListWriter;
  readonly streams: StreamWriter;
  string(region: Region, offset: number, length: number): void;
}

/** Where the batch goes. */
const LIST = 0;
const SET = 1;
const HASH = 2;
const SORTED_SET = 3;
const ENTRIES = 4;
const PENDING = 5;
const OWNED = 6;

export class ValueWriter implements ValueSink {
  readonly batch = new ElementBatch();
  private readonly plan = new NodePlan();
  private next = LIST;

  constructor(private readonly target: ValueTarget) {}

  /** Before a value. */
  begin(): void {
    this.batch.clear();
    this.plan.clear();
  }

  string(region: Region, offset: number, length: number): void {
    this.target.string(region, offset, length);
  }

  planElement(length: number): void {
    this.plan.addElement(length);
  }

  beginList(): void {
    this.next = LIST;
    this.target.lists.begin(this.plan.nodes);
  }

  beginSet(count: number): void {
    this.next = SET;
    this.target.collections.beginSet(count);
  }

  beginHash(count: number, leastExpiryMs: number): void {
    this.next = HASH;
    this.target.collections.beginHash(count, leastExpiryMs);
  }

  beginSortedSet(count: number): void {
    this.next = SORTED_SET;
    this.target.collections.beginSortedSet(count);
  }

  planEntry(length: number): void {
    this.plan.addEntry(length);
  }

  beginStream(): void {
    this.next = ENTRIES;
    this.target.streams.begin(this.plan.nodes);
  }

  streamState(state: StreamFigures, groups: number): void {
    this.target.streams.streamState(state);
    this.target.streams.groups(groups);
  }

  streamGroup(group: GroupFigures, pending: number): void {
    this.next = PENDING;
    this.target.streams.group(group, pending);
  }

  streamConsumers(count: number): void {
    this.target.streams.consumers(count);
  }

  streamConsumer(consumer: ConsumerFigures, pending: number): void {
    this.next = OWNED;
    this.target.streams.consumer(consumer, pending);
  }

  deliver(): void {
    const { batch } = this;
    if (batch.count > 0) this.pass();
    batch.clear();
  }

  private pass(): void {
    const { batch, target } = this;
    switch (this.next) {
      case LIST:
        target.lists.listElements(batch);
        break;
      case SET:
        target.collections.setMembers(batch);
        break;
      case HASH:
        target.collections.hashFields(batch);
        break;
      case SORTED_SET:
        target.collections.sortedSetMembers(batch);
        break;
      case ENTRIES:
        target.streams.streamEntries(batch);
        break;
      case PENDING:
        target.streams.pending(batch);
        break;
      default:
        target.streams.owned(batch);
    }
  }

  end(): void {
    if (this.next === LIST) this.target.lists.end();
    else if (this.next <= SORTED_SET) this.target.collections.end();
  }
}
