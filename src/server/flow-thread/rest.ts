/**
 * A rest between two short outputs, so that what is written meanwhile travels together. It ends early when
 * somebody begins to wait for replicas (WAIT).
 */
import type { SharedSignal } from '../../memory/signal.js';

/** Bounds for how long the last sleep keeps a flow that has ended. Rests are far shorter. */
const HEED_MS = 1000;

export class Rest {
  private timer: NodeJS.Timeout | null = null;
  /** Whether it hears of those who begin to wait: from a rest on, until the first one. */
  private isHeeding = false;

  /** @param over the rest is over: goes on */
  constructor(
    private readonly awaited: SharedSignal,
    private readonly over: () => void,
  ) {}

  get isUnderWay(): boolean {
    return this.timer !== null;
  }

  begin(ms: number): void {
    this.timer ??= setTimeout(() => this.end(), ms);
    if (!this.isHeeding) void this.heed();
  }

  private async heed(): Promise<void> {
    this.isHeeding = true;
    await this.awaited.sleep(() => true, HEED_MS);
    this.isHeeding = false;
    if (this.timer !== null) this.end();
  }

  private end(): void {
    this.close();
    this.over();
  }

  /** Ends the rest, and goes on with nothing. */
  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}
