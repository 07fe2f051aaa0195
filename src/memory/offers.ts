/**
 * Descriptors that a thread has offered to another, and may take back while that has not taken them.
 * The offer itself is a message; here is only whose the descriptor is. Each giver has a row of
 * tickets, one word each:
 *
 *   FREE ──give──▶ OFFERED ──take──▶ FREE
 *                     └──takeBack──▶ TAKEN_BACK ──take, in vain──▶ FREE
 *
 * A ticket that was taken back stays in use until its message has been read: else it could stand for
 * a later offer.
 */
const FREE = 0;
const OFFERED = 1;
const TAKEN_BACK = 2;
const TICKETS = 128;

export class Offers {
  constructor(private readonly words: Int32Array) {}

  static create(givers: number): Offers {
    return new Offers(new Int32Array(new SharedArrayBuffer(4 * TICKETS * givers)));
  }

  get buffer(): SharedArrayBuffer {
    return this.words.buffer as SharedArrayBuffer;
  }

  /** By the giver alone. @returns the ticket, or -1 when all of its tickets are in use */
  give(giver: number): number {
    const first = giver * TICKETS;
    for (let ticket = first; ticket < first + TICKETS; ticket++) {
      // A receiver frees a ticket: what it did with it before is visible from here on.
      if (Atomics.load(this.words, ticket) !== FREE) continue;
      Atomics.store(this.words, ticket, OFFERED);
      return ticket;
    }
    return -1;
  }

  /** By who has got the message, once. @returns whether the descriptor is its own now */
  take(ticket: number): boolean {
    // Either this exchange or that of `takeBack` finds OFFERED: the descriptor has one owner.
    const found = Atomics.compareExchange(this.words, ticket, OFFERED, FREE);
    if (found === OFFERED) return true;
    Atomics.store(this.words, ticket, FREE);
    return false;
  }

  /** By the giver. @returns whether the descriptor is its own again */
  takeBack(ticket: number): boolean {
    return Atomics.compareExchange(this.words, ticket, OFFERED, TAKEN_BACK) === OFFERED;
  }
}
