/**
 * Values that are packed: a string that holds all elements, or, in a quicklist, a sequence of such
 * strings. A packed string is read when it is there as a whole, and its elements are checked one by
 * one while they are delivered.
 *
 *     ziplists, listpacks, zipmaps, intsets     string
 *     LIST_QUICKLIST                            count | ziplist ...
 *     LIST_QUICKLIST_2                          count | 1 | element, or 2 | listpack ...
 *     HASH_LISTPACK_EX                          least expiry (8) | listpack of field, value, expiry
 */
import { parseDouble } from '../../protocol/doubles.js';
import { NO_EXPIRY } from './batch.js';
import { FINISHED, INCOMPLETE, type Value, type ValueDecoder } from './decoder.js';
import { DuplicateCheck, elementIs } from './duplicates.js';
import {
  FIELD_EXPIRY_MAX_MS,
  NODE_PACKED,
  NODE_PLAIN,
  TYPE_HASH_LISTPACK,
  TYPE_HASH_LISTPACK_EX,
  TYPE_HASH_LISTPACK_EX_PRE_RELEASE,
  TYPE_HASH_ZIPLIST,
  TYPE_HASH_ZIPMAP,
  TYPE_LIST_QUICKLIST,
  TYPE_LIST_QUICKLIST_2,
  TYPE_LIST_ZIPLIST,
  TYPE_SET_INTSET,
  TYPE_SET_LISTPACK,
  TYPE_SORTED_SET_LISTPACK,
  TYPE_SORTED_SET_ZIPLIST,
} from './format.js';
import type { PackedCursor } from './packed/cursor.js';
import { IntsetCursor } from './packed/intset.js';
import { ListpackCursor } from './packed/listpack.js';
import { ZiplistCursor } from './packed/ziplist.js';
import { ZipmapCursor } from './packed/zipmap.js';
import { KIND_HASH, KIND_LIST, KIND_SET, KIND_SORTED_SET } from './visitor.js';

interface Packing {
  readonly kind: number;
  readonly cursor: new () => PackedCursor;
  /** Slots of one element: member and score, field and value and expiry. */
  readonly parts: number;
}

const PACKINGS: Readonly<Record<number, Packing>> = {
  [TYPE_LIST_ZIPLIST]: { kind: KIND_LIST, cursor: ZiplistCursor, parts: 1 },
  [TYPE_SET_INTSET]: { kind: KIND_SET, cursor: IntsetCursor, parts: 1 },
  [TYPE_SET_LISTPACK]: { kind: KIND_SET, cursor: ListpackCursor, parts: 1 },
  [TYPE_SORTED_SET_ZIPLIST]: { kind: KIND_SORTED_SET, cursor: ZiplistCursor, parts: 2 },
  [TYPE_SORTED_SET_LISTPACK]: { kind: KIND_SORTED_SET, cursor: ListpackCursor, parts: 2 },
  [TYPE_HASH_ZIPMAP]: { kind: KIND_HASH, cursor: ZipmapCursor, parts: 2 },
  [TYPE_HASH_ZIPLIST]: { kind: KIND_HASH, cursor: ZiplistCursor, parts: 2 },
  [TYPE_HASH_LISTPACK]: { kind: KIND_HASH, cursor: ListpackCursor, parts: 2 },
  [TYPE_HASH_LISTPACK_EX]: { kind: KIND_HASH, cursor: ListpackCursor, parts: 3 },
  [TYPE_HASH_LISTPACK_EX_PRE_RELEASE]: { kind: KIND_HASH, cursor: ListpackCursor, parts: 3 },
};

export function isPackedType(type: number): boolean {
  return PACKINGS[type] !== undefined;
}

/** Two cursors for each encoding: the second one looks again at what seems to be there twice. */
class Cursors {
  private readonly first = new Map<new () => PackedCursor, PackedCursor>();
  private readonly second = new Map<new () => PackedCursor, PackedCursor>();

  get(kind: new () => PackedCursor): PackedCursor {
    return made(this.first, kind);
  }

  again(kind: new () => PackedCursor): PackedCursor {
    return made(this.second, kind);
  }
}

function made(
  cursors: Map<new () => PackedCursor, PackedCursor>,
  kind: new () => PackedCursor,
): PackedCursor {
  let cursor = cursors.get(kind);
  if (cursor === undefined) {
    cursor = new kind();
    cursors.set(kind, cursor);
  }
  return cursor;
}

export class PackDecoder implements ValueDecoder {
  private packing: Packing = PACKINGS[TYPE_LIST_ZIPLIST]!;
  private leastExpiryComes = false;
  private readonly cursors = new Cursors();
  private readonly duplicates = new DuplicateCheck();

  constructor(private readonly value: Value) {}

  begin(type: number): void {
    this.packing = PACKINGS[type]!;
    this.leastExpiryComes = type === TYPE_HASH_LISTPACK_EX;
    this.value.start(this.packing.kind);
  }

  step(): number {
    const { input, string, key } = this.value;
    if (this.leastExpiryComes) {
      // The times in the listpack are absolute: the least one is for readers in a hurry.
      if (!input.has(8)) return INCOMPLETE;
      input.position += 8;
      this.leastExpiryComes = false;
    }
    if (!input.readString(string)) return INCOMPLETE;
    const { packing } = this;
    const cursor = this.cursors.get(packing.cursor);
    cursor.open(string.region, string.offset, string.length);
    key.claimedElements = Math.floor(Math.max(0, cursor.count) / packing.parts);
    if (this.value.options.checkDuplicates) this.duplicates.begin(key.claimedElements);
    while (cursor.next()) this.take(cursor);
    this.value.finish();
    return FINISHED;
  }

  /** Takes the element whose first part is under the cursor. */
  private take(cursor: PackedCursor): void {
    const { value, packing } = this;
    const { batch } = value;
    cursor.text();
    const { kind, parts } = packing;
    if (kind !== KIND_LIST && value.options.checkDuplicates) this.checkNew(cursor);
    const slot = batch.add(cursor.region, cursor.offset, cursor.length);
    if (kind === KIND_SORTED_SET) {
      this.another(cursor);
      batch.score[slot] = this.score(cursor);
    } else if (kind === KIND_HASH) {
      this.another(cursor);
      cursor.text();
      batch.add(cursor.region, cursor.offset, cursor.length);
      batch.expiryMs[slot >>> 1] = parts === 3 ? this.expiry(cursor) : NO_EXPIRY;
    }
    if (batch.isFull) value.deliver();
  }

  private another(cursor: PackedCursor): void {
    if (!cursor.next()) this.value.fail(`Damaged ${cursor.name}: its last element has no partner`);
  }

  private score(cursor: PackedCursor): number {
    if (cursor.isInteger) return cursor.value;
    const score = parseDouble(cursor.region, cursor.offset, cursor.length);
    if (Number.isNaN(score)) this.value.fail('Sorted set has a score that is not a number');
    return score;
  }

  private expiry(cursor: PackedCursor): number {
    this.another(cursor);
    const expiryMs = cursor.isInteger ? cursor.value : -1;
    if (expiryMs < 0 || expiryMs > FIELD_EXPIRY_MAX_MS) {
      this.value.fail('Hash has an invalid expiry of a field');
    }
    return expiryMs === 0 ? NO_EXPIRY : expiryMs;
  }

  private checkNew(cursor: PackedCursor): void {
    const { region, offset, length } = cursor;
    const index = cursor.index - 1;
    const other = this.duplicates.add(region, offset, length, index);
    if (other < 0) return;
    const { string } = this.value;
    const again = this.cursors.again(this.packing.cursor);
    again.open(string.region, string.offset, string.length);
    if (elementIs(again, other, cursor)) {
      this.value.fail(`Damaged ${cursor.name}: element ${index} is there twice`);
    }
  }
}

/** What comes next in a quicklist. */
const COUNT = 0;
const CONTAINER = 1;
const NODE = 2;

export class QuicklistDecoder implements ValueDecoder {
  private type = TYPE_LIST_QUICKLIST_2;
  private next = COUNT;
  private nodes = 0;
  private container = NODE_PACKED;
  private readonly listpack = new ListpackCursor();
  private readonly ziplist = new ZiplistCursor();

  constructor(private readonly value: Value) {}

  begin(type: number): void {
    this.type = type;
    this.next = COUNT;
    this.value.start(KIND_LIST);
  }

  step(): number {
    const { input } = this.value;
    if (this.next === COUNT) {
      if (!input.readCount()) return INCOMPLETE;
      this.nodes = input.length;
      this.nextNode();
    }
    for (; this.nodes > 0; this.nodes--) {
      if (!this.readNode()) return INCOMPLETE;
      this.nextNode();
    }
    this.value.finish();
    return FINISHED;
  }

  private nextNode(): void {
    this.container = NODE_PACKED;
    this.next = this.type === TYPE_LIST_QUICKLIST_2 ? CONTAINER : NODE;
  }

  private readNode(): boolean {
    const { value } = this;
    const { input, string } = value;
    if (this.next === CONTAINER) {
      if (!input.readCount()) return false;
      this.container = input.length;
      if (this.container !== NODE_PACKED && this.container !== NODE_PLAIN) {
        value.fail(`List has a node of an unknown kind, ${this.container}`);
      }
      this.next = NODE;
    }
    if (!input.readString(string)) return false;
    if (string.length === 0) value.fail('List has a node without bytes');
    if (this.container === NODE_PLAIN) {
      value.batch.add(string.region, string.offset, string.length);
      if (value.batch.isFull) value.deliver();
    } else {
      this.readPacked();
    }
    return true;
  }

  private readPacked(): void {
    const { string, batch } = this.value;
    const cursor = this.type === TYPE_LIST_QUICKLIST ? this.ziplist : this.listpack;
    cursor.open(string.region, string.offset, string.length);
    while (cursor.next()) {
      cursor.text();
      batch.add(cursor.region, cursor.offset, cursor.length);
      if (batch.isFull) this.value.deliver();
    }
  }
}
