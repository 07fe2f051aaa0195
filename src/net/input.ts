/**
 * Input that cannot be run where it was received: the beginning of a command whose rest has not
 * come yet (`PartialCommand`), and whole commands that must wait (`Backlog`).
 */
import { giveBack } from '../base/owned-region.js';
import { copyBytes, moveBytes, type Region } from '../base/region.js';
import type { RequestParser } from '../protocol/parser.js';
import type { RegionPool } from './region-pool.js';

const LF = 10;
/** A command under assembly begins in so much. */
export const PARTIAL_BYTES = 16384;
/** A partial command's region is kept for the next one up to this size. */
const KEPT_BYTES = 262144;
const SPARE_BACKLOGS_MAX = 64;
/**
 * Offsets in a region are 31 bits. The connection closes before a command or backlog grows that
 * large.
 */
const REGION_BYTES_MAX = 0x7fff_fff8;

/**
 * A command under assembly. Its bytes are gathered in one region, so that its arguments are offsets
 * into that region; the parser keeps its state between arrivals.
 */
export class PartialCommand {
  region: Region;
  used = 0;
  /** Bytes that still come straight into the region (`receiveInto`). */
  directLeft = 0;
  /** The command is complete and waits to be run. */
  whole = false;

  constructor(
    readonly parser: RequestParser,
    private readonly regions: RegionPool,
    createRegion: (bytes: number) => Region,
  ) {
    this.region = createRegion(PARTIAL_BYTES);
  }

  /**
   * Bytes of the argument or line that is being received; those before it belong to the command.
   */
  get begunBytes(): number {
    return this.used - this.parser.position;
  }

  /** Makes it ready for another command. False when its region has grown too large to keep. */
  reset(): boolean {
    this.parser.reset();
    this.parser.args.trim();
    this.used = 0;
    this.directLeft = 0;
    this.whole = false;
    return this.region.length <= KEPT_BYTES;
  }

  /** How many of the bytes at `[at, end)` it needs for its next step. */
  wants(source: Region, at: number, end: number): number {
    const missing = this.parser.missing;
    if (missing > 0) return Math.min(missing, end - at);
    // Not indexOf: it would search on to the end of the whole region.
    const bytes = source.bytes;
    for (let i = at; i < end; i++) if (bytes[i] === LF) return i + 1 - at;
    return end - at;
  }

  append(source: Region, offset: number, length: number): void {
    this.reserve(length);
    copyBytes(this.region, this.used, source, offset, length);
    this.used += length;
  }

  /** Makes room for `length` more bytes. Moves what is there when the region must grow. */
  reserve(length: number): void {
    const needed = this.used + length;
    if (needed <= this.region.length) return;
    let size = this.region.length;
    while (size < needed) size *= 2;
    const larger = this.regions.take(Math.min(size, REGION_BYTES_MAX));
    copyBytes(larger, 0, this.region, 0, this.used);
    // Small ones too: of thousands of clients at once, the garbage collector would have them much later.
    if (this.region.length > KEPT_BYTES) this.regions.give(this.region);
    else giveBack(this.region);
    this.region = larger;
    this.parser.rebase(larger, 0);
  }
}

/** Received bytes in order, waiting to be parsed. */
export class Backlog {
  region: Region;
  start = 0;
  end = 0;

  constructor(private readonly createRegion: (bytes: number) => Region) {
    this.region = createRegion(PARTIAL_BYTES);
  }

  get length(): number {
    return this.end - this.start;
  }

  append(source: Region, offset: number, length: number): void {
    if (this.end + length > this.region.length) this.makeRoom(length);
    copyBytes(this.region, this.end, source, offset, length);
    this.end += length;
  }

  private makeRoom(length: number): void {
    const used = this.end - this.start;
    let size = this.region.length;
    while (size < (used + length) * 2) size *= 2;
    size = Math.min(size, REGION_BYTES_MAX);
    const next = size === this.region.length ? this.region : this.createRegion(size);
    if (next === this.region) moveBytes(next, 0, this.start, this.end - this.start);
    else {
      copyBytes(next, 0, this.region, this.start, used);
      giveBack(this.region);
    }
    this.region = next;
    this.start = 0;
    this.end = used;
  }
}

interface Waiting {
  readonly closed: boolean;
  backlog: Backlog | null;
}

/**
 * Keeps what clients sent while they had to wait. Under contention that happens often and for a
 * moment each: backlogs are reused, and what is served from one and must wait again stays in it.
 */
export class Backlogs {
  private readonly spare: Backlog[] = [];
  private served: Backlog | null = null;

  constructor(private readonly createRegion: (bytes: number) => Region) {}

  /** Puts the bytes at `[from, end)` aside until the client may go on. */
  putAside(client: Waiting, region: Region, from: number, end: number): void {
    const { served } = this;
    if (served !== null && served.region === region) {
      served.start = from;
      served.end = end;
    } else if (from < end) {
      client.backlog ??= this.spare.pop() ?? new Backlog(this.createRegion);
      client.backlog.append(region, from, end - from);
    }
  }

  /** The backlog is about to be served: all of it that is not put aside again. */
  beginServing(client: Waiting, backlog: Backlog): void {
    client.backlog = null;
    backlog.start = backlog.end;
    this.served = backlog;
  }

  endServing(client: Waiting, backlog: Backlog): void {
    this.served = null;
    if (backlog.length > 0 && !client.closed) client.backlog = backlog;
    else this.giveBack(backlog);
  }

  /** Nobody was in need of the spare ones for a while: their memory goes back, they stay. */
  trim(): void {
    for (const { region } of this.spare) giveBack(region);
  }

  /** Its bytes are not needed any more. */
  giveBack(backlog: Backlog): void {
    if (backlog.region.length > KEPT_BYTES || this.spare.length >= SPARE_BACKLOGS_MAX) {
      giveBack(backlog.region);
      return;
    }
    backlog.start = 0;
    backlog.end = 0;
    this.spare.push(backlog);
  }
}
