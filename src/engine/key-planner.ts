/** Which shards a command needs: adds them to the locking plan, and tells whether they are held. */
import { KEY_WRITTEN, KeyPlaces } from '../commands/contract/key-flags.js';
import type { Keyspace } from '../keyspace/keyspace.js';
import { Arguments } from '../protocol/parser.js';
import { findKeys } from './key-places.js';
import type { LockingPlan } from './locking-plan.js';
import {
  type RegisteredCommand,
  type Registry,
  TRAIT_LOCK_ALL,
  TRAIT_LOCK_NONE,
  TRAIT_MAY_REPLICATE,
  TRAIT_RUNS_SCRIPT,
  TRAIT_SIMPLE_KEYS,
  TRAIT_WRITE,
} from './registry.js';
import type { ScriptControl } from './scripts/script-control.js';
import type { ClientSession } from './session.js';

/** Whether a command, or the script that it runs, may change keys. */
export function mayWrite({ traits }: RegisteredCommand): boolean {
  if ((traits & TRAIT_WRITE) !== 0) return true;
  return (traits & TRAIT_RUNS_SCRIPT) !== 0 && (traits & TRAIT_MAY_REPLICATE) !== 0;
}

/** Whether a command without keys may leave an effect in the stream without keys. */
export function leavesKeyless({ traits }: RegisteredCommand): boolean {
  return (traits & (TRAIT_WRITE | TRAIT_MAY_REPLICATE)) !== 0;
}

export class KeyPlanner {
  private readonly places = new KeyPlaces();
  private readonly queued = new Arguments();

  constructor(
    private readonly keys: Keyspace,
    private readonly locks: LockingPlan,
    private readonly registry: Registry,
  ) {}

  /** Adds the shards of all keys of a command vector to the locking plan. */
  plan(command: RegisteredCommand, args: Arguments): void {
    const { keys, locks, places } = this;
    const { traits } = command;
    const writes = mayWrite(command);
    if ((traits & TRAIT_LOCK_ALL) !== 0) {
      locks.addAll(writes);
      return;
    }
    if (command.readsAnyKey?.(args)) locks.addAll(false);
    if ((traits & TRAIT_SIMPLE_KEYS) !== 0) {
      if (command.firstKey === 0) return;
      const last = command.lastKey >= 0 ? command.lastKey : args.count + command.lastKey;
      const end = Math.min(last, args.count - 1);
      for (let i = command.firstKey; i <= end; i += command.keyStep) {
        locks.add(keys.mark(args, i), writes);
      }
    } else if (findKeys(command.keys, args, places)) {
      for (let i = 0; i < places.count; i++) {
        const isWritten =
          writes && (command.writesUnmarked || (places.flags[i]! & KEY_WRITTEN) !== 0);
        locks.add(keys.mark(args, places.index[i]!), isWritten);
      }
    }
  }

  /** Adds every shard that the session's transaction touches. */
  planQueue({ queue, watched }: ClientSession, scripts: ScriptControl): void {
    const { locks, queued, registry } = this;
    for (const { shard } of watched) locks.add(shard, false);
    if (queue === null) return;
    queue.rewind();
    for (let i = 0; i < queue.length; i++) {
      const command = registry.all[queue.next(queued)]!;
      // It locks shards one by one while it runs, which is not allowed while other locks are held.
      if ((command.traits & TRAIT_LOCK_NONE) !== 0) locks.addAll(false);
      this.plan(command, queued);
      // It cannot start over within a transaction.
      const isScript = (command.traits & TRAIT_RUNS_SCRIPT) !== 0;
      if (isScript && !scripts.isClosed(command, queued)) locks.addAll(mayWrite(command));
    }
  }

  /** Whether this thread holds the shards of all keys of a command vector. */
  holdsKeys(command: RegisteredCommand, args: Arguments): boolean {
    const { locks, places } = this;
    const { shards } = this.keys;
    if ((command.traits & TRAIT_LOCK_ALL) !== 0 || command.readsAnyKey?.(args)) {
      return locks.held.length === shards.count;
    }
    if (!findKeys(command.keys, args, places)) return true;
    for (let i = 0; i < places.count; i++) {
      const index = places.index[i]!;
      const shard = shards.shardOf(args.region, args.offset[index]!, args.length[index]!);
      if (!locks.holds(shard)) return false;
    }
    return true;
  }

  /**
   * Whether all keys of a vector lie in this one shard, which the caller has locked. No command may
   * be under way. Until `keys.forget`, a command with this vector does not hash its keys again.
   */
  keysLieIn(command: RegisteredCommand, args: Arguments, shard: number): boolean {
    const { keys } = this;
    const locksMore = (command.traits & TRAIT_LOCK_ALL) !== 0 || command.readsAnyKey !== undefined;
    if (!locksMore && command.hasOneKey(args.count)) {
      keys.prepare(args, command.firstKey);
      return keys.preparedShard === shard;
    }
    keys.forget();
    try {
      this.plan(command, args);
      return this.locks.isOnly(shard);
    } finally {
      this.locks.forget();
    }
  }
}
