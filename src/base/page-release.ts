/**
 * Giving pages back to the system. The store knows which pages of a region hold nothing any more;
 * only platform/ffi can tell the kernel (madvise with MADV_DONTNEED, after which the pages read as
 * zeroes and cost nothing). This hook lets the store speak to it without importing it; where there
 * is no FFI, nothing is given back and nothing else changes.
 */
import type { Region } from './region.js';

/** Offset and length are multiples of the page size (4 KiB). */
export type PageRelease = (region: Region, offset: number, length: number) => void;

let pageRelease: PageRelease = () => {};

/** platform/ffi installs madvise here; tests install counters. */
export function installPageRelease(release: PageRelease): void {
  pageRelease = release;
}

/** The bytes of these pages are lost: afterwards they read as they were, or as zeroes. */
export function releasePages(region: Region, offset: number, length: number): void {
  pageRelease(region, offset, length);
}

let pagePopulation: PageRelease = () => {};

/** platform/ffi installs madvise with MADV_POPULATE_WRITE here. */
export function installPagePopulation(populate: PageRelease): void {
  pagePopulation = populate;
}

/** These pages are about to be written, all of them: one call instead of a fault for each. */
export function populatePages(region: Region, offset: number, length: number): void {
  pagePopulation(region, offset, length);
}
