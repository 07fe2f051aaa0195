/**
 * A record of the journal: what one write, or one transaction's part, did to one shard.
 *
 *   0      u32  total length, a multiple of 4
 *   4      u8   kind
 *   5      u8   0
 *   6      u16  database
 *   8      u32  hash position (h1) of the key; 0 where there is none
 *   12     body
 *
 *   EFFECT, KEYLESS   an effect vector (keyspace/effects.ts), then up to 3 bytes of padding
 *   PART              u16 participants n, then n × (u16 shard, f64 LSN of that shard's part), in
 *                     ascending order of shards; padding to 4; then records of the other two
 *                     kinds: everything the transaction did in this shard. A part with one
 *                     participant only groups its records.
 *
 * A record's LSN is the position of its first byte in its shard's stream. A part contains the LSNs
 * of all parts of its transaction. From these a replica knows which parts it has applied. It needs
 * no transaction numbers and no state to clean up.
 */
import type { Region } from '../base/region.js';

export const RECORD_HEADER_BYTES = 12;
export const RECORD_KIND = 4;
export const RECORD_DATABASE = 6;
export const RECORD_HASH = 8;

export const KIND_EFFECT = 1;
export const KIND_KEYLESS = 2;
export const KIND_PART = 3;

/** Bytes of an effect vector before its arguments, as in keyspace/effects.ts. */
export const VECTOR_HEADER_BYTES = 4;
export const PARTICIPANT_BYTES = 10;
/**
 * The longest record: what a ring can hold beside 16 MiB of others, as offsets are 31 bits. An
 * effect has at most a key and a value of 512 MiB each; a transaction's part may have more.
 */
export const RECORD_BYTES_MAX = 0x7e00_0000;
/** The longest body of a record. */
export const BODY_BYTES_MAX = RECORD_BYTES_MAX - RECORD_HEADER_BYTES;

function align4(bytes: number): number {
  return (bytes + 3) & ~3;
}

/** Bytes of a part before its records. */
export function partHeaderBytes(participants: number): number {
  return align4(RECORD_HEADER_BYTES + 2 + participants * PARTICIPANT_BYTES);
}

/** An effect to be written as a record: keyspace/effects.ts declares the same. */
export interface JournalEffect {
  readonly shard: number;
  readonly database: number;
  readonly h1: number;
  readonly keyless: boolean;
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
}

/** Bytes of the record of an effect whose vector has this length. */
export function recordBytes(vectorBytes: number): number {
  return align4(RECORD_HEADER_BYTES + vectorBytes);
}

/** The second word of a record: kind and database. */
export function kindWord({ keyless, database }: JournalEffect): number {
  return (keyless ? KIND_KEYLESS : KIND_EFFECT) | (database << 16);
}

/** Where a record comes from; what it says is checked against this. */
export class RecordOrigin {
  shard = 0;
  /** Number of the primary's shards, and of databases here. */
  shards = 0;
  databases = 0;
  /** LSN of the record; -1 when it is not known. */
  lsn = -1;
}

/** Where participant `index` of the part at `offset` begins. */
export function participantAt(offset: number, index: number): number {
  return offset + RECORD_HEADER_BYTES + 2 + index * PARTICIPANT_BYTES;
}

/**
 * Checks everything about a record from the network that its application relies on.
 * @returns what is wrong, or null
 */
export function recordError(
  region: Region,
  offset: number,
  end: number,
  origin: RecordOrigin,
): string | null {
  const { shards, databases } = origin;
  if (end - offset < RECORD_HEADER_BYTES) return 'a record is cut off';
  const length = region.view.getUint32(offset, true);
  if (length < RECORD_HEADER_BYTES || length % 4 !== 0 || length > end - offset) {
    return `a record of ${length} bytes`;
  }
  const kind = region.bytes[offset + RECORD_KIND]!;
  if (kind !== KIND_PART) return simpleError(region, offset, length, databases);
  const count = length < RECORD_HEADER_BYTES + 2 ? 0 : participants(region, offset);
  if (count < 1 || count > shards) return `a transaction of ${count} shards`;
  const header = partHeaderBytes(count);
  if (header > length) return 'the participants of a transaction are cut off';
  const wrong = participantsError(region, offset, count, origin);
  if (wrong !== null) return wrong;
  for (let at = offset + header; at < offset + length; ) {
    const inner = offset + length - at;
    const bytes = inner < RECORD_HEADER_BYTES ? 0 : region.view.getUint32(at, true);
    if (bytes < RECORD_HEADER_BYTES || bytes % 4 !== 0 || bytes > inner) {
      return `a record of ${bytes} bytes in a transaction`;
    }
    const error = simpleError(region, at, bytes, databases);
    if (error !== null) return error;
    at += bytes;
  }
  return null;
}

export function participants(region: Region, offset: number): number {
  return region.view.getUint16(offset + RECORD_HEADER_BYTES, true);
}

function participantsError(
  region: Region,
  offset: number,
  count: number,
  { shard, shards, lsn }: RecordOrigin,
): string | null {
  let previous = -1;
  let own = false;
  for (let i = 0; i < count; i++) {
    const at = participantAt(offset, i);
    const other = region.view.getUint16(at, true);
    const otherLsn = region.view.getFloat64(at + 2, true);
    if (other <= previous || other >= shards) return `a transaction of shard ${other}`;
    if (!Number.isSafeInteger(otherLsn) || otherLsn < 0) return `a part at LSN ${otherLsn}`;
    if (other === shard) {
      own = true;
      if (lsn >= 0 && otherLsn !== lsn) return `a part at LSN ${lsn} that claims ${otherLsn}`;
    }
    previous = other;
  }
  return own ? null : 'a part of a transaction of other shards';
}

/** EFFECT and KEYLESS: the lengths in the vector fill the record. */
function simpleError(
  region: Region,
  offset: number,
  length: number,
  databases: number,
): string | null {
  const kind = region.bytes[offset + RECORD_KIND]!;
  if (kind !== KIND_EFFECT && kind !== KIND_KEYLESS) return `a record of kind ${kind}`;
  if (region.view.getUint16(offset + RECORD_DATABASE, true) >= databases) {
    return `a record for database ${region.view.getUint16(offset + RECORD_DATABASE, true)}`;
  }
  const end = offset + length;
  let at = offset + RECORD_HEADER_BYTES + VECTOR_HEADER_BYTES;
  if (at > end) return 'an effect is cut off';
  const count = region.view.getUint32(at - VECTOR_HEADER_BYTES, true);
  if (count < 1) return 'an effect without words';
  for (let i = 0; i < count; i++) {
    if (end - at < 4) return 'an effect is cut off';
    const bytes = region.view.getUint32(at, true);
    at += 4;
    if (bytes > end - at) return `an argument of ${bytes} bytes in an effect`;
    at += bytes;
  }
  return end - at > 3 ? 'bytes after an effect' : null;
}
