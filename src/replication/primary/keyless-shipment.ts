/**
 * How a full sync ships the stream without keys. There is nothing to walk: the state that its effects
 * have made is described under the stream's lock, as effects that make it again, and the stream
 * continues from the head at that moment.
 *
 *   CLEAR (the head) ─▶ VALUES (the effects, unless there are none) ─▶ SHARD_DONE (the head)
 */
import { newRegion } from '../../base/owned-region.js';
import type { Region } from '../../base/region.js';
import { VALUES_HEADER_BYTES } from '../wire.js';
import { ValueRecords } from './value-records.js';

const INITIAL_BYTES = 4096;

/** Takes effects of the stream without keys, one after the other. */
export interface KeylessRecords {
  /** Begins an effect with its name. */
  beginKeyless(name: string): this;
  word(text: string): this;
  bytes(source: Region, offset: number, length: number): this;
  end(): void;
}

/** State of the server that no key has: the libraries of functions, for example. */
export interface KeylessState {
  /** Writes the effects that make the state again. The stream's lock is held. */
  describe(records: KeylessRecords): void;
}

export class KeylessShipment {
  /** Bytes of the payload that waits to be sent; 0 for none. */
  length = 0;
  /** Holds the payload from its start on. */
  region: Region = newRegion(INITIAL_BYTES);
  private readonly records = new ValueRecords();

  constructor(private readonly state: KeylessState | null) {}

  /** Describes the state anew. The stream's lock is held. */
  capture(): void {
    const { records } = this;
    this.length = 0;
    if (this.state === null) return;
    records.appendTo(this.region, VALUES_HEADER_BYTES);
    this.state.describe(records);
    this.region = records.region;
    if (records.position === VALUES_HEADER_BYTES) return;
    this.region.bytes.fill(0, 0, VALUES_HEADER_BYTES);
    this.length = records.position;
  }

  /** Takes the payload away, leaving another region in its place. */
  take(other: Region): Region {
    const { region } = this;
    this.region = other;
    this.length = 0;
    return region;
  }
}
