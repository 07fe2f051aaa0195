/**
 * Giving memory back to the system: `releasePages` tells it that a range's bytes are not needed any
 * more. Whole pages inside the range read as zero afterwards where the system can do it, and keep
 * their bytes elsewhere; so callers must not rely on either.
 *
 * platform/ffi installs the real thing (madvise); without it, releasing does nothing.
 */
import type { Region } from './region.js';

export type PageRelease = (region: Region, offset: number, length: number) => void;

let release: PageRelease = () => {};

export function installPageRelease(implementation: PageRelease): void {
  release = implementation;
}

export function releasePages(region: Region, offset: number, length: number): void {
  release(region, offset, length);
}
