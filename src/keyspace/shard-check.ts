/**
 * Verifies a shard: every invariant of its tables and its reclaim list, and that each of its keys
 * belongs there.
 */
import { checkReclaimList } from './reclaim-list.js';
import { SCAN_END, type Shards } from './shards.js';
import { TYPES } from './types.js';

/** @throws an error that tells what is wrong. The caller holds the shard's lock */
export function checkShard(shards: Shards, shard: number, types = TYPES): void {
  shards.assertLocked(shard);
  checkReclaimList(shards.spaces[shard]!, types);
  shards.tracked(shard).check();
  for (let database = 0; database < shards.databases; database++) {
    const table = shards.table(shard, database);
    table.check();
    let position = table.size === 0 ? SCAN_END : 0;
    while (position < SCAN_END) {
      position = table.scan(position);
      for (let i = 0; i < table.scanCount; i++) {
        table.decode(table.scanOffsets[i]!);
        const home = shards.shardOf(table.region, table.keyOffset, table.keyLength);
        if (home !== shard) throw new Error(`shard ${shard} has a key of shard ${home}`);
      }
    }
  }
}
