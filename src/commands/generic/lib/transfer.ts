/**
 * A value goes from one key to another, with its kind and its end, as RENAME, COPY and MOVE do it.
 * The two may lie in different shards, so the bytes are always copied, straight from entry to entry.
 */
import { copyBytes, equalBytes, type Region } from '../../../base/region.js';
import type { KeyspaceEvent } from '../../../keyspace/events.js';
import type { Context } from '../../contract/context.js';
import { emitValue } from './effects.js';

/** Where the last `transfer` put the value. Removing another key does not move it. */
class Transferred {
  target = 0;
  shard = 0;
  database = 0;
  region: Region | null = null;
  offset = 0;
  length = 0;
  expiry = 0.5;
}

const transferred = new Transferred();

/**
 * Stores the value of argument 1, a key that was found in the client's database, as that of
 * argument `target` in `database`. Afterwards the source is the key last sought.
 *
 * @param event null when the caller announces it later
 * @throws StoreFullError, when nothing has changed
 */
export function transfer(
  context: Context,
  target: number,
  database: number,
  event: KeyspaceEvent | null,
): void {
  const { args, keys } = context;
  keys.seek(args, 1);
  const { kind, expiry, valueLength } = keys;
  keys.seekKey(database, args.region, args.offset[target]!, args.length[target]!);
  const offset = keys.put(kind, valueLength, expiry, event);
  transferred.target = target;
  transferred.shard = keys.shard;
  transferred.database = database;
  transferred.region = keys.region;
  transferred.offset = offset;
  transferred.length = valueLength;
  transferred.expiry = expiry;
  // The source may have moved to make room for its copy.
  keys.seek(args, 1);
  copyBytes(transferred.region, offset, keys.region, keys.valueOffset, valueLength);
}

/** Emits the effect of the last `transfer` on its target. */
export function emitTransferred(context: Context): void {
  const { target, shard, database, region, offset, length, expiry } = transferred;
  emitValue(context, target, shard, database, region!, offset, length, expiry);
}

/** Whether arguments 1 and 2 are the same key. */
export function sameKey({ args }: Context): boolean {
  const length = args.length[1]!;
  const { region, offset } = args;
  return args.length[2] === length && equalBytes(region, offset[1]!, region, offset[2]!, length);
}
