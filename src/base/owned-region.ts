/**
 * Regions of one thread that grow with what clients send. The garbage collector does not see how
 * large shared memory is, and an idle server does not collect at all: a large region that was only
 * dropped stays resident. So it is given back by its owner, which needs its native address. Only
 * platform/ffi can find that; it installs its way of making regions here.
 */
import { releasePages } from './page-release.js';
import { copyBytes, Region } from './region.js';

/**
 * Smaller regions are not worth a system call: made here they have no address, and the garbage
 * collector has them.
 */
const GIVEN_BACK_BYTES_MIN = 256 * 1024;

type RegionCreation = (bytes: number) => Region;

function plainRegion(bytes: number): Region {
  return new Region(new SharedArrayBuffer((bytes + 7) & ~7), 0);
}

let createLarge: RegionCreation = plainRegion;
let attach = (buffer: SharedArrayBuffer): Region => new Region(buffer, 0);

/** platform/ffi installs regions with a native address here; tests install counters. */
export function installRegionCreation(create: RegionCreation): void {
  createLarge = create;
}

/** The same for regions over buffers that another thread made. */
export function installRegionAttachment(open: (buffer: SharedArrayBuffer) => Region): void {
  attach = open;
}

/** The region over a buffer that another thread made: its pages can be given back. */
export function openRegion(buffer: SharedArrayBuffer): Region {
  return attach(buffer);
}

/** A new region of `bytes` zero bytes (rounded up to 8), to be given back with `giveBack`. */
export function newRegion(bytes: number): Region {
  return bytes < GIVEN_BACK_BYTES_MIN ? plainRegion(bytes) : createLarge(bytes);
}

/** Gives a region's memory back at once. Nothing may use the bytes any more. */
export function giveBack(region: Region): void {
  releasePages(region, 0, region.length);
}

/**
 * A region with room for `needed` bytes: the one given, or a larger one with its first `used` bytes, which it has.
 * It doubles, so that appending again and again copies each byte a few times only. The one outgrown
 * is given back: its bytes are lost.
 */
export function withRoom(region: Region, used: number, needed: number): Region {
  if (needed <= region.length) return region;
  let size = region.length;
  while (size < needed) size *= 2;
  const larger = newRegion(size);
  copyBytes(larger, 0, region, 0, used);
  giveBack(region);
  return larger;
}
