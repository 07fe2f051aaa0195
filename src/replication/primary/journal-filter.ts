/**
 * The journal during the walk of a full sync: takes records out of a ring and keeps those that
 * concern keys before the cursor. An effect on any other key is dropped: the key's frame will
 * contain it.
 *
 *   take    under the shard's lock: copies whole records into the region
 *   keep    without the lock: moves the records to keep to the region's start
 *
 * While the key at the cursor is shipped in parts, its effects are judged by part-filter.ts. As these
 * may move the place inside it, `keep` comes before the next part is taken then, under the lock.
 */
import { giveBack, newRegion } from '../../base/owned-region.js';
import { copyBytes, type Region } from '../../base/region.js';
import {
  KIND_KEYLESS,
  KIND_PART,
  partHeaderBytes,
  participants,
  RECORD_DATABASE,
  RECORD_HASH,
  RECORD_KIND,
} from '../../journal/record.js';
import type { JournalRing } from '../../journal/ring.js';
import { EFFECT_SWAP } from '../../keyspace/effect-verbs.js';
import { keylessOf } from '../keyless.js';
import type { WalkCursor } from './full-sync-walk.js';
import type { PartFilter } from './part-filter.js';

/** Bytes of journal taken under one hold of the lock, unless one record is longer. */
export const CHUNK_BYTES = 128 * 1024;
/** A larger region is released after use. */
const KEPT_BYTES = 4 << 20;

/** Verdicts on an effect. */
const SEND = 1;
const DROP = 0;
/** The shard must be shipped again. */
export const RESHIP = -1;

export class JournalFilter {
  region = newRegion(CHUNK_BYTES);

  constructor(private readonly parts: PartFilter) {}

  /**
   * Copies whole records from `from` on into the region: a chunk, or one long record.
   * @returns their bytes
   */
  take(ring: JournalRing, from: number): number {
    const { head } = ring;
    let length = 0;
    while (from + length < head) {
      const record = ring.wordAt(from + length);
      if (length > 0 && length + record > CHUNK_BYTES) break;
      length += record;
      if (length > CHUNK_BYTES) break;
    }
    if (length > this.region.length) {
      giveBack(this.region);
      this.region = newRegion((length + 4095) & ~4095);
    }
    ring.read(from, length, this.region, 0);
    return length;
  }

  /**
   * Moves those of the first `length` bytes that concern keys before the cursor to the start.
   * @returns the bytes kept, or RESHIP
   */
  keep(length: number, shipped: WalkCursor): number {
    const { region } = this;
    let kept = 0;
    for (let at = 0; at < length; ) {
      const record = region.words[at >> 2]!;
      if (region.bytes[at + RECORD_KIND] === KIND_PART) {
        const bytes = this.keepPart(at, record, kept, shipped);
        if (bytes === RESHIP) return RESHIP;
        kept += bytes;
      } else {
        const bytes = this.keepEffect(at, record, kept, shipped);
        if (bytes === RESHIP) return RESHIP;
        kept += bytes;
      }
      at += record;
    }
    return kept;
  }

  /**
   * Filters the records inside a transaction's part. A part without remaining records is not sent:
   * it is older than the cut, so the replica is not ready before it has the effects of all parts.
   */
  private keepPart(offset: number, length: number, target: number, shipped: WalkCursor): number {
    const { region } = this;
    const end = offset + length;
    const header = partHeaderBytes(participants(region, offset));
    let inner = offset + header;
    copyBytes(region, target, region, offset, header);
    let kept = header;
    while (inner < end) {
      const record = region.words[inner >> 2]!;
      const bytes = this.keepEffect(inner, record, target + kept, shipped);
      if (bytes === RESHIP) return RESHIP;
      kept += bytes;
      inner += record;
    }
    if (kept === header) return 0;
    region.words[target >> 2] = kept;
    return kept;
  }

  /** Moves one effect to `target` if it is to be kept. @returns the bytes kept, or RESHIP */
  private keepEffect(offset: number, length: number, target: number, shipped: WalkCursor): number {
    const { region, parts } = this;
    let bytes = length;
    if (parts.concerns(region, offset, shipped.part)) {
      bytes = parts.apply(region, offset, shipped.part);
    } else {
      const verdict = judge(region, offset, shipped);
      if (verdict === RESHIP) return RESHIP;
      if (verdict === DROP) return 0;
    }
    if (bytes > 0 && target !== offset) copyBytes(region, target, region, offset, bytes);
    return bytes;
  }

  /** Exchanges the region with another one, to hand its bytes over. */
  exchange(other: Region): Region {
    const { region } = this;
    this.region = other;
    return region;
  }

  /** Releases a region that has grown for a long record. */
  trim(): void {
    if (this.region.length > KEPT_BYTES) {
      giveBack(this.region);
      this.region = newRegion(CHUNK_BYTES);
    }
  }
}

/** The verdict on one effect, when everything before the cursor was shipped. */
function judge(region: Region, offset: number, shipped: WalkCursor): number {
  const of = region.view.getUint16(offset + RECORD_DATABASE, true);
  if (region.bytes[offset + RECORD_KIND] === KIND_KEYLESS) {
    return judgeKeyless(region, offset, of, shipped);
  }
  if (of !== shipped.database) return of < shipped.database ? SEND : DROP;
  // The other keys with the hash of a collection that is shipped in parts were shipped with its first.
  const end = shipped.part.active ? shipped.position + 1 : shipped.position;
  return region.view.getUint32(offset + RECORD_HASH, true) < end ? SEND : DROP;
}

function judgeKeyless(region: Region, offset: number, of: number, shipped: WalkCursor): number {
  const { database, position, part } = shipped;
  const keyless = keylessOf(region, offset);
  // A FLUSHDB is always safe to send: the replica has nothing of what was not shipped.
  if (keyless?.verb !== EFFECT_SWAP) {
    if (of === database) part.restart();
    return of <= database ? SEND : DROP;
  }
  const { first: a, second: b } = keyless;
  if (a < database && b < database) return SEND;
  const untouched = (other: number) =>
    other > database || (other === database && position === 0 && !part.active);
  return untouched(a) && untouched(b) ? DROP : RESHIP;
}
