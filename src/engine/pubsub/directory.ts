/**
 * Which threads have subscribers of a name, in memory that all threads share. A name's value has an
 * entry of 16 bytes for each such thread:
 *
 *     0  i32 thread | 4  i32 subscribers there, 1 at least
 *     8  i32 list: where the thread keeps them (subscriber-lists.ts)
 *    12  i32 version: the thread's number of the last subscription to this name
 *
 * So a look-up gives the exact number of subscribers, and tells each thread where its own are without
 * a look-up there. A name without subscribers is removed. PUBLISH looks a channel up and sends the
 * message under one lock: a subscription comes before it as a whole, or after it.
 */
import { moveBytes, type Region } from '../../base/region.js';
import { type NameKind, PATTERN } from '../../commands/contract/pubsub-port.js';
import { NameTables } from '../../keyspace/name-tables.js';
import type { ControlBlock, SharedWord } from '../../memory/control.js';
import {
  CHANNELS,
  DIRECTORY_PAGES,
  MONITORED,
  PATTERNS,
  PATTERNS_VERSION,
  SHARD_CHANNELS,
} from './counters.js';

export const ENTRY_BYTES = 16;
export const ENTRY_THREAD = 0;
export const ENTRY_SUBSCRIBERS = 4;
export const ENTRY_LIST = 8;
export const ENTRY_VERSION = 12;

/** Address space for all names; only pages in use are resident. */
export const DIRECTORY_BYTES = 1 << 30;
const KINDS = 4;
/** How long one call of `maintain` may take, in milliseconds. */
const MAINTENANCE_MS = 1;

export class SubscriptionDirectory {
  readonly names: NameTables;
  private readonly counts: readonly SharedWord[];
  private readonly version: SharedWord;

  /** Prepares fresh memory, once for all threads. */
  static format(region: Region, control: ControlBlock, hashKey: readonly [number, number]): void {
    const { index } = control.word(DIRECTORY_PAGES);
    NameTables.format(region, KINDS, control.words, index, hashKey);
  }

  constructor(
    region: Region,
    control: ControlBlock,
    private readonly thread: number,
  ) {
    const { index } = control.word(DIRECTORY_PAGES);
    this.names = new NameTables(region, KINDS, control.words, index, thread);
    this.counts = [CHANNELS, PATTERNS, SHARD_CHANNELS, MONITORED].map((word) => control.word(word));
    this.version = control.word(PATTERNS_VERSION);
  }

  /** How many names of a kind have subscribers. Any thread, without the lock. */
  count(kind: NameKind): number {
    return this.counts[kind]!.load();
  }

  /** Another number after each change of a pattern's subscribers. Without the lock. */
  get patternsVersion(): number {
    return this.version.load();
  }

  lock(): void {
    this.names.lock();
  }

  unlock(): void {
    this.names.unlock();
  }

  /** Under the lock. @returns whether the name has subscribers: `names` has its entries */
  find(kind: NameKind, region: Region, offset: number, length: number): boolean {
    return this.counts[kind]!.load() !== 0 && this.names.find(kind, region, offset, length);
  }

  /** How many clients are subscribed to a name. Takes the lock. */
  subscribers(kind: NameKind, region: Region, offset: number, length: number): number {
    if (this.count(kind) === 0) return 0;
    this.lock();
    try {
      return this.find(kind, region, offset, length) ? this.sum() : 0;
    } finally {
      this.unlock();
    }
  }

  private sum(): number {
    const { region, valueOffset, valueLength } = this.names;
    let sum = 0;
    for (let at = valueOffset; at < valueOffset + valueLength; at += ENTRY_BYTES) {
      sum += region.view.getInt32(at + ENTRY_SUBSCRIBERS, true);
    }
    return sum;
  }

  /**
   * Adds a subscriber of this thread to a name. Under the lock.
   *
   * @param version greater than that of all subscriptions of this thread before
   * @param newList gives the list where this thread keeps the name's subscribers, when it is the first
   * @returns the list, or -1: there is no room, and nothing has changed
   */
  add(
    kind: NameKind,
    region: Region,
    offset: number,
    length: number,
    version: number,
    newList: () => number,
  ): number {
    const { names } = this;
    const isNew = !names.find(kind, region, offset, length);
    let at = isNew ? -1 : this.ownEntry();
    if (at < 0) {
      at = isNew ? names.add(ENTRY_BYTES) : this.appendEntry();
      if (at < 0) return -1;
      this.startEntry(at, newList());
      if (isNew) this.counts[kind]!.add(1);
    }
    const { view } = names.region;
    const subscribers = view.getInt32(at + ENTRY_SUBSCRIBERS, true);
    view.setInt32(at + ENTRY_SUBSCRIBERS, subscribers + 1, true);
    view.setInt32(at + ENTRY_VERSION, version, true);
    if (kind === PATTERN) this.version.add(1);
    return view.getInt32(at + ENTRY_LIST, true);
  }

  private startEntry(at: number, list: number): void {
    const { view } = this.names.region;
    view.setInt32(at + ENTRY_THREAD, this.thread, true);
    view.setInt32(at + ENTRY_SUBSCRIBERS, 0, true);
    view.setInt32(at + ENTRY_LIST, list, true);
  }

  /** @returns where the new entry lies, or -1: there is no room */
  private appendEntry(): number {
    const { names } = this;
    const length = names.valueLength;
    const value = names.resize(length + ENTRY_BYTES);
    return value < 0 ? -1 : value + length;
  }

  /** This thread's entry of the name found, or -1. */
  private ownEntry(): number {
    const { region, valueOffset, valueLength } = this.names;
    for (let at = valueOffset; at < valueOffset + valueLength; at += ENTRY_BYTES) {
      if (region.view.getInt32(at + ENTRY_THREAD, true) === this.thread) return at;
    }
    return -1;
  }

  /**
   * Takes away a subscriber of this thread, which the name has. Under the lock.
   * @returns the list where this thread keeps the name's subscribers
   */
  remove(kind: NameKind, region: Region, offset: number, length: number): number {
    const { names } = this;
    const at = names.find(kind, region, offset, length) ? this.ownEntry() : -1;
    if (at < 0) throw new Error('a subscription is not in the directory');
    const { view } = names.region;
    const list = view.getInt32(at + ENTRY_LIST, true);
    const subscribers = view.getInt32(at + ENTRY_SUBSCRIBERS, true) - 1;
    view.setInt32(at + ENTRY_SUBSCRIBERS, subscribers, true);
    if (subscribers === 0) this.removeEntry(kind, at);
    if (kind === PATTERN) this.version.add(1);
    return list;
  }

  private removeEntry(kind: NameKind, at: number): void {
    const { names } = this;
    const { region, valueOffset, valueLength } = names;
    if (valueLength === ENTRY_BYTES) {
      names.remove();
      this.counts[kind]!.add(-1);
      return;
    }
    const last = valueOffset + valueLength - ENTRY_BYTES;
    moveBytes(region, at, last, ENTRY_BYTES);
    // A value that becomes shorter always finds room.
    if (names.resize(valueLength - ENTRY_BYTES) < 0) throw new Error('no room for less');
  }

  /** Background work: gives memory back that removed names have left. Takes the lock. */
  maintain(): void {
    const endMs = performance.now() + MAINTENANCE_MS;
    while (this.names.isSparse && performance.now() < endMs) {
      this.lock();
      try {
        this.names.maintain();
      } finally {
        this.unlock();
      }
    }
  }
}
