/**
 * The bytes that all Redises of a chain of Darters get: the merged stream, encoded, with its id and its
 * offsets. The primary makes it, and leaves marks in its journal (merge-mark.ts); a Darter behind it
 * follows the marks and makes the same bytes, with the same offsets, from its own journals. So a Redis
 * that changes from one of them to another continues where it was.
 *
 *              ┌───────── becomes a primary: a new id ──────────┐
 *   following ─┤                                                ▼
 *       ▲      └── the marks end: a new id ──▶ own ──────────▶ making
 *       └────────── becomes a replica, and left marks ──────────┘
 *
 *   making     the primary: an interval ends where it likes, and a mark tells where
 *   following  an interval ends where the next mark says, once the journals have all before it
 *   own        a replica whose primary leaves no marks: nobody else makes this stream
 *
 * Bytes are told to nobody before the mark behind them is in the journal. Where that is not allowed (a
 * takeover is under way), they wait here, and are forgotten when the role changes: an heir makes them.
 * So whoever has all that the journals have can continue every Redis, and a Redis that is ahead of the
 * journals of a Darter is ahead of its last mark, too.
 *
 * The id changes with who makes the stream, as two makers do not choose the same places. The one before
 * counts up to where the new one began.
 *
 * Belongs to one thread.
 */
import { randomId } from '../../base/random-id.js';
import { NO_ID } from '../primary/primary-state.js';
import { Backlog } from './backlog.js';
import { CatchUps } from './catch-ups.js';
import type { CommandEncoder } from './command-encoder.js';
import type { MarkLog } from './mark-log.js';
import { MergeMark, type OffsetRange } from './merge-mark.js';
import { MergedStream, type MergeSource } from './merged-stream.js';
import { FILLER_NONE, filler } from './padding.js';

/** Every so many marks one is full, from which the stream can be made again. */
const FULL_EVERY = 64;

export type StreamMode = 'making' | 'following' | 'own';

export interface CommonStreamParts {
  readonly source: MergeSource;
  readonly encoder: CommandEncoder;
  readonly log: MarkLog;
  readonly keptBytes: number;
  /** An interval is ended when it has about so many bytes. */
  readonly intervalBytes: number;
}

export class CommonStream {
  id = randomId();
  /** The id before, which counts up to an offset. */
  secondId = NO_ID;
  secondOffset = -1;
  /** Why it cannot go on, or null. */
  broken: string | null = null;
  /** Following: whether the marks do not go on from where the stream is. */
  areMarksCut = false;
  readonly backlog: Backlog;
  readonly catchUps = new CatchUps();
  readonly encoder: CommandEncoder;
  /** By stream: the LSN up to which all is told. */
  readonly positions: Float64Array;
  private readonly merged: MergedStream;
  private readonly log: MarkLog;
  private readonly intervalBytes: number;
  /** The database that was selected at the end of the backlog. */
  private toldDatabase: number;
  /** LSN of the mark at the end of the backlog; -1 when there is none. */
  private lastMark = -1;
  private lastMarkOffset = 0;
  private marksSinceFull = FULL_EVERY;
  private readonly mark: MergeMark;
  /** Following: LSNs of marks that come, and whether `mark` is the first of them. */
  private coming: number[] = [];
  private isRead = false;
  /** MarkLog.settled when they were read. */
  private settled = 0;
  /** Following: catch-ups that last at the server that makes the stream. */
  private unknown: readonly OffsetRange[] = [];
  /** Bytes were merged that may not be told yet. */
  private isWaiting = false;

  private constructor(
    public mode: StreamMode,
    { source, encoder, log, keptBytes, intervalBytes }: CommonStreamParts,
    from: ArrayLike<number>,
    offset: number,
  ) {
    this.encoder = encoder;
    this.log = log;
    this.intervalBytes = intervalBytes;
    this.merged = new MergedStream(source, encoder, from);
    this.positions = Float64Array.from(from);
    this.backlog = new Backlog(keptBytes, offset);
    this.mark = new MergeMark(source.streams);
    this.toldDatabase = encoder.database;
  }

  /** A stream that begins here. @param offset in the order of magnitude of those that Darters show */
  static begin(mode: 'making' | 'own', parts: CommonStreamParts, heads: readonly number[]) {
    const offset = heads.reduce((sum, lsn) => sum + lsn, 1);
    return new CommonStream(mode, parts, heads, offset);
  }

  /** The stream that the marks tell of, from the oldest place on that can be used; null for none. */
  static resume(parts: CommonStreamParts): CommonStream | null {
    const { log, source, encoder, keptBytes } = parts;
    const { settled } = log;
    const [first, ...coming] = log.usable(keptBytes);
    const mark = new MergeMark(source.streams);
    if (first === undefined || !log.read(first, mark)) return null;
    encoder.database = mark.database;
    const stream = new CommonStream('following', parts, mark.positions, mark.offset);
    stream.coming = coming;
    stream.settled = settled;
    stream.take(mark);
    return stream;
  }

  /** Whether it was told with marks, so far without a gap. */
  get hasMarks(): boolean {
    return this.lastMark >= 0;
  }

  /** LSN of the last of them. */
  get newestMark(): number {
    return this.lastMark;
  }

  /** Whether bytes were merged that may not be told yet. */
  get isHeld(): boolean {
    return this.isWaiting;
  }

  /** The database that the stream has selected at its end; -1: none yet. */
  get database(): number {
    return this.toldDatabase;
  }

  /** Whether all up to these LSNs is told. */
  covers(lsns: ArrayLike<number>): boolean {
    return this.positions.every((lsn, stream) => lsn >= lsns[stream]!);
  }

  /** Whether a replica that has the stream of this id up to an offset can go on. */
  accepts(id: string, applied: number): boolean {
    const isSecond = id === this.secondId && id !== NO_ID && applied <= this.secondOffset;
    return (id === this.id || isSecond) && this.holds(applied);
  }

  holds(applied: number): boolean {
    if (!this.backlog.holds(applied) || this.catchUps.has(applied)) return false;
    return !this.unknown.some(({ from }) => applied >= from);
  }

  // --- making it

  /** An interval: up to the heads, or until it is long enough. @returns whether anything was told */
  make(heads: ArrayLike<number>): boolean {
    const { merged, encoder } = this;
    if (!this.isWaiting) {
      merged.begin(heads);
      while (encoder.length < this.intervalBytes && merged.step());
      merged.cut();
      if (this.fails() || !this.hasMoved) return false;
    }
    return this.tell(FILLER_NONE, 0);
  }

  private get hasMoved(): boolean {
    return this.merged.positions.some((lsn, stream) => lsn !== this.positions[stream]);
  }

  /** The next mark is a full one: somebody knows none of those before. */
  wantFullMark(): void {
    this.marksSinceFull = FULL_EVERY;
  }

  /** Adds a filler. @returns whether it could be told */
  fill(kind: number, bytes: number): boolean {
    if (this.mode === 'following' || this.isWaiting || this.broken !== null) return false;
    const isTold = this.tell(kind, bytes);
    // A filler can be asked for again.
    this.isWaiting = false;
    return isTold;
  }

  /** Tells what is encoded, and a filler behind it, with a mark if there are to be some. */
  private tell(kind: number, bytes: number): boolean {
    const { backlog, encoder } = this;
    const isMarked = this.mode === 'making' && this.leaveMark(kind, bytes);
    if (this.isWaiting) return false;
    if (!isMarked) this.lastMark = -1;
    if (encoder.length > 0) backlog.append(encoder.region.bytes.subarray(0, encoder.length));
    encoder.clear();
    if (bytes > 0) backlog.append(filler(kind, bytes));
    this.told();
    return true;
  }

  private told(): void {
    this.positions.set(this.merged.positions);
    this.toldDatabase = this.encoder.database;
  }

  private leaveMark(kind: number, bytes: number): boolean {
    const { mark, merged, log, encoder, backlog } = this;
    const hadMarks = this.hasMarks;
    mark.isFull = !hadMarks || this.marksSinceFull >= FULL_EVERY - 1;
    mark.previous = this.lastMark;
    mark.offset = backlog.end + encoder.length + bytes;
    mark.database = encoder.database;
    mark.fillerKind = kind;
    mark.fillerBytes = bytes;
    mark.ranges = this.catchUps.since(hadMarks ? this.lastMarkOffset : backlog.end);
    mark.id = this.id;
    mark.secondId = this.secondId;
    mark.secondOffset = this.secondOffset;
    mark.positions.set(merged.positions);
    const outcome = log.append(mark, this.positions, hadMarks);
    this.isWaiting = outcome === 'held';
    if (outcome !== 'marked') return false;
    const keyless = mark.positions.length - 1;
    merged.skip(keyless, mark.positions[keyless]!);
    this.lastMark = mark.lsn;
    this.lastMarkOffset = mark.offset;
    this.marksSinceFull = mark.isFull ? 0 : this.marksSinceFull + 1;
    return true;
  }

  /** The stream goes on at a later offset. Nobody continues from before it. */
  jump(offset: number): void {
    this.backlog.jump(offset);
    this.lastMark = -1;
  }

  // --- following

  /**
   * Makes the interval up to the next mark.
   * @param heads read of the journals before the call
   * @returns whether there was one whose records are there; else see `broken` and `areMarksCut`
   */
  follow(heads: ArrayLike<number>): boolean {
    if (!this.readNext()) return false;
    const { mark, merged, encoder } = this;
    for (let stream = 0; stream < mark.positions.length; stream++) {
      if (mark.positions[stream]! > heads[stream]!) return false;
      if (mark.positions[stream]! < this.positions[stream]!) return this.breakOff('goes back');
    }
    this.isRead = false;
    this.coming.shift();
    try {
      merged.begin(mark.positions);
      while (merged.step());
      merged.cut();
    } catch (error) {
      return this.breakOff(`leads to an error: ${(error as Error).message}`);
    }
    if (this.fails()) return false;
    if (this.hasMissed(mark)) return this.breakOff('is not reached');
    this.backlog.append(encoder.region.bytes.subarray(0, encoder.length));
    encoder.clear();
    if (mark.fillerBytes > 0) this.backlog.append(filler(mark.fillerKind, mark.fillerBytes));
    this.take(mark);
    this.told();
    return true;
  }

  private hasMissed({ positions, offset, database, fillerBytes }: MergeMark): boolean {
    const { merged, encoder, backlog } = this;
    const isThere = merged.positions.every((lsn, stream) => lsn === positions[stream]);
    const end = backlog.end + encoder.length + fillerBytes;
    return !isThere || end !== offset || encoder.database !== database;
  }

  /** Whether the next mark is there, and read. */
  private readNext(): boolean {
    const { settled } = this.log;
    if (settled !== this.settled) this.dropComing();
    this.settled = settled;
    if (this.isRead) return true;
    if (this.coming.length === 0 && this.log.newest !== this.lastMark) {
      const coming = this.log.behind(this.lastMark);
      this.areMarksCut = coming === null;
      this.coming = coming ?? [];
    }
    const [next] = this.coming;
    this.mark.positions.set(this.positions);
    if (next === undefined) return false;
    this.isRead = this.log.read(next, this.mark) && this.mark.previous === this.lastMark;
    this.areMarksCut = !this.isRead;
    return this.isRead;
  }

  private dropComing(): void {
    this.coming = [];
    this.isRead = false;
  }

  private take(mark: MergeMark): void {
    this.lastMark = mark.lsn;
    this.lastMarkOffset = mark.offset;
    for (const { from, to } of mark.ranges) {
      if (to !== Number.POSITIVE_INFINITY) this.catchUps.add(from, to);
    }
    this.unknown = mark.ranges.filter(({ to }) => to === Number.POSITIVE_INFINITY);
    if (!mark.isFull) return;
    this.id = mark.id;
    this.secondId = mark.secondId;
    this.secondOffset = mark.secondOffset;
  }

  // --- changes of role

  /** This server is a primary now: the stream goes on under an id of its own. */
  beginToMake(): void {
    if (this.mode === 'following') this.leaveId();
    this.mode = 'making';
  }

  /** The primary leaves no marks any more that go on. */
  beginOwn(): void {
    if (this.mode === 'following') this.leaveId();
    this.lastMark = -1;
    this.mode = 'own';
  }

  private leaveId(): void {
    this.secondId = this.id;
    this.secondOffset = this.backlog.end;
    this.id = randomId();
    // Where somebody catches up at the server before, nobody knows.
    for (const { from } of this.unknown) this.catchUps.add(from, this.backlog.end + 1);
    this.unknown = [];
    this.dropComing();
    this.areMarksCut = false;
    this.marksSinceFull = FULL_EVERY;
    this.rewind();
  }

  /** This server is a replica now. */
  beginToFollow(): void {
    this.rewind();
    if (this.mode === 'making' && this.hasMarks) {
      this.mode = 'following';
    } else if (this.mode === 'making') this.mode = 'own';
  }

  /** Forgets what was merged and not told. */
  private rewind(): void {
    this.merged.rewind(this.positions);
    this.encoder.clear();
    this.encoder.database = this.toldDatabase;
    this.isWaiting = false;
  }

  private breakOff(how: string): false {
    this.broken = `a mark of the merged stream ${how}`;
    return false;
  }

  private fails(): boolean {
    const { merged, encoder } = this;
    if (encoder.refused !== '') this.broken = encoder.refused;
    else if (merged.lost >= 0) {
      this.broken = `the journal of shard ${merged.lost} went round, or lost a change`;
    }
    return this.broken !== null;
  }
}
