/**
 * Writes the payload of DUMP (dump.ts has the layout) into a region of its own. One of the writers
 * below takes the value, between `begin` and `finish`.
 */
import { giveBack, withRoom } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import { CollectionWriter } from './collection-writer.js';
import { TYPE_STRING } from './format.js';
import { newRegion } from './input.js';
import { ListWriter } from './list-writer.js';
import { RdbOutput } from './output.js';
import { StreamWriter } from './stream-writer.js';
import { WRITE_OPTIONS, type WriteOptions } from './writer.js';

const BYTES = 4096;
const BYTES_KEPT = 1024 * 1024;
/** A payload is a reply, and an argument of RESTORE: both are bounded by 2 GiB. */
export const PAYLOAD_BYTES_MAX = 0x7e00_0000;

/** The value is too large for a payload. */
export class PayloadTooLongError extends Error {}

export class DumpWriter {
  /** The payload, from 0 on; valid until the next `begin`. */
  region: Region = newRegion(BYTES);
  length = 0;
  readonly collections: CollectionWriter;
  readonly lists: ListWriter;
  readonly streams: StreamWriter;
  private readonly output: RdbOutput;
  private readonly version: number;

  constructor(options: Partial<WriteOptions> = {}) {
    const all = { ...WRITE_OPTIONS, ...options };
    this.version = all.version;
    this.output = new RdbOutput((region, offset, length) => this.append(region, offset, length));
    this.output.compression = all.compression;
    const head = (type: number): void => this.output.byte(type);
    this.collections = new CollectionWriter(this.output, head, all.version, all.limits);
    this.lists = new ListWriter(this.output, head);
    this.streams = new StreamWriter(this.output, head, all.version);
  }

  begin(): void {
    this.length = 0;
    this.release();
    this.output.checksum.reset();
  }

  string(region: Region, offset: number, length: number): void {
    this.output.byte(TYPE_STRING);
    this.output.string(region, offset, length);
  }

  /** After the payload was used: gives back what a large one took. */
  release(): void {
    if (this.region.length <= BYTES_KEPT) return;
    giveBack(this.region);
    this.region = newRegion(BYTES);
  }

  /** Version and checksum. */
  finish(): void {
    this.output.byte(this.version & 255);
    this.output.byte(this.version >>> 8);
    this.output.footer();
  }

  private append(region: Region, offset: number, length: number): void {
    const end = this.length + length;
    if (end > PAYLOAD_BYTES_MAX) throw new PayloadTooLongError();
    this.region = withRoom(this.region, this.length, end);
    copyBytes(this.region, this.length, region, offset, length);
    this.length += length;
  }
}
