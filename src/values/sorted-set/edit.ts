/**
 * Changing a sorted set. An edit takes a value as it is, changes it member by member, and leaves bytes
 * that the command stores:
 *
 *   PACKED     a copy of the packed value in this edit's own memory; nothing can fail
 *   SINGLE     a packed value that gets one change at most: it is remembered, and made where the value
 *              lies once its entry has its new length (`apply`)
 *   IN_PLACE   a nested set, changed where it lies: its root in the entry, its members in pages
 *   NEW        a nested set that nothing refers to yet: its root in this edit's own memory
 *
 *   open ──▶ PACKED ──── it grows too large ────▶ NEW
 *   open ──▶ SINGLE ──── it grows too large ────▶ NEW
 *   open ──▶ IN_PLACE ── several changes, and the shard nearly full ──▶ NEW
 *
 * A single change of a nested set is done or not done. Several are either sure to find room, or made
 * on a copy: so whatever fails leaves the value as it was. `discard` frees what is NEW.
 */
import { copyBytes, Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { PAGE_BYTES } from '../../memory/space-layout.js';
import { elementBytes, PackedElement, scoreAt } from '../../structures/packed/element.js';
import {
  findElement,
  formatPacked,
  PACKED_HEADER_BYTES,
  PairPlaces,
  Splice,
  seekPair,
  seekScored,
  skipElements,
  splice,
} from '../../structures/packed/packed.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import type { ScoredSet } from '../../structures/sequence/scored-set.js';
import type { StoredValue } from '../value-type.js';
import { copyMembers } from './copy.js';
import {
  isListpackKind,
  isNestedKind,
  kindOf,
  PACKED_BYTES_MAX,
  PACKED_MEMBERS_MAX,
  packedMembers,
  ROOT_BYTES,
} from './kinds.js';
import { PairChange } from './pair-change.js';
import { SortedSetReader } from './reader.js';
import { scoredSetOf, USE_EDIT, USE_VALUE } from './views.js';

const PACKED = 0;
const IN_PLACE = 1;
const NEW = 2;
const SINGLE = 3;

const PAIR = 2;
/** A packed set and one more pair that still fits. */
const SCRATCH_BYTES = 2 * PACKED_BYTES_MAX;
/** What a member takes in a leaf besides its bytes: score and slot. */
const MEMBER_BYTES = 10;
const SPARE_PAGES = 64;

export class SortedSetEdit {
  count = 0;
  /** Score of the member found. */
  score = Number.NaN;
  /** Whether OBJECT ENCODING calls the set a listpack. */
  isListpack = true;
  /** As the settings have them: beyond, the set is called a skiplist. */
  listpackMembersMax = 0;
  listpackMemberBytesMax = 0;
  /**
   * Whether -0 stays, though a listpack has none: it is not known yet what the set will be, or scores
   * come as they were stored elsewhere.
   */
  keepsZeros = false;
  /** Whether a score of -0 became 0 since `create` or `open`. */
  hasDroppedSign = false;
  /** Where the bytes to store lie, `length` of them from 0 on; not for a set changed in place. */
  bytes: Region;
  length = 0;

  private form = PACKED;
  private space!: Space;
  private set: ScoredSet | null = null;
  /** The member last sought. */
  private source: Region;
  private offset = 0;
  private memberLength = 0;
  private foundPosition = -1;
  /** Of a packed set: where the member sought is, and where it belongs with the score expected. */
  private readonly places = new PairPlaces();
  private readonly packed = new Region(new SharedArrayBuffer(SCRATCH_BYTES), 0);
  /** Where the packed value is read: the copy, or the value itself. */
  private content: Region;
  private base = 0;
  /** The one change of SINGLE. */
  private readonly single = new PairChange();
  private readonly root = new Region(new SharedArrayBuffer(64), 0);
  private readonly member: PackedElement;
  private readonly newScore: PackedElement;
  private readonly change = new Splice();
  private readonly cursor = new Cursor();
  private readonly reader = new SortedSetReader(USE_VALUE);
  private readonly packedValue: StoredValue;

  constructor() {
    this.bytes = this.packed;
    this.content = this.packed;
    this.source = this.packed;
    this.member = new PackedElement(this.packed);
    this.newScore = new PackedElement(this.packed);
    this.packedValue = new PackedValue(this.packed);
  }

  get kind(): number {
    return kindOf(this.form === IN_PLACE || this.form === NEW, this.isListpack);
  }

  /** Whether the value was changed where it lies, so that only its kind is to be stored. */
  get isInPlace(): boolean {
    return this.form === IN_PLACE;
  }

  /** Whether it is a nested set that takes the place of whatever there was. */
  get isNew(): boolean {
    return this.form === NEW;
  }

  /** Whether there is one change to `apply` to the value. */
  get isSingle(): boolean {
    return this.form === SINGLE;
  }

  /** What the value's length changes by. */
  get growth(): number {
    return this.form === SINGLE ? this.single.growth : 0;
  }

  /** Begins with an empty set in a space. */
  create(space: Space): void {
    this.space = space;
    this.hasDroppedSign = false;
    this.takeCopy();
    this.length = PACKED_HEADER_BYTES;
    formatPacked(this.packed, 0);
    this.isListpack = true;
    this.set = null;
    this.count = 0;
  }

  /** Of an empty set: how many members will come, and how long they are: it is called by what it will be. */
  expect(members: number, memberBytesMax: number): void {
    this.isListpack =
      members <= this.listpackMembersMax && memberBytesMax <= this.listpackMemberBytesMax;
  }

  private takeCopy(): void {
    this.form = PACKED;
    this.bytes = this.packed;
    this.content = this.packed;
    this.base = 0;
  }

  /**
   * Begins with a value.
   * @param isSingle whether there will be one change at most, with nothing sought behind it
   */
  open(value: StoredValue, isSingle: boolean): void {
    this.space = value.space;
    this.hasDroppedSign = false;
    this.isListpack = isListpackKind(value.kind);
    this.length = value.valueLength;
    if (isNestedKind(value.kind)) {
      const set = scoredSetOf(value.space, USE_EDIT);
      set.attach(value.valueOffset, value.region);
      this.form = IN_PLACE;
      this.set = set;
      this.count = set.count;
      return;
    }
    this.set = null;
    this.count = packedMembers(value.region, value.valueOffset);
    if (isSingle) {
      this.form = SINGLE;
      this.content = value.region;
      this.base = value.valueOffset;
      this.single.clear();
      return;
    }
    this.takeCopy();
    copyBytes(this.packed, 0, value.region, value.valueOffset, value.valueLength);
  }

  /**
   * Before several changes: makes sure that they are done all or none.
   * @param memberBytes of all members that may be added
   * @returns false when there is no room
   */
  prepareSeveral(members: number, memberBytes: number): boolean {
    const { set, space } = this;
    if (this.form !== IN_PLACE || set === null) return true;
    if (space.untouchedPages >= pagesNeeded(set, members, memberBytes)) return true;
    const from = set;
    const to = scoredSetOf(space, USE_VALUE);
    to.createSet(0, this.root);
    if (!copyMembers(from, to)) return false;
    set.attach(0, this.root);
    this.becomeNew(set);
    return true;
  }

  /** Goes on with what `create` began, after other edits in the same space. */
  resume(): void {
    if (this.form === NEW) this.set!.attach(0, this.root);
  }

  private becomeNew(set: ScoredSet): void {
    this.form = NEW;
    this.set = set;
    this.bytes = this.root;
    this.length = ROOT_BYTES;
  }

  /** Looks a member up. On true update and remove are about it, on false add is. */
  find(source: Region, offset: number, length: number): boolean {
    if (this.set !== null) return this.findNested(source, offset, length);
    const { content, base, member } = this;
    this.aim(source, offset, length);
    this.places.score = Number.NaN;
    const position = findElement(content, base, this.length, member, PACKED_HEADER_BYTES, PAIR);
    return this.noteFound(position);
  }

  /** The same, where the member will probably get this score: then its place is known already. */
  findFor(score: number, source: Region, offset: number, length: number): boolean {
    if (this.set !== null) return this.findNested(source, offset, length);
    const { content, base, member, places } = this;
    this.aim(source, offset, length);
    seekPair(content, base, this.length, member, score, source, offset, length, places);
    return this.noteFound(places.found);
  }

  private findNested(source: Region, offset: number, length: number): boolean {
    const set = this.set!;
    this.source = source;
    this.offset = offset;
    this.memberLength = length;
    const found = set.find(source, offset, length);
    if (found) this.score = set.score;
    return found;
  }

  private aim(source: Region, offset: number, length: number): void {
    this.source = source;
    this.offset = offset;
    this.memberLength = length;
    this.member.set(source, offset, length);
  }

  private noteFound(position: number): boolean {
    this.foundPosition = position;
    if (position < 0) return false;
    this.score = scoreAt(this.content, this.base + position + this.member.size);
    return true;
  }

  /** Where the member sought belongs in the packed set with a score. */
  private placeFor(score: number): number {
    const { content, base, length, places, source, offset, memberLength } = this;
    if (places.score === score) return places.insertAt;
    return seekScored(content, base, length, score, source, offset, memberLength);
  }

  /** Adds the member that was sought. @returns false when the shard is full: then `discard` */
  add(score: number): boolean {
    if (this.count >= this.listpackMembersMax || this.memberLength > this.listpackMemberBytesMax) {
      this.isListpack = false;
    }
    const kept = this.kept(score);
    if (this.set === null) {
      this.newScore.setScore(kept);
      if (this.fits(this.member.size + this.newScore.size) && this.count < PACKED_MEMBERS_MAX) {
        if (this.form === SINGLE) this.planInsert(kept);
        else this.insertPacked(kept);
        this.count++;
        return true;
      }
      if (!this.convert()) return false;
    }
    if (!this.set!.add(kept)) return false;
    this.count++;
    return true;
  }

  /** Adds a member that is behind all others, and not one of them. @returns as `add` */
  append(score: number, source: Region, offset: number, length: number): boolean {
    this.source = source;
    this.offset = offset;
    this.memberLength = length;
    if (this.set === null) {
      this.member.set(source, offset, length);
      this.places.score = Number.NaN;
    } else this.set.find(source, offset, length);
    return this.add(score);
  }

  /** A listpack has no -0. */
  private kept(score: number): number {
    if (!this.isListpack || this.keepsZeros || !Object.is(score, -0)) return score;
    this.hasDroppedSign = true;
    return 0;
  }

  private fits(growth: number): boolean {
    return this.length + growth <= PACKED_BYTES_MAX;
  }

  private insertPacked(score: number): void {
    const { packed, member, newScore, change } = this;
    const at = this.placeFor(score);
    this.places.score = Number.NaN;
    change.insert(at, member.size + newScore.size, PAIR);
    splice(packed, 0, this.length, change);
    this.length += change.growth;
    member.write(packed, at);
    newScore.write(packed, at + member.size);
  }

  /** Gives the member that was found another score. @returns as `add` */
  update(score: number): boolean {
    if (score === this.score) return true;
    const kept = this.kept(score);
    if (this.set !== null) return this.set.update(kept);
    const { content, base, member, newScore, foundPosition } = this;
    newScore.setScore(kept);
    const scoreBytes = elementBytes(content, base + foundPosition + member.size);
    if (this.fits(newScore.size - scoreBytes)) {
      if (this.form === SINGLE) {
        this.single.remove(foundPosition, member.size + scoreBytes);
        this.planInsert(kept);
        return true;
      }
      this.removePacked(this.foundPosition, 1);
      this.insertPacked(kept);
      return true;
    }
    return this.convert() && this.set!.update(kept);
  }

  /** Removes the member that was found. */
  remove(): void {
    this.count--;
    if (this.set !== null) this.set.removeFound();
    else this.removePairs(this.foundPosition, 1);
  }

  /** Removes members by rank; there are so many. */
  removeRanks(first: number, count: number): void {
    const { set, cursor } = this;
    this.count -= count;
    if (set === null) {
      const { content, base } = this;
      this.removePairs(skipElements(content, base, PACKED_HEADER_BYTES, first * PAIR), count);
      return;
    }
    set.seekIndex(cursor, first);
    set.remove(cursor, count);
  }

  private removePairs(position: number, pairs: number): void {
    if (this.form !== SINGLE) {
      this.removePacked(position, pairs);
      return;
    }
    const end = skipElements(this.content, this.base, position, pairs * PAIR);
    this.single.remove(position, end - position);
    this.single.countDelta = -pairs * PAIR;
  }

  /** Remembers where the member sought is to be inserted with a score. */
  private planInsert(score: number): void {
    const { single, member, newScore } = this;
    single.insert(this.placeFor(score), member.size + newScore.size);
    single.countDelta = single.removedBytes === 0 ? PAIR : 0;
  }

  /**
   * Makes the one change. The entry has the longer of the lengths that the value has before and after,
   * and `length` bytes of the value are there.
   */
  apply(region: Region, at: number): void {
    const { single, member, newScore } = this;
    const { countDelta } = single;
    single.move(region, at, this.length);
    if (countDelta !== 0) formatPacked(region, at, packedMembers(region, at) * PAIR + countDelta);
    if (single.insertedBytes === 0) return;
    const to = at + single.insertedAt;
    member.write(region, to);
    newScore.write(region, to + member.size);
  }

  private removePacked(position: number, pairs: number): void {
    const { packed, change } = this;
    const end = skipElements(packed, 0, position, pairs * PAIR);
    change.remove(position, end - position, pairs * PAIR);
    splice(packed, 0, this.length, change);
    this.length += change.growth;
    this.places.score = Number.NaN;
  }

  /** Makes a nested set of the packed one, and seeks the member again. @returns false: no room */
  private convert(): boolean {
    const { reader, packedValue, root } = this;
    const set = scoredSetOf(this.space, USE_EDIT);
    set.createSet(0, root);
    if (this.form === SINGLE) {
      copyBytes(this.packed, 0, this.content, this.base, this.length);
      this.takeCopy();
    }
    Object.assign(packedValue, { valueLength: this.length, space: this.space });
    reader.attach(packedValue);
    for (let more = reader.seekRank(0); more; more = reader.next()) {
      set.find(reader.memberRegion, reader.memberOffset, reader.memberLength);
      if (set.add(reader.score)) continue;
      set.clear();
      return false;
    }
    this.becomeNew(set);
    set.find(this.source, this.offset, this.memberLength);
    return true;
  }

  /** Frees what is not stored. */
  discard(): void {
    if (this.form !== NEW) return;
    this.set!.attach(0, this.root);
    this.set!.clear();
    this.form = PACKED;
  }
}

/** The packed bytes of an edit, as a value to read. */
class PackedValue implements StoredValue {
  readonly kind = kindOf(false, true);
  readonly expiry = 0;
  readonly valueOffset = 0;
  valueLength = 0;
  space!: Space;

  constructor(readonly region: Region) {}
}

/**
 * Pages that so many new members can take at most. A leaf splits at once when it is full already, and
 * then again for each quarter of a page that comes; each split may go up to the root.
 */
function pagesNeeded(set: ScoredSet, members: number, memberBytes: number): number {
  const quarters = (8 * (memberBytes + members * MEMBER_BYTES)) / PAGE_BYTES;
  const splits = Math.min(members, 2 * set.allocatedPages + quarters + 2);
  const runs = memberBytes / (PAGE_BYTES / 4);
  const buckets = Math.min(members, set.allocatedPages + members / 64 + 2);
  const directory = (set.count + members) / 8192;
  return splits * (set.root.height + 2) + runs + buckets + directory + SPARE_PAGES;
}
