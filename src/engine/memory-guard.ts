/**
 * maxmemory: asked before a command that may need memory. While more is used than allowed, it evicts keys,
 * for as long as maxmemory-eviction-tenacity allows, as Redis does; background work goes on with it.
 *
 * Victims come from all shards, a shard as likely as it uses memory. A shard's lock is tried, never waited
 * for, and no two are held: the command has none yet. What waits in reclaim lists is freed first: it
 * counts as used, and must not make more keys go.
 */
import { partOf, randomBits } from '../base/random.js';
import { type EvictionPolicy, Evictor, NO_EVICTION } from '../keyspace/eviction.js';
import type { Keyspace } from '../keyspace/keyspace.js';
import { waitsForReclaim } from '../keyspace/reclaim-list.js';
import { GATE_MEMORY } from './gates.js';
import {
  type RegisteredCommand,
  TRAIT_DENY_OOM,
  TRAIT_RUNS_QUEUE,
  TRAIT_RUNS_SCRIPT,
} from './registry.js';
import type { ClientSession } from './session.js';

/** How often a shard is drawn by its memory before any will do. */
const DRAWS = 16;
/** Tenacity up to here takes so many microseconds for each point; from there on it grows by the power. */
const LINEAR_TENACITY = 10;
const LINEAR_MICROSECONDS = 50;
const GROWTH = 1.15;
const TENACITY_MAX = 100;
/** For how long commands are refused without another look, where there was nothing to evict. */
const RETRY_MS = 10;

const NEEDING_TRAITS = TRAIT_DENY_OOM | TRAIT_RUNS_SCRIPT | TRAIT_RUNS_QUEUE;

/** What became of a round: memory was freed, there is none to free, or another thread has the shard. */
type Outcome = 'freed' | 'nothing' | 'taken';

/** What it needs of the thread's dispatcher. */
export interface GuardHost {
  readonly keys: Keyspace;
  readonly locks: { giveBackKept(): void };
  /** Runs `work` with a shard locked, if it is free. Outside of commands. */
  withShardIfFree(shard: number, work: () => void): boolean;
}

/** For how long one command evicts, in milliseconds. */
export function evictionTimeMs(tenacity: number): number {
  if (tenacity >= TENACITY_MAX) return Number.POSITIVE_INFINITY;
  if (tenacity <= LINEAR_TENACITY) return (tenacity * LINEAR_MICROSECONDS) / 1000;
  const most = LINEAR_TENACITY * LINEAR_MICROSECONDS;
  return (most * GROWTH ** (tenacity - LINEAR_TENACITY)) / 1000;
}

export class MemoryGuard {
  /** In bytes; 0: no limit. */
  limitBytes = 0;
  samples = 5;
  tenacity = 10;
  policy: EvictionPolicy = NO_EVICTION;
  /** When there was nothing to evict: commands do not look again for a while. */
  private failedMs = 0;
  /** Told how long evicting took each time, in milliseconds. */
  took: (milliseconds: number) => void = () => {};
  private readonly evictor: Evictor;
  /** The shard of the round under way, and whether the round has freed some. One closure for all rounds. */
  private shard = 0;
  private hasFreed = false;
  private readonly round = (): void => {
    this.hasFreed = this.evictor.freeSome(this.shard, this.policy.choice, this.samples);
  };

  /** @param usedBytes what counts for the limit */
  constructor(
    private readonly host: GuardHost,
    readonly usedBytes: () => number,
  ) {
    this.evictor = new Evictor(host.keys);
  }

  /** Something has changed that may help. */
  retry(): void {
    this.failedMs = 0;
  }

  get isExceeded(): boolean {
    return this.limitBytes > 0 && this.usedBytes() > this.limitBytes;
  }

  /**
   * Before a command is admitted: makes room if it may need memory, or what it queues.
   * @returns the gates, with GATE_MEMORY when there is no room
   */
  gatesFor({ traits }: RegisteredCommand, session: ClientSession, gates: number): number {
    if ((traits & NEEDING_TRAITS) === 0 && !session.inMulti) return gates;
    return !this.isExceeded || this.makeRoom() ? gates & ~GATE_MEMORY : gates | GATE_MEMORY;
  }

  private makeRoom(): boolean {
    const { keys, locks } = this.host;
    const { now } = keys;
    if (now - this.failedMs < RETRY_MS) return false;
    locks.giveBackKept();
    if (this.evictFor(evictionTimeMs(this.tenacity))) return true;
    this.failedMs = now;
    return false;
  }

  /**
   * Evicts until enough memory is free, the time is over, or other threads have all shards that could
   * give some. The thread holds no lock.
   * @returns false when nothing is left to evict
   */
  evictFor(milliseconds: number): boolean {
    const startMs = performance.now();
    let outcome: Outcome = 'freed';
    while (outcome === 'freed' && this.isExceeded) {
      outcome = this.freeSome();
      if (performance.now() - startMs >= milliseconds) break;
    }
    this.took(performance.now() - startMs);
    return outcome !== 'nothing';
  }

  private freeSome(): Outcome {
    const { shards } = this.host.keys;
    const first = this.chooseShard();
    const isReclaiming = waitsForReclaim(shards.spaces[first]!);
    if (this.policy.choice === null && !isReclaiming) return 'nothing';
    let outcome: Outcome = 'nothing';
    for (let i = 0; i < shards.count; i++) {
      const shard = (first + i) % shards.count;
      const one = this.freeSomeOf(shard);
      if (one === 'freed') return one;
      if (one === 'taken') outcome = one;
    }
    return outcome;
  }

  private freeSomeOf(shard: number): Outcome {
    const { host } = this;
    // Each eviction is an effect, and a replica is behind: the writers of this shard wait for it.
    if (host.keys.defersExpiry(shard)) return 'taken';
    this.shard = shard;
    if (!host.withShardIfFree(shard, this.round)) return 'taken';
    return this.hasFreed ? 'freed' : 'nothing';
  }

  /** One whose reclaim list waits; else by chance, as likely as it uses memory. Read without locks. */
  private chooseShard(): number {
    const { count, spaces } = this.host.keys.shards;
    const start = partOf(count, randomBits());
    let most = 1;
    for (let i = 0; i < count; i++) {
      const space = spaces[(start + i) % count]!;
      if (waitsForReclaim(space)) return (start + i) % count;
      most = Math.max(most, space.residentPages);
    }
    for (let draw = 0; draw < DRAWS; draw++) {
      const shard = partOf(count, randomBits());
      if (partOf(most, randomBits()) < spaces[shard]!.residentPages) return shard;
    }
    return start;
  }
}
