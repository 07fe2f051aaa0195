/**
 * The marks of the merged stream (merge-mark.ts) in the ring of the stream without keys: appended by who
 * makes the stream, read by who makes it again. Each names the one before, so they are found from the
 * newest on, whose LSN is a word of the ring.
 *
 *   ring   ──m──────m── publish ──m──m──┤       newestMark
 *            ◀──────◀─────────────◀──◀
 *
 * A server that is no primary must append nothing, nor one that has told its heads to an heir. Whether
 * it may is asked under the stream's lock, under which the main thread changes the answer.
 */
import { newRegion } from '../../base/owned-region.js';
import { RECORD_HEADER_BYTES, recordBytes } from '../../journal/record.js';
import type { JournalRing } from '../../journal/ring.js';
import type { StreamLocks } from '../stream-locks.js';
import { MergeMark, markBytesMax } from './merge-mark.js';
import { RULE_ENDING, RULE_FREE, RULE_HELD, type StreamRule } from './stream-figures.js';

/** What became of a mark. Held: neither it nor the bytes before it may be told now. */
export type MarkOutcome = 'marked' | 'unmarked' | 'held';

/** No mark is appended where so small a share of the ring is left before its slowest reader. */
const ROOM_SHARE = 0.25;

export class MarkLog {
  private readonly region;
  private readonly scratch: MergeMark;
  private readonly bytesMax: number;
  private readonly keyless: number;
  private readonly ring: JournalRing;
  private readonly effect;

  constructor(
    private readonly rings: readonly JournalRing[],
    private readonly locks: Pick<StreamLocks, 'lock' | 'unlock'>,
    private readonly rule: () => StreamRule,
  ) {
    this.keyless = rings.length - 1;
    this.ring = rings[this.keyless]!;
    this.bytesMax = recordBytes(markBytesMax(rings.length));
    this.region = newRegion((this.bytesMax + 7) & ~7);
    this.scratch = new MergeMark(rings.length);
    this.effect = {
      ...{ shard: this.keyless, database: 0, h1: 0, keyless: false },
      ...{ region: this.region, offset: 0, length: 0 },
    };
  }

  /**
   * Appends a mark, which gets its LSN; where all before it is merged, it is merged itself.
   * @param before positions of the mark before
   * @param continues whether marks go on that there were
   */
  append(mark: MergeMark, before: Float64Array, continues: boolean): MarkOutcome {
    const { keyless, ring, locks, effect } = this;
    locks.lock(keyless);
    try {
      const rule = this.rule();
      if (rule === RULE_HELD) return 'held';
      const isWanted = rule !== RULE_ENDING && (rule !== RULE_FREE || continues);
      if (!isWanted || ring.room < ring.nominal * ROOM_SHARE) return 'unmarked';
      mark.lsn = ring.head;
      if (mark.positions[keyless] === mark.lsn) {
        // Its length does not depend on the number.
        mark.positions[keyless] = mark.lsn + 4;
        const length = mark.encode(this.region, 0, before);
        mark.positions[keyless] = mark.lsn + recordBytes(length);
      }
      effect.length = mark.encode(this.region, 0, before);
      ring.append(effect);
      ring.noteMark(mark.lsn);
      return 'marked';
    } finally {
      locks.unlock(keyless);
    }
  }

  /** Reads the mark at an LSN. @returns false when none is there any more */
  read(lsn: number, into: MergeMark): boolean {
    const { keyless, ring, locks, region } = this;
    locks.lock(keyless);
    try {
      if (!ring.holds(lsn) || lsn + RECORD_HEADER_BYTES > ring.head) return false;
      const bytes = ring.wordAt(lsn);
      const isRecord = bytes >= RECORD_HEADER_BYTES && bytes <= this.bytesMax && bytes % 4 === 0;
      if (!isRecord || lsn + bytes > ring.head) return false;
      ring.read(lsn, bytes, region, 0);
    } finally {
      locks.unlock(keyless);
    }
    return into.decode(region, 0, lsn);
  }

  /** The newest mark's LSN, -1 for none. A hint. */
  get newest(): number {
    return this.ring.newestMark;
  }

  /** Changes when marks were given up: what was read of them before is to be read again. */
  get settled(): number {
    return this.ring.marksSettled;
  }

  /**
   * Gives up the marks behind which not all records are here. Called when nothing is appended, before the
   * journals go on with another server's records or with own ones: those are not what the marks are of.
   */
  settle(heads: ArrayLike<number>): void {
    const { scratch, locks, keyless, ring } = this;
    const lsns: number[] = [];
    scratch.isFull = false;
    for (let at = this.newest; at >= 0 && !scratch.isFull; at = scratch.previous) {
      if (!this.read(at, scratch)) break;
      lsns.push(at);
      // The marks from a full one on may all lack something: then the ones before it are looked at.
      if (scratch.isFull && !isWithin(scratch.positions, heads)) scratch.isFull = false;
    }
    let newest = -1;
    let isKnown = false;
    for (const lsn of lsns.reverse()) {
      if (!this.read(lsn, scratch)) break;
      isKnown ||= scratch.isFull;
      if (isKnown && !isWithin(scratch.positions, heads)) break;
      if (isKnown) newest = lsn;
    }
    locks.lock(keyless);
    ring.settleMarks(newest);
    locks.unlock(keyless);
  }

  /** LSNs of the marks behind one, ascending; null when the marks do not go on from there. */
  behind(lsn: number): number[] | null {
    const found: number[] = [];
    for (let at = this.newest; at !== lsn; at = this.scratch.previous) {
      if (at < lsn || !this.read(at, this.scratch)) return null;
      found.push(at);
    }
    return found.reverse();
  }

  /**
   * Where the merged stream can be made again from: LSNs of marks, ascending, of which the first is full
   * and the journals hold what is behind it; empty when there is none.
   * @param bytes of the stream that are enough
   */
  usable(bytes: number): number[] {
    const { scratch } = this;
    const found: number[] = [];
    let count = 0;
    let end = -1;
    for (let at = this.newest; at >= 0 && this.read(at, scratch); at = scratch.previous) {
      found.push(at);
      if (end < 0) end = scratch.offset;
      if (!scratch.isFull) continue;
      if (!this.isHeld(scratch.positions)) break;
      count = found.length;
      if (end - scratch.offset >= bytes) break;
    }
    return found.slice(0, count).reverse();
  }

  /**
   * Whether the rings will hold the streams from these positions on for a while: they go on being
   * written, and the reading of half a ring takes a moment. A hint.
   */
  private isHeld(positions: Float64Array): boolean {
    return this.rings.every((ring, stream) => {
      const lsn = positions[stream]!;
      const head = ring.peekHead();
      return lsn >= ring.start && lsn <= head && head - lsn <= ring.nominal / 2;
    });
  }
}

function isWithin(positions: Float64Array, heads: ArrayLike<number>): boolean {
  return positions.every((lsn, stream) => lsn <= heads[stream]!);
}
