/**
 * Shared memory with a native address: what lets the kernel (io_uring, recv, send) and libc read and
 * write the very bytes that TypeScript sees. A SharedArrayBuffer never moves and has one address in
 * every thread of the process, so the address is taken once.
 *
 * Importing this file installs the native copy and the release of pages for the whole thread.
 * Every native access is bounds-checked here: a wrong offset throws, it does not corrupt.
 */
import { installRegionAttachment, installRegionCreation } from '../../base/owned-region.js';
import { installPagePopulation, installPageRelease } from '../../base/page-release.js';
import { installLongCopy, Region } from '../../base/region.js';
import { addressOf, libc } from './libc.js';

/** Madvise works on whole pages. */
const PAGE_BYTES = 4096;
const MADV_DONTNEED = 4;
/** Since Linux 5.14; an older one refuses it, and pages come one by one. Means nothing elsewhere. */
const MADV_POPULATE_WRITE = 23;

/** A new region of `bytes` zero bytes (rounded up to 8). Without FFI its address is 0. */
export function createRegion(bytes: number): Region {
  return attachRegion(new SharedArrayBuffer(Math.ceil(bytes / 8) * 8));
}

/** The region over a buffer that another thread made. */
export function attachRegion(buffer: SharedArrayBuffer): Region {
  const address = addressOf(buffer);
  if (address !== addressOf(buffer)) throw new Error('the address of shared memory is not stable');
  return new Region(buffer, address);
}

/**
 * A new region whose byte 0 is at the start of a page, for memory that is given back page by page,
 * and whose structures are laid out in cache lines. The allocator puts its own 16 bytes before a
 * buffer, so the buffer is a page longer and the region begins at its first page boundary.
 */
export function createPagedRegion(bytes: number): Region {
  return attachPagedRegion(new SharedArrayBuffer(bytes + PAGE_BYTES));
}

/** The paged region over a buffer that another thread made with createPagedRegion. */
export function attachPagedRegion(buffer: SharedArrayBuffer): Region {
  const address = addressOf(buffer);
  const start = (PAGE_BYTES - (address % PAGE_BYTES)) % PAGE_BYTES;
  const first = address === 0 ? 0 : address + start;
  return new Region(buffer, first, start, buffer.byteLength - PAGE_BYTES);
}

function checkRange(region: Region, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= region.bytes.length)) {
    throw new RangeError(
      `bytes ${offset} to ${offset + length} leave a region of ${region.length} bytes`,
    );
  }
}

/**
 * The native address of a region's byte 0; 0 for one without bytes. Regions that are made without FFI,
 * scratch space mostly, get it with the first long copy: TypedArray.set would take a nanosecond for each
 * byte, unless both ranges are aligned alike.
 */
function addressIn(region: Region): number {
  if (region.address !== 0) return region.address;
  const { buffer, bytes } = region;
  if (bytes.length > 0) region.address = addressOf(buffer) + bytes.byteOffset;
  return region.address;
}

/** The native address of `offset`, after checking that `length` bytes from there lie inside. */
export function nativeAddress(region: Region, offset: number, length: number): number {
  checkRange(region, offset, length);
  if (region.address === 0) throw new RangeError('the region has no native address');
  return region.address + offset;
}

/**
 * Gives memory of regions that are gone back to the system. The allocator keeps what it has freed: in a
 * process that lives on after its server, that would stay as much as was ever in use at once.
 */
export function releaseFreeMemory(): void {
  libc?.mallocTrim(0);
}

function install(): void {
  const native = libc;
  if (native === undefined) return;
  installRegionCreation(createRegion);
  installRegionAttachment(attachRegion);
  installLongCopy((to, toOffset, from, fromOffset, length) => {
    checkRange(to, toOffset, length);
    checkRange(from, fromOffset, length);
    native.memmove(addressIn(to) + toOffset, addressIn(from) + fromOffset, length);
  });
  installPageRelease((region, offset, length) => {
    checkRange(region, offset, length);
    if (region.address === 0) return;
    const start = Math.ceil((region.address + offset) / PAGE_BYTES) * PAGE_BYTES;
    const end = Math.floor((region.address + offset + length) / PAGE_BYTES) * PAGE_BYTES;
    // A refusal (locked memory) only means that the pages stay: nothing to do about it.
    if (end > start) native.madvise(start, end - start, MADV_DONTNEED);
  });
  if (process.platform !== 'linux') return;
  installPagePopulation((region, offset, length) => {
    checkRange(region, offset, length);
    const address = region.address + offset;
    if (region.address === 0 || address % PAGE_BYTES !== 0) return;
    native.madvise(address, length, MADV_POPULATE_WRITE);
  });
}
install();
