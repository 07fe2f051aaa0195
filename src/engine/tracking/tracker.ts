/**
 * Clients of one thread that keep what they have read in caches of their own (CLIENT TRACKING).
 *
 *   a command has read keys ──▶ the shards' tables note the client, their locks still held
 *   a key changes ──▶ invalidations.ts ──▶ (locks given back) sender.ts ──▶ here, on the client's thread
 *                                                 ──▶ a push, or a message to the client that it names
 *
 * The invalidation of a key that a client has changed itself follows the reply of its command, but for one that
 * is served while it waits: that may come before, as it is sent by whoever serves it. A client
 * that has tracked, and one that gets the invalidations of others, stays with its thread.
 */
import { DONE, SUSPENDED } from '../../base/outcome.js';
import type { Region } from '../../base/region.js';
import { KeyPlaces } from '../../commands/contract/key-flags.js';
import type { Session } from '../../commands/contract/session.js';
import type { TrackingOptions, TrackingPort } from '../../commands/contract/tracking-port.js';
import type { Keyspace } from '../../keyspace/keyspace.js';
import { WORD_FORGOTTEN, WORD_TRACKED } from '../../keyspace/shard-words.js';
import { forgetShard, NOT_TRACKED, TRACKED_NEW_KEY, track } from '../../keyspace/tracked-keys.js';
import type { SharedWord } from '../../memory/control.js';
import { SharedTextFullError } from '../../memory/shared-text.js';
import type { Arguments } from '../../protocol/parser.js';
import { findKeys } from '../key-places.js';
import {
  type RegisteredCommand,
  type Registry,
  TRAIT_RUNS_SCRIPT,
  TRAIT_TRACKED,
} from '../registry.js';
import type { ClientSession } from '../session.js';
import type { Caches } from './caches.js';
import { TrackingState } from './tracking-state.js';

/** Keys that one command, or one step of background work, evicts from a shard at most. */
const EVICTED_AT_ONCE = 64;

export interface TrackerParts {
  readonly thread: number;
  readonly threads: number;
  readonly keys: Keyspace;
  /** TRACKING_CLIENTS */
  readonly clients: SharedWord;
  /** TRACKED_PREFIXES */
  readonly prefixes: SharedWord;
  readonly caches: Caches;
  /** Asks all threads for a client and keeps it there. @returns its thread, -1 when there is none */
  readonly hold: (id: number) => number;
  /** tracking-table-max-keys, 0 for no limit. */
  readonly keysMax: () => number;
  readonly registry: Registry;
}

export class Tracker implements TrackingPort {
  private readonly places = new KeyPlaces();
  private readonly key: { region: Region; offset: number; length: number };
  private readonly client: { id: number; readonly thread: number };
  /** The script under way: its client tracks the keys that it has declared, as in Redis 7.0. */
  private script: RegisteredCommand | null = null;
  private scriptArguments: Arguments | null = null;
  /** Keys that all shards tracked when they were counted last, and those that came since from here. */
  private total = 0;
  private found = { id: 0, thread: 0 };
  private forgotten = 0;

  constructor(private readonly parts: TrackerParts) {
    const region = parts.keys.shards.spaces[0]!.region;
    this.key = { region, offset: 0, length: 0 };
    this.client = { id: 0, thread: parts.thread };
    this.forgotten = this.countForgotten();
  }

  // --- commands -----------------------------------------------------------------------------------

  findRedirect(id: number): boolean {
    const thread = this.parts.hold(id);
    if (thread < 0) return false;
    this.found = { id, thread };
    return true;
  }

  enable(session: Session, options: TrackingOptions): boolean {
    const { clients, caches } = this.parts;
    const client = caches.own(session);
    const prefixes = options.broadcasts && options.prefixes.length === 0 ? [''] : options.prefixes;
    const added = prefixes.filter((prefix) => client.tracking?.prefixes.has(prefix) !== true);
    if (!this.changePrefixes(added, 1)) return false;
    if (client.tracking === null) clients.add(1);
    const state = client.tracking ?? new TrackingState();
    client.tracking = state;
    client.isPinned = true;
    caches.add(client);
    state.redirect = options.redirect;
    state.redirectThread = this.found.thread;
    state.broadcasts = options.broadcasts;
    state.optIn = options.optIn;
    state.optOut = options.optOut;
    state.noLoop = options.noLoop;
    state.isBroken = false;
    const { batches } = this.parts.keys.invalidations;
    const batchedBytes = batches[this.parts.thread]?.used ?? 0;
    for (const prefix of prefixes) caches.addPrefix(prefix, client, batchedBytes);
    return true;
  }

  disable(session: Session): void {
    const { clients, caches } = this.parts;
    const client = caches.own(session);
    const { tracking } = client;
    if (tracking === null) return;
    clients.add(-1);
    this.changePrefixes(tracking.prefixes, -1);
    caches.remove(client);
    client.tracking = null;
  }

  /** @returns false when there is no room */
  private changePrefixes(prefixes: Iterable<string>, delta: 1 | -1): boolean {
    const { keys, thread } = this.parts;
    const known = keys.invalidations.prefixes!;
    const list = [...prefixes];
    if (list.length === 0) return true;
    try {
      known.change(thread, list, delta);
    } catch (error) {
      if (error instanceof SharedTextFullError) return false;
      throw error;
    }
    this.parts.prefixes.store(known.count);
    return true;
  }

  // --- keys that clients read ---------------------------------------------------------------------

  /** A client that tracks runs a script. */
  beginScript(command: RegisteredCommand, args: Arguments): void {
    this.script = command;
    this.scriptArguments = args;
  }

  private endScript(): void {
    this.script = null;
    this.scriptArguments = null;
  }

  /** A command has been dispatched. CLIENT CACHING is for the next command, or transaction. */
  endCommand(session: ClientSession, args: Arguments, status: number): void {
    this.endScript();
    const { tracking } = session;
    if (!tracking!.cachingGiven || session.inMulti) return;
    if (status !== DONE && status !== SUSPENDED) return;
    // Not the last command of the session: an unknown one counts too.
    const { registry } = this.parts;
    const command = registry.find(args.region, args.offset[0]!, args.length[0]!);
    if (command?.keepsCaching !== true) tracking!.cachingGiven = false;
  }

  /** A command of a client that tracks has run; the shards of its keys are locked. */
  afterCommand(session: ClientSession, command: RegisteredCommand, args: Arguments): void {
    if ((command.traits & TRAIT_RUNS_SCRIPT) !== 0) this.endScript();
    if ((command.traits & TRAIT_TRACKED) === 0) return;
    const { broadcasts, optIn, optOut, cachingGiven } = session.tracking!;
    if (broadcasts || (optIn && !cachingGiven) || (optOut && cachingGiven)) return;
    this.remember(session, command, args);
    if (this.script !== null) this.remember(session, this.script, this.scriptArguments!);
  }

  private remember(session: ClientSession, command: RegisteredCommand, args: Arguments): void {
    const { places, key, client } = this;
    const { shards } = this.parts.keys;
    if (!findKeys(command.keys, args, places)) return;
    client.id = session.id;
    for (let i = 0; i < places.count; i++) {
      const index = places.index[i]!;
      key.region = args.region;
      key.offset = args.offset[index]!;
      key.length = args.length[index]!;
      const shard = shards.shardOf(key.region, key.offset, key.length);
      // A script's declared keys that it does not use may lie in shards that are not locked.
      if (!shards.isLocked(shard)) continue;
      const outcome = track(shards, shard, key, client);
      if (outcome === TRACKED_NEW_KEY) this.limit(shard);
      else if (outcome === NOT_TRACKED) this.parts.keys.invalidations.refuse(key, client);
    }
  }

  // --- bounds -------------------------------------------------------------------------------------

  /** One more key is tracked in this shard. */
  private limit(shard: number): void {
    const { keys, keysMax } = this.parts;
    const most = keysMax();
    this.total++;
    for (let i = 0; most > 0 && this.total > most && i < EVICTED_AT_ONCE; i++) {
      if (!keys.invalidations.evict(keys.shards, shard)) return;
      this.total--;
    }
  }

  /** Some times a second, between commands. */
  background(): void {
    const { clients, caches } = this.parts;
    caches.makeUp();
    const forgotten = this.countForgotten();
    if (forgotten !== this.forgotten) {
      this.forgotten = forgotten;
      caches.forget();
    }
    this.total = this.countKeys();
    if (this.total === 0) return;
    if (clients.load() === 0) this.forgetOwn();
    else this.evictOwn();
  }

  /** Nobody tracks any more. */
  private forgetOwn(): void {
    const { keys, clients } = this.parts;
    this.forOwnShards((shard) => {
      // Who begins now reads a key under this lock, after it was counted.
      if (clients.load() === 0) forgetShard(keys.shards, shard);
    });
  }

  /** The directive was lowered, or threads have come up to the limit together. */
  private evictOwn(): void {
    const { keys, keysMax, threads } = this.parts;
    const most = keysMax();
    let excess = most === 0 ? 0 : Math.ceil((this.total - most) / threads);
    if (excess <= 0) return;
    this.forOwnShards((shard) => {
      for (let i = 0; i < EVICTED_AT_ONCE && excess > 0; i++, excess--) {
        if (!keys.invalidations.evict(keys.shards, shard)) return;
      }
    });
  }

  /** Calls `work` with each of this thread's shards that tracks keys and is free. */
  private forOwnShards(work: (shard: number) => void): void {
    const { keys, thread, threads } = this.parts;
    const { shards } = keys;
    for (let shard = thread; shard < shards.count; shard += threads) {
      if (shards.spaces[shard]!.region.words[WORD_TRACKED] === 0) continue;
      if (!shards.tryLock(shard)) continue;
      try {
        work(shard);
      } finally {
        shards.unlock(shard);
      }
    }
  }

  private countKeys(): number {
    const { spaces } = this.parts.keys.shards;
    return spaces.reduce((sum, { region }) => sum + region.words[WORD_TRACKED]!, 0);
  }

  private countForgotten(): number {
    const { spaces } = this.parts.keys.shards;
    return spaces.reduce((sum, { region }) => (sum + region.words[WORD_FORGOTTEN]!) | 0, 0);
  }
}
