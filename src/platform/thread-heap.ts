/**
 * The JavaScript heap of a thread, once what has made it grow is over. V8 collects when a heap has grown by
 * some factor, or in tasks of an idle event loop, and an I/O thread never returns to its event loop: what
 * thousands of connections, or the text of a file, have left would stay, with the shared memory that only it
 * holds. So the thread looks about once a second, and collects when its heap has grown and grows no more.
 */
import { getHeapStatistics } from 'node:v8';
import { collectGarbage } from '../base/garbage.js';
import { releaseFreeMemory } from './ffi/region.js';

/** What a thread has loaded when it starts, about. */
const INITIAL_BYTES = 8 << 20;
/** Growth that is worth a collection: so much, and this part of what the last one has left. */
export const GROWTH_BYTES = 8 << 20;
const GROWTH_SHARE = 0.25;
/** A heap that grows by less from one look to the next is quiet. */
const QUIET_BYTES = 1 << 20;

const PERIOD_MS = 1000;

/** What it asks of V8 and the system. */
export interface HeapParts {
  readonly usedBytes: () => number;
  readonly collect: () => void;
  /** Gives what the allocator has free back to the system. */
  readonly release: () => void;
}

const PROCESS: HeapParts = {
  usedBytes: () => getHeapStatistics().used_heap_size,
  collect: collectGarbage,
  release: releaseFreeMemory,
};

export class ThreadHeap {
  /** What the last collection has left. */
  private keptBytes = INITIAL_BYTES;
  private lastBytes = 0;
  private wasCollected = false;

  constructor(private readonly parts = PROCESS) {}

  /** About once a second. */
  look(): void {
    const { parts } = this;
    if (this.wasCollected) parts.release();
    this.wasCollected = false;
    const used = parts.usedBytes();
    const isQuiet = used - this.lastBytes < QUIET_BYTES;
    this.lastBytes = used;
    this.keptBytes = Math.min(this.keptBytes, Math.max(used, INITIAL_BYTES));
    const growth = Math.max(GROWTH_BYTES, this.keptBytes * GROWTH_SHARE);
    if (!isQuiet || used < this.keptBytes + growth) return;
    parts.collect();
    // Buffers of the collected are freed by helpers of V8, a moment later.
    this.wasCollected = true;
    this.keptBytes = parts.usedBytes();
    this.lastBytes = this.keptBytes;
  }
}

/** For a thread with an event loop. */
export function watchHeap(): void {
  const heap = new ThreadHeap();
  setInterval(() => heap.look(), PERIOD_MS).unref();
}
