/**
 * What a type of values answers for. The keyspace's registry (keyspace/types.ts) knows all types;
 * whoever meets a value of any type asks it, and only a type's own commands know what is inside.
 *
 * A key's entry holds the value's *bytes*. For strings and packed collections they are the whole
 * value. For others they are a root (16 to 128 bytes, the first 64 of which refer to all pages), and
 * pages of the same shard's space hold the rest: nested tables, B+-trees. A kind whose bytes refer to
 * pages is listed in `owningKinds`.
 *
 * Who frees those pages? Tables move and forget an entry's bytes and know nothing of pages. So
 * whatever removes an entry (Mutation, clearTable, removeEntry) looks at its kind first:
 *
 *     overwritten    the old bytes are kept aside; freed when the new value is in its place
 *     removed        freed (DEL, expiry, eviction, the source of a RENAME to another shard)
 *     table cleared  every entry of an owning kind is freed, then the table
 *     renamed within its shard   the bytes move, nothing is freed
 *     edited         the type's commands keep bytes and pages in step between begin and commit
 *
 * Freeing goes in steps of bounded work, as a collection may have millions of pages: the root of a
 * large one waits in its shard's reclaim list (keyspace/reclaim-list.ts). It cannot fail. A step may
 * come in the middle of any other operation of the thread, when that finds no free page: it uses no
 * view, cursor or scratch memory that anything but freeing uses, and it hashes nothing.
 * All calls are made under the shard's lock; they do not keep the value they are given.
 */
import type { Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import type { PartsPlace } from './parts-place.js';

/** A value where it lies: an entry of a table, or bytes kept aside. */
export interface StoredValue {
  /** The memory that `valueOffset` and the pages count in. */
  readonly space: Space;
  readonly region: Region;
  readonly kind: number;
  /** As base/expiry-time.ts has it; 0 for none. */
  readonly expiry: number;
  readonly valueOffset: number;
  readonly valueLength: number;
}

/** The bytes of a copy, ready to be stored. They stay in place until the next value is copied. */
export interface CopiedValue {
  region: Region;
  offset: number;
  length: number;
}

/** Takes the commands that rebuild a value under the key last sought. */
export interface ValueEffects {
  /** Whether parts of values in their own form (native-parts.ts) may be among the commands. */
  readonly takesParts: boolean;
  /** Begins a command on the key, which stands behind the subcommand if there is one. */
  begin(name: string, subcommand?: string): ValueEffects;
  bytes(source: Region, offset: number, length: number): ValueEffects;
  word(text: string): ValueEffects;
  /** Appends a time in decimal. */
  time(expiry: number): ValueEffects;
  end(): void;
}

/** Adds up DEBUG DIGEST, in the way Redis does. */
export interface ValueDigest {
  /** Takes bytes whose order matters. */
  mix(region: Region, offset: number, length: number): void;
  /** A digest of an element, for `add`. Each call gives the same one, emptied. */
  element(): ValueDigest;
  /** Takes an element whose order does not matter. */
  add(element: ValueDigest): void;
  /** Takes an element that is nothing but these bytes, and whose order does not matter. */
  addBytes(region: Region, offset: number, length: number): void;
}

/** What `ValueParts.emit` returns when no element is left. */
export const PARTS_END = -1;

/**
 * How a large value is shipped to a replica in parts, under many short holds of the lock. The elements
 * have an order, and a position in it separates those that were shipped from the others.
 */
export interface ValueParts {
  /**
   * hash: that of the hashes of elements, 0 to 2^32; index: from the head, 0 to the count; id: that of the
   * groups of a stream, and then of its entries; score: that of the members of a sorted set. Of the last
   * two the place says more than the position.
   */
  readonly order: 'hash' | 'index' | 'id' | 'score';
  /** The elements of the value. */
  count(value: StoredValue): number;
  /**
   * Emits commands, or parts in their own form where those are taken, that add the elements from a position on to whatever the key has, each with all that
   * belongs to it; about `budgetBytes` of them.
   * @param place where the last part has ended, if that is more than a position; it moves along
   * @returns the position after them, or PARTS_END
   */
  emit(
    value: StoredValue,
    position: number,
    budgetBytes: number,
    effects: ValueEffects,
    place: PartsPlace,
  ): number;
}

/**
 * How a type takes parts of its values in their own form, which `ValueParts.emit` may have emitted in
 * place of commands (native-parts.ts).
 */
export interface NativeParts {
  /** The kinds of which there are such parts. The bytes of an entry are a root. */
  readonly kinds: readonly number[];
  /** All kinds with such a root. */
  readonly rootedKinds: readonly number[];
  readonly rootBytes: number;
  /** The kind of a value of one of the rooted kinds that gets a part of another one. */
  kindWith(found: number, kind: number): number;
  /**
   * Makes the root of a value of another kind of the type, beside it: a replica may have it otherwise.
   * @returns false when there is no room; nothing is kept then
   */
  build(value: StoredValue, built: CopiedValue): boolean;
  /** Makes bytes that are 0 the root of an empty value. */
  format(space: Space, root: number): void;
  /**
   * Adds a part to a value. Nothing is believed of it.
   * @param root of the value, in its space
   * @param part where it lies, from 0 on
   * @returns what is wrong, NO_ROOM, or null
   */
  take(space: Space, root: number, part: Region, length: number): string | null;
}

/** Takes one element. Its bytes stay during the call only. */
export type TakeElement = (region: Region, offset: number, length: number) => void;

/** Bytes found in a value. They stay until anything is changed, or found in another value. */
export interface FoundBytes {
  region: Region;
  offset: number;
  length: number;
}

/** What SORT asks of a type whose elements it can sort. */
export interface SortableElements {
  /** Whether they have an order of their own, which stays where SORT is told not to sort. */
  readonly areOrdered: boolean;
  /** The kind that a value of this kind has once it was sorted: its name tells, in Redis. */
  kindAfter?(kind: number): number;
  count(value: StoredValue): number;
  /**
   * Hands over `count` elements from the one of index `first` on, which exist; `isReversed` counts
   * and goes backwards from the last one.
   */
  visit(
    value: StoredValue,
    first: number,
    count: number,
    isReversed: boolean,
    take: TakeElement,
  ): void;
}

/** What a type answers whose elements expire by themselves. Its owning kinds have such elements. */
export interface ElementExpiry {
  /** No element of the value expires before this; Infinity when none does. */
  earliest(value: StoredValue): number;
  /**
   * Removes elements that have expired, a bounded number, and emits the command that does so. It
   * cannot fail.
   * @returns how many they were; negative, when no element is left
   */
  expire(value: StoredValue, nowMs: number, effects: ValueEffects): number;
}

/**
 * Elements of a value in flight, to or from a file. Their bytes stand in a region of their own; what
 * the slots mean is drawn in persistence/rdb/batch.ts. Bounded and reused.
 */
export interface ElementsInFlight {
  readonly region: Region;
  /** Slots in use. */
  readonly count: number;
  readonly offset: Int32Array<ArrayBuffer>;
  readonly length: Int32Array<ArrayBuffer>;
  readonly score: Float64Array;
  /** Absolute, milliseconds since 1970; -1 for none. */
  readonly expiryMs: Float64Array;
  readonly deliveredMs: Float64Array;
  readonly deliveries: Float64Array;
  /** Entries of a stream, and the slot after each. */
  entries: number;
  readonly entryEnd: Int32Array;
  readonly isFull: boolean;
  /** Copies an element into the next slot; returns the slot. */
  add(region: Region, offset: number, length: number): number;
  /** Gives the next slot so many bytes, which the caller writes; returns the slot. */
  take(length: number): number;
}

/** What a stream is beyond its entries. Ids have 128 bits, the milliseconds in the upper half. */
export interface StreamFigures {
  readonly length: number;
  readonly lastId: bigint;
  readonly firstId: bigint;
  readonly maxDeletedId: bigint;
  readonly entriesAdded: bigint;
}

/** A consumer group; its name is a place. */
export interface GroupFigures {
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
  readonly lastId: bigint;
  /** -1: not known. */
  readonly entriesRead: bigint;
}

/** A consumer; its name is a place. */
export interface ConsumerFigures {
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
  readonly seenMs: number;
  /** When it last got an entry. */
  readonly activeMs: number;
}

/**
 * Takes a value that is saved, in the order in which it stands in a file. Elements go into `batch`;
 * whoever has filled it calls `deliver`. A list and a stream tell first how long each of their
 * elements is, as a file tells the number of nodes before them.
 */
export interface ValueSink {
  readonly batch: ElementsInFlight;
  string(region: Region, offset: number, length: number): void;
  /** @param length bytes of an element */
  planElement(length: number): void;
  beginList(): void;
  beginSet(count: number): void;
  /** @param leastExpiryMs no field expires before this; -1 when none expires */
  beginHash(count: number, leastExpiryMs: number): void;
  /** Members follow in the order of their scores. */
  beginSortedSet(count: number): void;
  /** @param length bytes of the fields and values of an entry */
  planEntry(length: number): void;
  beginStream(): void;
  /** After all entries; the groups follow. */
  streamState(state: StreamFigures, groups: number): void;
  /** @param pending entries of the whole group, which follow in the order of their ids */
  streamGroup(group: GroupFigures, pending: number): void;
  /** After the pending entries of the group. */
  streamConsumers(count: number): void;
  /** @param pending entries of the consumer, whose ids follow */
  streamConsumer(consumer: ConsumerFigures, pending: number): void;
  /** Passes the elements of the batch on and empties it. */
  deliver(): void;
  /** The value is complete. */
  end(): void;
}

/** What a value that is loaded is called, and when it changes its form: directives of these names. */
export interface LoadLimits {
  readonly hashListpackEntriesMax: number;
  readonly hashListpackValueBytesMax: number;
  readonly setIntsetEntriesMax: number;
  readonly sortedSetListpackEntriesMax: number;
  readonly sortedSetListpackValueBytesMax: number;
  readonly streamNodeBytesMax: number;
  readonly streamNodeEntriesMax: number;
}

/** What has become of elements that were loaded. */
export const LOADED = 0;
/** The space has no room: the value is gone, with its pages. */
export const LOAD_FULL = 1;
/** An element is there twice: the caller frees the value. */
export const LOAD_DUPLICATE = 2;

/** A value on its way into the store. */
export class LoadedValue implements StoredValue {
  space!: Space;
  region!: Region;
  kind = 0;
  readonly expiry = 0;
  valueOffset = 0;
  valueLength = 0;
}

/**
 * Builds a value beside the keyspace, from batches of its elements. Small values lie in memory of the
 * loader's own, large ones in pages of the space, with their root in the loader's memory. Each call
 * that has elements runs under the lock of the space; between two calls the lock may be free.
 */
export interface ValueLoader {
  /** What was built so far: what is to be stored, or freed. */
  readonly value: LoadedValue;
  begin(space: Space, limits: LoadLimits): void;
  /** Of a type without elements: refers to these bytes. */
  bytes?(region: Region, offset: number, length: number): void;
  /** @returns LOADED, LOAD_FULL or LOAD_DUPLICATE; so do the others */
  add(elements: ElementsInFlight): number;
  /** After the last element. @returns LOADED or LOAD_FULL */
  finish?(): number;
  streamState?(state: StreamFigures): void;
  streamGroup?(group: GroupFigures): number;
  streamConsumer?(consumer: ConsumerFigures): number;
  streamPending?(elements: ElementsInFlight): number;
}

export interface ValueType {
  /** As TYPE tells it. */
  readonly name: string;
  /** The low three bits of its kinds. */
  readonly number: number;
  /** As Redis numbers the type, where that is another number. */
  readonly digestNumber?: number;
  /** All kinds of this type. */
  readonly kinds: readonly number[];
  /** Those of them whose bytes refer to pages. */
  readonly owningKinds: readonly number[];
  /** Those of them whose bytes `verify` has to see; any bytes are a value of the others. */
  readonly verifiedKinds: readonly number[];

  /** Of a type with elements that expire by themselves. */
  readonly elementExpiry?: ElementExpiry;

  /** As OBJECT ENCODING tells it. */
  encoding(value: StoredValue): string;
  /** As OBJECT REFCOUNT tells it. */
  references(value: StoredValue): number;
  /** Bytes of memory besides those of the entry. */
  memory(value: StoredValue): number;
  /** Bytes in an RDB file, without compression. */
  serializedLength(value: StoredValue): number;
  digest(value: StoredValue, digest: ValueDigest): void;
  /**
   * Emits commands that make a key with this value and expiry, whatever was there before. The
   * first one replaces the key; each is complete in itself.
   */
  effects(value: StoredValue, effects: ValueEffects): void;
  /** Of a type with owning kinds: how those are shipped in parts. Without it they are shipped whole. */
  readonly parts?: ValueParts;
  /** Those that `parts` emits in its own form. */
  readonly nativeParts?: NativeParts;
  /**
   * Copies the pages of an owning kind into a space, and the bytes that refer to them.
   * @returns false when there is no room; no page is kept then
   */
  copy(value: StoredValue, space: Space, copied: CopiedValue): boolean;
  /**
   * Frees about `budgetPages` pages of an owning kind, one at least. From the first step on nothing
   * else may read the value; its bytes say how far freeing has come.
   * @returns true when no page is left
   */
  freeStep(value: StoredValue, budgetPages: number): boolean;
  /** Tells the value to who writes a file, a payload or a stream. */
  save(value: StoredValue, sink: ValueSink): void;
  /** A loader of the caller's own: it has memory, and is used for one value after the other. */
  newLoader(): ValueLoader;
  /** Absent where a value has no elements that can be sorted. */
  readonly sortable?: SortableElements;
  /**
   * Finds the value of a field; absent where values have no fields.
   * @returns false when there is no such field
   */
  field?(
    value: StoredValue,
    name: Region,
    offset: number,
    length: number,
    nowMs: number,
    found: FoundBytes,
  ): boolean;
  /**
   * Whether bytes from a peer are a value of this kind. Reads nothing outside of them. The bytes of
   * an owning kind never are, as they refer to the peer's pages: these values travel in parts.
   */
  verify(kind: number, region: Region, offset: number, length: number): boolean;
}
