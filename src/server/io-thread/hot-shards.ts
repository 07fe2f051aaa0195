/**
 * Which thread serves the clients that fight for one shard: decisions, without what carries them out.
 *
 * Clients of one hot key cannot be served by several threads at once, as they need the same lock. Spread
 * over threads they cost more: the lock and the value go from one core's cache to the other's, and
 * threads sleep for each other. So a shard that threads fight for gets a *home*: the clients that
 * found it taken move to one thread, with those that send pipelines for it only. Others of these
 * threads stay where they are.
 *
 *   contended period   a good part of the tries in it found a shard taken
 *   first              forgets what clients met before: who is contended from here on counts
 *   second             who is contended tells its shard; a shard without home gets this thread
 *   third              clients move to the homes of their shards
 *
 * At home they are not part of what a busy thread gives away. Where all are at home nobody
 * fights, so nothing tells whether it is still needed. After a while the home is given up, and the
 * clients spread again if that is of use; when they fight again at once, the next home lasts
 * twice as long.
 */

/** Share of the tries that found a shard taken, from which a period is contended. */
const CONTENDED_SHARE = 0.25;
/** The same for clients that are bound to a shard, when no core is spare. */
const BOUND_SHARE = 0.05;
/** Fewer in a period say nothing. */
const CONTENDED_TRIES_MIN = 10;
const PERIODS = 3;
const HOLD_MS = 10_000;
const HOLD_MS_MAX = 320_000;

export const NOTHING = 0;
/** Forget what clients have met so far. */
export const OBSERVE = 1;
/** `claim` the shards of contended clients. */
export const CLAIM = 2;
/** Move contended clients `home`. */
export const GATHER = 3;

export class HotShards {
  /** Whether the last period was contended for clients that are bound to no shard, too. */
  isContended = false;
  private contendedPeriods = 0;
  private holdMs = HOLD_MS;
  /** Until when this thread is home to its pinned clients; 0 while it is home to none. */
  private holdUntilMs = 0;
  private givenUpMs = Number.NEGATIVE_INFINITY;
  private nowMs = 0;

  /**
   * @param homes by shard: its home's number and 1, or 0. Shared by all threads
   */
  constructor(
    private readonly thread: number,
    private readonly homes: Int32Array,
  ) {}

  /**
   * Once a period.
   * @param bound part of the contended tries: of clients that are bound to the shard they found taken
   * @returns what to do now
   */
  period(tries: number, contended: number, bound = 0, isCoreSpare = true): number {
    this.isContended = contended >= CONTENDED_TRIES_MIN && contended >= tries * CONTENDED_SHARE;
    const bindsMany = bound >= CONTENDED_TRIES_MIN && bound >= tries * BOUND_SHARE;
    const enough = this.isContended || (bindsMany && !isCoreSpare);
    this.contendedPeriods = enough ? this.contendedPeriods + 1 : 0;
    if (this.contendedPeriods === 1) return OBSERVE;
    if (this.contendedPeriods < PERIODS) return enough ? CLAIM : NOTHING;
    this.contendedPeriods = 0;
    return GATHER;
  }

  /** Makes this thread the home of a shard that has none. Of two that do the last one has it. */
  claim(shard: number): void {
    if (this.homes[shard] === 0) this.homes[shard] = this.thread + 1;
  }

  hasHome(shard: number): boolean {
    return this.homes[shard] !== 0;
  }

  /** The thread that serves a shard's clients: this one where there is none yet. */
  home(shard: number): number {
    const home = this.homes[shard]!;
    return home === 0 ? this.thread : home - 1;
  }

  /** This thread has become the home of a client. */
  hold(): void {
    if (this.holdUntilMs !== 0) return;
    const { nowMs } = this;
    const fightsAgain = nowMs - this.givenUpMs < this.holdMs;
    this.holdMs = fightsAgain ? Math.min(this.holdMs * 2, HOLD_MS_MAX) : HOLD_MS;
    this.holdUntilMs = nowMs + this.holdMs;
  }

  /** Once a period, first. @returns whether this thread has just ceased to be a home */
  givesUp(nowMs: number): boolean {
    this.nowMs = nowMs;
    if (this.holdUntilMs === 0 || nowMs < this.holdUntilMs) return false;
    this.holdUntilMs = 0;
    this.givenUpMs = nowMs;
    for (let shard = 0; shard < this.homes.length; shard++) {
      if (this.homes[shard] === this.thread + 1) this.homes[shard] = 0;
    }
    return true;
  }
}
