/**
 * The receive buffers the kernel picks from (a provided-buffer ring), all in one region, so that
 * handlers meet one region for everything received.
 *
 *   ring entry  0 address (64 bits)   8 length (32)   12 buffer id (16)   14 entry 0 only: tail (16)
 *
 * Buffers are taken in ring order, so a ring of all buffers would walk through all of that memory and
 * find it out of the caches. The ring therefore starts with a few buffers, reused while they are
 * warm, and gets the rest only when the kernel reports that it ran out. When turns have used much fewer
 * for a while, the rest is taken from it again, each when the kernel has used it next; its memory
 * goes back to the system. For the sake of the caches, too, they lie a little more than 16 KiB apart:
 * page-aligned starts would all compete for one cache set.
 */
import { releasePages } from '../../base/page-release.js';
import type { Region } from '../../base/region.js';
import { errno, systemError } from './libc.js';
import { createRegion } from './region.js';
import { REGISTER_PBUF_RING } from './uring-abi.js';
import type { Ring } from './uring-ring.js';

export const BUFFER_BYTES = 16 * 1024;
const STRIDE_BYTES = BUFFER_BYTES + 256;
const ENTRY_BYTES = 16;
const PAGE_BYTES = 4096;
const TWO_32 = 4294967296;
export const FIRST_BUFFERS = 64;
/** So long must turns have used much fewer buffers than the ring has. */
export const QUIET_MS = 2000;
const BUFFER_GROUP = 0;

export class ReceiveBuffers {
  readonly region: Region;
  readonly group = BUFFER_GROUP;
  private readonly ring: Region;
  private readonly ringWords: Int32Array;
  private readonly ringHalfWords: Uint16Array;
  private readonly mask: number;
  private tail = 0;
  private publishedTail = 0;
  /** Buffers that are not in the ring, the one to add next at the end. */
  private readonly spare: number[] = [];
  /** Buffers that the kernel or the thread has, or that are to leave. */
  inUse = 0;
  /** So many leave the ring when they are given back. */
  private retiring = 0;
  /** Most buffers that one turn has given back, since `quietSinceMs`. */
  private peak = 0;
  private quietSinceMs = -1;
  private isReleased = false;

  /** @param count a power of 2 */
  constructor(ring: Pick<Ring, 'register'>, count: number) {
    for (let buffer = count - 1; buffer >= 0; buffer--) this.spare.push(buffer);
    this.region = createRegion(count * STRIDE_BYTES);
    this.mask = count - 1;
    this.ring = createRegion(count * ENTRY_BYTES + PAGE_BYTES);
    const start = (PAGE_BYTES - (this.ring.address % PAGE_BYTES)) % PAGE_BYTES;
    this.ringWords = new Int32Array(this.ring.buffer, start, count * 4);
    this.ringHalfWords = new Uint16Array(this.ring.buffer, start, count * 8);
    const registration = createRegion(40);
    registration.view.setBigUint64(0, BigInt(this.ring.address + start), true);
    registration.view.setUint32(8, count, true);
    registration.view.setUint16(12, BUFFER_GROUP, true);
    if (ring.register(REGISTER_PBUF_RING, registration.address, 1) < 0) {
      throw systemError(errno(), 'io_uring buffer ring');
    }
    this.addBuffers(Math.min(FIRST_BUFFERS, count));
  }

  private addBuffers(count: number): void {
    for (let i = 0; i < count; i++) this.add(this.spare.pop()!);
    this.inUse += count;
    this.publish();
  }

  /** The kernel ran out: doubles the buffers in use, as far as there are more. */
  grow(): void {
    this.addBuffers(Math.min(this.inUse, this.spare.length));
    this.retiring = 0;
    this.quietSinceMs = -1;
    this.isReleased = false;
  }

  /** There are more than at the beginning: `shrink` is to be called now and then. */
  get hasGrown(): boolean {
    return this.inUse > FIRST_BUFFERS;
  }

  /** To be called while no buffer has bytes that were received: its memory may go. */
  shrink(nowMs: number): void {
    if (this.quietSinceMs < 0) this.beginQuiet(nowMs);
    if (nowMs - this.quietSinceMs < QUIET_MS) return;
    let enough = FIRST_BUFFERS;
    while (enough < this.peak * 2) enough *= 2;
    this.retiring = Math.max(0, this.inUse - enough);
    this.beginQuiet(nowMs);
    if (this.retiring === 0 || this.isReleased) return;
    releasePages(this.region, 0, this.region.length);
    this.isReleased = true;
  }

  private beginQuiet(nowMs: number): void {
    this.quietSinceMs = nowMs;
    this.peak = 0;
  }

  offsetOf(buffer: number): number {
    return buffer * STRIDE_BYTES;
  }

  /** Gives a buffer back; the kernel sees it after `publish`. */
  recycle(buffer: number): void {
    if (this.retiring > 0) this.retire(buffer);
    else this.add(buffer);
  }

  private retire(buffer: number): void {
    this.retiring--;
    this.inUse--;
    this.spare.push(buffer);
    releasePages(this.region, this.offsetOf(buffer), BUFFER_BYTES);
  }

  private add(buffer: number): void {
    const entry = this.tail & this.mask;
    const address = this.region.address + buffer * STRIDE_BYTES;
    const words = this.ringWords;
    words[entry * 4] = address;
    words[entry * 4 + 1] = address / TWO_32;
    words[entry * 4 + 2] = BUFFER_BYTES;
    this.ringHalfWords[entry * 8 + 6] = buffer;
    this.tail = (this.tail + 1) & 0xffff;
  }

  /** The kernel only looks during `enter`, on this thread: an ordinary store suffices. */
  publish(): void {
    const given = (this.tail - this.publishedTail) & 0xffff;
    this.publishedTail = this.tail;
    if (given > this.peak) this.peak = given;
    this.ringHalfWords[7] = this.tail;
  }
}
