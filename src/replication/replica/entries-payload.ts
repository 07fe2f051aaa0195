/**
 * Reads the payload of ENTRIES blocks (wire.ts):
 *
 *   0      u8   kind
 *   1      3 × 0
 *   4      u16  database
 *   6      u16  0
 *   8      u32  key length in bytes
 *   12     u32  value length in bytes
 *   16     f64  expiry, absolute milliseconds; 0 for none
 *   24     key, value, padding to 8
 */
import { align8 } from '../../base/align.js';
import type { Region } from '../../base/region.js';
import { ENTRY_HEADER_BYTES } from '../wire.js';
import type { ReceivedEntry } from './shard-writer.js';

/** Reads the entry at `at`. @returns the offset after it, or -1 when that is beyond `end` */
export function readEntry(region: Region, at: number, end: number, into: ReceivedEntry): number {
  if (end - at < ENTRY_HEADER_BYTES) return -1;
  const { view } = region;
  const keyLength = view.getUint32(at + 8, true);
  const valueLength = view.getUint32(at + 12, true);
  const bytes = ENTRY_HEADER_BYTES + keyLength + valueLength;
  if (bytes > end - at) return -1;
  into.region = region;
  into.kind = view.getUint8(at);
  into.database = view.getUint16(at + 4, true);
  into.expiry = view.getFloat64(at + 16, true);
  into.keyOffset = at + ENTRY_HEADER_BYTES;
  into.keyLength = keyLength;
  into.valueOffset = into.keyOffset + keyLength;
  into.valueLength = valueLength;
  return at + align8(bytes);
}
