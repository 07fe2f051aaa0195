/**
 * How far each stream of the newest segment can be applied: up to its first transaction that has not all
 * its parts in the files, or whose other parts lie behind such a one. What a crash leaves ends anywhere, in
 * each file at another moment.
 */
import { PART_HEAD, PART_STEP, type ScannedStreams } from './segment-scan.js';

/**
 * Lowers the limits to where every transaction before them has all its parts before them.
 * @param limits by stream: where the whole records end
 * @returns whether that is known; otherwise scan again with these limits, as parts that are not listed lack
 *   something
 */
export function limitToWhole(scans: readonly ScannedStreams[], limits: number[]): boolean {
  for (let isNews = true; isNews; ) {
    isNews = false;
    for (const { parts } of scans) if (lower(parts, limits)) isNews = true;
  }
  return scans.every(({ needs }) => [...needs.values()].every((lsns) => !isBeyond(lsns, limits)));
}

/** Looks at each part once. @returns whether a limit was lowered */
function lower(parts: Float64Array, limits: number[]): boolean {
  let isNews = false;
  for (let at = 0; at < parts.length; ) {
    const stream = parts[at]!;
    const lsn = parts[at + 1]!;
    const end = at + PART_HEAD + parts[at + 2]! * PART_STEP;
    let other = at + PART_HEAD;
    at = end;
    if (lsn >= limits[stream]!) continue;
    while (other < end && parts[other + 1]! < limits[parts[other]!]!) other += PART_STEP;
    if (other === end) continue;
    limits[stream] = lsn;
    isNews = true;
  }
  return isNews;
}

function isBeyond(lsns: Float64Array, limits: readonly number[]): boolean {
  return lsns.some((lsn, stream) => lsn >= limits[stream]!);
}
