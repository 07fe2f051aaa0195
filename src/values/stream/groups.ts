/**
 * Consumer groups of a stream, their consumers and pending entries. All of them are members of one
 * sequence by score and bytes, so that a stream with a small group costs one page more. Groups and
 * consumers have numbers; scores tell what a member is:
 *
 *   score   for each                    member
 *   0       group                       name, number (f64), last id (16), entries read (i64)
 *   4n      consumer n                  name
 *   4n + 1  consumer of group n         name, number (f64), when it was last seen (f64, ms)
 *   4n + 2  pending entry of group n    id (8-24), consumer (f64), delivered (f64, ms), times (i64)
 *   4n + 3  pending entry of consumer n id (8-24)
 *
 * So groups and consumers are in the order of their names, and pending entries in that of their ids;
 * how many there are is the difference of two ranks. A name that has something behind it ends with two
 * zero bytes, and 0 255 stands for a zero byte within it: no name is the beginning of another.
 *
 * All methods run under the shard's lock.
 */
import { giveBack, newRegion, withRoom } from '../../base/owned-region.js';
import { copyBytes, equalBytes, type Region } from '../../base/region.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { ElementView, NewElement } from '../../structures/sequence/element.js';
import { SearchKey } from '../../structures/sequence/order.js';
import type { Sequence } from '../../structures/sequence/sequence.js';
import { Count } from './count.js';
import type { Stream } from './stream.js';
import { PACKED_ID_BYTES_MAX, StreamId } from './stream-id.js';

const SCORE_GROUPS = 0;
const STEP = 4;
const NAME = 0;
const CONSUMERS = 1;
const PENDING = 2;
const OWNED = 3;

const GROUP_FIXED_BYTES = 32;
const CONSUMER_FIXED_BYTES = 16;
const PENDING_FIXED_BYTES = 24;
const NAME_END_BYTES = 2;
const ESCAPE = 255;
const FIRST_BYTES = 1024;
const KEPT_BYTES = 1 << 20;
const LOWEST = new StreamId();

/** The bytes of a name. They stay until the next name is read or the groups change. */
export class GroupName {
  region!: Region;
  offset = 0;
  length = 0;
  private own = newRegion(FIRST_BYTES);

  set(region: Region, offset: number, length: number): void {
    this.region = region;
    this.offset = offset;
    this.length = length;
  }

  /** Takes a name as it lies in a member, without what ends it. */
  decode(region: Region, offset: number, length: number): void {
    const { bytes } = region;
    let zeroes = 0;
    for (let i = 0; i < length; i++) if (bytes[offset + i] === 0) zeroes++;
    if (zeroes === 0) {
      this.set(region, offset, length);
      return;
    }
    this.own = withRoom(this.own, 0, length);
    const target = this.own.bytes;
    let to = 0;
    for (let i = 0; i < length; i++) {
      target[to++] = bytes[offset + i]!;
      if (bytes[offset + i] === 0) i++;
    }
    this.set(this.own, 0, to);
  }
}

/** A thread's view of the groups of a stream: one group, one consumer and one pending entry of it. */
export class Groups {
  private stream!: Stream;
  private sequence!: Sequence;
  private region!: Region;
  private scratch = newRegion(FIRST_BYTES);
  private readonly element = new NewElement(this.scratch);
  private readonly key = new SearchKey(this.scratch);
  private readonly cursor = new Cursor();
  /** Where an iteration is; changes of the groups make it stale. */
  private readonly place = new Cursor();
  private readonly view = new ElementView();

  /** The group that is open. */
  readonly name = new GroupName();
  number = 0;
  readonly lastId = new StreamId();
  readonly entriesRead = new Count();

  /** The consumer that is open. */
  readonly consumerName = new GroupName();
  consumer = 0;
  seenMs = 0;

  /** The pending entry that was found. */
  readonly id = new StreamId();
  owner = 0;
  deliveredMs = 0;
  readonly deliveries = new Count();
  private readonly ownerName = new GroupName();
  private ownerNamed = 0;
  private readonly times = new Count();

  get opened(): Stream {
    return this.stream;
  }

  open(stream: Stream): void {
    this.stream = stream;
    this.sequence = stream.members;
    this.region = stream.space.region;
    this.number = 0;
    this.consumer = 0;
    this.ownerNamed = 0;
    if (this.scratch.length <= KEPT_BYTES) return;
    giveBack(this.scratch);
    this.scratch = newRegion(FIRST_BYTES);
  }

  // --- members -----------------------------------------------------------------------------------

  /** Writes a name and what ends it at the beginning of the scratch bytes. @returns their number */
  private encode(source: Region, offset: number, length: number): number {
    this.scratch = withRoom(this.scratch, 0, length * 2 + NAME_END_BYTES + GROUP_FIXED_BYTES);
    const { bytes } = this.scratch;
    let to = 0;
    for (let i = 0; i < length; i++) {
      const byte = source.bytes[offset + i]!;
      bytes[to++] = byte;
      if (byte === 0) bytes[to++] = ESCAPE;
    }
    bytes[to++] = 0;
    bytes[to++] = 0;
    return to;
  }

  /** Goes to the first member of a score that is not before the first `length` bytes of the scratch. */
  private seek(score: number, length: number): boolean {
    this.key.aimMember(score, this.scratch, 0, length);
    return this.sequence.seekKey(this.cursor, this.key, false) && this.isOf(score);
  }

  /** Reads the member at the cursor. @returns whether it has this score */
  private isOf(score: number, cursor = this.cursor): boolean {
    this.sequence.read(cursor, this.view);
    return this.view.score === score;
  }

  /** Whether a member of a score begins with the first `length` bytes of the scratch; it is read. */
  private find(score: number, length: number): boolean {
    this.key.aimMember(score, this.scratch, 0, length);
    return this.sequence.findKey(this.cursor, this.key) && this.begins(score, length);
  }

  /** The same for groups, and for consumers: those of the first group lie behind the groups. */
  private findNamed(score: number, length: number): boolean {
    this.key.aimMember(score, this.scratch, 0, length);
    return this.sequence.findKeyNearStart(this.cursor, this.key) && this.begins(score, length);
  }

  private begins(score: number, length: number): boolean {
    const { view } = this;
    if (!this.isOf(score) || view.length < length) return false;
    return equalBytes(this.region, view.offset, this.scratch, 0, length);
  }

  /** Inserts the first `length` bytes of the scratch. @returns false when the space is full */
  private insert(score: number, length: number): boolean {
    this.key.aimMember(score, this.scratch, 0, length);
    this.element.setScored(score, this.scratch, 0, length);
    this.sequence.findKey(this.cursor, this.key);
    return this.sequence.insertAfterSeek(this.cursor, this.element);
  }

  /** Members of a score. */
  private count(score: number): number {
    const { sequence, cursor, key } = this;
    key.aimScore(score);
    sequence.seekKey(cursor, key, false);
    const first = cursor.rank;
    sequence.seekKey(cursor, key, true);
    return cursor.rank - first;
  }

  /** Removes all members of a score. */
  private removeAll(score: number): void {
    this.removeScores(score, score);
  }

  /** Removes all members of these scores and those between. */
  private removeScores(first: number, last: number): void {
    const { sequence, cursor, key } = this;
    key.aimScore(last);
    sequence.seekKey(cursor, key, true);
    const end = cursor.rank;
    key.aimScore(first);
    sequence.seekKey(cursor, key, false);
    if (end > cursor.rank) sequence.remove(cursor, end - cursor.rank);
  }

  /** Writes an id at the beginning of the scratch bytes. @returns its length */
  private encodeId(id: StreamId): number {
    return id.writePacked(this.scratch, 0);
  }

  // --- groups ------------------------------------------------------------------------------------

  get groupCount(): number {
    return this.count(SCORE_GROUPS);
  }

  /** Opens the group of this name. @returns false when there is none */
  findGroup(region: Region, offset: number, length: number): boolean {
    this.consumer = 0;
    if (!this.findNamed(SCORE_GROUPS, this.encode(region, offset, length))) return false;
    this.readGroup();
    return true;
  }

  private readGroup(): void {
    const { view, region } = this;
    const fixed = view.offset + view.length - GROUP_FIXED_BYTES;
    this.name.decode(region, view.offset, view.length - GROUP_FIXED_BYTES - NAME_END_BYTES);
    this.number = region.view.getFloat64(fixed, true);
    this.lastId.read(region, fixed + 8);
    this.entriesRead.load(region, fixed + 24);
  }

  /** Opens the first group. @returns false when there is none */
  firstGroup(): boolean {
    this.key.aimScore(SCORE_GROUPS);
    if (!this.sequence.seekKey(this.place, this.key, false)) return false;
    if (!this.isOf(SCORE_GROUPS, this.place)) return false;
    this.readGroup();
    return true;
  }

  /** Opens the first group whose name is not before this one. @returns false when there is none */
  seekGroup(region: Region, offset: number, length: number): boolean {
    if (!this.seek(SCORE_GROUPS, this.encode(region, offset, length))) return false;
    this.place.copyFrom(this.cursor);
    this.readGroup();
    return true;
  }

  /** Opens the next one after `firstGroup` or `seekGroup`. */
  nextGroup(): boolean {
    if (!this.sequence.next(this.place) || !this.isOf(SCORE_GROUPS, this.place)) return false;
    this.readGroup();
    return true;
  }

  /** Makes a group, which must not be there. @returns false when the space is full */
  addGroup(
    region: Region,
    offset: number,
    length: number,
    lastId: StreamId,
    entriesRead: Count,
  ): boolean {
    const at = this.encode(region, offset, length);
    const { view } = this.scratch;
    view.setFloat64(at, this.stream.takeNumber(), true);
    lastId.write(this.scratch, at + 8);
    entriesRead.store(this.scratch, at + 24);
    return this.insert(SCORE_GROUPS, at + GROUP_FIXED_BYTES);
  }

  /** Writes `lastId` and `entriesRead` of the open group. */
  saveGroup(region: Region, offset: number, length: number): void {
    if (!this.findNamed(SCORE_GROUPS, this.encode(region, offset, length))) {
      throw new Error('stream: the group is gone');
    }
    const fixed = this.view.offset + this.view.length - GROUP_FIXED_BYTES;
    this.lastId.write(this.region, fixed + 8);
    this.entriesRead.store(this.region, fixed + 24);
  }

  /** Removes the open group with all that belongs to it. */
  removeGroup(region: Region, offset: number, length: number): void {
    const { number } = this;
    const { sequence, cursor, key } = this;
    while (this.firstConsumer()) {
      // No group has the number of a consumer: nothing else lies between its name and what it owns.
      this.removeScores(this.consumer * STEP + NAME, this.consumer * STEP + OWNED);
      key.aimScore(number * STEP + CONSUMERS);
      sequence.seekKey(cursor, key, false);
      sequence.remove(cursor, 1);
    }
    this.removeAll(number * STEP + PENDING);
    if (this.findNamed(SCORE_GROUPS, this.encode(region, offset, length))) {
      this.sequence.remove(this.cursor, 1);
    }
    this.number = 0;
  }

  // --- consumers ---------------------------------------------------------------------------------

  get consumerCount(): number {
    return this.count(this.number * STEP + CONSUMERS);
  }

  /** Opens the consumer of this name of the open group. @returns false when there is none */
  findConsumer(region: Region, offset: number, length: number): boolean {
    const score = this.number * STEP + CONSUMERS;
    if (!this.findNamed(score, this.encode(region, offset, length))) return false;
    this.readConsumer();
    return true;
  }

  private readConsumer(): void {
    const { view, region } = this;
    const fixed = view.offset + view.length - CONSUMER_FIXED_BYTES;
    const nameBytes = view.length - CONSUMER_FIXED_BYTES - NAME_END_BYTES;
    this.consumerName.decode(region, view.offset, nameBytes);
    this.consumer = region.view.getFloat64(fixed, true);
    this.seenMs = region.view.getFloat64(fixed + 8, true);
  }

  /** The open consumer, which was found last, is seen. */
  seeConsumer(nowMs: number): void {
    this.seenMs = nowMs;
    const { view } = this;
    this.region.view.setFloat64(view.offset + view.length - 8, nowMs, true);
  }

  firstConsumer(): boolean {
    const score = this.number * STEP + CONSUMERS;
    this.key.aimScore(score);
    if (!this.sequence.seekKey(this.place, this.key, false)) return false;
    if (!this.isOf(score, this.place)) return false;
    this.readConsumer();
    return true;
  }

  /** Opens the first consumer whose name is not before this one. @returns false when there is none */
  seekConsumer(region: Region, offset: number, length: number): boolean {
    const score = this.number * STEP + CONSUMERS;
    if (!this.seek(score, this.encode(region, offset, length))) return false;
    this.place.copyFrom(this.cursor);
    this.readConsumer();
    return true;
  }

  nextConsumer(): boolean {
    const score = this.number * STEP + CONSUMERS;
    if (!this.sequence.next(this.place) || !this.isOf(score, this.place)) return false;
    this.readConsumer();
    return true;
  }

  /** Makes a consumer of the open group, which must not be there, and opens it. False: no room */
  addConsumer(region: Region, offset: number, length: number, nowMs: number): boolean {
    const number = this.stream.takeNumber();
    const at = this.encode(region, offset, length);
    const { view } = this.scratch;
    view.setFloat64(at, number, true);
    view.setFloat64(at + 8, nowMs, true);
    const score = this.number * STEP + CONSUMERS;
    if (!this.insert(score, at + CONSUMER_FIXED_BYTES)) return false;
    copyBytes(this.scratch, 0, region, offset, length);
    if (!this.insert(number * STEP + NAME, length)) {
      this.encode(region, offset, length);
      if (this.find(score, at)) this.sequence.remove(this.cursor, 1);
      return false;
    }
    this.consumer = number;
    this.seenMs = nowMs;
    this.consumerName.set(region, offset, length);
    return true;
  }

  /** Removes the open consumer, and its pending entries from the group. */
  removeConsumer(): void {
    const { consumer, sequence } = this;
    for (let more = this.firstOwned(); more; more = this.nextOwned()) {
      const length = this.encodeId(this.id);
      if (this.find(this.number * STEP + PENDING, length)) sequence.remove(this.cursor, 1);
      this.seek(consumer * STEP + OWNED, length);
      this.place.copyFrom(this.cursor);
    }
    this.removeAll(consumer * STEP + OWNED);
    // The name was read from the sequence, which has changed: it is read again.
    this.key.aimScore(consumer * STEP + NAME);
    sequence.seekKey(this.cursor, this.key, false);
    sequence.read(this.cursor, this.view);
    const length = this.encode(this.region, this.view.offset, this.view.length);
    sequence.remove(this.cursor, 1);
    if (this.find(this.number * STEP + CONSUMERS, length)) sequence.remove(this.cursor, 1);
    this.consumerName.length = 0;
    this.consumer = 0;
  }

  // --- pending entries ---------------------------------------------------------------------------

  /** Of the open group. */
  get pendingCount(): number {
    return this.count(this.number * STEP + PENDING);
  }

  /** Of the open consumer. */
  get ownedCount(): number {
    return this.count(this.consumer * STEP + OWNED);
  }

  /** Finds the pending entry of this id in the open group. */
  findPending(id: StreamId): boolean {
    if (!this.find(this.number * STEP + PENDING, this.encodeId(id))) return false;
    this.readPending();
    return true;
  }

  private readPending(): void {
    const { view, region } = this;
    const fixed = view.offset + this.id.readPacked(region, view.offset);
    this.owner = region.view.getFloat64(fixed, true);
    this.deliveredMs = region.view.getFloat64(fixed + 8, true);
    this.deliveries.load(region, fixed + 16);
  }

  /** Goes to the first pending entry of the open group whose id is not below this one. */
  seekPending(id: StreamId): boolean {
    const score = this.number * STEP + PENDING;
    this.key.aimMember(score, this.scratch, 0, this.encodeId(id));
    if (!this.sequence.seekKey(this.place, this.key, false)) return false;
    if (!this.isOf(score, this.place)) return false;
    this.readPending();
    return true;
  }

  nextPending(): boolean {
    const score = this.number * STEP + PENDING;
    if (!this.sequence.next(this.place) || !this.isOf(score, this.place)) return false;
    this.readPending();
    return true;
  }

  /** The last pending entry of the open group, which has one. */
  lastPending(into: StreamId): StreamId {
    const { sequence, cursor, key } = this;
    key.aimScore(this.number * STEP + PENDING);
    sequence.seekKey(cursor, key, true);
    sequence.previous(cursor);
    sequence.read(cursor, this.view);
    into.readPacked(this.region, this.view.offset);
    return into;
  }

  private firstOwned(): boolean {
    return this.seekOwned(LOWEST);
  }

  /** Goes to the first pending entry of the open consumer whose id is not below this one: `id`. */
  seekOwned(id: StreamId): boolean {
    const score = this.consumer * STEP + OWNED;
    this.key.aimMember(score, this.scratch, 0, this.encodeId(id));
    if (!this.sequence.seekKey(this.place, this.key, false)) return false;
    if (!this.isOf(score, this.place)) return false;
    this.id.readPacked(this.region, this.view.offset);
    return true;
  }

  nextOwned(): boolean {
    const score = this.consumer * STEP + OWNED;
    if (!this.sequence.next(this.place) || !this.isOf(score, this.place)) return false;
    this.id.readPacked(this.region, this.view.offset);
    return true;
  }

  /** The name of the consumer that has the pending entry found. */
  nameOfOwner(): GroupName {
    const { ownerName, owner } = this;
    if (this.ownerNamed !== owner) {
      this.key.aimScore(owner * STEP + NAME);
      this.sequence.seekKey(this.cursor, this.key, false);
      this.sequence.read(this.cursor, this.view);
      ownerName.set(this.region, this.view.offset, this.view.length);
      this.ownerNamed = owner;
    }
    return ownerName;
  }

  /**
   * Gives the entry of this id to the open consumer, whoever had it.
   * @returns false when the space is full; nothing has changed then
   */
  deliver(id: StreamId, nowMs: number, deliveries: Count): boolean {
    // It may be the one of the pending entry found last.
    const times = this.times.copyFrom(deliveries);
    const found = this.findPending(id);
    if (found && this.owner !== this.consumer) {
      if (!this.own(id)) return false;
      this.disown(id, this.owner);
      this.findPending(id);
    }
    if (found) {
      const at = this.view.offset + this.view.length - PENDING_FIXED_BYTES;
      const { view } = this.region;
      view.setFloat64(at, this.consumer, true);
      view.setFloat64(at + 8, nowMs, true);
      times.store(this.region, at + 16);
      return true;
    }
    // Nothing has moved since it was sought.
    const length = this.encodeId(id);
    const { view } = this.scratch;
    view.setFloat64(length, this.consumer, true);
    view.setFloat64(length + 8, nowMs, true);
    times.store(this.scratch, length + 16);
    const score = this.number * STEP + PENDING;
    this.element.setScored(score, this.scratch, 0, length + PENDING_FIXED_BYTES);
    if (!this.sequence.insertAfterSeek(this.cursor, this.element)) return false;
    if (this.own(id)) return true;
    if (this.find(score, length)) this.sequence.remove(this.cursor, 1);
    return false;
  }

  private own(id: StreamId): boolean {
    return this.insert(this.consumer * STEP + OWNED, this.encodeId(id));
  }

  private disown(id: StreamId, consumer: number): void {
    if (this.find(consumer * STEP + OWNED, this.encodeId(id))) this.sequence.remove(this.cursor, 1);
  }

  /** Removes the pending entry of this id from the open group. @returns whether there was one */
  acknowledge(id: StreamId): boolean {
    if (!this.findPending(id)) return false;
    this.sequence.remove(this.cursor, 1);
    this.disown(id, this.owner);
    return true;
  }
}

/**
 * Pages that so many deliveries can need at most: both trees of members may split for each, but never
 * more often than there are leaves and new leaves.
 */
export function pagesForDeliveries(stream: Stream, deliveries: number): number {
  const bytes = deliveries * (2 * PACKED_ID_BYTES_MAX + PENDING_FIXED_BYTES + 16);
  const splits = Math.min(2 * deliveries, 2 * stream.members.allocatedPages + bytes / 512 + 2);
  return splits * (stream.members.root.height + 2) + 8;
}
