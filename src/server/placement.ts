/**
 * Which thread serves which connection: the decisions, without anything that carries them out.
 *
 * A request costs least where many connections share a thread: its turns serve several at once, and
 * it seldom has to be woken. (Measured, 50 clients without pipelines: one thread takes 0.8 of Redis's
 * processor time per request, two take 1.1.) A thread that is always at work, however, is a limit. So
 * connections gather on the threads with the lowest numbers and spread as these become busy:
 *
 *   a new connection      goes to the first thread with room, or else to the least busy
 *   a busy thread         gives part of its load to the least busy one, if that has time to spare
 *   a thread hardly used  gives its connections to a lower-numbered one that can take them in
 *
 * What is busy for a moment only, moves nothing; and after a move a thread rests for some periods, so
 * that the next decision knows what the last one led to. Threads decide for themselves: two that
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
/** The same if it is hardly ever asleep, though others leave it less of a core. */
const SATURATED_ABOVE = 970;
/** Load goes to threads below this. */
const SPARE_BELOW = 500;
/** A thread wants to give up all its connections below this ... */
const IDLE_BELOW = 250;
/** ... if the thread that takes them has no more than this with them. */
const GATHERED_BELOW = 500;

/** Periods for which a thread has to be busy, or hardly used, before anything moves. */
const BUSY_PERIODS = 2;
const IDLE_PERIODS = 10;
/** Periods without a decision after giving load away. */
const REST_PERIODS = 3;
/** Connections that move in one period at most: each costs some 0.1 ms on both threads. */
export const MOVES_MAX = 64;

export interface Move {
  readonly to: number;
  /** How much of the thread's load, 1 for everything. */
  readonly part: number;
}

/** @param inUse by thread: its share of wall time */
export function threadWithRoom(inUse: Int32Array): number {
  const first = inUse.findIndex((share) => share < ROOM_BELOW);
  return first >= 0 ? first : leastOf(inUse, 0);
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
  private restPeriods = 0;

  constructor(private readonly thread: number) {}

  /** Whether connections should have their activity counted from now on: a move may be near. */
  get startsCounting(): boolean {
    return this.busyPeriods === 1;
  }

  /**
   * Once a period: what to give away, if anything.
   *
   * @param inUse by thread: its share of the last period
   * @param atWork this thread's share of it on a core
   */
  decide(inUse: Int32Array, atWork: number): Move | null {
    const own = inUse[this.thread]!;
    const busy = atWork > BUSY_ABOVE || own > SATURATED_ABOVE;
    this.busyPeriods = busy ? this.busyPeriods + 1 : 0;
    this.idlePeriods = own < IDLE_BELOW ? this.idlePeriods + 1 : 0;
    if (this.restPeriods > 0) {
      this.restPeriods--;
      return null;
    }
    if (this.busyPeriods >= BUSY_PERIODS) return this.spread(inUse, own);
    return this.idlePeriods >= IDLE_PERIODS ? this.gather(inUse, own) : null;
  }

  private spread(inUse: Int32Array, own: number): Move | null {
    const to = leastOf(inUse, this.thread);
    const theirs = inUse[to]!;
    if (theirs >= SPARE_BELOW) return null;
    this.restPeriods = REST_PERIODS;
    this.busyPeriods = 0;
    return { to, part: (own - theirs) / 2 / own };
  }

  private gather(inUse: Int32Array, own: number): Move | null {
    const to = inUse.findIndex((theirs) => theirs + own < GATHERED_BELOW);
    return to >= 0 && to < this.thread ? { to, part: 1 } : null;
  }
}

/**
 * The connections that make up `part` of the load, the most active first, so that few have to move.
 * One that is more than twice what is still to be given away stays: the load would only change places.
 *
 * @param activity of each connection @returns their indices
 */
export function chooseConnections(activity: readonly number[], part: number): number[] {
  const order = activity.map((_, index) => index).sort((a, b) => activity[b]! - activity[a]!);
  if (part >= 1) return order;
  let left = part * activity.reduce((sum, value) => sum + value, 0);
  const chosen: number[] = [];
  for (const index of order) {
    const own = activity[index]!;
    if (own === 0) break;
    if (left * 2 <= own) continue;
    chosen.push(index);
    left -= own;
  }
  return chosen;
}
