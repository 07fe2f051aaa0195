/**
 * A region: one run of memory that every thread of the process can see, with the three views the
 * hot code uses. All of them are over a SharedArrayBuffer, so that every function that takes a
 * region meets one hidden class (a mix with Buffer or ArrayBuffer costs 10-30 % on the data path).
 *
 * Offsets are bytes from the region's start and stay below 2^31, so that they are small integers.
 */
export class Region {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly view: DataView;

  /**
   * @param buffer the memory; its length is a multiple of 8
   * @param address native address of byte 0; 0 where there is no FFI, or where nobody has asked for it yet.
   *   Only platform/ uses it.
   * @param start where in the buffer byte 0 is (a multiple of 8), and how long the region is
   */
  constructor(
    readonly buffer: SharedArrayBuffer,
    public address: number,
    start = 0,
    length: number = buffer.byteLength - start,
  ) {
    this.bytes = new Uint8Array(buffer, start, length);
    this.words = new Int32Array(buffer, start, length >>> 2);
    this.view = new DataView(buffer, start, length);
  }

  get length(): number {
    return this.bytes.length;
  }
}

/** From this many bytes on, a native memmove (about 100 ns a call) beats the word loop. */
const LONG_COPY_BYTES = 320;

type LongCopy = (
  to: Region,
  toOffset: number,
  from: Region,
  fromOffset: number,
  length: number,
) => void;

let longCopy: LongCopy = (to, toOffset, from, fromOffset, length) => {
  to.bytes.set(from.bytes.subarray(fromOffset, fromOffset + length), toOffset);
};

/** platform/ffi installs a native memmove here; without it, TypedArray.set does the work. */
export function installLongCopy(copy: LongCopy): void {
  longCopy = copy;
}

/**
 * Copies `length` bytes between regions. The ranges may overlap only when `toOffset <= fromOffset`
 * or they lie in different regions: within one region `moveBytes` moves either way.
 *
 * @throws RangeError when a range leaves its region
 */
export function copyBytes(
  to: Region,
  toOffset: number,
  from: Region,
  fromOffset: number,
  length: number,
): void {
  if (length >= LONG_COPY_BYTES) {
    longCopy(to, toOffset, from, fromOffset, length);
    return;
  }
  const source = from.view;
  const target = to.view;
  let done = 0;
  for (const words = length - 3; done < words; done += 4) {
    target.setInt32(toOffset + done, source.getInt32(fromOffset + done, true), true);
  }
  for (; done < length; done++) {
    target.setUint8(toOffset + done, source.getUint8(fromOffset + done));
  }
}

/**
 * Moves `length` bytes within a region; the ranges may overlap. TypedArray.copyWithin does the same
 * a byte at a time in shared memory, unless both ranges are aligned alike: a nanosecond for each.
 *
 * @throws RangeError when a range leaves the region
 */
export function moveBytes(
  region: Region,
  toOffset: number,
  fromOffset: number,
  length: number,
): void {
  if (toOffset <= fromOffset || length >= LONG_COPY_BYTES) {
    copyBytes(region, toOffset, region, fromOffset, length);
    return;
  }
  const { view } = region;
  let left = length;
  for (; left >= 4; left -= 4) {
    view.setInt32(toOffset + left - 4, view.getInt32(fromOffset + left - 4, true), true);
  }
  for (; left > 0; left--) {
    view.setUint8(toOffset + left - 1, view.getUint8(fromOffset + left - 1));
  }
}

/** Moves the words in `[from, end)` to another place; the ranges may overlap. As `moveBytes`. */
export function moveWords(words: Int32Array, to: number, from: number, end: number): void {
  if (to <= from) for (let i = from; i < end; i++) words[to + i - from] = words[i]!;
  else for (let i = end - 1; i >= from; i--) words[to + i - from] = words[i]!;
}

/** Whether two ranges of `length` bytes hold the same bytes. */
export function equalBytes(
  a: Region,
  aOffset: number,
  b: Region,
  bOffset: number,
  length: number,
): boolean {
  const left = a.view;
  const right = b.view;
  let done = 0;
  for (const words = length - 3; done < words; done += 4) {
    if (left.getInt32(aOffset + done, true) !== right.getInt32(bOffset + done, true)) return false;
  }
  for (; done < length; done++) {
    if (left.getUint8(aOffset + done) !== right.getUint8(bOffset + done)) return false;
  }
  return true;
}

/** Compares two byte ranges as memcmp does, the shorter one first when one is a prefix. */
export function compareBytes(
  a: Region,
  aOffset: number,
  aLength: number,
  b: Region,
  bOffset: number,
  bLength: number,
): number {
  const left = a.view;
  const right = b.view;
  const shared = Math.min(aLength, bLength);
  let done = 0;
  for (const words = shared - 3; done < words; done += 4) {
    const one = left.getUint32(aOffset + done, false);
    const other = right.getUint32(bOffset + done, false);
    if (one !== other) return one < other ? -1 : 1;
  }
  for (; done < shared; done++) {
    const difference = left.getUint8(aOffset + done) - right.getUint8(bOffset + done);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/** Bytes of an argument, key or value that become a JS string at most, where nothing less is said. */
export const TEXT_BYTES_MAX = 4 * 1024 * 1024;
/** Ends a text that was cut. No byte is such a char; written as bytes they are three full stops. */
const CUT = '\uff2e\uff2e\uff2e';

/** Views that make strings; not in the region, whose hidden class is that of the data path. */
const texts = new WeakMap<Region, Buffer>();

/**
 * The bytes as a JS string, one char per byte (binary safe: `fromBinary` gives them back). The
 * caller knows that they are few: V8 has no strings of 512 MiB. Off the data path only.
 */
export function toBinary(region: Region, offset: number, length: number): string {
  let bytes = texts.get(region);
  if (bytes === undefined) {
    const { buffer, byteOffset } = region.bytes;
    bytes = Buffer.from(buffer, byteOffset, region.length);
    texts.set(region, bytes);
  }
  return bytes.toString('latin1', offset, offset + length);
}

/** The first bytes, `bytesMax` of them at most: for error texts, and for words known to be short. */
export function prefixBinary(
  region: Region,
  offset: number,
  length: number,
  bytesMax: number,
): string {
  return toBinary(region, offset, Math.min(length, bytesMax));
}

/**
 * What a client sent, of any length, as a string of one char per byte. More than TEXT_BYTES_MAX are
 * cut; what is left equals no text that was not cut.
 */
export function boundedBinary(region: Region, offset: number, length: number): string {
  const text = prefixBinary(region, offset, length, TEXT_BYTES_MAX);
  return length > TEXT_BYTES_MAX ? text + CUT : text;
}

/** The bytes as text, read as UTF-8. As `toBinary`, for a few bytes. */
export function toText(region: Region, offset: number, length: number): string {
  return Buffer.from(region.bytes.slice(offset, offset + length)).toString('utf8');
}
