/**
 * One MIGRATE under way: the RESTORE commands for the other server, and what is needed to remove the
 * keys once it has them. No lock is held meanwhile. Each key is watched as WATCH does, so that one that
 * has changed is known for sure, and kept.
 */
import { millisecondsOf } from '../../../base/expiry-time.js';
import { newRegion, withRoom } from '../../../base/owned-region.js';
import { copyBytes, type Region } from '../../../base/region.js';
import { EVENT_DEL } from '../../../keyspace/events.js';
import type { Keyspace } from '../../../keyspace/keyspace.js';
import { unwatch, watch, watchedVersion } from '../../../keyspace/watch.js';
import { PAYLOAD_BYTES_MAX, PayloadTooLongError } from '../../../persistence/rdb/dump-writer.js';
import { ValueDump } from '../../../persistence/rdb/store/payloads.js';
import type { Context } from '../../contract/context.js';

const FIRST_BYTES = 4096;

interface MovedKey {
  readonly offset: number;
  readonly length: number;
  readonly shard: number;
  readonly h1: number;
  readonly h2: number;
  readonly version: number;
}

let values: ValueDump | null = null;

export class Migration {
  /** RESTORE commands. */
  commands: Region = newRegion(FIRST_BYTES);
  bytes = 0;
  private readonly keys: MovedKey[] = [];
  private readonly database: number;
  private readonly epoch: number;

  /** @param removes whether the keys are to be removed here */
  constructor(
    private readonly context: Context,
    private readonly replaces: boolean,
    private readonly removes: boolean,
  ) {
    this.database = context.keys.database;
    this.epoch = context.keys.shards.keyHash.epoch;
  }

  get count(): number {
    return this.keys.length;
  }

  /**
   * Adds the key found, whose shard is locked. False: it has expired.
   * @throws PayloadTooLongError, StoreFullError
   */
  add(): boolean {
    const { keys, settings, now } = this.context;
    const ttl = keys.expiry === 0 ? 0n : millisecondsOf(keys.expiry) - BigInt(now);
    if (ttl < 0n) return false;
    values ??= new ValueDump(settings);
    const payload = values.write(keys.types, keys, settings);
    this.text(`*${this.replaces ? 5 : 4}\r\n$7\r\nRESTORE\r\n`);
    const offset = this.bulk(keys.keyRegion, keys.keyOffset, keys.keyLength);
    const time = String(keys.expiry === 0 ? 0 : ttl < 1n ? 1 : ttl);
    this.text(`$${time.length}\r\n${time}\r\n`);
    this.bulk(payload.region, 0, payload.length);
    payload.release();
    if (this.replaces) this.text('$7\r\nREPLACE\r\n');
    this.watch(offset);
    return true;
  }

  private watch(offset: number): void {
    const { keys } = this.context;
    const { shard, h1, h2, keyLength: length } = keys;
    const version = this.removes ? watch(keys.space, h1, h2, this.database, true) : 0;
    if (version < 0) throw keys.full();
    this.keys.push({ offset, length, shard, h1, h2, version });
  }

  private text(words: string): void {
    this.reserve(words.length);
    for (let i = 0; i < words.length; i++) {
      this.commands.bytes[this.bytes + i] = words.charCodeAt(i);
    }
    this.bytes += words.length;
  }

  /** @returns where its bytes lie */
  private bulk(region: Region, offset: number, length: number): number {
    this.text(`$${length}\r\n`);
    this.reserve(length);
    const at = this.bytes;
    copyBytes(this.commands, at, region, offset, length);
    this.bytes += length;
    this.text('\r\n');
    return at;
  }

  private reserve(bytes: number): void {
    const end = this.bytes + bytes;
    if (end > PAYLOAD_BYTES_MAX) throw new PayloadTooLongError();
    this.commands = withRoom(this.commands, this.bytes, end);
  }

  /**
   * Ends it: removes the keys that the other server has, outside of commands.
   * @param done indexes of the keys that it has
   * @returns how many of those are kept, as they have changed
   */
  finish(done: readonly number[]): number {
    if (!this.removes) return 0;
    const isDone = new Set(done);
    let kept = 0;
    this.keys.forEach((key, index) => {
      this.context.changeLater(key.shard, () => {
        if (!this.removeKey(key, isDone.has(index))) kept++;
      });
    });
    return kept;
  }

  /** Under the lock: gives up watching all keys again, while the command runs. */
  giveUp(): void {
    const { shards } = this.context.keys;
    if (!this.removes) return;
    for (const { shard, h1, h2 } of this.keys) {
      unwatch(shards.spaces[shard]!, h1, h2, this.database);
    }
  }

  /** @returns false when the key was to be removed, and has changed */
  private removeKey(
    { offset, length, shard, h1, h2, version }: MovedKey,
    isDone: boolean,
  ): boolean {
    const { keys, server } = this.context;
    const space = keys.shards.spaces[shard]!;
    const isSame = watchedVersion(space, h1, h2, this.database) === version;
    unwatch(space, h1, h2, this.database);
    if (!isDone) return true;
    // Another data set has come, or this server may not write any more.
    if (!isSame || !this.hasSameHash(keys) || server.replication.isReplica) return false;
    if (keys.seekKey(this.database, this.commands, offset, length)) keys.remove(EVENT_DEL);
    return true;
  }

  private hasSameHash({ shards }: Keyspace): boolean {
    return shards.keyHash.epoch === this.epoch;
  }
}
