/**
 * The keys of one of the primary's shards in the tables of a replica with fewer shards, where a table
 * has the keys of several of them: they are told by their hashes.
 *
 * SWAPDB comes once in each stream of the primary. While the data is shipped the streams do not wait for
 * each other, so a table cannot be exchanged as a whole: some of its keys are those of shards that have
 * not come to the SWAPDB, or were shipped after it. Instead the keys of the one shard change places, by
 * way of a table of their own, as both databases may have the same key:
 *
 *   first ──1──▶ aside      second ──2──▶ first      aside ──3──▶ second
 *
 * The roots of collections move with their entries, their pages stay. This takes a time that grows with
 * the keys of the shard. No client waits: a replica whose data is incomplete answers LOADING.
 *
 * All functions are called under the locks of all shards.
 */
import { PAGE_BYTES } from '../../base/limits.js';
import { copyBytes } from '../../base/region.js';
import type { Shards } from '../../keyspace/shards.js';
import { TYPES } from '../../keyspace/types.js';
import type { Space } from '../../memory/space.js';
import { HashState } from '../../structures/hash.js';
import { SCAN_END, Table } from '../../structures/table.js';

/** Earlier than any element expires: the expiry cycle looks when the first one does. */
const ANY_TIME = 1;

export class ShardKeys {
  private readonly hash = new HashState();

  constructor(
    private readonly shards: Shards,
    private readonly primaryShards: number,
  ) {}

  /** Removes the keys of a primary's shard from a hash position of a table on. */
  remove(shard: number, table: Table, from: number): void {
    let position = table.size === 0 ? SCAN_END : from;
    while (position < SCAN_END) {
      const next = table.scan(position);
      for (let i = 0; i < table.scanCount; i++) {
        table.decode(table.scanOffsets[i]!);
        if (this.isOf(shard, table) && this.hash.h1 >>> 0 >= from) this.removeDecoded(table);
      }
      position = next;
    }
  }

  private removeDecoded(table: Table): void {
    const { hash } = this;
    const { keyOffset, keyLength, region } = table;
    if (table.find(region, keyOffset, keyLength, hash.h1, hash.h2)) TYPES.removeEntry(table);
  }

  /**
   * The keys of a primary's shard in two databases of one of ours change places.
   * @returns false when there is no room. Then some of them are lost: only a full sync mends that
   */
  exchange(shard: number, own: number, first: number, second: number): boolean {
    const { shards } = this;
    const [one, other] = [shards.table(own, first), shards.table(own, second)];
    // Nothing of what both have is in the way when one of them is empty.
    if (one.size === 0) return this.move(shard, other, one);
    if (other.size === 0) return this.move(shard, one, other);
    const space = shards.spaces[own]!;
    const root = newRoot(space);
    if (root === 0) return false;
    const aside = new Table(space, root);
    const isDone =
      this.move(shard, one, aside) &&
      this.move(shard, other, one) &&
      this.move(shard, aside, other);
    TYPES.clearTable(aside);
    freeRoot(space, root);
    return isDone;
  }

  /** Moves the keys of a primary's shard from one table to another. @returns false when it is full */
  private move(shard: number, from: Table, to: Table): boolean {
    if (from.size === 0) return true;
    if (from.ownerNumber !== 0) to.ownerNumber = ANY_TIME;
    for (let position = 0; position < SCAN_END; ) {
      const next = from.scan(position);
      for (let i = 0; i < from.scanCount; i++) {
        from.decode(from.scanOffsets[i]!);
        if (this.isOf(shard, from) && !this.moveDecoded(from, to)) return false;
      }
      position = next;
    }
    return true;
  }

  private moveDecoded(from: Table, to: Table): boolean {
    const { h1, h2 } = this.hash;
    const { region, keyOffset, keyLength, kind, expiry, valueOffset, valueLength } = from;
    to.find(region, keyOffset, keyLength, h1, h2);
    const at = to.put(kind, valueLength, expiry);
    if (at < 0) return false;
    copyBytes(to.region, at, region, valueOffset, valueLength);
    TYPES.markOwning(to, kind);
    // The pages that the value owns are the moved entry's now.
    if (from.find(region, keyOffset, keyLength, h1, h2)) from.remove();
    return true;
  }

  /** Whether the decoded entry is of a primary's shard. Hashes its key. */
  private isOf(shard: number, { region, keyOffset, keyLength }: Table): boolean {
    const shardHash = this.shards.keyHash.hash(this.hash, region, keyOffset, keyLength);
    return (shardHash & (this.primaryShards - 1)) === shard;
  }
}

/** The root of an empty table. @returns 0 when there is no room for it */
function newRoot(space: Space): number {
  const root = space.allocate(1);
  if (root === 0) return 0;
  space.commit(1);
  space.region.words.fill(0, root >>> 2, (root + PAGE_BYTES) >>> 2);
  return root;
}

function freeRoot(space: Space, root: number): void {
  space.free(root, 1);
  space.commit(-1);
}
