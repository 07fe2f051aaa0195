/**
 * One shard of the primary as a flow of the replica receives it: its state and its pending bytes.
 */
import { giveBack, newRegion } from '../../base/owned-region.js';
import { copyBytes, Region } from '../../base/region.js';
import { RECORD_BYTES_MAX } from '../../journal/record.js';
import { PAYLOAD_BYTES_MAX } from '../wire.js';

const SMALL_BYTES = 64 * 1024;
const STEP_BYTES = 1 << 26;
/** The region of a shard without pending bytes. Nobody writes to it. */
const NOTHING = new Region(new SharedArrayBuffer(0), 0);

/** State of one shard, and the pieces of a payload that is not complete. */
export class ReplicaShard {
  /** Type of the unfinished payload (MORE), 0 when there is none. */
  partial = 0;
  /** How far the walk has come: database and hash position. */
  private database = 0;
  private position = 0;
  /** The pending bytes: from start to end. */
  region = NOTHING;
  start = 0;
  end = 0;

  /**
   * @param state that it begins in (shard-states.ts)
   * @param received LSN up to which the stream was received
   */
  constructor(
    readonly shard: number,
    public state: number,
    public received: number,
  ) {}

  /** The walk begins, for the first time or again. */
  restart(): void {
    this.database = 0;
    this.position = 0;
  }

  /** The walk goes on from there. */
  resumeAt(database: number, position: number): void {
    this.database = database;
    this.position = position;
  }

  /** Takes the cursor after a block. @returns false when the walk would go back */
  moveCursor(database: number, position: number): boolean {
    const isBack =
      database < this.database || (database === this.database && position < this.position);
    if (isBack) return false;
    this.database = database;
    this.position = position;
    return true;
  }

  append(source: Region, offset: number, length: number): void {
    if (this.start === this.end) {
      this.start = 0;
      this.end = 0;
    }
    if (this.end + length > this.region.length) this.grow(length);
    copyBytes(this.region, this.end, source, offset, length);
    this.end += length;
  }

  private grow(length: number): void {
    const used = this.end - this.start;
    const { region } = this;
    let larger = region;
    if (used + length > region.length) {
      let size = SMALL_BYTES;
      while (size < used + length) size = size < STEP_BYTES ? size * 2 : size + STEP_BYTES;
      larger = newRegion(Math.max(size, this.recordBytes()));
    }
    copyBytes(larger, 0, region, this.start, used);
    if (larger !== region) giveBack(region);
    this.region = larger;
    this.start = 0;
    this.end = used;
  }

  /** Room for the record that begins the pending bytes: a large one is then copied only once. */
  private recordBytes(): number {
    if (this.end - this.start < 4) return 0;
    const bytes = this.region.view.getUint32(this.start, true);
    return bytes <= RECORD_BYTES_MAX ? (bytes + PAYLOAD_BYTES_MAX) & ~7 : 0;
  }

  /** Drops the pending bytes. */
  discard(): void {
    this.start = 0;
    this.end = 0;
    if (this.region.length <= SMALL_BYTES * 4) return;
    giveBack(this.region);
    this.region = NOTHING;
  }
}
