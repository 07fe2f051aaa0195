/**
 * Loads ranges of an RDB file, one after the other, as one of several threads that share the file
 * (file-ranges.ts). A step is short, so that its thread can do something else in between. What is to be
 * said about the file as a whole, its checksum above all, is told by range: `LoadedRanges`.
 */
import { RdbError } from '../error.js';
import { type ReadAt, RecordScanner } from '../record-scanner.js';
import { FileRange, type FileRanges } from './file-ranges.js';
import type { RdbLoader } from './loader.js';

/** Long against what claiming costs, short against a file that is worth several threads. */
export const RANGE_BYTES = 1024 * 1024;
const CHECKSUM_BYTES = 8;

/** Something that the file says besides its keys. */
export interface FileRemark {
  readonly kind: 'setting' | 'library' | 'module';
  /** Where in the file. */
  readonly offset: number;
  readonly name: string;
  readonly value: string;
}

/** The file's end, as who has read it tells it. */
export interface FileEnd {
  /** Behind it. */
  readonly offset: number;
  /** The checksum that stands there, in halves; null in files that have none. */
  readonly claimed: { readonly low: number; readonly high: number } | null;
}

/** Why a range could not be loaded. */
export interface RangeFailure {
  readonly from: number;
  /** Whether the file is damaged; else it could not be read. */
  readonly isDamage: boolean;
  readonly text: string;
}

/** What one thread has loaded. */
export interface LoadedRanges {
  /** Four numbers for each range: its place, its length without the checksum, the halves of its checksum. */
  readonly ranges: readonly number[];
  readonly remarks: readonly FileRemark[];
  readonly end: FileEnd | null;
  readonly keys: number;
  readonly expired: number;
}

export class RangeLoader {
  readonly ranges: number[] = [];
  end: FileEnd | null = null;
  /** Where what could not be loaded is, or its range begins. */
  from = 0;
  private readonly scanner: RecordScanner;
  private readonly range = new FileRange();
  private isAmidst = false;
  private isEnding = false;
  private at = 0;
  private keysNoted = 0;

  constructor(
    private readonly loader: RdbLoader,
    private readonly shared: FileRanges,
    private readonly version: number,
    private readonly readAt: ReadAt,
    private readonly rangeBytes = RANGE_BYTES,
  ) {
    this.scanner = new RecordScanner(readAt, () => shared.isStopped);
  }

  /**
   * Loads some more.
   * @returns false when there is nothing left
   * @throws RdbError when the file is damaged, or the system's error when it cannot be read
   */
  step(): boolean {
    const { shared, range } = this;
    try {
      if (this.isEnding || !(this.isAmidst || this.claim()) || shared.isNeedless(range)) {
        return this.storeRest();
      }
      this.read();
      return true;
    } catch (error) {
      this.from = range.from;
      if (error instanceof RdbError && error.offset >= 0) this.from = error.offset;
      shared.fail(this.from);
      throw error;
    }
  }

  /** There is nothing more to read: stores what was gathered. @returns whether there is more of it */
  private storeRest(): boolean {
    const { loader, shared } = this;
    this.isEnding = true;
    if (shared.isGivenUp) return false;
    const goesOn = loader.storeStep();
    this.note(0);
    return goesOn;
  }

  private note(bytes: number): void {
    const { loader, shared } = this;
    shared.note(bytes, loader.loaded - this.keysNoted);
    this.keysNoted = loader.loaded;
  }

  private claim(): boolean {
    const { shared, range } = this;
    if (!shared.claim(this.scanner, this.rangeBytes, range)) return false;
    this.loader.reader.resume(this.version, range.database, range.from);
    this.at = range.from;
    this.isAmidst = true;
    return true;
  }

  /** Reads on in the range, until its end or for a while. */
  private read(): void {
    const { loader, range } = this;
    const { reader } = loader;
    const from = this.at;
    while (!reader.done && this.at < range.end && this.at - from < RANGE_BYTES) {
      const room = Math.min(reader.makeRoom(), range.end - this.at);
      const got = this.readAt(
        this.at,
        reader.region.bytes.subarray(reader.start, reader.start + room),
      );
      // It throws, unless the file is whole.
      if (got === 0) loader.finish();
      this.at += loader.received(got);
    }
    this.note(this.at - from);
    if (reader.done) this.finishFile();
    else if (this.at >= range.end) this.finishRange();
  }

  private finishRange(): void {
    const { reader } = this.loader;
    // What the scanner takes for whole records are whole records.
    if (!reader.isBetweenRecords) reader.finish();
    const { low, high } = reader.checksum;
    this.ranges.push(this.range.from, this.at - this.range.from, low, high);
    this.isAmidst = false;
  }

  private finishFile(): void {
    const { checksum, part } = this.loader.reader;
    const claimed = part?.claimed ?? null;
    const length = this.at - this.range.from - (claimed === null ? 0 : CHECKSUM_BYTES);
    this.ranges.push(this.range.from, length, checksum.low, checksum.high);
    this.end = {
      offset: this.at,
      claimed: claimed === null ? null : { low: claimed.low, high: claimed.high },
    };
    this.isAmidst = false;
  }
}
