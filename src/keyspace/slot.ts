/**
 * Key -> hash slot, as Redis Cluster's specification has it: CRC16 (XMODEM: polynomial 0x1021,
 * start 0) of the key, or of its hash tag, modulo 16384. It tells clients of a cluster the node of a
 * key. The shard of a key is another question: see key-hash.ts.
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */
import type { Region } from '../base/region.js';
import { findTag, HashTag } from './hash-tag.js';

export const SLOT_COUNT = 16384;

const table = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  table[byte] = crc & 0xffff;
}

const hashed = new HashTag();

export function slotOf({ bytes }: Region, offset: number, length: number): number {
  findTag(bytes, offset, length, hashed);
  const end = hashed.offset + hashed.length;
  let crc = 0;
  for (let i = hashed.offset; i < end; i++) {
    crc = ((crc << 8) & 0xffff) ^ table[(crc >>> 8) ^ bytes[i]!]!;
  }
  return crc & (SLOT_COUNT - 1);
}
