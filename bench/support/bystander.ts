/** Another client, which reads a key again and again: how long it waits while something else goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminClient } from './admin-client.js';

export interface Waits {
  /** Of each read, in the order of the reads. */
  readonly allMs: readonly number[];
  readonly longestMs: number;
}

export class Bystander {
  private stopped = false;
  private readonly allMs: number[] = [];
  private longestMs = 0;
  private readonly running: Promise<void>;

  /** @param pauseMs between two reads; 0: none */
  constructor(
    private readonly client: AdminClient,
    private readonly key: string,
    private readonly pauseMs: number,
  ) {
    this.running = this.run();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const begin = performance.now();
      await this.client.command('GET', this.key);
      const waitMs = performance.now() - begin;
      this.allMs.push(waitMs);
      this.longestMs = Math.max(this.longestMs, waitMs);
      if (this.pauseMs > 0) await sleep(this.pauseMs);
    }
  }

  async stop(): Promise<Waits> {
    this.stopped = true;
    await this.running;
    return { allMs: this.allMs, longestMs: this.longestMs };
  }
}
