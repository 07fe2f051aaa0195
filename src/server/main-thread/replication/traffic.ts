/** Adds up what replication sends, receives and applies. Each sync counts from 0. */
import type { ControlBlock } from '../../../memory/control.js';
import type { Counter } from '../../../memory/control-layout.js';
import {
  REPLICATED_CHANGES,
  REPLICATION_INPUT_BYTES,
  REPLICATION_OUTPUT_BYTES,
} from '../../../replication/counters.js';

export class ReplicationTraffic {
  private readonly last = new Map<Counter, number>();

  constructor(private readonly control: ControlBlock) {}

  /** @param applied effects of the primary */
  count(sentBytes: number, receivedBytes: number, applied: number): void {
    this.add(REPLICATION_OUTPUT_BYTES, sentBytes);
    this.add(REPLICATION_INPUT_BYTES, receivedBytes);
    this.add(REPLICATED_CHANGES, applied);
  }

  private add(counter: Counter, now: number): void {
    const grown = now - (this.last.get(counter) ?? 0);
    this.last.set(counter, now);
    this.control.threads[0]!.add(counter, Math.max(0, grown));
  }
}
