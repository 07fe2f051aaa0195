/**
 * Copies frames out of a table for replicas: header, buckets and log in one piece, then the keys
 * and values that lie in runs, in the order of the slots. The counterpart is frame-install.ts.
 */
import { copyBytes, type Region } from '../base/region.js';
import type { Space } from '../memory/space.js';
import { ENTRY_KEY_RUN, Entry, KIND_SHIFT } from './entry.js';
import { FRAME_BUCKETS, FRAME_TOP, SLOTS } from './frame.js';
import { bucketOffset, fingerprintAt, referenceAt } from './slots.js';

const entry = new Entry();

/** Bytes of a frame without its runs. */
export function frameBytes(space: Space, frame: number): number {
  return space.words[(frame >> 2) + FRAME_TOP]!;
}

/** Bytes of a frame's keys and values that lie in runs. Stops counting beyond `limit`. */
export function frameRunBytes(space: Space, frame: number, limit: number): number {
  const { region, words } = space;
  const buckets = words[(frame >> 2) + FRAME_BUCKETS]!;
  let sum = 0;
  for (let i = 0; i <= buckets && sum <= limit; i++) {
    const bucket = bucketOffset(frame, i);
    for (let slot = 0; slot < SLOTS; slot++) {
      if (fingerprintAt(region.bytes, bucket, slot) === 0) continue;
      entry.decode(region, frame + referenceAt(region.view, bucket, slot));
      if ((entry.flags & ENTRY_KEY_RUN) !== 0) sum += entry.keyLength;
      if (entry.valuePages > 0) sum += entry.valueLength;
    }
  }
  return sum;
}

/** Whether a frame has an entry of one of these kinds; bit k stands for kind k. */
export function frameHasKinds(space: Space, frame: number, kinds: number): boolean {
  const { region, words } = space;
  const { bytes, view } = region;
  const buckets = words[(frame >> 2) + FRAME_BUCKETS]!;
  for (let i = 0; i <= buckets; i++) {
    const bucket = bucketOffset(frame, i);
    for (let slot = 0; slot < SLOTS; slot++) {
      if (fingerprintAt(bytes, bucket, slot) === 0) continue;
      const kind = bytes[frame + referenceAt(view, bucket, slot)]! >>> KIND_SHIFT;
      if (((kinds >>> kind) & 1) !== 0) return true;
    }
  }
  return false;
}

/** Copies a frame without its runs. Under the shard's lock. */
export function copyFrame(space: Space, frame: number, target: Region, offset: number): void {
  copyBytes(target, offset, space.region, frame, frameBytes(space, frame));
}

/** Copies the contents of a frame's runs one after the other. Under the shard's lock. */
export function copyFrameRuns(space: Space, frame: number, target: Region, offset: number): void {
  const { region, words } = space;
  const buckets = words[(frame >> 2) + FRAME_BUCKETS]!;
  let at = offset;
  for (let i = 0; i <= buckets; i++) {
    const bucket = bucketOffset(frame, i);
    for (let slot = 0; slot < SLOTS; slot++) {
      if (fingerprintAt(region.bytes, bucket, slot) === 0) continue;
      entry.decode(region, frame + referenceAt(region.view, bucket, slot));
      if ((entry.flags & ENTRY_KEY_RUN) !== 0) {
        copyBytes(target, at, region, entry.keyOffset, entry.keyLength);
        at += entry.keyLength;
      }
      if (entry.valuePages > 0) {
        copyBytes(target, at, region, entry.valueOffset, entry.valueLength);
        at += entry.valueLength;
      }
    }
  }
}
