/**
 * How far something is that takes long: how fast it is, and how long it will still take. Lines in the log,
 * or a bar where the log goes to a terminal.
 *
 *   0 s        2 s        4 s  ...            end
 *   │ nothing  │ line     │ line, ever fewer  │ one line: what it was, how fast
 *
 * What is over within two seconds has no line but the last. The time between lines grows with the time that
 * has passed, so that a load of an hour has about as many as one of ten minutes.
 */
import type { Log } from '../../base/log.js';

export const QUIET_MS = 2000;
const PERIOD_MS = 2000;
/** A line comes when so much of the time before it has passed once more. */
const PERIOD_SHARE = 0.1;
/** The bar: from when on it is shown, and how often it is drawn. */
const BAR_FROM_MS = 300;
const BAR_PERIOD_MS = 100;
const BAR_SIGNS = 16;

export class ProgressLog {
  private nextMs: number;
  private nextBarMs: number;
  private lastMs: number;
  private lastBytes = 0;

  /** @param startedMs by the clock of `note` and `end`, in milliseconds */
  constructor(
    private readonly log: Log,
    private readonly what: string,
    private readonly startedMs = Date.now(),
  ) {
    this.lastMs = startedMs;
    this.nextMs = startedMs + QUIET_MS;
    this.nextBarMs = startedMs + BAR_FROM_MS;
  }

  /**
   * As often as one likes.
   * @param done of `total`, in any unit; a total of 0 is not known
   * @param bytes so far
   */
  note(nowMs: number, done: number, total: number, bytes: number): void {
    const { bar } = this.log;
    if (nowMs < (bar === null ? this.nextMs : this.nextBarMs)) return;
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const rate = (bytes - this.lastBytes) / 1000 / Math.max(nowMs - this.lastMs, 1);
    const passedMs = nowMs - this.startedMs;
    const left = share > 0 ? `, about ${durationText((passedMs * (1 - share)) / share)} left` : '';
    const percent = total > 0 ? `${(share * 100).toFixed(1)} %, ` : '';
    const figures = `${percent}${rate.toFixed(1)} MB/s${left}`;
    if (bar !== null) {
      this.nextBarMs = nowMs + BAR_PERIOD_MS;
      bar.show(this, `${this.what} ${barText(share)} ${figures}`);
      // A rate over a tenth of a second would only flicker.
      if (nowMs - this.lastMs < PERIOD_MS) return;
    } else {
      this.nextMs = nowMs + Math.max(PERIOD_MS, passedMs * PERIOD_SHARE);
      this.log.notice(`${this.what}: ${figures}`);
    }
    this.lastMs = nowMs;
    this.lastBytes = bytes;
  }

  /** It is done. */
  end(nowMs: number, keys: number, bytes: number, restartedShards: number): void {
    this.close();
    const seconds = Math.max(nowMs - this.startedMs, 1) / 1000;
    const again = restartedShards > 0 ? `, ${restartedShards} shards sent again` : '';
    this.log.notice(
      `${this.what} is complete: ${keys} keys, ${(bytes / 1e6).toFixed(1)} MB in ` +
        `${seconds.toFixed(2)} s, ${(bytes / 1e6 / seconds).toFixed(1)} MB/s${again}`,
    );
  }

  /** It is over, and somebody else says how. */
  close(): void {
    this.log.bar?.show(this, null);
  }
}

function barText(share: number): string {
  const full = Math.round(share * BAR_SIGNS);
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_SIGNS - full)}]`;
}

/** 4.2 s, 3 min 20 s, 2 h 5 min. */
function durationText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
