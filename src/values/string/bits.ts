/**
 * Counting, finding and combining the bits of byte ranges, 32 at a time.
 *
 * Bit 0 is the highest bit of byte 0, as SETBIT numbers them. Values begin at any byte of a region,
 * so words are read through the DataView (which costs nothing on the machines we run on). Long runs
 * are counted with carry-save adders (Harley-Seal): eight words become one word of eights, so that
 * only one word in eight needs the full population count.
 */
import type { Region } from '../../base/region.js';

/** How many of the word's bits are set. */
function countWord(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** How many bits are set in `length` bytes. */
export function countBits(region: Region, offset: number, length: number): number {
  const view = region.view;
  const blocks = length & ~31;
  let count = countBlocks(view, offset, offset + blocks);
  let at = offset + blocks;
  const end = offset + length;
  for (const words = end - 3; at < words; at += 4) count += countWord(view.getInt32(at, true));
  for (; at < end; at++) count += countWord(view.getUint8(at));
  return count;
}

/** Counts whole blocks of 32 bytes. */
function countBlocks(view: DataView, from: number, end: number): number {
  let ones = 0;
  let twos = 0;
  let fours = 0;
  let eights = 0;
  for (let at = from; at < end; at += 32) {
    const a = view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const ab = ones ^ a;
    const twosA = (ones & a) | (ab & b);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    const abc = ab ^ b;
    const cd = abc ^ c;
    const twosB = (abc & c) | (cd & d);
    const twoA = twos ^ twosA;
    const foursA = (twos & twosA) | (twoA & twosB);
    const twoB = twoA ^ twosB;
    const e = view.getInt32(at + 16, true);
    const f = view.getInt32(at + 20, true);
    const abcd = cd ^ d;
    const ef = abcd ^ e;
    const twosC = (abcd & e) | (ef & f);
    const g = view.getInt32(at + 24, true);
    const h = view.getInt32(at + 28, true);
    const abcdef = ef ^ f;
    const gh = abcdef ^ g;
    const twosD = (abcdef & g) | (gh & h);
    ones = gh ^ h;
    const twoC = twoB ^ twosC;
    const foursB = (twoB & twosC) | (twoC & twosD);
    twos = twoC ^ twosD;
    const fourA = fours ^ foursA;
    eights += countWord((fours & foursA) | (fourA & foursB));
    fours = fourA ^ foursB;
  }
  return eights * 8 + countWord(fours) * 4 + countWord(twos) * 2 + countWord(ones);
}

/** How many of the bits `first` to `last` (inclusive) of the bytes from `offset` on are set. */
export function countBitRange(region: Region, offset: number, first: number, last: number): number {
  const firstByte = Math.floor(first / 8);
  const lastByte = Math.floor(last / 8);
  let count = countBits(region, offset + firstByte, lastByte - firstByte + 1);
  // Take back the bits of the outer bytes that lie outside.
  const before = first - firstByte * 8;
  const after = 7 - (last - lastByte * 8);
  if (before > 0) count -= countWord(region.bytes[offset + firstByte]! >>> (8 - before));
  if (after > 0) count -= countWord(region.bytes[offset + lastByte]! & ((1 << after) - 1));
  return count;
}

/** The first bit with the value `bit` among `length` bytes, or -1. */
export function findBit(region: Region, offset: number, length: number, bit: number): number {
  const view = region.view;
  const other = bit === 1 ? 0 : -1;
  let done = skipBlocks(view, offset, length, other);
  for (const words = length - 3; done < words; done += 4) {
    if (view.getInt32(offset + done, true) !== other) break;
  }
  for (; done < length; done++) {
    const byte = (view.getUint8(offset + done) ^ other) & 0xff;
    // Where it differs from `other`, the bit is what is looked for.
    if (byte !== 0) return done * 8 + Math.clz32(byte) - 24;
  }
  return -1;
}

/** How many bytes at the beginning hold nothing but `word`, in whole blocks of 16. */
function skipBlocks(view: DataView, offset: number, length: number, word: number): number {
  const end = offset + (length & ~15);
  let at = offset;
  for (; at < end; at += 16) {
    const a = view.getInt32(at, true) ^ word;
    const b = view.getInt32(at + 4, true) ^ word;
    const c = view.getInt32(at + 8, true) ^ word;
    const d = view.getInt32(at + 12, true) ^ word;
    if ((a | b | c | d) !== 0) break;
  }
  return at - offset;
}

/** The first bit with the value `bit` among the bits `first` to `last` (inclusive), or -1. */
export function findBitInRange(
  region: Region,
  offset: number,
  first: number,
  last: number,
  bit: number,
): number {
  const firstByte = Math.floor(first / 8);
  const lastByte = Math.floor(last / 8);
  const other = bit === 1 ? 0 : -1;
  const wanted = (region.bytes[offset + firstByte]! ^ other) & (0xff >>> (first - firstByte * 8));
  if (wanted !== 0) return withinLast(firstByte * 8 + Math.clz32(wanted) - 24, last);
  const found = findBit(region, offset + firstByte + 1, lastByte - firstByte, bit);
  return found < 0 ? -1 : withinLast((firstByte + 1) * 8 + found, last);
}

function withinLast(found: number, last: number): number {
  return found <= last ? found : -1;
}

export const COMBINE_AND = 0;
export const COMBINE_OR = 1;
export const COMBINE_XOR = 2;

/** target[i] = target[i] <operation> source[i] for `length` bytes. */
export function combineBits(
  operation: number,
  target: Region,
  targetOffset: number,
  source: Region,
  sourceOffset: number,
  length: number,
): void {
  const to = target.view;
  const from = source.view;
  const words = length & ~3;
  if (operation === COMBINE_AND) {
    for (let i = 0; i < words; i += 4) {
      const word = to.getInt32(targetOffset + i, true) & from.getInt32(sourceOffset + i, true);
      to.setInt32(targetOffset + i, word, true);
    }
  } else if (operation === COMBINE_OR) {
    for (let i = 0; i < words; i += 4) {
      const word = to.getInt32(targetOffset + i, true) | from.getInt32(sourceOffset + i, true);
      to.setInt32(targetOffset + i, word, true);
    }
  } else {
    for (let i = 0; i < words; i += 4) {
      const word = to.getInt32(targetOffset + i, true) ^ from.getInt32(sourceOffset + i, true);
      to.setInt32(targetOffset + i, word, true);
    }
  }
  for (let i = words; i < length; i++) {
    const left = to.getUint8(targetOffset + i);
    const right = from.getUint8(sourceOffset + i);
    to.setUint8(targetOffset + i, combineByte(operation, left, right));
  }
}

function combineByte(operation: number, left: number, right: number): number {
  if (operation === COMBINE_AND) return left & right;
  return operation === COMBINE_OR ? left | right : left ^ right;
}

/** Turns every bit of `length` bytes around. */
export function invertBits(region: Region, offset: number, length: number): void {
  const view = region.view;
  let done = 0;
  for (const words = length - 3; done < words; done += 4) {
    view.setInt32(offset + done, ~view.getInt32(offset + done, true), true);
  }
  for (; done < length; done++) view.setUint8(offset + done, ~view.getUint8(offset + done));
}
