/**
 * All streams of the journal as one: what a Redis that follows this server gets. A Redis has one stream
 * of commands; a Darter has one for each shard and one without keys.
 *
 *   shard 0   ──a──b──T₁──c──┤        ends: the heads of all streams, read after the ends before
 *   shard 1   ──d──T₁──e─────┤   ──▶  a b d ┃T₁┃ c e ...   then the interval up to the next ends
 *   keyless   ──m────────────┤
 *
 * Between two ends the streams are taken one after the other, the lowest that can go on first. A part
 * of a transaction stops its stream until all other parts are next on theirs; then the transaction is
 * emitted whole, and all its streams go on. A part whose transaction lies across the ends waits for the
 * next interval. So what is emitted depends on the records and on the ends alone, not on how the
 * records are read.
 *
 * An interval may be ended early, by `cut`: where it stands then, it would also have come to an end with
 * its positions as the ends. So positions at the ends of intervals are all that another server needs to
 * emit the same from the same records.
 *
 * A change of databases (FLUSHDB, SWAPDB) has a record in every shard, and is one command for a Redis:
 * inside its transaction it is a barrier, emitted once, when the records before it are.
 *
 * `positions` are the LSNs up to which all was emitted. At the end of an interval no transaction is
 * half emitted there, except those that the first positions cut: of these only the rest is emitted.
 */
import { giveBack, newRegion } from '../../base/owned-region.js';
import { equalBytes, type Region } from '../../base/region.js';
import {
  KIND_KEYLESS,
  KIND_PART,
  partHeaderBytes,
  participantAt,
  participants,
  RECORD_KIND,
} from '../../journal/record.js';

const CHUNK_BYTES = 64 * 1024;
/** A larger region is given back after use. */
const KEPT_BYTES = 1 << 20;

/** Records that were read. */
export class RecordChunk {
  region: Region = newRegion(CHUNK_BYTES);
  length = 0;

  /** Makes room for `bytes`. What was there is lost. */
  reserve(bytes: number): Region {
    if (bytes <= this.region.length) return this.region;
    giveBack(this.region);
    this.region = newRegion((bytes + 7) & ~7);
    return this.region;
  }

  trim(): void {
    if (this.region.length <= KEPT_BYTES) return;
    giveBack(this.region);
    this.region = newRegion(CHUNK_BYTES);
  }
}

/** Where the records come from. */
export interface MergeSource {
  /** Shards, and the stream without keys. */
  readonly streams: number;
  /**
   * Reads whole records from an LSN on, none beyond `end`: at least one.
   * @returns false when the stream no longer holds them
   */
  read(stream: number, from: number, end: number, chunk: RecordChunk): boolean;
}

/** Takes what is emitted. The bytes are valid during the call. */
export interface MergeSink {
  /** The commands up to `end` are one transaction. */
  begin(): void;
  end(): void;
  /** A record at `offset`: an effect on a key, on databases, or one of the stream without keys. */
  record(stream: number, region: Region, offset: number): void;
}

/** The records of one part of the transaction that is emitted. */
class PartReader {
  stream = 0;
  /** The next record, and where the part ends. */
  at = 0;
  end = 0;
  readonly chunk = new RecordChunk();

  begin(stream: number): void {
    const { region } = this.chunk;
    this.stream = stream;
    this.at = partHeaderBytes(participants(region, 0));
    this.end = region.words[0]!;
  }

  get isAtBarrier(): boolean {
    return this.at < this.end && isBarrier(this.chunk.region, this.at);
  }

  get recordBytes(): number {
    return this.chunk.region.words[this.at >> 2]!;
  }
}

export class MergedStream {
  /** By stream: the LSN up to which all was emitted. */
  readonly positions: Float64Array;
  /** The stream of which the source has lost records; -1 when there is none. */
  lost = -1;
  private readonly ends: Float64Array;
  /** The streams that can go on in this interval, as far as is known. */
  private readonly due: Uint8Array;
  /** The stream that is taken until it can go no further. */
  private current = 0;
  private readonly chunk = new RecordChunk();
  private readonly parts: PartReader[] = [];
  private partCount = 0;

  constructor(
    private readonly source: MergeSource,
    private readonly sink: MergeSink,
    from: ArrayLike<number>,
  ) {
    this.positions = Float64Array.from(from);
    this.ends = Float64Array.from(from);
    this.due = new Uint8Array(source.streams);
  }

  /** Whether the interval is over: what is left of it waits for the next ends. */
  get isDone(): boolean {
    return this.lost < 0 && this.due.indexOf(1) < 0;
  }

  /** Begins the interval up to `ends`, each at the border of two records and none before the last. */
  begin(ends: ArrayLike<number>): void {
    if (!this.isDone) throw new Error('merge: an interval is not over');
    for (let stream = 0; stream < this.ends.length; stream++) {
      this.ends[stream] = Math.max(this.ends[stream]!, ends[stream]!);
      this.due[stream] = this.positions[stream]! < this.ends[stream]! ? 1 : 0;
    }
  }

  /** Ends the interval where it stands. Between two steps no transaction is half emitted. */
  cut(): void {
    this.due.fill(0);
    this.current = 0;
  }

  /** Begins anew at these positions, which some interval ended at. */
  rewind(positions: ArrayLike<number>): void {
    this.cut();
    this.lost = -1;
    this.positions.set(positions);
    this.ends.set(positions);
  }

  /** What comes next of a stream emits nothing. */
  skip(stream: number, to: number): void {
    this.positions[stream] = to;
    this.ends[stream] = Math.max(this.ends[stream]!, to);
  }

  /** Emits what one read brings. @returns whether there may be more in this interval */
  step(): boolean {
    if (this.due[this.current] === 0) this.current = this.due.indexOf(1);
    const stream = this.current;
    if (stream < 0) this.current = 0;
    if (stream < 0 || this.lost >= 0) return false;
    const from = this.positions[stream]!;
    const end = this.ends[stream]!;
    if (from >= end) this.due[stream] = 0;
    else if (this.source.read(stream, from, end, this.chunk)) this.emitChunk(stream);
    else this.lost = stream;
    this.chunk.trim();
    return this.lost < 0;
  }

  private emitChunk(stream: number): void {
    const { chunk, positions, due } = this;
    const { region, length } = chunk;
    for (let at = 0; at < length; ) {
      const bytes = region.words[at >> 2]!;
      if (region.bytes[at + RECORD_KIND] !== KIND_PART) {
        this.sink.record(stream, region, at);
        positions[stream]! += bytes;
      } else if (!this.isWhole(at)) {
        due[stream] = 0;
        return;
      } else if (!this.emitTransaction(at)) return;
      at += bytes;
    }
  }

  /** Whether every part of the transaction at `offset` is next on its stream, or was emitted. */
  private isWhole(offset: number): boolean {
    const { region } = this.chunk;
    for (let i = participants(region, offset) - 1; i >= 0; i--) {
      const at = participantAt(offset, i);
      const stream = region.view.getUint16(at, true);
      const lsn = region.view.getFloat64(at + 2, true);
      const position = this.positions[stream]!;
      if (position < lsn || (position === lsn && lsn >= this.ends[stream]!)) return false;
    }
    return true;
  }

  /** @returns false when a part is lost */
  private emitTransaction(offset: number): boolean {
    if (!this.readParts(offset)) return false;
    const count = this.countCommands();
    if (count > 1) this.sink.begin();
    this.emitParts();
    if (count > 1) this.sink.end();
    for (let i = 0; i < this.partCount; i++) {
      const { stream, chunk } = this.parts[i]!;
      this.positions[stream]! += chunk.region.words[0]!;
      this.due[stream] = 1;
      chunk.trim();
    }
    return true;
  }

  /** Reads those parts that were not emitted. */
  private readParts(offset: number): boolean {
    const { region } = this.chunk;
    this.partCount = 0;
    for (let i = 0, all = participants(region, offset); i < all; i++) {
      const at = participantAt(offset, i);
      const stream = region.view.getUint16(at, true);
      const lsn = region.view.getFloat64(at + 2, true);
      if (this.positions[stream]! > lsn) continue;
      if (this.partCount === this.parts.length) this.parts.push(new PartReader());
      const part = this.parts[this.partCount++]!;
      if (!this.source.read(stream, lsn, this.ends[stream]!, part.chunk)) {
        this.lost = stream;
        return false;
      }
      part.begin(stream);
    }
    return true;
  }

  private countCommands(): number {
    let count = 0;
    for (let i = 0; i < this.partCount; i++) {
      const part = this.parts[i]!;
      for (; part.at < part.end; part.at += part.recordBytes) {
        if (i === 0 || !part.isAtBarrier) count++;
      }
      part.begin(part.stream);
    }
    return count;
  }

  /** Part by part up to the next barrier, then that once, and so on. */
  private emitParts(): void {
    for (;;) {
      for (let i = 0; i < this.partCount; i++) this.emitToBarrier(this.parts[i]!);
      const first = this.nextBarrier();
      if (first === null) return;
      const { region } = first.chunk;
      const offset = first.at;
      const bytes = first.recordBytes;
      this.sink.record(first.stream, region, offset);
      for (let i = 0; i < this.partCount; i++) {
        const part = this.parts[i]!;
        if (!part.isAtBarrier || part.recordBytes !== bytes) continue;
        if (equalBytes(part.chunk.region, part.at, region, offset, bytes)) part.at += bytes;
      }
    }
  }

  private emitToBarrier(part: PartReader): void {
    while (part.at < part.end && !part.isAtBarrier) {
      this.sink.record(part.stream, part.chunk.region, part.at);
      part.at += part.recordBytes;
    }
  }

  private nextBarrier(): PartReader | null {
    for (let i = 0; i < this.partCount; i++) {
      if (this.parts[i]!.isAtBarrier) return this.parts[i]!;
    }
    return null;
  }
}

/** Whether the record at `offset`, of a shard's stream, is about databases. */
function isBarrier(region: Region, offset: number): boolean {
  return region.bytes[offset + RECORD_KIND] === KIND_KEYLESS;
}
