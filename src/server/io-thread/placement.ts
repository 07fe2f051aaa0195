/**
 * Which thread serves which connection: the decisions, without anything that carries them out.
 *
 * A request costs least where many connections share a thread: its turns serve several at once, and
 * it seldom has to be woken (`npm run bench -- --only single --subject "one=node bin/darter
 * --threads 1"` shows it). A thread that is always at work, however, is a limit. So connections
 * gather on the threads with the lowest numbers and spread as these become busy:
 *
 *   a new connection      goes to the first thread with room, or else to the least busy
 *   a busy thread         gives part of its load to the least busy one, if that has time to spare and
 *                         the machine has a core to spare: else a second thread would only share the
 *                         first one's time, and make every request dearer. Where only a part of a core
 *                         is spare, what came of it is measured (spread-trial.ts)
 *   a thread hardly used  gives its connections to a lower-numbered one that can take them in
 *   a crowded thread      (long in the queue for a core) does the same
 *   scripts in order      (docs/scripting.md) run one at a time, whatever their threads: a thread that
 *                         does little else keeps its load, and joins another one like it
 *
 * A short burst moves nothing. After a move a thread pauses for some periods, so that the next
 * decision sees the result of the last one. Threads decide for themselves: two that
 * choose the same target may give it too much, which the next periods put right.
 */

/** How often threads measure and decide, in milliseconds. */
export const PERIOD_MS = 100;

// Shares of wall time in thousandths. A thread is in use while it is not asleep: at work, or in the
// queue for a core.
/** A thread takes new connections below this. */
const ROOM_BELOW = 600;
/** A thread wants to give load away when it is at work for more than this: it fills a core. */
const BUSY_ABOVE = 850;
/** Cores the machine must have had idle for that. */
const SPARE_CORES = 0.25;
/**
 * For clients that are bound to one shard, and whose threads take turns with its lock, a second thread
 * is of use with a core of its own only.
 */
export const SPARE_CORES_BOUND = 0.75;
/** Load goes to threads below this. */
const SPARE_BELOW = 500;
/** A thread wants to give up all its connections below this ... */
const IDLE_BELOW = 250;
/** ... if the thread that takes them has no more than this with them. */
const GATHERED_BELOW = 500;
/** A thread is crowded when it waits for a core more than this. */
const CROWDED_ABOVE = 200;
/** It joins another thread when both together are at work no more than this. */
const JOINED_BELOW = 800;

/** A thread does little else than scripts in order when these take more of its work than this. */
const ORDERED_ABOVE = 0.6;
const ORDERED_SHARE_MIN = 150;

/** A thread below this has nothing to do. */
const UNUSED_BELOW = 50;

/** Periods for which a thread has to be busy, or hardly used, before anything moves. */
const BUSY_PERIODS = 2;
/** The same where no whole core is idle. */
const BUSY_PERIODS_CONTESTED = 5;
const IDLE_PERIODS = 10;
const CROWDED_PERIODS = 5;
const ORDERED_PERIODS = 5;
/** Periods without a decision after giving load away. */
const REST_PERIODS = 3;
/** Connections that move in one period at most: each costs some 0.1 ms on both threads. */
export const MOVES_MAX = 64;
/** Those that move together may be so many. */
const TOGETHER_MAX = 4 * MOVES_MAX;

/** Shares of the last period, by thread. */
export interface ThreadShares {
  readonly inUse: Int32Array;
  /** On a core. */
  readonly atWork: Int32Array;
  /** With the order lock. */
  readonly inOrder: Int32Array;
}

export interface Move {
  readonly to: number;
  /** How much of the thread's load, 1 for everything. */
  readonly part: number;
  /** To a thread that had nothing to do, without a core that has nothing to do. */
  readonly isTrial?: boolean;
}

/** @param inUse by thread: its share of wall time */
export function threadWithRoom(inUse: Int32Array): number {
  const first = inUse.findIndex((share) => share < ROOM_BELOW);
  return first >= 0 ? first : leastOf(inUse, 0);
}

/**
 * One of a thread's connections has gone: its part of the load has, as far as one can tell.
 * @param connections that it had with it
 */
export function lighten(share: number, connections: number): number {
  return Math.floor((share * (connections - 1)) / connections);
}

/** The thread with the lowest figure: `preferred` unless another has less. */
export function leastOf(figures: Int32Array, preferred: number): number {
  let best = preferred;
  for (let thread = 0; thread < figures.length; thread++) {
    if (figures[thread]! < figures[best]!) best = thread;
  }
  return best;
}

/** One thread's decisions. */
export class Placement {
  private busyPeriods = 0;
  private idlePeriods = 0;
  private crowdedPeriods = 0;
  private orderedPeriods = 0;
  private restPeriods = 0;

  constructor(private readonly thread: number) {}

  /** Whether connections should have their activity counted from now on: a move may be near. */
  get startsCounting(): boolean {
    return this.busyPeriods === 1;
  }

  /** Whether it was at its limit in the last period. */
  get isBusy(): boolean {
    return this.busyPeriods > 0;
  }

  /**
   * Once a period: what to give away, if anything.
   *
   * @param spareCores how many cores of the machine were idle
   * @param mayTry whether a trial may begin
   */
  decide(shares: ThreadShares, spareCores: number, mayTry = true): Move | null {
    const { inUse, atWork } = shares;
    const own = inUse[this.thread]!;
    const worked = atWork[this.thread]!;
    this.busyPeriods = worked > BUSY_ABOVE ? this.busyPeriods + 1 : 0;
    this.idlePeriods = own < IDLE_BELOW ? this.idlePeriods + 1 : 0;
    this.crowdedPeriods = own - worked > CROWDED_ABOVE ? this.crowdedPeriods + 1 : 0;
    const isOrdered = isInOrder(shares, this.thread);
    this.orderedPeriods = isOrdered ? this.orderedPeriods + 1 : 0;
    if (this.restPeriods > 0) {
      this.restPeriods--;
      return null;
    }
    if (this.orderedPeriods >= ORDERED_PERIODS) {
      const move = this.joinOrdered(shares);
      if (move !== null) return move;
    }
    if (this.isBusyEnough(spareCores) && !isOrdered) {
      return this.spread(inUse, own, spareCores, mayTry);
    }
    if (this.idlePeriods >= IDLE_PERIODS) return this.join(inUse, own, GATHERED_BELOW);
    if (this.crowdedPeriods >= CROWDED_PERIODS) return this.join(atWork, worked, JOINED_BELOW);
    return null;
  }

  private isBusyEnough(spareCores: number): boolean {
    if (spareCores >= SPARE_CORES_BOUND) return this.busyPeriods >= BUSY_PERIODS;
    return spareCores >= SPARE_CORES && this.busyPeriods >= BUSY_PERIODS_CONTESTED;
  }

  private spread(inUse: Int32Array, own: number, spareCores: number, mayTry: boolean): Move | null {
    const to = leastOf(inUse, this.thread);
    const theirs = inUse[to]!;
    if (theirs >= SPARE_BELOW) return null;
    const isTrial = theirs < UNUSED_BELOW && spareCores < SPARE_CORES_BOUND;
    if (isTrial && !mayTry) return null;
    this.restPeriods = REST_PERIODS;
    this.busyPeriods = 0;
    return { to, part: (own - theirs) / 2 / own, isTrial };
  }

  /** Everything to a lower-numbered thread whose scripts this one's wait for anyway. */
  private joinOrdered(shares: ThreadShares): Move | null {
    for (let to = 0; to < this.thread; to++) {
      if (isInOrder(shares, to)) return { to, part: 1 };
    }
    return null;
  }

  /** Everything to the first lower-numbered thread that has room for it. */
  private join(shares: Int32Array, own: number, below: number): Move | null {
    const to = shares.findIndex((theirs) => theirs + own < below);
    return to >= 0 && to < this.thread ? { to, part: 1 } : null;
  }
}

/** Whether a thread does little else than run scripts in order. One that does little at all does not. */
function isInOrder({ inOrder, atWork }: ThreadShares, thread: number): boolean {
  const share = inOrder[thread]!;
  return share > ORDERED_SHARE_MIN && share > ORDERED_ABOVE * atWork[thread]!;
}

/** For connections spread evenly: how many a thread gives away, and to which. */
export function evenOut(connections: Int32Array, thread: number): { to: number; count: number } {
  const to = leastOf(connections, thread);
  return { to, count: (connections[thread]! - connections[to]!) >> 1 };
}

/**
 * The connections that make up `part` of the load, the most active first, so that few have to move.
 * Those that are bound to the same shard move together or stay together. What is more than twice of what is
 * still to be given away stays: the load would only change places.
 *
 * @param activity of each connection
 * @param shards that connections are bound to, -1 for none
 * @returns their indices
 */
export function chooseConnections(
  activity: readonly number[],
  part: number,
  shards: readonly number[] = [],
): number[] {
  const units = unitsOf(activity, shards);
  const chosen: number[] = [];
  let left = part * activity.reduce((sum, value) => sum + value, 0);
  for (const { members, total } of units) {
    if (part < 1) {
      if (chosen.length >= MOVES_MAX || total === 0) break;
      if (left * 2 <= total || members.length > TOGETHER_MAX) continue;
    }
    chosen.push(...members);
    left -= total;
  }
  return part < 1 ? chosen : chosen.slice(0, MOVES_MAX);
}

interface Unit {
  readonly members: number[];
  total: number;
}

/** Single connections, and groups of those that are bound to one shard; the most active first. */
function unitsOf(activity: readonly number[], shards: readonly number[]): Unit[] {
  const units: Unit[] = [];
  const byShard = new Map<number, Unit>();
  for (const [index, own] of activity.entries()) {
    const shard = shards[index] ?? -1;
    let unit = byShard.get(shard);
    if (unit === undefined) {
      unit = { members: [], total: 0 };
      units.push(unit);
      if (shard >= 0) byShard.set(shard, unit);
    }
    unit.members.push(index);
    unit.total += own;
  }
  return units.sort((a, b) => b.total - a.total);
}
