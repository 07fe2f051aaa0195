/**
 * The longest common subsequence of two byte strings by dynamic programming: the length for every
 * pair of prefixes, row after row.
 *
 * Only one row of lengths is kept. To walk back from the end it is enough to know, for each pair of
 * prefixes that end in different bytes, which of the two to shorten: one bit. So the table takes
 * a 32nd of the memory that the lengths would take. On a tie the second string is shortened, which
 * makes the result (of several possible ones) the one Redis finds.
 */
import type { Region } from '../../base/region.js';

/**
 * More pairs of prefixes than this are refused, as in Redis, which keeps 4 bytes for each of them
 * and allows 512 MiB; here they take 16 MiB, but the time.
 */
export const CELLS_MAX = 2 ** 27;

/** The length alone. */
export function commonLength(
  a: Region,
  aOffset: number,
  aLength: number,
  b: Region,
  bOffset: number,
  bLength: number,
): number {
  const row = new Int32Array(bLength + 1);
  for (let i = 0; i < aLength; i++) {
    const byte = a.bytes[aOffset + i]!;
    let diagonal = 0;
    let left = 0;
    for (let j = 1; j <= bLength; j++) {
      const up = row[j]!;
      if (b.bytes[bOffset + j - 1] === byte) left = diagonal + 1;
      else if (up > left) left = up;
      row[j] = left;
      diagonal = up;
    }
  }
  return row[bLength]!;
}

/**
 * The subsequence as runs that are contiguous in both strings, the last one first: for each its
 * first and last index in `a`, then in `b`.
 */
export function commonRuns(
  a: Region,
  aOffset: number,
  aLength: number,
  b: Region,
  bOffset: number,
  bLength: number,
): number[] {
  const rowBytes = (bLength + 8) >>> 3;
  const shortenFirst = fillTable(a, aOffset, aLength, b, bOffset, bLength, rowBytes);
  const runs: number[] = [];
  let i = aLength;
  let j = bLength;
  while (i > 0 && j > 0) {
    const aEnd = i;
    const bEnd = j;
    while (i > 0 && j > 0 && a.bytes[aOffset + i - 1] === b.bytes[bOffset + j - 1]) {
      i--;
      j--;
    }
    if (i < aEnd) runs.push(i, aEnd - 1, j, bEnd - 1);
    else if ((shortenFirst[(i - 1) * rowBytes + (j >>> 3)]! >>> (j & 7)) & 1) i--;
    else j--;
  }
  return runs;
}

/** Bit j of row i - 1 tells whether of the prefixes of i and j bytes the first is shortened. */
function fillTable(
  a: Region,
  aOffset: number,
  aLength: number,
  b: Region,
  bOffset: number,
  bLength: number,
  rowBytes: number,
): Uint8Array {
  const table = new Uint8Array(aLength * rowBytes);
  const row = new Int32Array(bLength + 1);
  for (let i = 0; i < aLength; i++) {
    const byte = a.bytes[aOffset + i]!;
    const base = i * rowBytes;
    let diagonal = 0;
    let left = 0;
    for (let j = 1; j <= bLength; j++) {
      const up = row[j]!;
      if (b.bytes[bOffset + j - 1] === byte) {
        left = diagonal + 1;
      } else if (up > left) {
        left = up;
        table[base + (j >>> 3)]! |= 1 << (j & 7);
      }
      row[j] = left;
      diagonal = up;
    }
  }
  return table;
}
