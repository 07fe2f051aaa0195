/**
 * The connections of a native transport: one slot each, as columns of typed arrays. A slot's number is
 * what handlers know a connection by.
 *
 * A slot that ends gets a new generation at once (so that late completions for it are recognised) but
 * is handed out again only in a later turn: the handler's lists of this turn may still name it.
 */
import type { Region } from '../base/region.js';
import { createRegion } from './ffi/region.js';

/** Flags of a slot. The first three name operations that the kernel has under way. */
export const RECEIVING = 1;
export const RECEIVING_INTO = 2;
export const SENDING_LATER = 4;
/** The multishot receive is being cancelled to make way for a receive straight to memory. */
export const CANCELLING = 8;
/** The peer ended its side; replies may still go out. */
export const ENDING = 16;
/** A send was queued, or something else happened, after which the handler gets one more turn. */
export const STIRRED = 32;
/** A send of this turn waits in a list (epoll). */
export const SEND_QUEUED = 64;
/** The handler asked for the descriptor: receiving stops. */
export const DETACHING = 128;
/** Each receive is asked for anew (io_uring). Stays for as long as the connection. */
export const RECEIVES_SINGLY = 256;
/** What it receives is for the time after the handler's next turn. */
export const POSTPONED = 512;
/** Of what it has received something is kept for later (io_uring): the rest goes behind it. */
export const KEPT = 1024;
/** In the bits from here on: so many receives more are asked for anew each, as long arguments came lately. */
export const SINGLY_LEFT_SHIFT = 16;
const SINGLY_LEFT_MAX = 15;
export const SINGLY_LEFT = SINGLY_LEFT_MAX << SINGLY_LEFT_SHIFT;

const FIRST_SLOTS = 1024;
/** Generations share a word with the operation's kind (4 bits); below 2^27 so that all is positive. */
export const GENERATION_MAX = (1 << 26) - 1;

const NO_REGION: Region = createRegion(8);

function widen(old: Int32Array, length: number): Int32Array {
  const wider = new Int32Array(length);
  wider.set(old);
  return wider;
}

export class ConnectionTable {
  /** -1 in a free slot. */
  descriptor: Int32Array = new Int32Array(FIRST_SLOTS).fill(-1);
  generation: Int32Array = new Int32Array(FIRST_SLOTS);
  flags: Int32Array = new Int32Array(FIRST_SLOTS);
  /** What `send` or `sendLater` was given: only one of them is under way at a time. */
  sendOffset: Int32Array = new Int32Array(FIRST_SLOTS);
  sendLength: Int32Array = new Int32Array(FIRST_SLOTS);
  readonly sendRegion: Region[] = new Array<Region>(FIRST_SLOTS).fill(NO_REGION);
  /** Where the next `intoLength` bytes of the stream go. */
  intoOffset: Int32Array = new Int32Array(FIRST_SLOTS);
  intoLength: Int32Array = new Int32Array(FIRST_SLOTS);
  readonly intoRegion: Region[] = new Array<Region>(FIRST_SLOTS).fill(NO_REGION);
  private readonly free: number[] = [];
  private readonly released: number[] = [];
  private readonly postponed: number[] = [];
  private used = 0;

  /** A slot for an open descriptor. */
  add(descriptor: number): number {
    let slot = this.free.pop();
    if (slot === undefined) {
      if (this.used === this.descriptor.length) this.grow();
      slot = this.used++;
    }
    this.descriptor[slot] = descriptor;
    this.flags[slot] = 0;
    this.intoLength[slot] = 0;
    this.sendLength[slot] = 0;
    return slot;
  }

  /** Frees the slot; `add` may give it out again after `recycle`. */
  release(slot: number): void {
    this.descriptor[slot] = -1;
    this.flags[slot] = 0;
    this.intoLength[slot] = 0;
    this.generation[slot] = (this.generation[slot]! + 1) & GENERATION_MAX;
    this.sendRegion[slot] = NO_REGION;
    this.intoRegion[slot] = NO_REGION;
    this.released.push(slot);
  }

  /** At the end of a turn: slots released in it may be used again. */
  recycle(): void {
    while (this.released.length > 0) this.free.push(this.released.pop()!);
  }

  /** @returns whether it was not postponed yet */
  postpone(slot: number): boolean {
    if (!this.isOpen(slot) || (this.flags[slot]! & POSTPONED) !== 0) return false;
    this.flags[slot] = this.flags[slot]! | POSTPONED;
    this.postponed.push(slot);
    return true;
  }

  /** Before the handler's turn. A slot that has another connection by now loses nothing by it. */
  endPostponements(): void {
    for (let slot = this.postponed.pop(); slot !== undefined; slot = this.postponed.pop()) {
      this.flags[slot] = this.flags[slot]! & ~POSTPONED;
    }
  }

  isOpen(slot: number): boolean {
    return slot >= 0 && slot < this.used && this.descriptor[slot]! >= 0;
  }

  /** Two sends under way on one slot would mix their bytes. @throws Error while a sendLater is */
  assertMaySend(slot: number): void {
    if ((this.flags[slot]! & SENDING_LATER) === 0) return;
    throw new Error('a send while a sendLater is under way');
  }

  /** Every open slot, for the end of the transport. */
  openSlots(): number[] {
    const open: number[] = [];
    for (let slot = 0; slot < this.used; slot++) if (this.isOpen(slot)) open.push(slot);
    return open;
  }

  private grow(): void {
    const length = this.descriptor.length * 2;
    this.descriptor = widen(this.descriptor, length).fill(-1, this.used);
    this.generation = widen(this.generation, length);
    this.flags = widen(this.flags, length);
    this.sendOffset = widen(this.sendOffset, length);
    this.sendLength = widen(this.sendLength, length);
    this.intoOffset = widen(this.intoOffset, length);
    this.intoLength = widen(this.intoLength, length);
    while (this.sendRegion.length < length) this.sendRegion.push(NO_REGION);
    while (this.intoRegion.length < length) this.intoRegion.push(NO_REGION);
  }
}

const owesNothing = () => false;

/** What must be over before a connection whose peer ended its side is reported closed. */
const ENDING_BUSY = STIRRED | SENDING_LATER;
/** The same for one that is being detached. */
const DETACHING_BUSY = STIRRED | SENDING_LATER | RECEIVING | RECEIVING_INTO | SEND_QUEUED;

/**
 * Connections about to leave: their peer has ended its side (ENDING), or the handler wants their
 * descriptor (DETACHING). Each stays until a whole turn has passed in which nothing was sent on it, so
 * that replies to its last requests go out first.
 */
export class LeavingList {
  private readonly slots: number[] = [];
  private readonly generations: number[] = [];
  private readonly busy: number;

  constructor(
    private readonly table: ConnectionTable,
    private readonly mark: typeof ENDING | typeof DETACHING,
  ) {
    this.busy = mark === ENDING ? ENDING_BUSY : DETACHING_BUSY;
  }

  add(slot: number): void {
    const { flags, generation } = this.table;
    if ((flags[slot]! & this.mark) !== 0) return;
    // An end that is noticed takes precedence over a detachment.
    flags[slot] = (flags[slot]! & ~DETACHING) | this.mark | STIRRED;
    this.slots.push(slot);
    this.generations.push(generation[slot]!);
  }

  get length(): number {
    return this.slots.length;
  }

  /**
   * After a turn's events: calls `leave` for each connection that has nothing more to send.
   * @param owes whether a connection is to stay all the same
   * @returns whether a connection may leave after the coming turn, which then must not wait
   */
  settle(leave: (slot: number) => void, owes: (slot: number) => boolean = owesNothing): boolean {
    const { flags, generation } = this.table;
    let kept = 0;
    let soon = false;
    for (let i = 0; i < this.slots.length; i++) {
      const slot = this.slots[i]!;
      if (generation[slot] !== this.generations[i]) continue;
      const state = flags[slot]!;
      if ((state & this.mark) === 0) continue;
      if ((state & this.busy) === 0 && !owes(slot)) {
        leave(slot);
        continue;
      }
      if ((state & STIRRED) !== 0) {
        flags[slot] = state & ~STIRRED;
        soon = true;
      }
      this.slots[kept] = slot;
      this.generations[kept++] = this.generations[i]!;
    }
    this.slots.length = kept;
    this.generations.length = kept;
    return soon;
  }
}
