/**
 * Key -> hash slot, as Redis Cluster's specification has it: CRC16 (XMODEM: polynomial 0x1021,
 * start 0) of the key modulo 16384, or of the part between the first '{' and the next '}' when that
 * part is not empty. https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */
import type { Region } from '../base/region.js';

export const SLOT_COUNT = 16384;

const table = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  table[byte] = crc & 0xffff;
}

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

export function slotOf(region: Region, offset: number, length: number): number {
  const bytes = region.bytes;
  const end = offset + length;
  let crc = 0;
  for (let i = offset; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === OPEN_BRACE) return slotOfTagged(region, offset, length, i);
    crc = ((crc << 8) & 0xffff) ^ table[(crc >>> 8) ^ byte]!;
  }
  return crc & (SLOT_COUNT - 1);
}

function crc16(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0;
  for (let i = from; i < to; i++) crc = ((crc << 8) & 0xffff) ^ table[(crc >>> 8) ^ bytes[i]!]!;
  return crc & (SLOT_COUNT - 1);
}

function slotOfTagged(region: Region, offset: number, length: number, open: number): number {
  const end = offset + length;
  const bytes = region.bytes;
  for (let close = open + 1; close < end; close++) {
    if (bytes[close] !== CLOSE_BRACE) continue;
    if (close === open + 1) break;
    return crc16(bytes, open + 1, close);
  }
  return crc16(bytes, offset, end);
}
