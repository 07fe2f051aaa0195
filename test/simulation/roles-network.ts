/**
 * Simulated time, and a network that loses, delays and doubles messages. A process that is stopped
 * gets what came for it when it goes on; one that has died gets nothing.
 */
import type { Random } from '../support/random.js';

/** What things happen to. A process that starts again is another one. */
export interface Process {
  isAlive: boolean;
  /** Until when it is stopped (SIGSTOP), in simulated milliseconds. */
  stoppedUntilMs: number;
  readonly name: string;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly process: Process | null;
  readonly run: () => void;
}

export class SimulatedNetwork {
  nowMs = 0;
  /** Shares of the messages that are lost, doubled, and late by up to seconds. */
  loss = 0;
  doubling = 0;
  lateness = 0;
  /** Pairs of names between which nothing passes. */
  readonly parted = new Set<string>();
  private readonly events: Event[] = [];
  private order = 0;

  constructor(private readonly random: Random) {}

  /** @param process null: it happens to the world */
  at(afterMs: number, process: Process | null, run: () => void): void {
    const event = { atMs: this.nowMs + afterMs, order: this.order++, process, run };
    // Sorted from the last to the first.
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.events[middle]!;
      if (other.atMs > event.atMs) low = middle + 1;
      else high = middle;
    }
    this.events.splice(low, 0, event);
  }

  /** Everything up to this time happens. */
  runUntil(endMs: number): void {
    for (;;) {
      const next = this.events.at(-1);
      if (next === undefined || next.atMs > endMs) break;
      this.events.pop();
      this.nowMs = next.atMs;
      const { process } = next;
      if (process !== null && !process.isAlive) continue;
      if (process !== null && process.stoppedUntilMs > this.nowMs) {
        this.at(process.stoppedUntilMs - this.nowMs, process, next.run);
      } else {
        next.run();
      }
    }
    this.nowMs = endMs;
  }

  isParted(a: Process, b: Process): boolean {
    return this.parted.has([a.name, b.name].sort().join());
  }

  /** A message that arrives once, twice or never. */
  send(from: Process, to: Process, deliver: () => void): void {
    const { random } = this;
    const copies = random.chance(this.doubling) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      if (this.isParted(from, to) || random.chance(this.loss)) continue;
      this.at(this.delayMs(), to, deliver);
    }
  }

  delayMs(): number {
    const { random } = this;
    return random.chance(this.lateness) ? random.between(50, 3000) : random.between(0, 10);
  }
}
