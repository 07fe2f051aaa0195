/**
 * A scored set: members with scores, found by member in O(1), by rank and by score in O(log n).
 *
 *   root   0   sequence root (32 bytes), ordered by (score, member)
 *          32  locator root (16 bytes)
 *
 * A member and its score lie once, in a leaf of the sequence. The locator says in which leaf, so that
 * finding a member is a look into its bucket and a walk over one leaf; it is told when a split or a
 * merge moves members to another leaf, which costs half a leaf of updates for each half leaf of
 * insertions: one each. As long as the sequence is one leaf there is no locator: the leaf is walked.
 *
 * Of what a Sequence can do, reading, seeking, remove and reclaimStep are for a scored set too;
 * members come and change by find, add, update and removeFound alone, which tell the locator.
 *
 * A new score moves the element. Within its leaf no other page is touched, and between the same two
 * neighbours only the score's bytes change. To another leaf it takes one way down for the new place,
 * one for the counts above the old one, and a word of the locator: its entry stays where it is. Only
 * where the new leaf is full it is as if the member were added and then removed.
 *
 * Why not a table from member to score beside a sequence of (score, member): the member would lie
 * twice, 33 + 37 bytes for one of 16, where this takes 37 + 11 (and less where scores are small
 * integers). And why not a sequence of references into a table: entries of a table move, ties could
 * not be compared without the table, and each element of a range would be a lookup of its own.
 */
import type { Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { pagesFor } from '../entry.js';
import { HashState, hashBytes } from '../hash.js';
import { Cursor } from './cursor.js';
import { ElementView, NewElement } from './element.js';
import { closeElements, leafCount, leafFree, openElement, SLOT_BYTES } from './leaf.js';
import {
  BUCKET_ENTRIES,
  bucketEntries,
  checkIn,
  checkOf,
  LOCATOR_ROOT_BYTES,
  Locator,
  leafOf,
  placeOf,
} from './locator.js';
import { slotOfMember } from './member-search.js';
import { compareElement, SearchKey } from './order.js';
import { ORDER_SCORE, SEQUENCE_ROOT_BYTES } from './root.js';
import { Sequence } from './sequence.js';
import { verifyLocator } from './verify-locator.js';

export const SCORED_SET_ROOT_BYTES = SEQUENCE_ROOT_BYTES + LOCATOR_ROOT_BYTES;
/** The position that means the end of a scan. */
export const SCAN_END = 2 ** 32;
/** Members that one scan collects, but for those of one leaf without locator. */
const SCAN_ENTRIES = 32;
/** Neither a leaf has more elements, nor a bucket of the locator more entries. */
const SCAN_MAX = 1024;

export class ScoredSet extends Sequence {
  /** The member last found or added. */
  score = Number.NaN;
  /** Elements of the last scan: leaf and slot of each. */
  readonly scanLeaves = new Int32Array(SCAN_MAX);
  readonly scanSlots = new Int32Array(SCAN_MAX);
  scanCount = 0;

  /** The member last sought. */
  private source: Region;
  private offset = 0;
  private length = 0;
  /** Its hash and check, once they are `hashed`, and where its entry in the locator is, or belongs. */
  private soughtHash = 0;
  private soughtCheck = 0;
  private hashed = false;
  private entryBucket = 0;
  private entryIndex = 0;
  /** Where it was found (0: it was not), and the generation in which that is right. */
  private foundLeaf = 0;
  private foundSlot = 0;
  private foundGeneration = 0;
  protected readonly locator: Locator;
  private readonly hash = new HashState();
  protected readonly key: SearchKey;
  private readonly element: NewElement;
  protected readonly member = new ElementView();
  private readonly cursor = new Cursor();

  constructor(space: Space) {
    super(space);
    this.locator = new Locator(space);
    this.source = space.region;
    this.key = new SearchKey(space.region);
    this.element = new NewElement(space.region);
  }

  override attach(offset: number, region: Region = this.region): void {
    super.attach(offset, region);
    this.locator.attach(region, offset + SEQUENCE_ROOT_BYTES);
    this.foundLeaf = 0;
  }

  /** Makes the bytes at this offset the root of an empty set, and attaches to it. */
  createSet(offset: number, region: Region = this.region): void {
    region.bytes.fill(0, offset, offset + SCORED_SET_ROOT_BYTES);
    this.create(offset, ORDER_SCORE, region);
  }

  override get allocatedPages(): number {
    return this.root.pages + this.locator.pages;
  }

  protected hashOf(region: Region, offset: number, length: number): number {
    const { space, hash } = this;
    hashBytes(hash, region, offset, length, space.hashKey0, space.hashKey1);
    return hash.h1;
  }

  /**
   * Looks a member up. On true, `score` is its score, and update and removeFound are about it; on
   * false, add is. Its bytes stay in place until then.
   */
  find(source: Region, offset: number, length: number): boolean {
    const { locator, root } = this;
    this.source = source;
    this.offset = offset;
    this.length = length;
    this.foundLeaf = 0;
    this.foundGeneration = root.generation;
    this.hashed = locator.exists;
    if (!this.hashed) return root.node !== 0 && this.findInLeaf(root.node);
    this.hashSought();
    const { soughtHash: sought, soughtCheck: check } = this;
    locator.seek(sought);
    let found = false;
    for (let place = locator.placeOf(sought); place >= 0; place = locator.placeOf(sought)) {
      found = checkIn(place) === check && this.findInLeaf(leafOf(place));
      if (found) break;
      locator.index++;
    }
    this.entryBucket = locator.bucket;
    this.entryIndex = locator.index;
    return found;
  }

  private hashSought(): void {
    const { source, offset, length } = this;
    this.soughtHash = this.hashOf(source, offset, length);
    this.soughtCheck = checkOf(source, offset, length);
    this.hashed = true;
  }

  private findInLeaf(leaf: number): boolean {
    const slot = slotOfMember(this.region, leaf, this.source, this.offset, this.length);
    if (slot < 0) return false;
    this.noteFound(leaf, slot);
    return true;
  }

  private noteFound(leaf: number, slot: number): void {
    this.foundLeaf = leaf;
    this.foundSlot = slot;
    this.member.read(this.region, leaf, slot, ORDER_SCORE);
    this.score = this.member.score;
  }

  private assertFound(): void {
    if (this.foundLeaf === 0) throw new Error('scored set: no member was found');
    this.assertUnchanged();
  }

  private assertUnchanged(): void {
    if (this.foundGeneration !== this.root.generation) {
      throw new Error('scored set: it has changed since the member was sought');
    }
  }

  /**
   * Adds the member last sought, which was not found. The score is not NaN.
   * @returns false when the space is full; the set is as it was then
   */
  add(score: number): boolean {
    this.assertUnchanged();
    return this.insertSought(score);
  }

  private insertSought(score: number): boolean {
    const { locator, element } = this;
    element.setScored(score, this.source, this.offset, this.length);
    if (!this.prepareLocator()) return false;
    if ((locator.exists && !this.reserveEntry()) || !this.insertElement(score)) {
      this.dropLocator();
      return false;
    }
    if (locator.exists) {
      const place = placeOf(this.foundLeaf, this.soughtCheck);
      locator.insertAt(this.entryBucket, this.entryIndex, this.soughtHash, place);
    }
    this.score = score;
    return true;
  }

  /** Makes sure that the locator has room for an entry of the member. @returns false: no space */
  private reserveEntry(): boolean {
    const { locator, words } = this;
    if (this.hashed && bucketEntries(words, this.entryBucket) < BUCKET_ENTRIES) return true;
    if (!this.hashed) this.hashSought();
    if (!locator.reserve(this.soughtHash)) return false;
    locator.seek(this.soughtHash);
    this.entryBucket = locator.bucket;
    this.entryIndex = locator.index;
    return true;
  }

  /** Inserts `element`, whose score this is. */
  private insertElement(score: number): boolean {
    const { element, key, root } = this;
    key.aimMember(score, element.source, element.offset, element.length);
    if (root.node !== 0) this.descend(key, false);
    if (!this.insertAtPath(element)) return false;
    this.foundLeaf = this.leaf;
    this.foundSlot = this.slot;
    this.foundGeneration = root.generation;
    return true;
  }

  /** Before the one leaf is split: a locator with its members. @returns false: the space is full */
  private prepareLocator(): boolean {
    const { locator, root } = this;
    if (locator.exists || root.node === 0) return true;
    if (leafFree(this.region, root.node) >= this.element.size + SLOT_BYTES) return true;
    return this.plantLocator();
  }

  /** Makes the locator, with the members of the one leaf. @returns false: the space is full */
  protected plantLocator(): boolean {
    const { locator, root, words } = this;
    if (!locator.create()) return false;
    const count = leafCount(words, root.node);
    for (let i = 0; i < count; i++) {
      const hash = this.hashAt(root.node, i);
      if (!locator.reserve(hash)) {
        locator.clear();
        return false;
      }
      locator.insert(hash, this.placeAt(root.node));
    }
    return true;
  }

  /** One leaf needs no locator. */
  protected dropLocator(): void {
    if (this.root.height === 0 && this.locator.exists) this.locator.clear();
  }

  /** Reads the member of an element. @returns its hash */
  protected hashAt(leaf: number, slot: number): number {
    this.member.read(this.region, leaf, slot, ORDER_SCORE);
    return this.hashOf(this.region, this.member.offset, this.member.length);
  }

  /** The place in a leaf of the member last read. */
  protected placeAt(leaf: number): number {
    const { member, region } = this;
    return placeOf(leaf, checkOf(region, member.offset, member.length));
  }

  protected override relocate(
    holder: number,
    from: number,
    to: number,
    before: number,
    after: number,
  ): void {
    if (!this.locator.exists) return;
    for (let i = from; i < to; i++) {
      const hash = this.hashAt(holder, i);
      this.locator.move(hash, this.placeAt(before), this.placeAt(after));
    }
  }

  protected override leaving(leaf: number, from: number, to: number): void {
    if (!this.locator.exists) return;
    for (let i = from; i < to; i++) {
      const hash = this.hashAt(leaf, i);
      this.locator.remove(hash, this.placeAt(leaf));
    }
  }

  /** Takes the way to the member last found: the cursor gets its rank. */
  seekFound(cursor: Cursor): void {
    this.assertFound();
    const { member, key } = this;
    member.read(this.region, this.foundLeaf, this.foundSlot, ORDER_SCORE);
    key.aimMember(member.score, this.region, member.offset, member.length);
    this.seekKey(cursor, key, false);
  }

  /** Removes the member last found. */
  removeFound(): void {
    this.assertFound();
    const { member, key, locator, root, region, foundLeaf: leaf, foundSlot: slot } = this;
    member.read(region, leaf, slot, ORDER_SCORE);
    key.aimMember(member.score, region, member.offset, member.length);
    this.descendToFound(slot);
    if (locator.exists) locator.removeAt(this.entryBucket, this.entryIndex, this.soughtHash);
    if (member.run !== 0) root.freeRun(member.run, pagesFor(member.length));
    this.closeAtPath(1);
    this.dropLocator();
    this.foundLeaf = 0;
  }

  /** Takes the way to the leaf of the member last found, whose old score and bytes `key` has. */
  private descendToFound(slot: number): void {
    if (this.descendToLeaf(this.key, true) !== this.foundLeaf) {
      throw new Error('scored set: the tree does not lead to the member');
    }
    this.slot = slot;
  }

  override remove(cursor: Cursor, count: number): number {
    const removed = super.remove(cursor, count);
    this.dropLocator();
    return removed;
  }

  /**
   * Gives the member last found another score, not NaN. It has to be sought again before the next
   * change. A score that is equal changes nothing: 0 stays 0 when -0 comes.
   * @returns false when the space is full; the set is as it was then
   */
  update(score: number): boolean {
    this.assertFound();
    if (score === this.score) return true;
    const { member, element, key, region } = this;
    member.read(region, this.foundLeaf, this.foundSlot, ORDER_SCORE);
    element.setScored(score, region, member.offset, member.length);
    element.keepSource(region);
    key.aimMember(score, element.source, element.offset, element.length);
    const hasRun = element.pages > 0 || member.run !== 0;
    const slot = this.slotInLeaf();
    if (slot === this.foundSlot) {
      if (!this.replaceInLeaf(this.foundLeaf, slot, element)) return false;
    } else if (slot >= 0 && !hasRun) this.moveInLeaf(slot);
    else if (hasRun || !this.moveToLeaf()) return this.moveFound(score);
    this.foundLeaf = 0;
    this.score = score;
    return true;
  }

  /**
   * The slot that the member found has with the score of `key`, if that is in the same leaf and there
   * is room for it; else -1.
   */
  private slotInLeaf(): number {
    const { region, words, root, key, element, foundLeaf: leaf, foundSlot: slot } = this;
    if (root.height > 0) {
      // What is not between two elements of a leaf may belong to its neighbours.
      const last = leafCount(words, leaf) - 1;
      if (compareElement(region, leaf, 0, ORDER_SCORE, key) >= 0) return -1;
      if (compareElement(region, leaf, last, ORDER_SCORE, key) <= 0) return -1;
    }
    if (!this.hasRoom(leaf, slot, element)) return -1;
    const at = this.searchLeaf(leaf, key, false);
    return at > slot ? at - 1 : at;
  }

  /** Moves the member found to another slot of its leaf, as `element`. */
  private moveInLeaf(slot: number): void {
    const { region, root, element, foundLeaf: leaf } = this;
    closeElements(region, leaf, this.foundSlot, 1);
    const at = openElement(region, leaf, slot, element.form, element.size);
    element.write(region, at, 0);
    root.changed(0);
  }

  /** Moves the member found to where `key` leads, as `element`. @returns false: there is no room */
  private moveToLeaf(): boolean {
    const { region, element, key, locator, foundLeaf, foundSlot } = this;
    this.descend(key, false);
    const { leaf, slot } = this;
    if (leafFree(region, leaf) < element.size + SLOT_BYTES) return false;
    this.insertIntoLeaf(element, 0);
    const isBefore = leaf === foundLeaf && slot <= foundSlot;
    if (leaf !== foundLeaf) {
      const place = placeOf(leaf, this.soughtCheck);
      locator.moveAt(this.entryBucket, this.entryIndex, this.soughtHash, place);
    }
    key.aimMember(this.score, element.source, element.offset, element.length);
    this.descendToFound(isBefore ? foundSlot + 1 : foundSlot);
    this.closeAtPath(1);
    this.dropLocator();
    return true;
  }

  /** Inserts the member a second time, with its new score, then removes the old one. */
  private moveFound(score: number): boolean {
    const { element, key, cursor, member } = this;
    const old = this.score;
    const { source, offset, length } = element;
    this.source = source;
    this.offset = offset;
    if (!this.insertSought(score)) return false;
    // The old run goes with the old element; the new one does not move.
    member.read(this.region, this.foundLeaf, this.foundSlot, ORDER_SCORE);
    const kept = member.run === 0 ? offset : member.run;
    // The split may have moved the old one: it is found again by its score.
    key.aimMember(old, source, kept, length);
    this.seekKey(cursor, key, false);
    this.remove(cursor, 1);
    this.foundLeaf = 0;
    return true;
  }

  /**
   * Collects the members from a hash position on (0 to 2^32) in scanLeaves and scanSlots. A member
   * that is there from the start of a scan to its end is seen at least once.
   * @returns the position to go on with; SCAN_END at the end
   */
  scan(position: number): number {
    this.scanCount = 0;
    const { locator, root, words } = this;
    if (root.node === 0 || position >= SCAN_END) return SCAN_END;
    if (!locator.exists) {
      const count = leafCount(words, root.node);
      for (let i = 0; i < count; i++) this.collect(root.node, i);
      return SCAN_END;
    }
    locator.seek(position | 0);
    const { bucket } = locator;
    let { index } = locator;
    const count = words[bucket >> 2]!;
    let previous = -1;
    while (index < count) {
      const hash = locator.hashAt(bucket, index);
      if (this.scanCount >= SCAN_ENTRIES && hash !== locator.hashAt(bucket, index - 1)) {
        return hash >>> 0;
      }
      const place = locator.placeAt(bucket, index);
      const again = place === previous && hash === locator.hashAt(bucket, index - 1);
      const from = again ? this.scanSlots[this.scanCount - 1]! + 1 : 0;
      this.collect(leafOf(place), this.slotOf(hash, place, from));
      previous = place;
      index++;
    }
    return locator.bucketEnd(bucket, position);
  }

  private collect(leaf: number, slot: number): void {
    this.scanLeaves[this.scanCount] = leaf;
    this.scanSlots[this.scanCount++] = slot;
  }

  /** The slot, from a slot on, of the element that an entry of the locator means. */
  private slotOf(hash: number, place: number, from: number): number {
    const { member, region } = this;
    const leaf = leafOf(place);
    const count = leafCount(this.words, leaf);
    for (let slot = from; slot < count; slot++) {
      member.read(region, leaf, slot, ORDER_SCORE);
      if (checkOf(region, member.offset, member.length) !== checkIn(place)) continue;
      if (this.hashOf(region, member.offset, member.length) === hash) return slot;
    }
    throw new Error('scored set: the locator knows a member that is not there');
  }

  /** Reads an element of the last scan. */
  readScanned(index: number, view: ElementView): void {
    view.read(this.region, this.scanLeaves[index]!, this.scanSlots[index]!, ORDER_SCORE);
  }

  /**
   * Frees a part of the set, the locator first: from the first step on, only reclaimStep may be
   * called. See Sequence.
   */
  override reclaimStep(budgetPages: number): boolean {
    const { locator } = this;
    if (locator.exists) {
      const begun = this.root.reclaiming;
      this.root.reclaiming = true;
      if (!locator.reclaimStep(budgetPages, begun)) return false;
    }
    return super.reclaimStep(budgetPages);
  }

  override check(): void {
    super.check();
    const fault = verifyLocator(this.space, this.root.offset);
    if (fault !== '') throw new Error(`locator: ${fault}`);
  }
}
