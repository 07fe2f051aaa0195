/**
 * Changes to a replica's shards that are not commands: frames and entries of a full sync, cleared
 * and swapped databases. Under the locks of the shards concerned (`lock`).
 *
 * If both servers have the same number of shards (`same`), their shards correspond. If not, one
 * shard of the one is spread over several of the other. Then every change locks all shards, and
 * the shard hash (keyspace/key-hash.ts) tells which keys belong to a shard of the primary.
 */
import { isExpiry } from '../../base/expiry-time.js';
import { copyBytes, type Region } from '../../base/region.js';
import type { JournalRing } from '../../journal/ring.js';
import { lockRing, unlockRing } from '../../journal/ring-lock.js';
import { SLICE_PAGES } from '../../keyspace/reclaim-list.js';
import type { Shards } from '../../keyspace/shards.js';
import { forgetUnannounced } from '../../keyspace/tracked-keys.js';
import { TYPES } from '../../keyspace/types.js';
import { touchAllWatched } from '../../keyspace/watch.js';
import type { HashKey } from '../../memory/space.js';
import { KIND_MAX } from '../../structures/entry.js';
import {
  CopiedEntry,
  FrameCopy,
  type KeyOwner,
  type ReceivedFrame,
} from '../../structures/frame-install.js';
import { HashState } from '../../structures/hash.js';
import type { Table } from '../../structures/table.js';
import { LENGTH_MAX } from '../../structures/untrusted-entry.js';
import { ShardKeys } from './shard-keys.js';
import { ShardList } from './shard-list.js';

/** Whether a watched key exists now. A wrong `perhaps` costs at most a failed EXEC. */
const gone = () => false;
const perhaps = () => true;

/** An entry that was received by itself; callers reuse one. */
export class ReceivedEntry extends CopiedEntry {
  region!: Region;
  database = 0;
}

/** The lock of this server's stream without keys. */
export interface KeylessLock {
  readonly ring: JournalRing;
  /** This thread's number + 1. */
  readonly owner: number;
}

export class ShardWriter implements KeyOwner {
  readonly same: boolean;
  private readonly hash = new HashState();
  private readonly copy = new FrameCopy(this);
  private frameShard = 0;
  private readonly keys: ShardKeys;
  private readonly all: ShardList;
  private readonly single = new ShardList(1);
  private held: ShardList;
  private holdsKeyless = false;

  constructor(
    readonly shards: Shards,
    readonly primaryShards: number,
    private readonly keyless: KeylessLock,
  ) {
    this.same = shards.count === primaryShards;
    this.keys = new ShardKeys(shards, primaryShards);
    this.all = allShards(shards);
    this.held = this.single;
  }

  /** The stream without keys, whose number is that of the shards, has a lock of its own. */
  lock(shard: number): void {
    this.holdsKeyless = shard === this.primaryShards;
    if (this.holdsKeyless) {
      lockRing(this.keyless.ring, this.keyless.owner);
      return;
    }
    if (!this.same) {
      this.lockSeveral(this.all);
      return;
    }
    this.shards.lock(shard);
    this.single.clear();
    this.single.push(shard);
    this.held = this.single;
  }

  /** Locks all shards of a list in ascending order. The list is the caller's, and stays until `unlock`. */
  lockSeveral(shards: ShardList): void {
    const list = this.same ? shards : this.all;
    if (!tryAscending(this.shards, list)) lockAscending(this.shards, list);
    this.held = list;
  }

  /** Unlocks everything that is locked. */
  unlock(): void {
    if (this.holdsKeyless) unlockRing(this.keyless.ring);
    this.holdsKeyless = false;
    const { held, shards, single } = this;
    this.held = single;
    for (let i = 0; i < held.count; i++) shards.unlock(held.at(i));
    single.clear();
  }

  /** Removes all keys of a primary's shard, in every database. */
  clear(shard: number): void {
    for (let database = 0; database < this.shards.databases; database++) {
      this.flush(shard, database);
    }
  }

  /** Removes the keys of a primary's shard in one database. */
  flush(shard: number, database: number): void {
    this.assertLocked(shard);
    const { shards, primaryShards } = this;
    if (shards.count < primaryShards) {
      const own = shard & (shards.count - 1);
      touchAllWatched(shards.spaces[own]!, database, perhaps);
      forgetUnannounced(shards, own);
      this.keys.remove(shard, shards.table(own, database), 0);
      return;
    }
    for (let own = shard; own < shards.count; own += primaryShards) {
      touchAllWatched(shards.spaces[own]!, database, gone);
      forgetUnannounced(shards, own);
      TYPES.clearTable(shards.table(own, database));
    }
  }

  /** Removes the keys of a primary's shard from a hash position of a database on. */
  removeFrom(shard: number, database: number, position: number): void {
    this.assertLocked(shard);
    const { shards, primaryShards } = this;
    if (database >= shards.databases) return;
    const first = shard & (shards.count - 1);
    for (let own = first; own < shards.count; own += primaryShards) {
      this.keys.remove(shard, shards.table(own, database), position);
    }
  }

  /**
   * @param together whether the parts of all the primary's shards are applied under these locks.
   *   With fewer shards than the primary a table has keys of several of its shards: it is exchanged
   *   with the first of them. Otherwise the keys of this shard change places
   * @returns what is wrong, or null
   */
  swap(shard: number, first: number, second: number, together: boolean): string | null {
    this.assertLocked(shard);
    const { shards, primaryShards } = this;
    const { databases } = shards;
    const valid = (database: number) =>
      Number.isInteger(database) && database >= 0 && database < databases;
    if (!valid(first) || !valid(second)) return `SWAPDB ${first} ${second}`;
    if (shards.count < primaryShards && !together) return this.exchange(shard, first, second);
    for (let own = shard; own < shards.count; own += primaryShards) {
      shards.swap(own, first, second);
      this.tellOfSwap(own, first, second);
    }
    return null;
  }

  private exchange(shard: number, first: number, second: number): string | null {
    if (first === second) return null;
    const own = shard & (this.shards.count - 1);
    const isDone = this.keys.exchange(shard, own, first, second);
    this.tellOfSwap(own, first, second);
    return isDone ? null : `no room in shard ${own} to follow a SWAPDB`;
  }

  private tellOfSwap(own: number, first: number, second: number): void {
    const { shards } = this;
    forgetUnannounced(shards, own);
    touchAllWatched(shards.spaces[own]!, first, perhaps);
    touchAllWatched(shards.spaces[own]!, second, perhaps);
  }

  /** @throws when the locks for a change of this primary's shard are not held */
  assertLocked(shard: number): void {
    if (this.holdsKeyless && shard === this.primaryShards) return;
    this.shards.assertLocked(this.same ? shard : 0);
  }

  /** Whether a key is of the shard whose frame is verified. */
  owns(hashed: HashState, region: Region, offset: number, length: number): boolean {
    const { keyHash } = this.shards;
    const shardHash = keyHash.shardHash(hashed, region, offset, length);
    return (shardHash & (this.primaryShards - 1)) === this.frameShard;
  }

  /**
   * Verifies and installs a raw frame of a shard; entry by entry when that is not one shard here.
   * @param entries how many entries its sender says it has
   * @returns what is wrong, or null
   */
  frame(shard: number, frame: ReceivedFrame, entries: number): string | null {
    this.assertLocked(shard);
    const { copy, shards } = this;
    const own = shard & (shards.count - 1);
    const space = shards.spaces[own]!;
    if (frame.database >= shards.databases) return `a frame of database ${frame.database}`;
    this.frameShard = shard;
    copy.set(frame);
    const wrong = copy.verify(space, TYPES);
    if (wrong !== null) return wrong;
    if (copy.entries !== entries) return `a frame of ${copy.entries} entries, not ${entries}`;
    if (entries === 0) return null;
    if (this.same && copy.install(space, shards.table(shard, frame.database).root)) return null;
    const { region, database } = frame;
    const stored = copy.eachEntry((copied) => {
      const { keyOffset, keyLength } = copied;
      const shardHash = shards.keyHash.hash(this.hash, region, keyOffset, keyLength);
      return this.store(shards.table(shardHash & (shards.count - 1), database), region, copied);
    });
    return stored ? null : `no room in shard ${shard} for the primary's data`;
  }

  /** Stores one entry of a primary's shard. @returns what is wrong, or null */
  entry(shard: number, entry: ReceivedEntry): string | null {
    this.assertLocked(shard);
    const { shards, primaryShards, hash } = this;
    const { region, database, kind, expiry, keyOffset, keyLength, valueLength } = entry;
    if (database >= shards.databases) return `an entry for database ${database}`;
    if (keyLength > LENGTH_MAX || valueLength > LENGTH_MAX) {
      return `an entry with a key of ${keyLength} and a value of ${valueLength} bytes`;
    }
    if (kind > KIND_MAX || !TYPES.verify(kind, region, entry.valueOffset, valueLength)) {
      return `an entry of kind ${kind}`;
    }
    if (expiry !== 0 && !isExpiry(expiry)) return `an entry until ${expiry}`;
    const shardHash = shards.keyHash.hash(hash, region, keyOffset, keyLength);
    if ((shardHash & (primaryShards - 1)) !== shard) return 'an entry of another shard';
    const own = shardHash & (shards.count - 1);
    return this.store(shards.table(own, database), region, entry)
      ? null
      : `no room in shard ${own} for the primary's data`;
  }

  /** Puts an entry whose key was hashed. @returns false when there is no room */
  private store(table: Table, region: Region, entry: CopiedEntry): boolean {
    const { h1, h2 } = this.hash;
    const found = table.find(region, entry.keyOffset, entry.keyLength, h1, h2);
    if (found && TYPES.owns(table.kind)) TYPES.removeEntry(table);
    const at = table.put(entry.kind, entry.valueLength, entry.expiry);
    if (at < 0) return false;
    copyBytes(table.region, at, region, entry.valueOffset, entry.valueLength);
    return true;
  }
}

function allShards(shards: Shards): ShardList {
  const all = new ShardList(shards.count);
  for (let shard = 0; shard < shards.count; shard++) all.push(shard);
  return all;
}

/** Takes all locks, or none: waits for the first only, while it holds none. */
function tryAscending(shards: Shards, list: ShardList): boolean {
  shards.lock(list.at(0));
  for (let i = 1; i < list.count; i++) {
    if (shards.tryLock(list.at(i))) continue;
    while (--i >= 0) shards.unlock(list.at(i));
    return false;
  }
  return true;
}

/** Who waits for a lock while holding others has the order lock: a script may hold any. */
function lockAscending(shards: Shards, list: ShardList): void {
  shards.lockOrderInTurn();
  for (let i = 0; i < list.count; i++) shards.lock(list.at(i));
  shards.unlockOrder();
}

/**
 * Clears all shards and adopts the primary's hash key and spread, so that its frames fit. Whoever
 * hashed a key before must do it again, and who watches one has seen it change. Called before the
 * first flow of a full sync starts, by one thread that holds no lock.
 */
export function prepareFullSync(shards: Shards, hashKey: HashKey): void {
  lockAscending(shards, allShards(shards));
  for (let shard = 0; shard < shards.count; shard++) clearShard(shards, shard);
  shards.changeHashKey(hashKey);
  for (let shard = 0; shard < shards.count; shard++) shards.unlock(shard);
  for (let shard = 0; shard < shards.count; shard++) reclaimAll(shards, shard);
}

/** Removes all keys of a shard, whose lock is held. */
export function clearShard(shards: Shards, shard: number): void {
  shards.assertLocked(shard);
  forgetUnannounced(shards, shard);
  for (let database = 0; database < shards.databases; database++) {
    touchAllWatched(shards.spaces[shard]!, database, gone);
    TYPES.clearTable(shards.table(shard, database));
  }
}

/** Frees what a shard held before the primary's data come, slice by slice. */
function reclaimAll(shards: Shards, shard: number): void {
  for (let left = true; left; ) {
    shards.lock(shard);
    left = TYPES.reclaim.step(shards.spaces[shard]!, SLICE_PAGES);
    shards.unlock(shard);
  }
}
