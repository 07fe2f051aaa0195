/**
 * Keeps a replica's lag short in time. The journal bounds the lag in bytes alone: what it holds is
 * applied in a moment by a fast replica, and takes seconds on a busy machine, for which WAIT waits.
 * So writers are slowed earlier for a replica that is behind for too long: a smaller share of each
 * ring may be ahead of it.
 *
 * The share falls while the lag is long, by small steps as each shows its effect a lag later, and
 * rises again when the lag is short. It falls only while the replica gets on: one that has stopped
 * gains nothing from writers that wait, and the whole ring is for such a pause. Belongs to the flow of
 * shard 0 of a replica. Pure: no clock of its own.
 */
import { AHEAD_SHARE_MAX } from '../../journal/back-pressure.js';

/** Longest lag that does not slow writers down. */
export const LAG_MS_MAX = 500;
/** The least share of a ring. A reader moves by eighths of its ring (send-window.ts): with less, writers would wait for those. */
export const AHEAD_SHARE_MIN = 0.25;
const STEP_MS = 50;
const FALL = 0.85;
const RISE = 1.1;
/** A replica that has applied no cut for so long has stopped. */
const STOPPED_MS = 2000;

export class LagControl {
  share = AHEAD_SHARE_MAX;
  private steppedMs = 0;
  private lastOffset = -1;
  private advancedMs = 0;
  /** Since when it has something to apply; 0: it has not. */
  private behindMs = 0;

  /**
   * To be called often, while all shards are sent and cuts are made.
   * @param applied offset of the last cut that the replica has applied; -1: none yet
   * @param appliedMadeMs when that cut was made
   * @param newest offset of the newest cut
   */
  update(applied: number, appliedMadeMs: number, newest: number, nowMs: number): void {
    const isBehind = applied < newest;
    if (!isBehind) this.behindMs = 0;
    else if (this.behindMs === 0) this.behindMs = nowMs;
    if (applied !== this.lastOffset || !isBehind || this.behindMs === nowMs) {
      this.lastOffset = applied;
      this.advancedMs = nowMs;
    }
    if (nowMs - this.steppedMs < STEP_MS) return;
    this.steppedMs = nowMs;
    const hasStopped = nowMs - this.advancedMs > STOPPED_MS;
    if (applied < 0 || hasStopped) {
      this.share = AHEAD_SHARE_MAX;
      return;
    }
    // After a rest of the writers the last cut is old, and not the lag long.
    const lagMs = isBehind ? nowMs - Math.max(appliedMadeMs, this.behindMs) : 0;
    if (lagMs > LAG_MS_MAX) this.share = Math.max(AHEAD_SHARE_MIN, this.share * FALL);
    else if (lagMs < LAG_MS_MAX / 2) this.share = Math.min(AHEAD_SHARE_MAX, this.share * RISE);
  }
}
