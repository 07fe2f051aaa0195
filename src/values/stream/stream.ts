/**
 * The entries of a stream: a thread's view of one root (layout.ts), attached to one after the other.
 * Entries lie in blocks (block.ts), so that an id costs two bytes and not sixteen, and fields that
 * repeat cost nothing. The last block has a little room for what is appended; a block is as short as a
 * third of a page.
 *
 * All methods run under the shard's lock. What an iteration refers to stays until the next change.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import { copyBytes, Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { Cursor } from '../../structures/sequence/cursor.js';
import { ElementView, NewElement } from '../../structures/sequence/element.js';
import { SearchKey } from '../../structures/sequence/order.js';
import { ID_BYTES, ORDER_ID, ORDER_SCORE } from '../../structures/sequence/root.js';
import { Sequence } from '../../structures/sequence/sequence.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_ENTRIES,
  BLOCK_ENTRIES_MAX,
  BLOCK_HEADER_BYTES,
  BLOCK_LAST_ID,
  BLOCK_USED,
  BlockReader,
  type FieldReader,
} from './block.js';
import { BlockWriter } from './block-writer.js';
import type { Count } from './count.js';
import {
  ROOT_ADDED,
  ROOT_BLOCKS,
  ROOT_DELETED_ID,
  ROOT_GROUPS,
  ROOT_LAST_ID,
  ROOT_LENGTH,
  ROOT_NEXT_NUMBER,
  STREAM_ROOT_BYTES,
} from './layout.js';
import { idBytes } from './scratch.js';
import { StreamId } from './stream-id.js';

/** A block that has no room for an entry gets so much more than it needs: not each entry moves it. */
const BLOCK_GROWTH_BYTES = 128;

const writer = new BlockWriter();
/** A block on its way to another leaf. */
const moved = new Region(new SharedArrayBuffer(BLOCK_BYTES_MAX), 0);

export class Stream {
  readonly blocks: Sequence;
  /** Groups, consumers and pending entries: groups.ts knows what is in it. */
  readonly members: Sequence;
  private region: Region;
  private root = 0;
  private readonly cursor = new Cursor();
  private readonly view = new ElementView();
  private readonly edge = new Cursor();
  private readonly edgeView = new ElementView();
  private readonly element: NewElement;
  private readonly key: SearchKey;
  private readonly block = new BlockReader();
  private readonly probe = new StreamId();
  /** The entry that the iteration is at. */
  readonly id = new StreamId();
  private index = 0;

  constructor(readonly space: Space) {
    this.blocks = new Sequence(space);
    this.members = new Sequence(space);
    this.region = space.region;
    this.element = new NewElement(idBytes);
    this.key = new SearchKey(idBytes);
  }

  attach(offset: number, region: Region): this {
    this.region = region;
    this.root = offset;
    this.blocks.attach(offset + ROOT_BLOCKS, region);
    this.members.attach(offset + ROOT_GROUPS, region);
    return this;
  }

  /** Makes the bytes at this offset the root of an empty stream. */
  create(offset: number, region: Region): this {
    region.bytes.fill(0, offset, offset + STREAM_ROOT_BYTES);
    this.blocks.create(offset + ROOT_BLOCKS, ORDER_ID, region);
    this.members.create(offset + ROOT_GROUPS, ORDER_SCORE, region);
    region.view.setFloat64(offset + ROOT_NEXT_NUMBER, 1, true);
    return this.attach(offset, region);
  }

  // --- what the root says ------------------------------------------------------------------------

  get length(): number {
    return this.region.view.getFloat64(this.root + ROOT_LENGTH, true);
  }

  private addLength(delta: number): void {
    this.region.view.setFloat64(this.root + ROOT_LENGTH, this.length + delta, true);
  }

  /** Entries that were ever added. */
  added(into: Count): Count {
    return into.load(this.region, this.root + ROOT_ADDED);
  }

  setAdded(count: Count): void {
    count.store(this.region, this.root + ROOT_ADDED);
  }

  get neverAdded(): boolean {
    const { view } = this.region;
    const at = this.root + ROOT_ADDED;
    return (view.getInt32(at, true) | view.getInt32(at + 4, true)) === 0;
  }

  private countAdded(entries: number): void {
    const { view } = this.region;
    const at = this.root + ROOT_ADDED;
    const low = (view.getInt32(at, true) + entries) | 0;
    view.setInt32(at, low, true);
    if (low >>> 0 < entries) view.setInt32(at + 4, view.getInt32(at + 4, true) + 1, true);
  }

  lastId(into: StreamId): StreamId {
    return into.read(this.region, this.root + ROOT_LAST_ID);
  }

  setLastId(id: StreamId): void {
    id.write(this.region, this.root + ROOT_LAST_ID);
  }

  /** The highest id that XDEL has removed; the lowest one for none. */
  deletedId(into: StreamId): StreamId {
    return into.read(this.region, this.root + ROOT_DELETED_ID);
  }

  setDeletedId(id: StreamId): void {
    id.write(this.region, this.root + ROOT_DELETED_ID);
  }

  /** A number that no group or consumer of the stream has had. */
  takeNumber(): number {
    const { view } = this.region;
    const number = view.getFloat64(this.root + ROOT_NEXT_NUMBER, true);
    view.setFloat64(this.root + ROOT_NEXT_NUMBER, number + 1, true);
    return number;
  }

  get allocatedPages(): number {
    return this.blocks.allocatedPages + this.members.allocatedPages;
  }

  /** The id of the first entry, the lowest one when there is none. An iteration goes on. */
  firstId(into: StreamId): StreamId {
    const { blocks, edge, edgeView } = this;
    if (!blocks.seekIndex(edge, 0)) return into.setLowest();
    blocks.read(edge, edgeView);
    return into.read(this.space.region, edgeView.idOffset);
  }

  /** The id of the last entry that is there, the lowest one when there is none. An iteration goes on. */
  topId(into: StreamId): StreamId {
    const { blocks, edge, edgeView } = this;
    if (!blocks.seekIndex(edge, blocks.count - 1)) return into.setLowest();
    blocks.read(edge, edgeView);
    return into.read(this.space.region, edgeView.offset + BLOCK_LAST_ID);
  }

  // --- reading -----------------------------------------------------------------------------------

  private loadBlock(): void {
    const { view } = this;
    this.blocks.read(this.cursor, view);
    this.block.load(this.space.region, view.idOffset, view.offset);
  }

  /** Goes to the block that has the id, if one has, or to the first one behind it. */
  private seekBlock(id: StreamId): boolean {
    id.write(idBytes, 0);
    this.key.aimId(idBytes, 0);
    const { blocks, cursor } = this;
    blocks.seekKey(cursor, this.key, true);
    if (!blocks.previous(cursor)) return cursor.atElement;
    blocks.read(cursor, this.view);
    this.probe.read(this.space.region, this.view.offset + BLOCK_LAST_ID);
    return this.probe.compare(id) >= 0 || blocks.next(cursor);
  }

  /** Goes to the first entry whose id is not below this one. @returns false when there is none */
  seek(id: StreamId): boolean {
    if (!this.seekBlock(id)) return false;
    this.loadBlock();
    this.index = this.block.search(id);
    this.block.idAt(this.index, this.id);
    return true;
  }

  /** Goes to the last entry whose id is not above this one. @returns false when there is none */
  seekLast(id: StreamId): boolean {
    if (this.seek(id)) return this.id.compare(id) === 0 || this.previous();
    if (!this.blocks.seekIndex(this.cursor, this.blocks.count - 1)) return false;
    this.loadBlock();
    this.index = this.block.count - 1;
    this.block.idAt(this.index, this.id);
    return true;
  }

  /** Goes to the entry of this id. @returns false when there is none */
  find(id: StreamId): boolean {
    return this.seek(id) && this.id.compare(id) === 0;
  }

  next(): boolean {
    if (++this.index === this.block.count) {
      if (!this.blocks.next(this.cursor)) return false;
      this.loadBlock();
      this.index = 0;
    }
    this.block.idAt(this.index, this.id);
    return true;
  }

  previous(): boolean {
    if (--this.index < 0) {
      if (!this.blocks.previous(this.cursor)) return false;
      this.loadBlock();
      this.index = this.block.count - 1;
    }
    this.block.idAt(this.index, this.id);
    return true;
  }

  /** The fields of the entry that the iteration is at. */
  fields(into: FieldReader): FieldReader {
    this.block.startFields(this.index, into);
    return into;
  }

  /** Whether the entry that the iteration is at is the first one of its block. */
  get isAtBlock(): boolean {
    return this.index === 0;
  }

  /** Bytes of the block that the iteration is in, without the room that is left in it. */
  get blockBytes(): number {
    return this.block.length;
  }

  /** Copies the block that the iteration is in, and its id. */
  copyBlock(target: Region, idOffset: number, offset: number): void {
    const { block, view, space } = this;
    copyBytes(target, idOffset, space.region, view.idOffset, ID_BYTES);
    copyBytes(target, offset, space.region, block.offset, block.length);
  }

  /** Goes to the last entry of the block that the iteration is in. Nothing of it is parsed. */
  toBlockEnd(): void {
    const { block, id } = this;
    this.index = block.count - 1;
    id.read(block.region, block.offset + BLOCK_LAST_ID);
  }

  // --- changes -----------------------------------------------------------------------------------

  /**
   * Appends an entry with the fields and values from argument `first` on. Its id is above the last.
   * @returns false when the space is full; nothing has changed then
   */
  append(
    id: StreamId,
    args: ArgumentVector,
    first: number,
    bytesMax: number,
    entriesMax: number,
  ): boolean {
    const { blocks } = this;
    const isExtended =
      blocks.seekIndex(this.cursor, blocks.count - 1) &&
      this.extendLast(id, args, first, bytesMax, entriesMax);
    if (!isExtended && !this.addBlock(id, args, first)) return false;
    this.addLength(1);
    this.countAdded(1);
    this.setLastId(id);
    return true;
  }

  /** Appends the entry to the last block. @returns false when it would be too long, or has no room */
  private extendLast(
    id: StreamId,
    args: ArgumentVector,
    first: number,
    bytesMax: number,
    entriesMax: number,
  ): boolean {
    const { view } = this;
    const { region } = this.space;
    this.blocks.read(this.cursor, view);
    const limit = bytesMax > 0 && bytesMax < BLOCK_BYTES_MAX ? bytesMax : BLOCK_BYTES_MAX;
    const entries = region.view.getUint16(view.offset + BLOCK_ENTRIES, true);
    if (entries >= (entriesMax > 0 ? Math.min(entriesMax, BLOCK_ENTRIES_MAX) : BLOCK_ENTRIES_MAX)) {
      return false;
    }
    const used = region.view.getUint32(view.offset + BLOCK_USED, true);
    if (used >= limit) return false;
    let bytes = used;
    for (let i = first + 1; i < args.count && bytes <= limit; i += 2) bytes += args.length[i]! >> 2;
    // Integers take less than their text, so that this only refuses what is surely too long.
    if (bytes > limit) return false;
    writer.follow(region, view.offset, id, args, first);
    const needed = used + writer.length;
    const fits = needed <= limit && this.makeRoom(needed, limit);
    if (fits) writer.putBehind(region, view.offset, id);
    writer.release();
    return fits;
  }

  /** Makes the last block, read into the view, so long at least. @returns false when the space is full */
  private makeRoom(needed: number, limit: number): boolean {
    const { blocks, cursor, view, element, space } = this;
    if (needed <= view.length) return true;
    const size = Math.min(limit, needed + BLOCK_GROWTH_BYTES);
    let done = blocks.stretch(cursor, size - view.length);
    done ||= blocks.stretch(cursor, needed - view.length);
    if (!done) {
      // The leaf is full: the block goes to another one.
      copyBytes(moved, 0, space.region, view.offset, view.length);
      this.probe.read(space.region, view.idOffset).write(idBytes, 0);
      element.setIdentified(idBytes, 0, moved, 0, size);
      done = blocks.replace(cursor, element);
    }
    if (done) blocks.read(cursor, view);
    return done;
  }

  /** Begins another block with the entry. @returns false when the space is full */
  private addBlock(id: StreamId, args: ArgumentVector, first: number): boolean {
    const { blocks, cursor, element } = this;
    this.closeLast();
    writer.begin(args, first);
    writer.append(id, args, first);
    id.write(idBytes, 0);
    element.setIdentified(idBytes, 0, writer.region, 0, writer.length);
    const done = blocks.pushLast(cursor, element);
    writer.release();
    element.setIdentified(idBytes, 0, idBytes, 0, 0);
    return done;
  }

  /**
   * Appends a block with all its entries. They are above the last one, which is in a block without room
   * (`closeLast`), as blocks are that were appended.
   * @returns false when the space is full; nothing has changed then
   */
  appendBlock(source: Region, idOffset: number, offset: number, length: number): boolean {
    const { blocks, cursor, element } = this;
    element.setIdentified(source, idOffset, source, offset, length);
    const done = blocks.pushLast(cursor, element);
    element.setIdentified(idBytes, 0, idBytes, 0, 0);
    if (!done) return false;
    const entries = source.view.getUint16(offset + BLOCK_ENTRIES, true);
    this.addLength(entries);
    this.countAdded(entries);
    this.setLastId(this.probe.read(source, offset + BLOCK_LAST_ID));
    return true;
  }

  /** Gives back the room that is left in the last block. */
  closeLast(): void {
    const { blocks, cursor, view } = this;
    if (!blocks.seekIndex(cursor, blocks.count - 1)) return;
    blocks.read(cursor, view);
    const used = this.space.region.view.getUint32(view.offset + BLOCK_USED, true);
    if (used < view.length) blocks.stretch(cursor, used - view.length);
  }

  /**
   * Removes the entry of an id.
   * @returns whether there was one
   */
  remove(id: StreamId): boolean {
    if (!this.find(id)) return false;
    this.removeFromBlock(this.index, this.index + 1);
    return true;
  }

  private removeFromBlock(from: number, to: number): void {
    const { block, blocks, cursor } = this;
    if (to - from === block.count) blocks.remove(cursor, 1);
    else {
      writer.without(block, from, to, this.probe);
      this.probe.write(idBytes, 0);
      this.element.setIdentified(idBytes, 0, writer.region, 0, writer.length);
      const done = blocks.replace(cursor, this.element);
      writer.release();
      // A block of several entries lies in a leaf, and one entry less makes it shorter.
      if (!done) throw new Error('stream: a shorter block finds no room');
    }
    this.addLength(from - to);
  }

  /**
   * Removes entries from the first one on, until `keep` are left.
   * @param whole only whole blocks, and `limit` entries at most (0: any number)
   * @returns how many were removed
   */
  trimToLength(keep: number, whole: boolean, limit: number): number {
    let removed = 0;
    const { blocks, cursor } = this;
    while (this.length > keep && blocks.seekIndex(cursor, 0)) {
      const count = this.firstBlockEntries();
      if (limit > 0 && removed + count > limit) break;
      if (this.length - count >= keep) this.removeFirstBlock(count);
      else if (whole) break;
      else {
        const surplus = this.length - keep;
        this.loadBlock();
        this.removeFromBlock(0, surplus);
        return removed + surplus;
      }
      removed += count;
    }
    return removed;
  }

  /** The same for all entries below an id. */
  trimToId(id: StreamId, whole: boolean, limit: number): number {
    let removed = 0;
    const { blocks, cursor, probe } = this;
    while (blocks.seekIndex(cursor, 0)) {
      const count = this.firstBlockEntries();
      if (limit > 0 && removed + count > limit) break;
      probe.read(this.space.region, this.view.offset + BLOCK_LAST_ID);
      if (probe.compare(id) < 0) this.removeFirstBlock(count);
      else if (whole) break;
      else {
        this.loadBlock();
        const surplus = this.block.search(id);
        if (surplus > 0) this.removeFromBlock(0, surplus);
        return removed + surplus;
      }
      removed += count;
    }
    return removed;
  }

  private firstBlockEntries(): number {
    this.blocks.read(this.cursor, this.view);
    return this.space.region.view.getUint16(this.view.offset + BLOCK_ENTRIES, true);
  }

  private removeFirstBlock(count: number): void {
    this.blocks.remove(this.cursor, 1);
    this.addLength(-count);
  }

  /** Frees everything at once. */
  clear(): void {
    this.blocks.clear();
    this.members.clear();
  }

  /** As Sequence.reclaimStep. */
  reclaimStep(budgetPages: number): boolean {
    return this.blocks.reclaimStep(budgetPages) && this.members.reclaimStep(budgetPages);
  }

  /** Verifies every invariant; throws where one is broken. For tests. */
  check(): void {
    this.blocks.check();
    this.members.check();
    let length = 0;
    const last = new StreamId();
    const { blocks, cursor, block } = this;
    for (let more = blocks.seekIndex(cursor, 0); more; more = blocks.next(cursor)) {
      this.loadBlock();
      if (block.count === 0) throw new Error('stream: an empty block');
      if (
        block.length > this.view.length ||
        block.startAt(block.count) !== block.offset + block.length
      ) {
        throw new Error('stream: a block of a wrong length');
      }
      if (block.first < block.offset + BLOCK_HEADER_BYTES) throw new Error('stream: no fields');
      for (let i = 0; i < block.count; i++) {
        block.idAt(i, this.id);
        if (this.id.compare(last) <= 0) throw new Error('stream: ids out of order');
        last.copyFrom(this.id);
      }
      this.probe.read(this.space.region, block.offset + BLOCK_LAST_ID);
      if (this.probe.compare(last) !== 0) throw new Error('stream: a wrong last id of a block');
      length += block.count;
    }
    if (length !== this.length) throw new Error(`stream: ${this.length} entries, not ${length}`);
    if (this.lastId(this.probe).compare(last) < 0) throw new Error('stream: a last id too low');
  }
}
