/**
 * Offsets of the merged stream that mean something else to a Redis that was catching up. Behind its RDB
 * it got commands of its own, counted from the offset that it was told, until it joined the stream:
 *
 *     the stream         ──a──b──c──d──e──f──g──▶
 *     such a replica       RDB ──x──y──z──┤ joined: from here on they are the same
 *                        └─── of no use ──┘
 *
 * Whoever asks to continue there gets a full sync: the bytes behind such an offset are not those that
 * the replica lacks, and a cut before it may not be in its data.
 */
import { type OffsetRange, RANGES_MAX } from './merge-mark.js';

export class CatchUps {
  private ranges: OffsetRange[] = [];
  /** The offsets told to those that are catching up, or are to. */
  private readonly open: number[] = [];

  /** A replica is told this offset before its RDB. */
  begin(from: number): void {
    this.open.push(from);
  }

  /** It has joined, or has left: from here on `add` tells where it may have been. */
  end(from: number): void {
    const index = this.open.indexOf(from);
    if (index >= 0) this.open.splice(index, 1);
  }

  /** @param to where the replica has joined, or the first offset that it cannot have reached */
  add(from: number, to: number): void {
    const isKnown = this.ranges.some((range) => range.from === from && range.to === to);
    if (to > from && !isKnown) this.ranges.push({ from, to });
  }

  has(offset: number): boolean {
    return this.ranges.some(({ from, to }) => offset >= from && offset < to);
  }

  /** What a mark tells: those that last, and those that ended at or behind this offset. */
  since(offset: number): readonly OffsetRange[] {
    const all = [
      ...this.ranges.filter(({ to }) => to >= offset),
      ...this.open.map((from) => ({ from, to: Number.POSITIVE_INFINITY })),
    ];
    if (all.length <= RANGES_MAX) return all;
    const from = Math.min(...all.map((range) => range.from));
    return [{ from, to: Math.max(...all.map(({ to }) => to)) }];
  }

  /** Nobody continues from before this offset any more. */
  forget(before: number): void {
    if (this.ranges.length > 0) this.ranges = this.ranges.filter(({ to }) => to > before);
  }
}
