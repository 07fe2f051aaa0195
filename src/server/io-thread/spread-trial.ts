/**
 * Whether a second thread was of use: decisions, without what carries them out.
 *
 * Where a whole core is idle, a busy thread loses nothing by spreading. Where there is only part of
 * one, as beside clients on the same machine, the second thread takes time that these need, and
 * commands on two threads cost more than on one. So what came of it is measured: when all threads
 * together hardly run more commands than before and no core is idle any more, the clients come back, and
 * it is not tried again for a while, twice as long after each failure. A load that arrives at its own pace
 * is no faster on two threads, but leaves the cores idle in part: then the thread keeps what it got.
 *
 *   busy      rates of commands, period by period
 *   begin     clients go to a thread that had none
 *   settle    the code that they need is compiled there, places are found
 *   measure   rate and idle cores
 */
import type { SpreadVerdicts } from '../channel/spread-verdicts.js';

/** Periods before a spread that its rate is compared with. */
const BEFORE_PERIODS = 4;
const SETTLE_PERIODS = 10;
const MEASURED_PERIODS = 10;
/** All threads together must run so many times the commands. */
const GAIN_MIN = 1.1;
/** Or leave so many cores idle. */
const IDLE_CORES_MIN = 0.1;

/** One thread's trials, of which it has one at a time. */
export class SpreadTrial {
  /** Commands of all threads until each of the last periods, and when, the oldest first. */
  private readonly counts: number[] = [];
  private readonly times: number[] = [];
  private rateBefore = 0;
  private to = -1;
  private periods = 0;

  constructor(
    private readonly thread: number,
    private readonly verdicts: SpreadVerdicts,
  ) {}

  get isRunning(): boolean {
    return this.to >= 0;
  }

  /** Clients have been given to a thread that had none. */
  begin(to: number): void {
    this.rateBefore = this.rate();
    this.to = to;
    this.periods = 0;
    this.rest();
  }

  /** Without a verdict. */
  end(): void {
    this.to = -1;
    this.rest();
  }

  /** In place of `period`, while the thread has time to spare and no trial: forgets the rates. */
  rest(): void {
    this.counts.length = 0;
    this.times.length = 0;
  }

  /** Commands a millisecond over the periods that are remembered; NaN for none. */
  private rate(): number {
    const { counts, times } = this;
    return ((counts.at(-1) ?? 0) - (counts[0] ?? 0)) / ((times.at(-1) ?? 0) - (times[0] ?? 0));
  }

  /**
   * Once a period in which the thread is at its limit, or has a trial.
   * @param commands of all threads since the start
   * @param idleCores since it was last called
   */
  period(nowMs: number, commands: number, idleCores: () => number): void {
    if (!this.isRunning) {
      this.note(nowMs, commands, BEFORE_PERIODS);
      return;
    }
    this.periods++;
    if (this.periods < SETTLE_PERIODS) return;
    if (this.periods === SETTLE_PERIODS) idleCores();
    this.note(nowMs, commands, MEASURED_PERIODS);
    if (this.periods === SETTLE_PERIODS + MEASURED_PERIODS) this.judge(nowMs, idleCores());
  }

  private note(nowMs: number, commands: number, periods: number): void {
    this.counts.push(commands);
    this.times.push(nowMs);
    if (this.counts.length <= periods + 1) return;
    this.counts.shift();
    this.times.shift();
  }

  private judge(nowMs: number, idleCores: number): void {
    const { verdicts, to, rateBefore } = this;
    const rate = this.rate();
    this.end();
    // After CONFIG RESETSTAT, or when the load has ended, it says nothing.
    if (!(rate > 0 && rateBefore > 0)) return;
    const isFaster = rate >= rateBefore * GAIN_MIN;
    if (isFaster || idleCores >= IDLE_CORES_MIN) {
      verdicts.wasOfUse();
      return;
    }
    verdicts.hold(nowMs);
    verdicts.recall(to, this.thread);
  }
}
