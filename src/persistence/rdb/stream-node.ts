/**
 * The entries of one node of a stream: a listpack whose ids and field names are relative to those of
 * a master entry.
 *
 *     master:  entries | deleted | fields | field ... | 0
 *     entry:   flags | ms | sequence | fields | field | value ... | elements before
 *     entry with the master's fields: flags | ms | sequence | value ... | elements before
 *
 * `ms` and `sequence` are added to the id that is the node's key, modulo 2^64. Deleted entries stay
 * with a flag. All ids of a stream ascend.
 */
import { withRoom } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import { STREAM_ID_BYTES } from './batch.js';
import type { Value } from './decoder.js';
import { ENTRY_DELETED, ENTRY_SAME_FIELDS } from './format.js';
import { newRegion } from './input.js';
import { ListpackCursor } from './packed/listpack.js';

const NAMES_BYTES = 1024;
const NAMES_BYTES_KEPT = 1024 * 1024;
const NAMES_INITIAL = 16;
const NAMES_KEPT = 64 * 1024;

/** An id as two unsigned integers of 64 bits, each as two words. */
class StreamId {
  msHigh = 0;
  msLow = 0;
  sequenceHigh = 0;
  sequenceLow = 0;

  read(region: Region, offset: number): void {
    this.msHigh = region.view.getInt32(offset, false);
    this.msLow = region.view.getInt32(offset + 4, false);
    this.sequenceHigh = region.view.getInt32(offset + 8, false);
    this.sequenceLow = region.view.getInt32(offset + 12, false);
  }

  write(region: Region, offset: number): void {
    region.view.setInt32(offset, this.msHigh, false);
    region.view.setInt32(offset + 4, this.msLow, false);
    region.view.setInt32(offset + 8, this.sequenceHigh, false);
    region.view.setInt32(offset + 12, this.sequenceLow, false);
  }

  isAbove(other: StreamId): boolean {
    const high = compareWords(this.msHigh, other.msHigh) || compareWords(this.msLow, other.msLow);
    const low = compareWords(this.sequenceHigh, other.sequenceHigh);
    return (high || low || compareWords(this.sequenceLow, other.sequenceLow)) > 0;
  }

  copy(other: StreamId): void {
    this.msHigh = other.msHigh;
    this.msLow = other.msLow;
    this.sequenceHigh = other.sequenceHigh;
    this.sequenceLow = other.sequenceLow;
  }

  get exact(): bigint {
    const ms = (BigInt(this.msHigh >>> 0) << 32n) | BigInt(this.msLow >>> 0);
    const sequence = (BigInt(this.sequenceHigh >>> 0) << 32n) | BigInt(this.sequenceLow >>> 0);
    return (ms << 64n) | sequence;
  }
}

function compareWords(a: number, b: number): number {
  return (a >>> 0) - (b >>> 0);
}

export class StreamNodes {
  /** Entries delivered that are not deleted. */
  length = 0;
  /** The first of these ids and the last of all, deleted ones included. */
  firstId = 0n;
  private readonly last = new StreamId();
  private hasLast = false;
  private readonly master = new StreamId();
  private readonly id = new StreamId();
  private readonly cursor = new ListpackCursor();
  /** The master entry's field names, copied: integers among them have no place in the node. */
  private names: Region = newRegion(NAMES_BYTES);
  private nameOffset = new Int32Array(NAMES_INITIAL);
  private nameCount = 0;

  constructor(private readonly value: Value) {}

  begin(): void {
    this.length = 0;
    this.firstId = 0n;
    this.hasLast = false;
    if (this.names.length > NAMES_BYTES_KEPT) this.names = newRegion(NAMES_BYTES);
    if (this.nameOffset.length > NAMES_KEPT) this.nameOffset = new Int32Array(NAMES_INITIAL);
  }

  /** The last id that was read, deleted or not; 0 when there was none. */
  get lastId(): bigint {
    return this.hasLast ? this.last.exact : 0n;
  }

  /** Takes the node's key. */
  setMaster(region: Region, offset: number, length: number): void {
    if (length !== STREAM_ID_BYTES) this.value.fail('Stream has a node whose key is no id');
    this.master.read(region, offset);
  }

  /** Reads the node's listpack and adds its entries to the batch. */
  read(region: Region, offset: number, length: number): void {
    const { cursor } = this;
    cursor.open(region, offset, length);
    const valid = this.number('count');
    const deleted = this.number('deleted count');
    this.readMasterFields();
    let seenDeleted = 0;
    let seen = 0;
    while (cursor.next()) {
      if (this.readEntry()) seenDeleted++;
      else seen++;
    }
    if (seen !== valid || seenDeleted !== deleted) {
      this.value.fail(
        `Stream node says ${valid} + ${deleted} entries, has ${seen} + ${seenDeleted}`,
      );
    }
    this.length += seen;
  }

  private readMasterFields(): void {
    const { cursor } = this;
    const count = this.number('field count');
    let used = 0;
    this.nameCount = 0;
    for (let i = 0; i < count; i++) {
      this.another('field');
      cursor.text();
      if (i + 1 >= this.nameOffset.length) this.growNames();
      this.names = withRoom(this.names, used, used + cursor.length);
      copyBytes(this.names, used, cursor.region, cursor.offset, cursor.length);
      this.nameOffset[i] = used;
      used += cursor.length;
      this.nameOffset[i + 1] = used;
      this.nameCount++;
    }
    if (this.number('end of the master entry') !== 0) {
      this.value.fail('Stream node has a master entry without its end');
    }
  }

  private growNames(): void {
    const larger = new Int32Array(this.nameOffset.length * 2);
    larger.set(this.nameOffset);
    this.nameOffset = larger;
  }

  /** Reads the entry whose flags are under the cursor. @returns whether it is deleted */
  private readEntry(): boolean {
    const { cursor, value } = this;
    const first = cursor.index;
    const flags = this.integer('flags');
    this.readId();
    const isDeleted = (flags & ENTRY_DELETED) !== 0;
    const sameFields = (flags & ENTRY_SAME_FIELDS) !== 0;
    const fields = sameFields ? this.nameCount : this.number('field count');
    const { batch } = value;
    if (!isDeleted) {
      const slot = batch.take(STREAM_ID_BYTES);
      this.id.write(batch.region, batch.offset[slot]!);
      if (this.length === 0 && this.firstId === 0n) this.firstId = this.id.exact;
    }
    for (let i = 0; i < fields; i++) this.readField(i, sameFields, isDeleted);
    const elements = cursor.index - first + 1;
    if (this.number('length') !== elements) this.value.fail('Stream entry has a wrong length');
    if (isDeleted) return true;
    batch.entryEnd[batch.entries++] = batch.count;
    if (batch.isFull) value.deliver();
    return false;
  }

  private readField(index: number, sameFields: boolean, isDeleted: boolean): void {
    const { cursor, names, nameOffset } = this;
    const { batch } = this.value;
    if (!sameFields) {
      this.another('field');
      cursor.text();
      if (!isDeleted) batch.add(cursor.region, cursor.offset, cursor.length);
    } else if (!isDeleted) {
      const offset = nameOffset[index]!;
      batch.add(names, offset, nameOffset[index + 1]! - offset);
    }
    this.another('value');
    cursor.text();
    if (!isDeleted) batch.add(cursor.region, cursor.offset, cursor.length);
  }

  private readId(): void {
    const { cursor, id, master } = this;
    this.nextInteger('id');
    id.msLow = (master.msLow + cursor.low) | 0;
    id.msHigh = (master.msHigh + cursor.high + carry(master.msLow, cursor.low)) | 0;
    this.nextInteger('id');
    id.sequenceLow = (master.sequenceLow + cursor.low) | 0;
    const high = master.sequenceHigh + cursor.high;
    id.sequenceHigh = (high + carry(master.sequenceLow, cursor.low)) | 0;
    if (this.hasLast && !id.isAbove(this.last)) this.value.fail('Stream ids do not ascend');
    this.last.copy(id);
    this.hasLast = true;
  }

  private another(what: string): void {
    if (!this.cursor.next()) this.value.fail(`Stream node ends before the ${what} of an entry`);
  }

  private nextInteger(what: string): void {
    this.another(what);
    this.integer(what);
  }

  /** The integer under the cursor. */
  private integer(what: string): number {
    if (!this.cursor.isInteger) this.value.fail(`Stream entry has no integer as its ${what}`);
    return this.cursor.value;
  }

  /** The next element, an integer that is not negative. */
  private number(what: string): number {
    this.another(what);
    const value = this.integer(what);
    if (value < 0) this.value.fail(`Stream entry has a negative ${what}`);
    return value;
  }
}

/** 1 when the sum of two low words passes 32 bits. */
function carry(a: number, b: number): number {
  return (a >>> 0) + (b >>> 0) > 0xffff_ffff ? 1 : 0;
}
