/**
 * Which cuts (journal/cuts.ts) a replica has that acknowledges an offset of the merged stream: WAIT and
 * `min-replicas-to-write` count replicas by cuts.
 *
 *   merged stream ────┬──────────────┬───────▶
 *                     3000           4100       offsets at which all of a cut was emitted
 *                     cut A          cut B
 *
 * One cut is awaited at a time: the oldest that was not emitted whole when it was made. Of those that
 * replicas have not acknowledged so many are remembered; then every second one is forgotten, so that a
 * replica is told late by a small share of its lag at most.
 */
import { Cut } from '../../journal/cuts.js';

const REMEMBERED_MAX = 32;

/** A cut, and the offset up to which a replica must have the stream for it. */
export interface CoveredCut {
  readonly offset: number;
  readonly cut: Cut;
}

/** The merged stream. */
export interface Emitted {
  /** Whether all up to these LSNs was emitted. */
  covers(lsns: ArrayLike<number>): boolean;
}

export class CoveredCuts {
  private covered: CoveredCut[] = [];
  private awaited: Cut | null = null;

  constructor(private readonly streams: number) {}

  /** The newest cut that was emitted whole; null for none. */
  get newest(): CoveredCut | null {
    return this.covered.at(-1) ?? null;
  }

  /** Whether another cut can be awaited. */
  get mayAwait(): boolean {
    return this.awaited === null;
  }

  /** A cut was made; the ends of the next interval are read after that. */
  await(read: (into: Cut) => void): void {
    const cut = new Cut(this.streams);
    read(cut);
    if (cut.offset < 0 || cut.offset === this.newest?.cut.offset) return;
    this.awaited = cut;
  }

  /** An interval is told. @param offset of the merged stream behind it */
  emitted(stream: Emitted, offset: number): void {
    const cut = this.awaited;
    if (cut === null || !stream.covers(cut.lsns)) return;
    this.awaited = null;
    this.covered.push({ offset, cut });
    if (this.covered.length > REMEMBERED_MAX) {
      this.covered = this.covered.filter((_, i) => i % 2 === this.covered.length % 2 || i === 0);
    }
  }

  /** The newest cut that a replica has whole which acknowledges this offset; null when none is known. */
  at(acknowledged: number): CoveredCut | null {
    for (let i = this.covered.length - 1; i >= 0; i--) {
      if (this.covered[i]!.offset <= acknowledged) return this.covered[i]!;
    }
    return null;
  }

  /** Forgets the cuts before the newest that every replica has. */
  forget(acknowledgedByAll: number): void {
    while (this.covered.length > 1 && this.covered[1]!.offset <= acknowledgedByAll) {
      this.covered.shift();
    }
  }
}
