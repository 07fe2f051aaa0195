/**
 * MULTI, EXEC, WATCH. The dispatcher locks every shard that the queue and the watched keys touch;
 * EXEC checks the watched keys' versions and runs the queue with nothing in between.
 */
import { giveBack, newRegion } from '../base/owned-region.js';
import { copyBytes, type Region } from '../base/region.js';
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
  /** Of the hash key: in another epoch, shard and hash are others. */
  readonly epoch: number;
  readonly version: number;
  /** Whether it was there when the client began to watch it. */
  readonly existed: boolean;
}

export class Transactions implements TransactionsPort {
  private readonly queued = new Arguments();
  /** Keys no longer watched but still registered, because their shard was taken at that time. */
  private readonly stillRegistered: WatchedKey[] = [];

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
    const key = newRegion(length + 1);
    copyBytes(key, 0, args.region, args.offset[index]!, length);
    const { epoch } = shards.keyHash;
    client.watched.push({ key, length, database, shard, h1, h2, epoch, version, existed: exists });
    return true;
  }

  unwatchAll(session: Session): void {
    const { locks } = this.dispatcher;
    const client = own(session);
    for (const watched of client.watched) {
      if (locks.holds(watched.shard)) this.unwatch(watched);
      else if (!this.unwatchLocking(watched)) this.stillRegistered.push(watched);
      giveBack(watched.key);
    }
    client.watched.length = 0;
  }

  unwatchLeft(): void {
    for (let i = this.stillRegistered.length - 1; i >= 0; i--) {
      if (this.unwatchLocking(this.stillRegistered[i]!)) this.stillRegistered.splice(i, 1);
    }
  }

  /** @returns false when the shard is taken */
  private unwatchLocking(watched: WatchedKey): boolean {
    const { shards } = this.dispatcher;
    if (!shards.tryLock(watched.shard)) return false;
    try {
      this.unwatch(watched);
    } finally {
      shards.unlock(watched.shard);
    }
    return true;
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
    // The dispatcher has locked its shards.
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
    for (const watched of client.watched) {
      // Another data set has replaced the one that the client saw.
      if (watched.epoch !== shards.keyHash.epoch) return true;
      const { key, length, database, shard, h1, h2, version, existed } = watched;
      // A key that has expired counts as changed, whether seeking it removes it or not.
      keys.forget();
      const exists = keys.seekKey(database, key, 0, length);
      if (existed && !exists) changed = true;
      if (watchedVersion(shards.spaces[shard]!, h1, h2, database) !== version) changed = true;
    }
    return changed;
  }

  /** A user may have changed since, also by a command of the queue. */
  private runQueue(client: ClientSession): void {
    const { queue } = client;
    const { dispatcher, queued } = this;
    const { keys, registry, reply } = dispatcher;
    const count = queue?.length ?? 0;
    reply.array(count);
    if (queue === null) return;
    keys.effects.beginTransaction();
    queue.rewind();
    for (let i = 0; i < count; i++) {
      const command = registry.all[queue.next(queued)]!;
      const denied =
        client.permissions === null
          ? null
          : dispatcher.access.refusalInExec(client, command, queued);
      if (denied === null) dispatcher.nested.run(command, queued, reply);
      else dispatcher.refusals.reply(denied);
    }
    if (keys.ready.count > 0) dispatcher.serveReady();
    keys.effects.endTransaction();
  }
}

function own(session: Session): ClientSession {
  if (session instanceof ClientSession) return session;
  throw new Error('a session of another engine');
}
