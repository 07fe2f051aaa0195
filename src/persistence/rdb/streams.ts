/**
 * Values that are streams: nodes of entries, what the stream remembers, consumer groups.
 *
 *     nodes | (id: string of 16, listpack: string) ... | length | last id
 *       from version 2 on: | first id | greatest deleted id | entries added
 *     groups | (name | last id | from version 2 on: entries read
 *       pending | (id: 16 bytes, delivered: 8, deliveries) ...
 *       consumers | (name | seen: 8 | from version 3 on: active: 8 | pending | id: 16 ...) ...) ...
 *
 * Ids between these parts are two lengths; where a size is given they are bytes, big-endian.
 */
import { STREAM_ID_BYTES } from './batch.js';
import { FINISHED, GO_ON, INCOMPLETE, type Value, type ValueDecoder } from './decoder.js';
import {
  TYPE_STREAM_LISTPACKS,
  TYPE_STREAM_LISTPACKS_2,
  TYPE_STREAM_LISTPACKS_3,
} from './format.js';
import { RdbString } from './input.js';
import { readInt64 } from './integers.js';
import { StreamNodes } from './stream-node.js';
import { PendingEntries } from './stream-pending.js';
import { entriesReadBefore } from './stream-state.js';
import { KIND_STREAM, type StreamConsumer, type StreamGroup, type StreamState } from './visitor.js';

/** What comes next. */
const NODE_COUNT = 0;
const NODE_KEY = 1;
const NODE = 2;
const STATE = 3;
const GROUP_COUNT = 4;
const GROUP_NAME = 5;
const GROUP = 6;
const PENDING_COUNT = 7;
const PENDING = 8;
const CONSUMER_COUNT = 9;
const CONSUMER_NAME = 10;
const CONSUMER = 11;
const OWNED = 12;

/** Numbers of the state: length and last id; first id, greatest deleted id and entries added. */
const NUMBERS_MAX = 8;

export function isStreamType(type: number): boolean {
  return (
    type === TYPE_STREAM_LISTPACKS ||
    type === TYPE_STREAM_LISTPACKS_2 ||
    type === TYPE_STREAM_LISTPACKS_3
  );
}

export class StreamDecoder implements ValueDecoder {
  private version = 1;
  private next = NODE_COUNT;
  private nodes = 0;
  private hasNodes = false;
  private groups = 0;
  private consumers = 0;
  private pending = 0;
  /** Index of the consumer's pending entry read last. */
  private lastOwned = -1;
  private state: StreamState | null = null;
  private readonly numbers: bigint[] = new Array<bigint>(NUMBERS_MAX).fill(0n);
  private readonly name = new RdbString();
  private readonly entries: StreamNodes;
  private readonly pendingEntries = new PendingEntries();

  constructor(private readonly value: Value) {
    this.entries = new StreamNodes(value);
  }

  begin(type: number): void {
    this.version = type === TYPE_STREAM_LISTPACKS ? 1 : type === TYPE_STREAM_LISTPACKS_2 ? 2 : 3;
    this.next = NODE_COUNT;
    this.entries.begin();
    this.value.start(KIND_STREAM);
  }

  step(): number {
    switch (this.next) {
      case NODE_COUNT:
        return this.readNodeCount();
      case NODE_KEY:
        return this.readNodeKey();
      case NODE:
        return this.readNode();
      case STATE:
        return this.readState();
      case GROUP_COUNT:
        return this.readGroupCount();
      case GROUP_NAME:
        return this.readName(GROUP);
      case GROUP:
        return this.readGroup();
      case PENDING_COUNT:
        return this.readPendingCount();
      case PENDING:
        return this.readPending();
      case CONSUMER_COUNT:
        return this.readConsumerCount();
      case CONSUMER_NAME:
        return this.readName(CONSUMER);
      case CONSUMER:
        return this.readConsumer();
      default:
        return this.readOwned();
    }
  }

  private continueWith(next: number): number {
    this.next = next;
    return GO_ON;
  }

  private readNodeCount(): number {
    const { input } = this.value;
    if (!input.readCount()) return INCOMPLETE;
    this.nodes = input.length;
    this.hasNodes = this.nodes > 0;
    return this.continueWith(this.nodes > 0 ? NODE_KEY : STATE);
  }

  private readNodeKey(): number {
    const { input, string } = this.value;
    if (!input.readString(string)) return INCOMPLETE;
    this.entries.setMaster(string.region, string.offset, string.length);
    return this.continueWith(NODE);
  }

  private readNode(): number {
    const { input, string } = this.value;
    if (!input.readString(string)) return INCOMPLETE;
    this.entries.read(string.region, string.offset, string.length);
    this.nodes--;
    return this.continueWith(this.nodes > 0 ? NODE_KEY : STATE);
  }

  /** Reads so many lengths into `numbers`. */
  private readNumbers(count: number): boolean {
    const { input } = this.value;
    const start = input.position;
    for (let i = 0; i < count; i++) {
      if (!input.readCount()) {
        input.position = start;
        return false;
      }
      this.numbers[i] = input.exact;
    }
    return true;
  }

  /** The id whose halves are at `numbers[index]` and after it. */
  private id(index: number): bigint {
    return (this.numbers[index]! << 64n) | this.numbers[index + 1]!;
  }

  private readState(): number {
    const { entries, numbers, value } = this;
    if (!this.readNumbers(this.version === 1 ? 3 : NUMBERS_MAX)) return INCOMPLETE;
    // As redis-server, which goes by the nodes; what is counted wrong is counted right from here on.
    if (numbers[0] !== 0n && !this.hasNodes) value.fail('Stream has a length but no entries');
    const lastId = this.id(1);
    if (entries.lastId > lastId) value.fail('Stream has an entry above its last id');
    const length = entries.length;
    this.state =
      this.version === 1
        ? { length, lastId, firstId: entries.firstId, maxDeletedId: 0n, entriesAdded: numbers[0]! }
        : {
            length,
            lastId,
            firstId: this.id(3),
            maxDeletedId: this.id(5),
            entriesAdded: numbers[7]!,
          };
    value.beginStream();
    value.visitor.streamState(this.state);
    return this.continueWith(GROUP_COUNT);
  }

  private readGroupCount(): number {
    const { input } = this.value;
    if (!input.readCount()) return INCOMPLETE;
    this.groups = input.length;
    return this.nextGroup();
  }

  private nextGroup(): number {
    if (this.groups > 0) return this.continueWith(GROUP_NAME);
    this.pendingEntries.clear();
    this.name.release();
    this.value.finish();
    return FINISHED;
  }

  private readName(next: number): number {
    if (!this.value.input.readString(this.name)) return INCOMPLETE;
    // What belongs to the name comes after it, and the window may move in between.
    this.name.keep();
    return this.continueWith(next);
  }

  private readGroup(): number {
    const { name, numbers, version } = this;
    if (!this.readNumbers(version === 1 ? 2 : 3)) return INCOMPLETE;
    const lastId = this.id(0);
    const group: StreamGroup = {
      region: name.region,
      offset: name.offset,
      length: name.length,
      lastId,
      entriesRead:
        version === 1 ? entriesReadBefore(this.state!, lastId) : BigInt.asIntN(64, numbers[2]!),
    };
    this.value.visitor.streamGroup(group);
    this.pendingEntries.clear();
    return this.continueWith(PENDING_COUNT);
  }

  private readPendingCount(): number {
    const { input } = this.value;
    if (!input.readCount()) return INCOMPLETE;
    this.pending = input.length;
    return this.continueWith(PENDING);
  }

  private readPending(): number {
    const { input } = this.value;
    for (; this.pending > 0; this.pending--) {
      const start = input.position;
      const fixed = STREAM_ID_BYTES + 8;
      if (!input.has(fixed)) return INCOMPLETE;
      input.position = start + fixed;
      if (!input.readCount()) {
        input.position = start;
        return INCOMPLETE;
      }
      const deliveredMs = readInt64(input.window.view, start + STREAM_ID_BYTES);
      if (!this.pendingEntries.add(input.window, start, deliveredMs, input.length)) {
        this.value.fail('Stream group has pending entries that do not ascend');
      }
    }
    return this.continueWith(CONSUMER_COUNT);
  }

  private readConsumerCount(): number {
    const { input } = this.value;
    if (!input.readCount()) return INCOMPLETE;
    this.consumers = input.length;
    return this.nextConsumer();
  }

  private nextConsumer(): number {
    if (this.consumers > 0) return this.continueWith(CONSUMER_NAME);
    const { owned, count } = this.pendingEntries;
    if (owned !== count) this.value.fail('Stream group has a pending entry without consumer');
    this.groups--;
    return this.nextGroup();
  }

  private readConsumer(): number {
    const { input } = this.value;
    const { name, version } = this;
    const start = input.position;
    const times = version === 3 ? 16 : 8;
    if (!input.has(times)) return INCOMPLETE;
    input.position = start + times;
    if (!input.readCount()) {
      input.position = start;
      return INCOMPLETE;
    }
    const seenMs = readInt64(input.window.view, start);
    const consumer: StreamConsumer = {
      region: name.region,
      offset: name.offset,
      length: name.length,
      seenMs,
      activeMs: version === 3 ? readInt64(input.window.view, start + 8) : seenMs,
    };
    this.value.visitor.streamConsumer(consumer);
    this.pending = input.length;
    this.lastOwned = -1;
    return this.continueWith(OWNED);
  }

  private readOwned(): number {
    const { input, batch } = this.value;
    for (; this.pending > 0; this.pending--) {
      if (!input.has(STREAM_ID_BYTES)) return INCOMPLETE;
      this.takeOwned(this.pendingEntries.find(input.window, input.position));
      input.position += STREAM_ID_BYTES;
      if (batch.isFull) this.deliverPending();
    }
    this.deliverPending();
    this.consumers--;
    return this.nextConsumer();
  }

  private takeOwned(index: number): void {
    const { pendingEntries, value } = this;
    if (index < 0) value.fail("Stream consumer has a pending entry that is not its group's");
    if (!pendingEntries.own(index)) value.fail('Stream has an entry that is pending twice');
    if (index < this.lastOwned) value.fail('Stream consumer has pending entries out of order');
    this.lastOwned = index;
    pendingEntries.addTo(value.batch, index);
  }

  private deliverPending(): void {
    const { batch, visitor } = this.value;
    if (batch.count === 0) return;
    visitor.streamPending(batch);
    batch.clear();
  }
}
