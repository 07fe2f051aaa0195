/**
 * One shard in memory of this thread's own, for what is loaded only to be written in another form. It
 * stands for any shard of the data set, one after the other: all shards of `shards` are the same memory.
 *
 * Effects run on it as on a replica, but nobody hears of them: no client waits for its keys. It is no
 * part of used memory. Between two uses all its pages go back to the system.
 */
import { releasePages } from '../../base/page-release.js';
import type { Region } from '../../base/region.js';
import { commandModules } from '../../commands/index.generated.js';
import { definitionsOf } from '../../engine/definitions.js';
import { Dispatcher } from '../../engine/dispatch.js';
import { Registry } from '../../engine/registry.js';
import { ClientSession } from '../../engine/session.js';
import { uncountedStatistics } from '../../engine/statistics.js';
import { formatShard, Shards } from '../../keyspace/shards.js';
import type { HashKey } from '../../memory/space.js';
import {
  DATA_PAGE_WORD,
  HASH_EPOCH_WORD,
  MAGIC_WORD,
  PAGE_BYTES,
} from '../../memory/space-layout.js';
import { createPagedRegion, createRegion } from '../../platform/ffi/region.js';
import { Reply } from '../../protocol/reply.js';
import { EffectApplier } from './effect-applier.js';

const REPLY_BYTES = 4096;

export interface ScratchLayout {
  readonly shards: number;
  readonly shardBytes: number;
  readonly databases: number;
  /** This thread's number. */
  readonly thread: number;
}

export class ScratchShard {
  readonly shards: Shards;
  readonly dispatcher: Dispatcher;
  readonly target: EffectApplier;
  private readonly region: Region;
  private epoch = 0;
  /** Counts its pages. */
  private readonly counters = new Int32Array(new SharedArrayBuffer(4));

  constructor(private readonly layout: ScratchLayout) {
    const { shards, shardBytes, databases, thread } = layout;
    this.region = createPagedRegion(shardBytes);
    this.format({ key0: 0, key1: 0, spread: 1 });
    const same = new Array<Region>(shards).fill(this.region);
    this.shards = new Shards(same, databases, this.counters, 0, thread);
    const registry = new Registry(definitionsOf(commandModules));
    const session = new ClientSession(0, -1, '', '', 0, () => true);
    this.dispatcher = new Dispatcher(
      registry,
      this.shards,
      new Reply(createRegion(REPLY_BYTES)),
      uncountedStatistics(registry.all.length),
      { failed: () => {}, waiting: () => {}, resumed: () => {}, attacked: () => {} },
      session,
    );
    this.target = new EffectApplier(this.dispatcher, session);
  }

  /** An empty shard of a data set with this hash key. */
  begin(key: HashKey): void {
    this.clear();
    this.format(key);
    this.shards.keyHash.read(this.shards.spaces[0]!);
  }

  /** Gives its memory back. `begin` has to come before any other use. */
  clear(): void {
    const { words, length } = this.region;
    const head = words[DATA_PAGE_WORD]! * (PAGE_BYTES / 4);
    releasePages(this.region, 0, length);
    // Where the system takes no pages back, the allocator begins anew all the same.
    if (words[MAGIC_WORD] !== 0) words.fill(0, 0, head);
    this.counters[0] = 0;
  }

  private format(key: HashKey): void {
    const { region, counters, layout } = this;
    formatShard(region, layout.databases, counters, 0, key);
    // Hashes of an earlier use are stale.
    region.words[HASH_EPOCH_WORD] = ++this.epoch;
  }
}
