/**
 * Tables of names that are no keys of the data set: a shard of their own, with its own lock, in memory
 * of its own. The channels that clients subscribe to lie here. They need what keys need: byte strings
 * of any length, growth without a pause, and memory given back when they are gone.
 *
 * All but `lock` is called under the lock. Offsets stay valid until the next change.
 */
import type { Region } from '../base/region.js';
import { HashState } from '../structures/hash.js';
import { SCAN_END, type Table } from '../structures/table.js';
import { formatShard, Shards } from './shards.js';

const SHARD = 0;
const KIND = 0;
/** Frames that one `maintain` compacts at most: some tens of microseconds each. */
const MAINTAINED_FRAMES = 8;

export class NameTables {
  /** Where the names lie, and the values that belong to them. */
  readonly region: Region;
  private readonly shards: Shards;
  private readonly hash = new HashState();
  private table: Table;

  /** Prepares fresh memory. The hash key is secret, so that nobody can choose names that collide. */
  static format(
    region: Region,
    tables: number,
    counters: Int32Array,
    usedPagesIndex: number,
    [key0, key1]: readonly [number, number],
  ): void {
    formatShard(region, tables, counters, usedPagesIndex, { key0, key1, spread: 1 });
  }

  /**
   * @param region what `format` has prepared
   * @param owner a number of this thread's: no other thread has the same
   */
  constructor(
    region: Region,
    private readonly tables: number,
    counters: Int32Array,
    usedPagesIndex: number,
    owner: number,
  ) {
    this.region = region;
    this.shards = new Shards([region], tables, counters, usedPagesIndex, owner);
    this.table = this.shards.table(SHARD, 0);
  }

  lock(): void {
    this.shards.lock(SHARD);
  }

  unlock(): void {
    this.shards.unlock(SHARD);
  }

  /** Looks a name up. The other methods are about this name, whose bytes must stay in place. */
  find(table: number, source: Region, offset: number, length: number): boolean {
    const { shards, hash } = this;
    this.table = shards.table(SHARD, table);
    shards.keyHash.hash(hash, source, offset, length);
    return this.table.find(source, offset, length, hash.h1, hash.h2);
  }

  /** Where the value of the name found lies. */
  get valueOffset(): number {
    return this.table.valueOffset;
  }

  get valueLength(): number {
    return this.table.valueLength;
  }

  /** Where the name itself lies, after `find` and in `forEach`. */
  get nameOffset(): number {
    return this.table.keyOffset;
  }

  get nameLength(): number {
    return this.table.keyLength;
  }

  /** Adds the name. @returns where its value is to be written, or -1: there is no room */
  add(valueLength: number): number {
    return this.table.put(KIND, valueLength, 0);
  }

  /** Changes the length of the value found. @returns where it lies now, or -1: there is no room */
  resize(valueLength: number): number {
    return this.table.resize(valueLength);
  }

  /** Removes the name found. */
  remove(): void {
    this.table.remove();
  }

  /** How many names a table has. Without the lock: a moment ago. */
  count(table: number): number {
    return this.shards.table(SHARD, table).size;
  }

  /**
   * Calls `each` for names of one part of a table: `nameOffset` and the like tell it. A walk over all
   * parts sees each name that is there from its start to its end, at least once.
   * @param position 0 at first
   * @returns where the next part begins; `NAMES_END` after the last
   */
  scan(table: number, position: number, each: () => void): number {
    this.table = this.shards.table(SHARD, table);
    const { table: scanned } = this;
    const next = scanned.scan(position);
    for (let i = 0; i < scanned.scanCount; i++) {
      scanned.decode(scanned.scanOffsets[i]!);
      each();
    }
    return next;
  }

  /** Whether memory could be given back. Without the lock: a moment ago. */
  get isSparse(): boolean {
    for (let table = 0; table < this.tables; table++) {
      if (this.shards.table(SHARD, table).waiting > 0) return true;
    }
    return false;
  }

  /** Gives some memory back that removed names have left. */
  maintain(): void {
    for (let table = 0; table < this.tables; table++) {
      this.shards.table(SHARD, table).maintain(MAINTAINED_FRAMES);
    }
  }

  /** Verifies every invariant. @throws when one is broken */
  check(): void {
    for (let table = 0; table < this.tables; table++) this.shards.table(SHARD, table).check();
  }
}

export const NAMES_END = SCAN_END;
