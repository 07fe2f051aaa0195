/**
 * LZF, the compression of strings in RDB files: a sequence of literal runs and back references.
 *
 *     000nnnnn  n + 1 bytes                       a literal run of 1 to 32 bytes
 *     lllooooo  oooooooo                          l + 2 bytes (l = 1 to 6) from o + 1 bytes back
 *     111ooooo  llllllll  oooooooo                l + 9 bytes from o + 1 bytes back
 *
 * References may overlap what they write: a run of one byte is a reference to the byte before.
 */
import { copyBytes, type Region } from '../../base/region.js';

const LITERAL_BYTES_MAX = 32;
const DISTANCE_MAX = 8192;
const REFERENCE_BYTES_MAX = 264;
/** Three bytes stand for at most so many. */
export const LZF_EXPANSION_MAX = REFERENCE_BYTES_MAX / 3;
/** From here on copyWithin and fill beat a loop over bytes. */
const LONG_REFERENCE_BYTES = 48;

/** Places of input and output, reused: what both directions take. */
export class LzfJob {
  from!: Region;
  fromOffset = 0;
  fromLength = 0;
  to!: Region;
  toOffset = 0;
  /** Decompressing: the exact length of the result. Compressing: what it may take at most. */
  toLength = 0;
}

/** @returns whether the input is well formed and yields exactly `toLength` bytes */
export function decompressLzf(job: LzfJob): boolean {
  const source = job.from.bytes;
  const target = job.to.bytes;
  const end = job.fromOffset + job.fromLength;
  const limit = job.toOffset + job.toLength;
  let at = job.fromOffset;
  let out = job.toOffset;
  while (at < end) {
    const control = source[at++]!;
    if (control < LITERAL_BYTES_MAX) {
      const length = control + 1;
      if (at + length > end || out + length > limit) return false;
      copyBytes(job.to, out, job.from, at, length);
      at += length;
      out += length;
      continue;
    }
    let length = control >>> 5;
    if (at + (length === 7 ? 2 : 1) > end) return false;
    if (length === 7) length += source[at++]!;
    length += 2;
    const distance = (((control & 31) << 8) | source[at++]!) + 1;
    if (out - distance < job.toOffset || out + length > limit) return false;
    copyBack(target, out, distance, length);
    out += length;
  }
  return out === limit;
}

function copyBack(bytes: Uint8Array, out: number, distance: number, length: number): void {
  const from = out - distance;
  if (length >= LONG_REFERENCE_BYTES) {
    if (distance === 1) {
      bytes.fill(bytes[from]!, out, out + length);
      return;
    }
    if (distance >= length) {
      bytes.copyWithin(out, from, from + length);
      return;
    }
  }
  for (let i = 0; i < length; i++) bytes[out + i] = bytes[from + i]!;
}

/** By the length of the input: a table for short ones stays in the first level cache. */
const SHORT_BYTES_MAX = 1024;
const SHORT_HASH_BITS = 10;
const HASH_BITS = 14;
/**
 * After so many bytes without a reference (2^6) every second place is looked at, after as many again every
 * third, and so on: bytes by chance cost little, and what repeats is still found.
 */
const PATIENCE_BITS = 6;
const STEP_BYTES_MAX = 8;
/** Positions grow from call to call, so that the table needs no clearing, until they get here. */
const POSITION_MAX = 0x7000_0000;

export class LzfCompressor {
  /** By the hash of three bytes: where they stood last, plus `base`; smaller is of an older call. */
  private readonly last = new Int32Array(1 << HASH_BITS);
  private readonly lastOfShort = new Int32Array(1 << SHORT_HASH_BITS);
  private base = 1;

  /** @returns the compressed length, or 0 when it would pass `toLength` */
  compress(job: LzfJob): number {
    if (this.base + job.fromLength > POSITION_MAX) {
      this.last.fill(0);
      this.lastOfShort.fill(0);
      this.base = 1;
    }
    const length = this.run(job);
    this.base += job.fromLength;
    return length;
  }

  private run(job: LzfJob): number {
    const { base } = this;
    const isShort = job.fromLength <= SHORT_BYTES_MAX;
    const last = isShort ? this.lastOfShort : this.last;
    const shift = 32 - (isShort ? SHORT_HASH_BITS : HASH_BITS);
    const source = job.from.bytes;
    const start = job.fromOffset;
    const end = start + job.fromLength;
    const limit = job.toOffset + job.toLength;
    let literals = start;
    let at = start;
    let out = job.toOffset;
    while (at < end - 2) {
      const three = (source[at]! << 16) | (source[at + 1]! << 8) | source[at + 2]!;
      const slot = Math.imul(three, 0x9e3779b1) >>> shift;
      const before = last[slot]! - base + start;
      last[slot] = at - start + base;
      const distance = at - before;
      if (
        before < start ||
        distance > DISTANCE_MAX ||
        source[before] !== source[at] ||
        source[before + 1] !== source[at + 1] ||
        source[before + 2] !== source[at + 2]
      ) {
        at += Math.min(STEP_BYTES_MAX, 1 + ((at - literals) >> PATIENCE_BITS));
        continue;
      }
      const length = matchLength(source, before, at, end);
      out = putLiterals(job, literals, at, out, limit);
      if (out < 0 || out + 3 > limit) return 0;
      out = putReference(job.to.bytes, out, distance - 1, length - 2);
      at += length;
      literals = at;
    }
    out = putLiterals(job, literals, end, out, limit);
    return out < 0 ? 0 : out - job.toOffset;
  }
}

function matchLength(source: Uint8Array, before: number, at: number, end: number): number {
  const most = Math.min(REFERENCE_BYTES_MAX, end - at);
  let length = 3;
  while (length < most && source[before + length] === source[at + length]) length++;
  return length;
}

/** Writes `[from, to)` as literal runs; returns the place after them, or -1 without room. */
function putLiterals(job: LzfJob, from: number, to: number, out: number, limit: number): number {
  let at = from;
  let place = out;
  while (at < to) {
    const length = Math.min(LITERAL_BYTES_MAX, to - at);
    if (place + 1 + length > limit) return -1;
    job.to.bytes[place++] = length - 1;
    copyBytes(job.to, place, job.from, at, length);
    at += length;
    place += length;
  }
  return place;
}

function putReference(target: Uint8Array, out: number, back: number, length: number): number {
  let place = out;
  if (length < 7) {
    target[place++] = (length << 5) | (back >>> 8);
  } else {
    target[place++] = (7 << 5) | (back >>> 8);
    target[place++] = length - 7;
  }
  target[place++] = back & 255;
  return place;
}
