/**
 * MULTI, EXEC, WATCH. The dispatcher locks every shard that the queue and the watched keys touch;
 * EXEC checks the watched keys' versions and runs the queue with nothing in between.
 */
import { copyBytes, Region } from '../base/region.js';
import type { TransactionsPort } from '../commands/contract/server-port.js';
import type { Session } from '../commands/contract/session.js';
import { WORD_WATCHED } from '../keyspace/shard-words.js';
import { unwatch, watch, watchedVersion } from '../keyspace/watch.js';
import * as errors from '../protocol/errors.js';
import { Arguments } from '../protocol/parser.js';
import type { Dispatcher } from './dispatch.js';
import { ClientSession } from './session.js';

export interface WatchedKey {
  readonly key: Region;
  readonly length: number;
  readonly database: number;
  readonly shard: number;
  readonly h1: number;
  readonly h2: number;
  readonly version: number;
  /** Whether it was there when the client began to watch it. */
  readonly existed: boolean;
}

export class Transactions implements TransactionsPort {
  private readonly queued = new Arguments();
  /** Watched keys that nobody watches any more, whose shard was taken when it was to be told. */
  private readonly left: WatchedKey[] = [];

  constructor(private readonly dispatcher: Dispatcher) {}

  begin(session: Session): void {
    session.inMulti = true;
    session.multiAborted = false;
  }

  discard(session: Session): void {
    const client = own(session);
    client.inMulti = false;
    client.multiAborted = false;
    client.queue?.clear();
    this.unwatchAll(client);
  }

  watch(index: number): boolean {
    const { keys, args, shards } = this.dispatcher;
    const client = own(this.dispatcher.session);
    const exists = keys.seek(args, index);
    const { h1, h2, shard, database } = keys;
    const length = args.length[index]!;
    const already = client.watched.some(
      (other) => other.h1 === h1 && other.h2 === h2 && other.database === database,
    );
    if (already) return true;
    const version = watch(shards.spaces[shard]!, h1, h2, database, exists);
    if (version < 0) return false;
    const key = new Region(new SharedArrayBuffer((length + 8) & ~7), 0);
    copyBytes(key, 0, args.region, args.offset[index]!, length);
    client.watched.push({ key, length, database, shard, h1, h2, version, existed: exists });
    return true;
  }

  unwatchAll(session: Session): void {
    const { shards, lockedSet } = this.dispatcher;
    const client = own(session);
    for (const watched of client.watched) {
      const mine = lockedSet.locked && lockedSet.has(watched.shard);
      if (!mine && !shards.tryLock(watched.shard)) {
        this.left.push(watched);
        continue;
      }
      this.unwatch(watched);
      if (!mine) shards.unlock(watched.shard);
    }
    client.watched.length = 0;
  }

  unwatchLeft(): void {
    const { shards } = this.dispatcher;
    for (let i = this.left.length - 1; i >= 0; i--) {
      const watched = this.left[i]!;
      if (!shards.tryLock(watched.shard)) continue;
      this.left.splice(i, 1);
      this.unwatch(watched);
      shards.unlock(watched.shard);
    }
  }

  private unwatch({ shard, h1, h2, database }: WatchedKey): void {
    const space = this.dispatcher.shards.spaces[shard]!;
    if (space.region.words[WORD_WATCHED] !== 0) unwatch(space, h1, h2, database);
  }

  execute(): void {
    const dispatcher = this.dispatcher;
    const client = own(dispatcher.session);
    if (client.multiAborted) {
      this.discard(client);
      dispatcher.reply.error(errors.EXEC_ABORT);
      return;
    }
    // Its shards are locked: the dispatcher has seen to that.
    try {
      const changed = this.watchedChanged(client);
      this.unwatchAll(client);
      client.inMulti = false;
      if (changed) dispatcher.reply.nullArray();
      else this.runQueue(client);
    } finally {
      client.queue?.clear();
    }
  }

  private watchedChanged(client: ClientSession): boolean {
    const { keys, shards } = this.dispatcher;
    let changed = false;
    for (const { key, length, database, shard, h1, h2, version, existed } of client.watched) {
      // That a key's time has come counts as a change, whether seeking it removes it or not.
      keys.forget();
      const exists = keys.seekKey(database, key, 0, length);
      if (existed && !exists) changed = true;
      if (watchedVersion(shards.spaces[shard]!, h1, h2, database) !== version) changed = true;
    }
    return changed;
  }

  private runQueue(client: ClientSession): void {
    const dispatcher = this.dispatcher;
    const queue = client.queue;
    const count = queue?.length ?? 0;
    const outer = dispatcher.args;
    dispatcher.reply.array(count);
    dispatcher.inTransaction = true;
    dispatcher.keys.effects.beginTransaction();
    for (let i = 0; i < count; i++) {
      queue!.load(i, this.queued);
      dispatcher.args = this.queued;
      dispatcher.keys.forget();
      dispatcher.keys.database = client.database;
      dispatcher.run(queue!.commands[i]!, this.queued);
    }
    dispatcher.keys.effects.endTransaction();
    dispatcher.inTransaction = false;
    dispatcher.args = outer;
    // The changes were counted with the commands that made them.
    dispatcher.keys.changes = 0;
  }
}

function own(session: Session): ClientSession {
  if (session instanceof ClientSession) return session;
  throw new Error('a session of another engine');
}
