/**
 * The cuts (journal/cuts.ts) that a replica has received and not applied whole. What it reports is
 * the last one that it has applied, so the time until a write is confirmed depends on how densely
 * the cuts lie that it remembers: a write is confirmed by the first remembered cut behind it.
 *
 *   oldest                                      newest
 *     ├────────┼────────┼────────┼────────┼────┤
 *        spacing (a number of cuts that came)
 *
 * A replica that is a second behind has some 200 cuts before it, one every few milliseconds. A bounded
 * number is kept, at an even spacing. The newest is always among them: the next cut replaces it until
 * it lies a spacing behind the one before. When the queue is full, every other cut is dropped and the
 * spacing doubles; when it has emptied, the spacing shrinks. With n places the distance of neighbours
 * is at most 4/n of what is not applied, so reports are late by that share of the lag, where a
 * replica that kept only the oldest and the newest would be late by the whole lag once more.
 *
 * Belongs to one thread, that of shard 0's flow. Cuts of an earlier link come again.
 */
import type { Cut } from '../../journal/cuts.js';

/** An even number. */
export const CUTS_KEPT_MAX = 32;

export class CutQueue {
  count = 0;
  /** The last cut that was applied whole: offset, and when it was made by the primary's clock. */
  reachedOffset = -1;
  reachedMs = 0;
  /** Place of the oldest; the queue goes round. */
  private first = 0;
  private spacing = 1;
  /** Number of the cut that came last. */
  private lastNumber = 0;
  private readonly numbers = new Float64Array(CUTS_KEPT_MAX);
  private readonly offsets = new Float64Array(CUTS_KEPT_MAX);
  private readonly madeMs = new Float64Array(CUTS_KEPT_MAX);
  private readonly lsns: Float64Array;

  constructor(private readonly streams: number) {
    this.lsns = new Float64Array(CUTS_KEPT_MAX * streams);
  }

  clear(): void {
    this.count = 0;
    this.spacing = 1;
  }

  /**
   * The cuts of one maker only grow. One that does not contain the last is another maker's: a server
   * was promoted by force, with less than its primary had, and what was queued may never be reached.
   */
  add(cut: Cut): void {
    if (this.count > 0 && !this.isApplied(this.place(this.count - 1), cut.lsns)) this.clear();
    const number = ++this.lastNumber;
    if (this.isNewestNear()) {
      this.set(this.count - 1, cut, number);
      return;
    }
    if (this.count === CUTS_KEPT_MAX) this.thin();
    this.set(this.count++, cut, number);
  }

  /** Drops the cuts that are applied. @returns whether there were any: `reached...` tell the last */
  advance(applied: Float64Array): boolean {
    let isNews = false;
    while (this.count > 0 && this.isApplied(this.first, applied)) {
      this.reachedOffset = this.offsets[this.first]!;
      this.reachedMs = this.madeMs[this.first]!;
      this.first = this.place(1);
      this.count--;
      isNews = true;
    }
    if (this.count <= CUTS_KEPT_MAX / 8) this.spacing = Math.max(1, this.spacing / 2);
    return isNews;
  }

  private isApplied(place: number, applied: Float64Array): boolean {
    const from = place * this.streams;
    for (let stream = 0; stream < this.streams; stream++) {
      if (applied[stream]! < this.lsns[from + stream]!) return false;
    }
    return true;
  }

  /** Whether the newest is nearer to the one before than the spacing. */
  private isNewestNear(): boolean {
    if (this.count < 2) return false;
    const [before, newest] = [this.place(this.count - 2), this.place(this.count - 1)];
    return this.numbers[newest]! - this.numbers[before]! < this.spacing;
  }

  /** Keeps every other cut, from the oldest on. The caller adds a newer one. */
  private thin(): void {
    this.count = CUTS_KEPT_MAX / 2;
    this.spacing *= 2;
    for (let i = 1; i < this.count; i++) this.copy(this.place(2 * i), this.place(i));
  }

  private copy(from: number, to: number): void {
    const { streams } = this;
    this.numbers[to] = this.numbers[from]!;
    this.offsets[to] = this.offsets[from]!;
    this.madeMs[to] = this.madeMs[from]!;
    this.lsns.copyWithin(to * streams, from * streams, (from + 1) * streams);
  }

  private set(index: number, cut: Cut, number: number): void {
    const place = this.place(index);
    this.numbers[place] = number;
    this.offsets[place] = cut.offset;
    this.madeMs[place] = cut.madeMs;
    this.lsns.set(cut.lsns, place * this.streams);
  }

  private place(index: number): number {
    return (this.first + index) % CUTS_KEPT_MAX;
  }
}
