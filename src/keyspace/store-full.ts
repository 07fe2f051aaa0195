/** The error of a shard without room. */

/** Thrown when a shard has no room; the dispatcher answers an error. Nothing has changed then. */
export class StoreFullError extends Error {
  /** The shard without room, of how many, and how large it is. */
  shard = 0;
  shards = 0;
  shardBytes = 0;

  constructor() {
    super('no room in the shard');
    this.name = 'StoreFullError';
  }
}

/** One for all, as a full shard may refuse many thousand commands a second. */
const storeFull = new StoreFullError();

/** The error about this shard, of how many, with this much address space. */
export function shardFull(shard: number, shards: number, shardBytes: number): StoreFullError {
  storeFull.shard = shard;
  storeFull.shards = shards;
  storeFull.shardBytes = shardBytes;
  return storeFull;
}
