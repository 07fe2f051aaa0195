/** Log lines about a full sync: how far it is, how fast, and how long it will still take. */
import type { Log } from '../../../base/log.js';

const PERIOD_MS = 1000;

export class ProgressLog {
  private readonly startedMs = Date.now();
  private lastMs = Date.now();
  private lastBytes = 0;

  constructor(
    private readonly log: Log,
    private readonly what: string,
  ) {}

  note(nowMs: number, keys: number, keysTotal: number, bytes: number): void {
    const sinceMs = nowMs - this.lastMs;
    if (sinceMs < PERIOD_MS) return;
    const megabytes = (bytes - this.lastBytes) / 1000 / sinceMs;
    this.lastMs = nowMs;
    this.lastBytes = bytes;
    const share = keysTotal > 0 ? Math.min(1, keys / keysTotal) : 0;
    const leftSeconds = (((nowMs - this.startedMs) / 1000) * (1 - share)) / share;
    const left = share > 0 ? `, about ${leftSeconds.toFixed(1)} s left` : '';
    this.log.notice(
      `${this.what}: ${(share * 100).toFixed(1)} %, ${megabytes.toFixed(1)} MB/s${left}`,
    );
  }

  end(nowMs: number, keys: number, bytes: number, restartedShards: number): void {
    const seconds = Math.max(nowMs - this.startedMs, 1) / 1000;
    const again = restartedShards > 0 ? `, ${restartedShards} shards sent again` : '';
    this.log.notice(
      `${this.what} is complete: ${keys} keys, ${(bytes / 1e6).toFixed(1)} MB in ` +
        `${seconds.toFixed(2)} s, ${(bytes / 1e6 / seconds).toFixed(1)} MB/s${again}`,
    );
  }
}
