/**
 * New connections on their way to another I/O thread. Where that thread goes away (thread-beats.ts)
 * before it has taken one, its giver takes it back.
 */
import type { Offers } from '../../memory/offers.js';

/** What the receiver is told. */
export interface HandedOver {
  readonly descriptor: number;
  readonly ticket: number;
}

export class HandOvers {
  private readonly pending = new Map<number, { thread: number; descriptor: number }>();

  /** @param giver this thread's number among the givers */
  constructor(
    private readonly offers: Offers,
    private readonly giver: number,
  ) {}

  /** @returns null when too many are on their way: the descriptor stays here */
  offer(thread: number, descriptor: number): HandedOver | null {
    const ticket = this.offers.give(this.giver);
    if (ticket < 0) return null;
    // What this ticket stood for before has been taken.
    this.pending.set(ticket, { thread, descriptor });
    return { descriptor, ticket };
  }

  /** @returns descriptors that are this thread's again, as their receivers are away */
  takeBack(isAway: (thread: number) => boolean): number[] {
    const back: number[] = [];
    for (const [ticket, { thread, descriptor }] of this.pending) {
      if (!isAway(thread)) continue;
      this.pending.delete(ticket);
      if (this.offers.takeBack(ticket)) back.push(descriptor);
    }
    return back;
  }
}
