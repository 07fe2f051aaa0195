/**
 * The receive buffers the kernel picks from (a provided-buffer ring), all in one region, so that
 * handlers meet one region for everything received.
 *
 *   ring entry  0 address (64 bits)   8 length (32)   12 buffer id (16)   14 entry 0 only: tail (16)
 *
 * Buffers are taken in ring order, so a ring of all buffers would walk through all of that memory and
 * find it out of the caches. The ring therefore starts with a few buffers, reused while they are
 * warm, and gets the rest only when the kernel reports that it ran out. For the same reason they lie
 * a little more than 16 KiB apart: page-aligned starts would all compete for one cache set.
 */
import type { Region } from '../../base/region.js';
import { errno, systemError } from './libc.js';
import { createRegion } from './region.js';
import { REGISTER_PBUF_RING } from './uring-abi.js';
import type { Ring } from './uring-ring.js';

const BUFFER_BYTES = 16 * 1024;
const STRIDE_BYTES = BUFFER_BYTES + 256;
const ENTRY_BYTES = 16;
const PAGE_BYTES = 4096;
const TWO_32 = 4294967296;
const FIRST_BUFFERS = 64;
const BUFFER_GROUP = 0;

export class ReceiveBuffers {
  readonly region: Region;
  readonly group = BUFFER_GROUP;
  private readonly ring: Region;
  private readonly ringWords: Int32Array;
  private readonly ringHalfWords: Uint16Array;
  private readonly mask: number;
  private tail = 0;
  private inUse = 0;

  /** @param count a power of 2 */
  constructor(
    ring: Ring,
    private readonly count: number,
  ) {
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
    for (let i = 0; i < count; i++) this.recycle(this.inUse++);
    this.publish();
  }

  /** The kernel ran out: doubles the buffers in use, as far as there are more. */
  grow(): void {
    this.addBuffers(Math.min(this.inUse, this.count - this.inUse));
  }

  offsetOf(buffer: number): number {
    return buffer * STRIDE_BYTES;
  }

  /** Gives a buffer back; the kernel sees it after `publish`. */
  recycle(buffer: number): void {
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
    this.ringHalfWords[7] = this.tail;
  }
}
