/**
 * What a script takes: ticks (time), bytes (memory) and depth (stack). One per thread, as a thread
 * runs one script at a time. Code counts before it takes.
 *
 * Ticks: loops, calls and library code count down; at zero the host is asked and may throw a
 * ScriptAbort. Bytes: allocations count down; at zero the heap is measured, because only the
 * collector knows what is still in use. Depth: Lua's own limits, so that the same recursion fails
 * at the same place.
 */
import { getHeapStatistics } from 'node:v8';
import { collectGarbage } from '../../base/garbage.js';
import { LuaError, MEMORY_ERROR_TEXT } from './errors.js';

/** Lua fails when its array of calls, which doubles, would pass 20,000: 16,384 calls. */
export const CALL_DEPTH_MAX = 16_382;
/** Calls from library code and metamethods that may be nested. */
export const NATIVE_DEPTH_MAX = 200;
/** Beyond the limit Lua leaves room for a handler of the overflow; then it gives up. */
export const NATIVE_DEPTH_HARD_MAX = NATIVE_DEPTH_MAX + (NATIVE_DEPTH_MAX >> 3);
/** The run of the script itself is the first. */
export const NATIVE_DEPTH_BASE = 0;
/** The heap is measured after so many bytes of allocation, or after a part of the limit. */
const MEASURE_EVERY_BYTES = 32 * 1024 * 1024;
const MEASURES_OF_LIMIT = 8;
/** What a string takes beside its characters. */
const STRING_BYTES = 32;
/** A run that took so much is followed by a collection, so that the system gets it back. */
const COLLECTED_BYTES = 128 * 1024 * 1024;
/** V8's longest string is 2^29 - 24 characters; Redis's longest value is 2^29 bytes. */
export const STRING_MAX_BYTES = 2 ** 29 - 24;

const BYTES_PER_TICK_BITS = 6;
/** What an error takes that a script catches: V8 notes the stack of each, tens of microseconds. */
export const ERROR_TICKS = 1000;

export interface MeterLimits {
  /** Bytes that a script may add to the heap. */
  readonly memoryBytes: number;
  /** The host is asked after so many ticks. */
  readonly ticks: number;
}

function usedBytes(): number {
  const statistics = getHeapStatistics();
  return statistics.used_heap_size + statistics.external_memory;
}

export function defaultMemoryBytes(): number {
  return Math.floor(getHeapStatistics().heap_size_limit / 3);
}

export class Meter {
  /** Ticks left until the host is asked. Generated code counts it down. */
  ticks = 0;
  /** Lua calls in progress. Generated code counts it up and down. */
  depth = 0;
  /** Calls by library code and metamethods in progress. */
  nativeDepth = NATIVE_DEPTH_BASE;
  /** Counts tail calls; every 64th unwinds the JavaScript stack. */
  tails = 0;
  /**
   * Texts are to be flattened when they are joined. Before, V8 keeps a joined text as a tree of its
   * parts, which takes no room until somebody reads a character of it: then it takes all its bytes,
   * without being counted. So all that a run joins this way is within its limit.
   */
  isEager = false;
  private isRunning = false;
  private bytesLeft = MEASURE_EVERY_BYTES;
  private measureEvery = MEASURE_EVERY_BYTES;
  /** Bytes that were counted since the run began. */
  private counted = 0;
  private ticksEach = Number.MAX_SAFE_INTEGER;
  private heapLimitBytes = Number.POSITIVE_INFINITY;
  private memoryBytes = Number.POSITIVE_INFINITY;
  private onTick: (() => void) | undefined;

  /** Begins a run. `onTick` may throw a ScriptAbort. */
  start(limits: MeterLimits, onTick: (() => void) | undefined): void {
    this.ticksEach = limits.ticks;
    this.ticks = limits.ticks;
    this.onTick = onTick;
    this.depth = 0;
    this.nativeDepth = NATIVE_DEPTH_BASE;
    this.memoryBytes = limits.memoryBytes;
    this.measureEvery = Math.min(MEASURE_EVERY_BYTES, limits.memoryBytes / MEASURES_OF_LIMIT);
    this.bytesLeft = this.measureEvery;
    this.counted = 0;
    this.isEager = false;
    this.heapLimitBytes = -1;
    this.isRunning = true;
  }

  /** A run is over, and nobody holds what it made. Until the next one begins, nothing is limited. */
  finish(): void {
    this.isRunning = false;
    if (this.counted >= COLLECTED_BYTES && usedBytes() >= COLLECTED_BYTES) collectGarbage();
    this.counted = 0;
  }

  /** The counter of ticks ran out. */
  tick(): void {
    this.ticks = this.ticksEach;
    this.onTick?.();
  }

  /** Library code did so many steps in one call: an integer, so that the counter stays one. */
  work(amount: number): void {
    this.ticks -= amount;
    if (this.ticks < 0) this.tick();
  }

  /** Library code went over so many bytes at the speed of memcpy. */
  workOnBytes(bytes: number): void {
    this.work(Math.min(2 ** 30, Math.floor(bytes / 2 ** BYTES_PER_TICK_BITS)));
  }

  /** Counts an allocation before it is made. @throws LuaError when the script has too much */
  allocate(bytes: number): void {
    this.bytesLeft -= bytes;
    if (this.bytesLeft < 0) this.measure(bytes);
  }

  /** Counts a string before it is made, and the time that copying its bytes takes. */
  allocateString(length: number): void {
    if (length > STRING_MAX_BYTES) throw new LuaError(MEMORY_ERROR_TEXT);
    this.ticks -= length >>> BYTES_PER_TICK_BITS;
    this.allocate(length + STRING_BYTES);
    if (this.ticks < 0) this.tick();
  }

  /** A result in parts has come to so many bytes in all. */
  checkTotal(bytes: number): void {
    if (bytes > STRING_MAX_BYTES || bytes > this.memoryBytes) throw new LuaError(MEMORY_ERROR_TEXT);
  }

  private measure(wanted: number): void {
    const counted = this.measureEvery - this.bytesLeft;
    this.bytesLeft = this.measureEvery;
    if (!this.isRunning) return;
    if (wanted > this.memoryBytes) throw new LuaError(MEMORY_ERROR_TEXT);
    this.counted += counted;
    this.isEager ||= this.counted > this.memoryBytes;
    let used = usedBytes();
    if (this.heapLimitBytes < 0) {
      this.setLimit(used);
      used = usedBytes();
    }
    if (used + wanted <= this.heapLimitBytes) return;
    collectGarbage();
    used = usedBytes();
    if (used + wanted > this.heapLimitBytes) throw new LuaError(MEMORY_ERROR_TEXT);
  }

  /** The base is taken here and not at the start: most scripts never come so far. */
  private setLimit(used: number): void {
    // What an earlier run has left does not count: it would make room for as much again.
    if (used > this.memoryBytes / 2) collectGarbage();
    this.heapLimitBytes = Math.max(0, usedBytes() - this.measureEvery) + this.memoryBytes;
  }
}

/** The meter of this thread. */
export const meter = new Meter();
