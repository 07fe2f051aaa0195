/**
 * A rest between two short outputs, so that what is written meanwhile travels together. It ends early when
 * somebody begins to wait for replicas (WAIT).
 */
import type { SharedSignal } from '../../memory/signal.js';

/** After so long it is looked whether anybody still rests here. */
const HEED_MS = 1000;

export class Rest {
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;

  /** @param over the rest is over: goes on */
  constructor(
    awaited: SharedSignal,
    private readonly over: () => void,
  ) {
    void this.heed(awaited);
  }

  private async heed(awaited: SharedSignal): Promise<void> {
    while (!this.isClosed) {
      await awaited.sleep(() => true, HEED_MS);
      if (this.timer !== null) this.end();
    }
  }

  get isUnderWay(): boolean {
    return this.timer !== null;
  }

  begin(ms: number): void {
    this.timer ??= setTimeout(() => this.end(), ms);
  }

  private end(): void {
    this.cancel();
    this.over();
  }

  private cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  close(): void {
    this.isClosed = true;
    this.cancel();
  }
}
